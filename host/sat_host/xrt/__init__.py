# SPDX-License-Identifier: Apache-2.0
"""The XRT back end: a bundle's xclbin on a card, or in the emulator, through `pyxrt`."""

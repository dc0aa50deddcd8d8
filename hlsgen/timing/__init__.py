# SPDX-License-Identifier: Apache-2.0
"""Cycles of the kernels from their own sources: traces, and what they take with finite streams."""

# SPDX-License-Identifier: Apache-2.0
"""External tools: how they are found, run and reported on."""

# SPDX-License-Identifier: Apache-2.0
"""The `hlsgen` command line: one module for each command."""

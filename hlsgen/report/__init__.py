# SPDX-License-Identifier: Apache-2.0
"""A bundle in one page: what the accelerator is, where its cycles go and what it takes."""

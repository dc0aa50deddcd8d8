# SPDX-License-Identifier: Apache-2.0
"""Records of what a device was told and gave, kept in folders, and the first difference of two."""

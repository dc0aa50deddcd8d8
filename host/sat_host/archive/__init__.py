# SPDX-License-Identifier: Apache-2.0
"""What `hlsgen package` makes, on the machine that it came to: unpacking, proving, recompiling."""

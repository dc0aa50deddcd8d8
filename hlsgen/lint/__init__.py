# SPDX-License-Identifier: Apache-2.0
"""A checker of the kernels' HLS C++: pragmas, dataflow, streams, loops, constructs."""

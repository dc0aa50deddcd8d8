# SPDX-License-Identifier: Apache-2.0
"""Every combination of some keys of a spec, modelled and estimated: the best, and the front."""

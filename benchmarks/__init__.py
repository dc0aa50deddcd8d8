# SPDX-License-Identifier: Apache-2.0
"""What the README's figures come from: `python -m benchmarks`, run from the checkout.

Figures are of the machine that runs them, and are printed, never asserted.
"""

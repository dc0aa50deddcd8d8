# SPDX-License-Identifier: Apache-2.0
"""Self-test of a bundle: its device beside the golden model, bit by bit."""

from .compare import Check, compare_devices, first_difference, run_selftest

__all__ = ["Check", "compare_devices", "first_difference", "run_selftest"]

# SPDX-License-Identifier: Apache-2.0
"""What an accelerator would take of its card, before any tool runs. Every figure is estimated."""

from .estimator import estimate, largest_array, refusal, require_fit
from .result import Estimate, Module, SlrUse

__all__ = ["Estimate", "Module", "SlrUse", "estimate", "largest_array", "refusal", "require_fit"]

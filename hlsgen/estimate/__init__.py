# SPDX-License-Identifier: Apache-2.0
"""What an accelerator would take of its card, before any tool runs. Every figure is estimated."""

from .estimator import estimate, largest_array, refusal, require_fit
from .fifo_cost import fifo_cost
from .result import Estimate, Module, SlrUse

__all__ = [
    "Estimate",
    "Module",
    "SlrUse",
    "estimate",
    "fifo_cost",
    "largest_array",
    "refusal",
    "require_fit",
]

# SPDX-License-Identifier: Apache-2.0
"""What a row of a sweep's results holds. Every figure's name says how it came about."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

MODELLED = (
    "modelled_cycles", "modelled_ms", "modelled_images_per_s", "modelled_utilisation",
    "modelled_energy_j", "assumed_power_w",
)  # fmt: skip
ESTIMATED = (
    "estimated_lut", "estimated_ff", "estimated_dsp", "estimated_bram36", "estimated_uram",
    "estimated_lut_share", "estimated_ff_share", "estimated_dsp_share", "estimated_bram36_share",
    "estimated_uram_share", "estimated_within_plan",
)  # fmt: skip

DONE, ILLEGAL, TOO_LARGE, UNSCHEDULED = "ok", "illegal", "does not fit", "can't be scheduled"
"""The status of a point: modelled; a spec that breaks a rule; more than the card has; a network
that the card's memory or the array's counters are too small for."""


def header(keys: list[str]) -> list[str]:
    """The columns of a results file, in order. keys: of the axes."""
    return ["point", *keys, "status", "reason", *MODELLED, *ESTIMATED]

# SPDX-License-Identifier: Apache-2.0
"""A sweep's front as a table, and the whole sweep for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..resources import plain
from .columns import Row

NOTE = (
    "Cycles, time and energy are modelled, resources estimated; nothing is simulated, synthesised "
    "or measured. A step is of the pruned method. Share: of what the card's platform leaves. "
    "Energy: time at the card's assumed power, which does not depend on the design. Front: no "
    "other point is better in one of time, DSP, BRAM, LUT and energy and worse in none. Whether a "
    "design meets its clock is not known."
)
_RESOURCES = {"estimated_dsp": "DSP", "estimated_bram36": "BRAM36", "estimated_lut": "LUT"}
_FIGURES = (
    "modelled ms", "modelled images/s", "modelled utilisation",
    *(f"estimated {title}" for title in _RESOURCES.values()),
    "modelled J a step", "within plan",
)  # fmt: skip
NUMBERS = {"point", *_FIGURES} - {"within plan"}


def header(keys: Sequence[str]) -> list[str]:
    """Of the front's table."""
    return ["point", *keys, *_FIGURES]


def cells(rows: Sequence[Row], keys: Sequence[str]) -> list[list[str]]:
    """In the columns of `header`."""
    return [_cells(row, keys) for row in rows]


def value_text(value: Any) -> str:
    """A key's value as YAML has it, in one line."""
    return value if isinstance(value, str) else json.dumps(value)


def _cells(row: Row, keys: Sequence[str]) -> list[str]:
    energy = row["modelled_energy_j"]
    return [
        str(row["point"]),
        *(value_text(row[key]) for key in keys),
        f"{row['modelled_ms']:,.3f}",
        f"{row['modelled_images_per_s']:,.1f}",
        f"{100 * row['modelled_utilisation']:.1f} %",
        *(_resource(row, column) for column in _RESOURCES),
        "-" if energy is None else f"{energy:,.3f}",
        "yes" if row["estimated_within_plan"] else "no",
    ]


def _resource(row: Row, column: str) -> str:
    share = row[f"{column}_share"]
    amount = plain(row[column])
    return amount if share is None else f"{amount} ({100 * share:.0f} %)"


def best_line(row: Row, keys: Sequence[str], objective: str, budgets: Sequence[str]) -> str:
    """The best point in one line."""
    values = ", ".join(f"{key} {value_text(row[key])}" for key in keys)
    within = f" within {', '.join(budgets)}" if budgets else ""
    return (
        f"least {objective}{within}: point {row['point']}: {values}: "
        f"{row['modelled_ms']:,.3f} ms a step modelled, "
        + ", ".join(f"{title} {_resource(row, column)}" for column, title in _RESOURCES.items())
        + " estimated"
    )

# SPDX-License-Identifier: Apache-2.0
"""The best of a sweep's points: the Pareto front, and the least of one figure within budgets."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..faults import shown
from ..resources import RESOURCES
from .columns import DONE, Row

FRONT = {
    "time": "modelled_ms",
    "dsp": "estimated_dsp",
    "bram": "estimated_bram36",
    "lut": "estimated_lut",
    "energy": "modelled_energy_j",
}
"""Less is better: each by the column that it is."""

OBJECTIVES = {
    **FRONT,
    "cycles": "modelled_cycles",
    "ff": "estimated_ff",
    "uram": "estimated_uram",
}

_BUDGET = re.compile(r"\s*([a-z0-9_]+)\s*<=\s*([0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(%?)\s*")


def front(rows: Sequence[Row]) -> list[Row]:
    """Those of the modelled points to which no other is better in one figure of FRONT and worse in
    none, the fastest first. A card without a stated power has no energy, which then can't tell."""
    done = [row for row in rows if row["status"] == DONE]
    if not done:
        return []
    figures = np.array([[_number(row[name]) for name in FRONT.values()] for row in done], float)
    order = np.lexsort(figures.T[::-1])
    kept: list[int] = []
    best = np.empty((0, figures.shape[1]))
    for place in order:  # none that comes later is better than an earlier one in all
        mine = figures[place]
        beaten = (best <= mine).all(axis=1) & (best < mine).any(axis=1)
        if not beaten.any():
            kept.append(int(place))
            best = np.vstack([best, mine])
    return [done[place] for place in kept]


def _number(value: float | None) -> float:
    return 0.0 if value is None else float(value)


@dataclass(frozen=True)
class Budget:
    """At most `most` of the figure: a resource's share of the card if `share`, else its amount."""

    text: str
    column: str
    most: float

    def holds(self, row: Row) -> bool:
        """Whether a modelled point is within it; a figure that it has not is not."""
        value = row[self.column]
        return value is not None and value <= self.most


def parse_budget(text: str) -> Budget:
    """`dsp<=0.8` or `dsp<=80%`, a share of what the card's platform leaves; `dsp<=2000`, an amount,
    which is above 1; `time<=500`, milliseconds; `energy<=40`, joules. Raises InputError for another
    text, and for an amount that is none of the resource."""
    name = f"hlsgen sweep: --budget {shown(text)}"
    found = _BUDGET.fullmatch(text)
    try:
        most = float(found[2]) if found else math.nan
    except ValueError:
        most = math.nan
    if not found or not math.isfinite(most):
        raise InputError(f"{name}: write a figure and its limit, as dsp<=0.8")
    figure, percent = found[1], bool(found[3])
    figure = "bram" if figure == "bram36" else figure
    if figure not in OBJECTIVES:
        close = difflib.get_close_matches(figure, OBJECTIVES, 1)
        mend = f"did you mean {close[0]}?" if close else f"give one of {', '.join(OBJECTIVES)}"
        raise InputError(f"{name}: {shown(figure)} is no figure: {mend}")
    column = OBJECTIVES[figure]
    resource = column.removeprefix("estimated_") in RESOURCES
    if percent and not resource:
        raise InputError(f"{name}: {figure} has no share: leave out the %")
    if resource and not percent and most > 1 and most % _least(figure, most):
        raise InputError(
            f"{name}: {found[2]} is above 1, so no share, and no amount: write "
            f"{figure}<={100 * most:g}% or a whole number"
        )
    most = most / 100 if percent else most
    if resource and (percent or most <= 1):
        column += "_share"
    return Budget(text.strip(), column, most)


def _least(figure: str, most: float) -> float:
    """What amounts of a resource are multiples of. Block RAM has halves; 1.5 is rather a share."""
    return 0.5 if figure == "bram" and most > 2 else 1.0


def best(rows: Sequence[Row], objective: str, budgets: Sequence[Budget]) -> Row | None:
    """The point of the least `objective` within the budgets; of equal ones the one with less of
    FRONT's figures in their order, then the first. None where there is none."""
    column = OBJECTIVES[objective]
    within = [
        row
        for row in rows
        if row["status"] == DONE
        and row[column] is not None
        and all(budget.holds(row) for budget in budgets)
    ]
    names = (column, *FRONT.values())
    return min(
        within, key=lambda row: (*(_number(row[name]) for name in names), row["point"]),
        default=None,
    )  # fmt: skip

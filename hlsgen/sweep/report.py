# SPDX-License-Identifier: Apache-2.0
"""A sweep's front as a table, and its best point and what was not modelled in lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..resources import plain
from .columns import DONE, Row

NOTE = (
    "Cycles, time and energy are modelled, resources estimated; nothing is simulated, synthesised "
    "or measured. A step is of the pruned method. Accuracy is not considered: keeping fewer "
    "weights makes steps faster, never slower. Share: of what the card's platform leaves; within "
    "plan: no SLR beyond its planned share. Energy: time at the card's assumed power, which does "
    "not depend on the design. Front: no other point is better in one of time, DSP, BRAM, "
    "LUT and energy and worse in none. Whether a design meets its clock is not known."
)
GROUPS = "modelled: ms and J a step, images/s, utilised | estimated: DSP, BRAM36, LUT, within plan"
"""Which of the table's figures are which."""

_RESOURCES = {"estimated_dsp": "DSP", "estimated_bram36": "BRAM36", "estimated_lut": "LUT"}
_LEAVE = ((), ("images/s", "J"), ("images/s", "J", "utilised"))
"""What narrow tables go without, the first that is narrow enough: with one batch on one card the
first two are other ways to say the time."""
_PLAN = "within plan"
_GAP, _EDGES = 3, 2  # spaces between two columns in a terminal, and beside them all


@dataclass(frozen=True)
class Table:
    """header, rows of cells, and the columns of numbers. left_out: what others of it hold."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[str]
    left_out: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Characters of a line in a terminal, where the words of a head stand below each other."""
        columns = zip(self.header, *self.rows, strict=True)
        wide = [max(map(len, (*head.split(), *cells))) for head, *cells in columns]
        return sum(wide) + _GAP * (len(wide) - 1) + _EDGES


def table(rows: Sequence[Row], keys: Sequence[str], width: int | None) -> Table:
    """Of a front: with the resources' amounts and shares, or, where a line would be wider than
    `width`, without the amounts and as much else as needs be."""
    tried = _table(rows, keys, amounts=True)
    for leave in _LEAVE:
        if width is None or tried.width <= width:
            break
        tried = _table(rows, keys, amounts=False, leave=leave)
    return tried


def _table(
    rows: Sequence[Row], keys: Sequence[str], *, amounts: bool, leave: Sequence[str] = ()
) -> Table:
    columns = {
        "ms": _figures([row["modelled_ms"] for row in rows]),
        "images/s": [f"{row['modelled_images_per_s']:,.1f}" for row in rows],
        "utilised": [f"{100 * row['modelled_utilisation']:.1f} %" for row in rows],
        "J": _figures([row["modelled_energy_j"] for row in rows]),
    }
    for column, title in _RESOURCES.items():
        columns[title] = [
            _resource(row, column) if amounts else _share(row, column) for row in rows
        ]
    columns = {head: cells for head, cells in columns.items() if head not in leave}
    numbers = frozenset({"point", *columns})
    own = {
        head: [value_text(row[key]) for row in rows]
        for head, key in zip(_heads(keys, {*numbers, _PLAN}), keys, strict=True)
    }
    plan = ["yes" if row["estimated_within_plan"] else "no" for row in rows]
    columns = {"point": [str(row["point"]) for row in rows], **own, **columns, _PLAN: plan}
    left_out = (() if amounts else ("amounts",)) + tuple(leave)
    return Table(tuple(columns), tuple(zip(*columns.values(), strict=True)), numbers, left_out)


def _heads(keys: Sequence[str], taken: set[str]) -> list[str]:
    """The last words of the keys; the whole key where that says too little."""
    last = [key.rpartition(".")[2] for key in keys]
    return [
        key if last.count(word) > 1 or word in taken else word
        for key, word in zip(keys, last, strict=True)
    ]


def value_text(value: Any) -> str:
    """A key's value as YAML has it, in one line."""
    return value if isinstance(value, str) else json.dumps(value)


def _figures(values: Sequence[float | None]) -> list[str]:
    """With the same digits in all."""
    digits = 3 if max((value or 0 for value in values), default=0) < 1000 else 1
    return ["-" if value is None else f"{value:,.{digits}f}" for value in values]


def _resource(row: Row, column: str) -> str:
    share = row[f"{column}_share"]
    amount = plain(row[column])
    return amount if share is None else f"{amount} ({100 * share:.0f} %)"


def _share(row: Row, column: str) -> str:
    share = row[f"{column}_share"]
    return plain(row[column]) if share is None else f"{100 * share:.1f} %"


def counted(points: int) -> str:
    """`1 point`, `2 points`."""
    return f"{points:,} point" if points == 1 else f"{points:,} points"


def first_reasons(rows: Sequence[Row], keys: Sequence[str]) -> dict[str, Row]:
    """For each status of points that are not modelled the first of these, with its reason."""
    found: dict[str, Row] = {}
    for row in rows:
        if row["status"] != DONE and row["status"] not in found:
            found[row["status"]] = {name: row[name] for name in ("point", *keys, "reason")}
    return found


def reason_line(status: str, first: Row, keys: Sequence[str]) -> str:
    """What `first_reasons` holds of a status, in one line."""
    return f"{status}: point {first['point']} ({_values(first, keys)}): {first['reason']}"


def sought(objective: str, budgets: Sequence[str]) -> str:
    """What the best point is the best of."""
    return f"least {objective}" + (f" within {', '.join(budgets)}" if budgets else "")


def best_line(row: Row, keys: Sequence[str], wanted: str, step: str) -> str:
    """The best point in one line. wanted: as `sought` says it. step: the network and the batch."""
    return (
        f"{wanted}: point {row['point']}: {_values(row, keys)}, on {step}: "
        f"{row['modelled_ms']:,.3f} ms a step modelled, "
        + ", ".join(f"{title} {_resource(row, column)}" for column, title in _RESOURCES.items())
        + " estimated"
    )


def _values(row: Row, keys: Sequence[str]) -> str:
    return ", ".join(f"{key} {value_text(row[key])}" for key in keys)

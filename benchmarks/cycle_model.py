# SPDX-License-Identifier: Apache-2.0
"""The cycle model beside the timed simulation, shape by shape, and over a training step."""

from __future__ import annotations

import os
from pathlib import Path

from hlsgen.specfile import load_spec
from hlsgen.timing.compare import Row, step_rows, summary, table

from .report import Figure

HEADER = ("shape", "array", "dataflow", "tile T x Q", "bound", "modelled", "simulated", "error")
SIMULATED = "modelled against timed csim"


def measure(spec: Path) -> list[Row]:
    """The rows of all shapes, and that of the spec's training step."""
    return [*table(os.environ), step_rows(load_spec(spec), str(spec), os.environ)[-1]]


def lines(rows: list[Row]) -> list[tuple[str, ...]]:
    """The table, in the columns of HEADER."""
    return [
        (
            row.name, row.array, row.dataflow, row.tile, row.bound, f"{row.modelled:,}",
            f"{row.simulated:,}", f"{row.error:+.1%}",
        )
        for row in rows
    ]  # fmt: skip


def figures(rows: list[Row]) -> list[Figure]:
    """What the table says in short."""
    found = summary(rows)
    value = f"median {found.median:.1%}, worst {found.worst:.1%}"
    return [Figure(f"error of the cycle model over {found.rows} shapes", value, SIMULATED)]

# SPDX-License-Identifier: Apache-2.0
"""The networks that results are compared on, one table each: every product of a forward pass.

The columns are those of `sat_host.models.workload.Row`; the batch is 512.
"""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sat_host.models.workload import Row

_FOLDER = Path(__file__).parent

NAMES = tuple(sorted(path.stem for path in _FOLDER.glob("*.csv")))


def load(name: str) -> tuple[Row, ...]:
    """The rows of one of NAMES. Raises KeyError for another name."""
    from sat_host.models.workload import Row

    if name not in NAMES:
        raise KeyError(f"{name}: expected one of {', '.join(NAMES)}")
    with (_FOLDER / f"{name}.csv").open(encoding="ascii", newline="") as stream:
        header, *lines = csv.reader(stream)
    if header != [field.name for field in fields(Row)]:
        raise ValueError(f"{name}.csv: the columns are {', '.join(header)}")
    return tuple(Row(line[0], line[1], *map(int, line[2:])) for line in lines)

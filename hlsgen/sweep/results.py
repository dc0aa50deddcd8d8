# SPDX-License-Identifier: Apache-2.0
"""A sweep's results as a file, CSV or Parquet by its suffix."""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, ToolMissingError
from .columns import Row, header

SUFFIXES = (".csv", ".parquet")


def check_suffix(file: Path) -> None:
    """Raises InputError for a file of another kind, ToolMissingError for Parquet without pyarrow:
    both before any work is done."""
    if file.suffix not in SUFFIXES:
        raise InputError(f"{file}: results are {' or '.join(SUFFIXES)}: name such a file with -o")
    if file.suffix == ".parquet":
        _pyarrow()


def write(file: Path, rows: Sequence[Row], keys: Sequence[str], suffix: str) -> None:
    """All rows, in order, at `file`. keys: of the axes. Lists stand as JSON text."""
    names = header(list(keys))
    if suffix == ".csv":
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(names)
            writer.writerows([_cell(row[name]) for name in names] for row in rows)
        return
    pyarrow, parquet = _pyarrow()
    columns = {name: _column([row[name] for row in rows]) for name in names}
    parquet.write_table(pyarrow.table(columns), file)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _column(values: list[Any]) -> list[Any]:
    """Of one type: text, where a key has values of several."""
    values = [json.dumps(each) if isinstance(each, (list, dict)) else each for each in values]
    kinds = {type(each) for each in values if each is not None}
    if len(kinds) > 1 and not kinds <= {int, float}:
        return [None if each is None else str(_cell(each)) for each in values]
    return (
        [float(each) if each is not None else None for each in values] if float in kinds else values
    )


def _pyarrow() -> tuple[Any, Any]:
    try:
        found: Any = importlib.import_module("pyarrow")
        return found, importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ToolMissingError(
            "Parquet is written by pyarrow, which is not installed: run `pip install "
            "'hlsgen[sweep]'`, or name a .csv file"
        ) from None

# SPDX-License-Identifier: Apache-2.0
"""A workload table, CSV text, to its rows, or to all its faults with their lines and columns."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from sat_host.errors import ArgumentError
from sat_host.models.workload import Row

from ..faults import Fault, SpecError, shown

COLUMNS = tuple(field.name for field in fields(Row))
KINDS = ("conv", "linear", "attn")
MAX_BYTES = 1 << 20
MAX_EXTENT = 1 << 20

_RANGES = {"stride": (1, 1024), "pad": (0, 1024), "prunable": (0, 1)}
# What a row that is no convolution has in these columns.
_FLAT = {"w_in": 1, "kh": 1, "kw": 1, "stride": 1, "pad": 0}


def read(path: Path) -> tuple[Row, ...]:
    """The rows of the table in a file, at least one. Raises SpecError with all faults."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        what = f"can't be read, {shown(reason, 200)}"
        raise SpecError([Fault(str(path), None, None, "", what, "check the path")]) from None
    if len(data) > MAX_BYTES:
        mend = "give a workload table, a short CSV file"
        raise SpecError([Fault(str(path), None, None, "", "is larger than 1 MiB", mend)])
    return parse(data, str(path))


def parse(data: bytes, file: str) -> tuple[Row, ...]:
    """As `read`; `file` names it in faults. The columns may stand in any order."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        what = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        raise SpecError([Fault(file, line, 1, "", what, "save it as UTF-8")]) from None
    table = _Table(file, lines)
    rows = tuple(table.rows())
    if table.faults:
        raise SpecError(table.faults)
    return rows


@dataclass(frozen=True)
class _Cell:
    """The text of a cell, and the column of its first character."""

    text: str
    column: int


class _Table:
    """The lines of a table, whose faults are collected."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._cells = [(n, _split(line)) for n, line in enumerate(lines, 1) if line.strip()]
        self._names: list[str] = []
        self._batch = 0
        self._layers: dict[str, int] = {}

    def rows(self) -> Iterator[Row]:
        """The rows without a fault."""
        if not self._cells:
            self._fault(1, 1, "", "the table is empty", f"begin with the line {','.join(COLUMNS)}")
            return
        (line, header), *body = self._cells
        self._names = [cell.text for cell in header]
        self._check_header(line, header)
        if self.faults:
            return
        if not body:
            self._fault(line, 1, "", "the table has no layers", "add a line a product")
        for line, cells in body:
            row = self._row(line, cells)
            if row is not None:
                yield row

    def _fault(self, line: int, column: int, field: str, what: str, mend: str) -> None:
        self.faults.append(Fault(self.file, line, column, field, what, mend))

    def _check_header(self, line: int, header: list[_Cell]) -> None:
        for number, cell in enumerate(header):
            name = cell.text
            if name not in COLUMNS:
                close = difflib.get_close_matches(name[:60], COLUMNS, 1)
                mend = f"did you mean {close[0]}?" if close else "remove it"
                self._fault(line, cell.column, shown(name), "unknown column", mend)
            elif name in self._names[:number]:
                self._fault(line, cell.column, name, "the column is there twice", "remove one")
        missing = [name for name in COLUMNS if name not in self._names]
        if missing:
            what = f"missing columns: {', '.join(missing)}"
            self._fault(line, 1, "", what, f"the columns are {', '.join(COLUMNS)}")

    def _row(self, line: int, cells: list[_Cell]) -> Row | None:
        """The row of a line; None when it has a fault."""
        before = len(self.faults)
        if len(cells) != len(self._names):
            what = f"{len(cells)} cells where the header has {len(self._names)}"
            self._fault(line, 1, "", what, "write a value for each column, without commas in it")
            return None
        named = dict(zip(self._names, cells, strict=True))
        layer = named["layer"]
        first = self._layers.setdefault(layer.text, line)
        if not layer.text or first != line:
            what = f"{shown(layer.text)} is line {first} as well" if layer.text else "no name"
            self._fault(line, layer.column, "layer", what, "give each layer a name of its own")
        kind = named["kind"]
        if kind.text not in KINDS:
            what = f"unknown kind {shown(kind.text)!r}"
            self._fault(line, kind.column, "kind", what, f"use {', '.join(KINDS)}")
        values = {name: self._number(line, name, named[name]) for name in COLUMNS[2:]}
        if len(self.faults) > before:
            return None
        row = Row(layer.text, kind.text, *(values[name] for name in COLUMNS[2:]))
        self._check_row(line, row, named)
        return row if len(self.faults) == before else None

    def _number(self, line: int, name: str, cell: _Cell) -> int:
        low, high = _RANGES.get(name, (1, MAX_EXTENT))
        value = int(cell.text) if re.fullmatch("[0-9]{1,9}", cell.text) else None
        if value is None or not low <= value <= high:
            mend = f"write a whole number from {low} to {high}"
            self._fault(line, cell.column, name, f"got {shown(cell.text)!r}", mend)
            return low
        return value

    def _check_row(self, line: int, row: Row, named: dict[str, _Cell]) -> None:
        """What the values must be among each other."""
        self._batch = self._batch or row.batch
        whole = row.batch % self._batch == 0 if row.kind == "attn" else row.batch == self._batch
        if not whole:
            mend = (
                f"write a multiple of {self._batch}, images times heads"
                if row.kind == "attn"
                else f"write {self._batch}"
            )
            what = f"{row.batch} is not the batch {self._batch} of the first layer"
            self._fault(line, named["batch"].column, "batch", what, mend)
        if row.kind == "conv":
            try:
                row.geometry()
            except ArgumentError as error:
                cell = named["kh" if str(error).startswith("kernel") else "h_in"]
                self._fault(line, cell.column, "", str(error), "check the sizes of the layer")
            return
        for name, value in _FLAT.items():
            if getattr(row, name) != value:
                what = f"got {getattr(row, name)} in a row of kind {row.kind}"
                self._fault(line, named[name].column, name, what, f"write {value}")


def _split(line: str) -> list[_Cell]:
    """The cells of a line, without blanks and quotes around them."""
    cells, column = [], 1
    for text in line.split(","):
        inner = text.strip()
        start = column + len(text) - len(text.lstrip())
        if len(inner) >= 2 and inner[0] == inner[-1] == '"':
            inner = inner[1:-1]
        cells.append(_Cell(inner, start))
        column += len(text) + 1
    return cells

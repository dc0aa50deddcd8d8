# SPDX-License-Identifier: Apache-2.0
"""Utilisation after placement or routing: Vivado's own tables (report_utilization, UG906), by SLR,
and v++'s table by kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import WorkError
from ...resources import Resources

# Families and versions name the same thing differently.
_SITES = {
    "CLB LUTs": "lut",
    "Slice LUTs": "lut",
    "CLB Registers": "ff",
    "Slice Registers": "ff",
    "Block RAM Tile": "bram36",
    "URAM": "uram",
    "DSPs": "dsp",
    "DSP Slices": "dsp",
}
_KERNEL_COLUMNS = {"LUT": "lut", "REG": "ff", "BRAM": "bram36", "URAM": "uram", "DSP": "dsp"}
_BUDGET_ROWS = ("Used Resources", "Unused Resources")


@dataclass(frozen=True)
class Utilisation:
    """What a placed design uses. used, available: of the device (or of the platform's dynamic
    region, as the report says), None where the report has no such table; slrs: used, by SLR;
    kernels: used, by compute unit. BRAM in 36 Kbit blocks."""

    used: Resources | None
    available: Resources | None
    slrs: Mapping[str, Resources] = field(default_factory=dict)
    kernels: Mapping[str, Resources] = field(default_factory=dict)


def read_utilisation(text: str, file: str = "utilisation.rpt") -> Utilisation:
    """Read any of the link's utilisation reports: `impl_1_{full,kernel,slr}_util_*.rpt`.

    Raises WorkError, one line that names `file`, when it holds none of their tables.
    """
    used: dict[str, float] = {}
    available: dict[str, float] = {}
    slrs: dict[str, dict[str, float]] = {}
    kernels: dict[str, dict[str, float]] = {}
    for table in _tables(text):
        header = [name.strip() for name in table[0]]
        if header[0] == "Site Type" and {"Used", "Available"} <= set(header):
            _collect(table, used, header.index("Used"))
            _collect(table, available, header.index("Available"))
        elif header[0] == "Site Type":
            for column, name in enumerate(header):
                if re.fullmatch(r"SLR\d+", name):
                    _collect(table, slrs.setdefault(name, {}), column)
        elif header[0] == "Name" and "LUT" in header:
            kernels.update(_kernel_rows(table))
    if not (used or slrs or kernels):
        raise WorkError(f"{file}: no table of utilisation: link again")
    return Utilisation(
        _resources(used) if used else None,
        _resources(available) if available else None,
        {name: _resources(counts) for name, counts in slrs.items()},
        {name: _resources(counts) for name, counts in kernels.items()},
    )


def _tables(text: str) -> Iterator[list[list[str]]]:
    """Each table as rows of cells, the header first; a table ends where no `|` stands. Cells keep
    the spaces before them, which tell a compute unit from its kernel."""
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        if stripped.startswith("|") and stripped.endswith("|") and len(stripped) > 1:
            rows.append([cell.rstrip() for cell in stripped[1:-1].split("|")])
        elif not stripped.startswith("+") and rows:
            yield rows
            rows = []


def _collect(table: Sequence[Sequence[str]], into: dict[str, float], column: int) -> None:
    for row in table[1:]:
        name = _SITES.get(row[0].strip().rstrip("*"))
        if name is not None and column < len(row) and name not in into:
            number = _number(row[column])
            if number is not None:
                into[name] = number


def _kernel_rows(table: Sequence[Sequence[str]]) -> Iterator[tuple[str, dict[str, float]]]:
    """The rows of compute units: each stands indented below its kernel."""
    header = [name.strip() for name in table[0]]
    for row in table[1:]:
        indented = row[0].startswith("  ") and row[0].strip() not in _BUDGET_ROWS
        if indented and len(row) == len(header):
            counts = {
                _KERNEL_COLUMNS[name]: number
                for name, cell in zip(header, row, strict=True)
                if name in _KERNEL_COLUMNS and (number := _number(cell)) is not None
            }
            yield row[0].strip(), counts


def _number(cell: str) -> float | None:
    """The count of a cell such as `1204`, `61.5`, or `1204 [  3.10%]`."""
    found = re.match(r"\s*(\d[\d,]*(?:\.\d+)?)", cell)
    return None if found is None else float(found[1].replace(",", ""))


def _resources(counts: Mapping[str, float]) -> Resources:
    return Resources(
        lut=int(counts.get("lut", 0)),
        ff=int(counts.get("ff", 0)),
        dsp=int(counts.get("dsp", 0)),
        bram36=counts.get("bram36", 0.0),
        uram=int(counts.get("uram", 0)),
    )

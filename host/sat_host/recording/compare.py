# SPDX-License-Identifier: Apache-2.0
"""The first difference of two recorded calls: which element, and how many differ where.

Bits are compared, never values within a tolerance; a NaN equals any NaN. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config import ArrayConfig
from .calls import Call, Place, Result, bits_of, digest_of
from .places import Spot, spot_of

MAP_ROWS, MAP_COLUMNS = 8, 32
"""Most cells of the map of differing elements."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Value:
    """An element's bits, in hexadecimal, and what they stand for: as many decimal digits as tell it
    from its neighbours."""

    hex: str
    decimal: str


@dataclass(frozen=True)
class Where:
    """Which elements of a result differ: how many of how many, the first and last of their rows and
    columns, and a map, a line for a range of rows, `.` where none differs, `x` some, `#` all. Of
    packed records, rows are (column block, panel, word) and columns lanes."""

    differing: int
    of: int
    rows: tuple[int, int]
    columns: tuple[int, int]
    map: tuple[str, ...]


@dataclass(frozen=True)
class Element:
    """A differing element. index: of its result's shape. ulps: binary floating-point numbers from
    the one to the other; None for index words and where one side is a NaN. spots: what each side
    knows of its place."""

    index: tuple[int, ...]
    first: Value
    second: Value
    ulps: int | None
    spots: tuple[Spot, Spot]
    where: Where


@dataclass(frozen=True)
class Divergence:
    """The first difference of two runs.

    kind: "element"; "digest", of a result whose values one side lacks; "count", of infinite and NaN
    results; "call", the sides did different things; "end", one has no call there. call, other: of
    either side, if it has one. result: which of its results. notes: what else is to know, in words.
    """

    kind: str
    place: Place
    call: Call | None
    other: Call | None
    result: Result | None = None
    element: Element | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Compared:
    """How much was equal: places (phases of steps), calls, elements by their bits, and results by
    their digests alone."""

    places: int = 0
    calls: int = 0
    elements: int = 0
    digests: int = 0


def compare_calls(
    first: Call, second: Call, config: ArrayConfig, done: Compared
) -> Divergence | None:
    """The first difference, or None. done: what was equal is added to it."""
    if first.kind != second.kind:
        return Divergence("call", first.place, first, second)
    for left, right in zip(first.results, second.results, strict=True):
        if left.values is None or right.values is None:
            if left.digest != right.digest:
                return Divergence("digest", first.place, first, second, left)
            done.digests += 1
            continue
        element = first_element((first, second), (left, right), config)
        if element is not None:
            notes = _changed((left, right), config)
            return Divergence("element", first.place, first, second, left, element, notes)
        done.elements += left.values.size
    if first.nonfinite != second.nonfinite:
        return Divergence("count", first.place, first, second)
    done.calls += 1
    return None


def first_element(
    calls: tuple[Call, Call], results: tuple[Result, Result], config: ArrayConfig
) -> Element | None:
    """Of two results with values and of one shape, the first element in row-major order."""
    left, right = results
    assert left.values is not None and right.values is not None
    left_bits, left_nan = bits_of(left.values, left.keep, config)
    right_bits, right_nan = bits_of(right.values, right.keep, config)
    differs = (left_bits != right_bits) & ~(left_nan & right_nan)
    if not differs.any():
        return None
    index = tuple(int(i) for i in np.unravel_index(int(differs.argmax()), differs.shape))
    bits = int(left_bits[index]), int(right_bits[index])
    first, second = (
        spot_of(call, r, index, config) for call, r in zip(calls, results, strict=True)
    )
    kind = "index" if first.word == "index" else "float16" if left.keep else left.values.dtype.name
    return Element(
        index=index,
        first=value_of(bits[0], kind),
        second=value_of(bits[1], kind),
        ulps=None if kind == "index" else ulps_between(*bits, kind),
        spots=(first, second),
        where=_where(differs),
    )


def value_of(bits: int, kind: str) -> Value:
    """kind: float16, float32, or index, for a word of indices, whose decimal is an integer."""
    if kind == "float32":
        return Value(f"0x{bits:08x}", _decimal(np.uint32(bits).view(np.float32)))
    if kind == "float16":
        return Value(f"0x{bits:04x}", _decimal(np.uint16(bits).view(np.float16)))
    return Value(f"0x{bits:04x}", str(bits))


def ulps_between(first: int, second: int, kind: str) -> int | None:
    """Steps between two floating-point numbers given as bits, -0 and +0 being one number; None when
    one is NaN. From the largest finite number to infinity is one step."""
    width, infinity = (32, 0x7F800000) if kind == "float32" else (16, 0x7C00)
    sign = 1 << width - 1

    def ordered(bits: int) -> int:
        return bits if bits < sign else -(bits - sign)

    if (first & ~sign) > infinity or (second & ~sign) > infinity:
        return None
    return abs(ordered(first) - ordered(second))


def _decimal(value: Any) -> str:
    if not np.isfinite(value):
        return str(value)
    return np.format_float_scientific(value, unique=True, trim="0") if value else str(float(value))


def _changed(results: tuple[Result, Result], config: ArrayConfig) -> tuple[str, ...]:
    """Notes on values that are not what they were when they were recorded."""
    return tuple(
        f"{name}'s values are not those that were recorded, by their digest: its file was changed"
        for name, result in zip("AB", results, strict=True)
        if result.values is not None
        and digest_of(result.values, result.keep, config) != result.digest
    )


def _where(differs: Mask) -> Where:
    table = differs.reshape(-1, differs.shape[-1])
    rows, columns = np.flatnonzero(table.any(axis=1)), np.flatnonzero(table.any(axis=0))
    return Where(
        differing=int(table.sum()),
        of=table.size,
        rows=(int(rows[0]), int(rows[-1])),
        columns=(int(columns[0]), int(columns[-1])),
        map=_map(table),
    )


def _map(table: Mask) -> tuple[str, ...]:
    """The whole result in at most MAP_ROWS x MAP_COLUMNS cells."""

    def edges(extent: int, most: int) -> npt.NDArray[np.int64]:
        return np.linspace(0, extent, min(extent, most) + 1).astype(np.int64)

    rows, columns = edges(table.shape[0], MAP_ROWS), edges(table.shape[1], MAP_COLUMNS)
    counts = np.add.reduceat(table.astype(np.int64), rows[:-1], axis=0)
    counts = np.add.reduceat(counts, columns[:-1], axis=1)
    cells = np.diff(rows)[:, None] * np.diff(columns)[None, :]
    signs = np.where(counts == 0, ".", np.where(counts == cells, "#", "x"))
    return tuple("".join(line) for line in signs)

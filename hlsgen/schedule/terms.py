# SPDX-License-Identifier: Apache-2.0
"""What the cycle model knows of products and their arrays: a column for each number.

One formula serves a product alone and all products of many design points: each works on columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sat_host.config import ArrayConfig
from sat_host.product import Source

from ..fifos import default_depth
from .activations import pixel_run
from .drains import sum_places
from .latencies import row_lag, through_rows
from .memory import Counts
from .options import Options
from .work import ProductWork

Flags = npt.NDArray[np.bool_]
Places = Counts | Flags | tuple[slice | None, ...]
"""What takes rows of a column."""


def divided(count: npt.ArrayLike, by: npt.ArrayLike) -> Counts:
    """count / by, rounded up."""
    return np.asarray(-(-np.asarray(count, np.int64) // np.asarray(by, np.int64)), np.int64)


@dataclass(frozen=True)
class View:
    """What strips of A depend on. source: with pitch 1, at address zero; of a transposed product
    a plain matrix. rows: of Y. channels, lanes: of a transposed product, else 0."""

    source: Source
    rows: int
    channels: int
    lanes: int


@dataclass(frozen=True)
class Panel:
    """A panel of B, columns. packets: of each column block, as packet_rows in kernels/types.h.
    fill: cycles in which a column block of it comes in."""

    elements: Counts
    packets: Counts
    fill: Counts


@dataclass(frozen=True)
class Terms:
    """Columns [products] or [candidates].

    Of the array: units: row units; interleave, memory_tile: the largest T and Q; packet_places,
    sum_places, entering: of streams; the others as in ArrayConfig and latencies. Of the product, as
    in ProductWork: kernel_rows, kernel_columns: of taps that a sum runs over; tap_words: channel
    words of a tap; full, tail, first: panels, of `lanes` elements, the last of a tap, and the first
    one; sent: cycles in which a finished sum leaves; record: words of B's records, of which one
    opens record_runs runs; b_pitch, a_pitch: words; a_words: of a pixel; near: as pixel_run; plain:
    Y is a matrix without gaps; view: the place in `views`. transposed: A, of all; interleaved: as
    in Options.
    """

    units: Counts
    lanes: Counts
    interleave: Counts
    memory_tile: Counts
    adder_latency: Counts
    feed: Counts
    strip_words: Counts
    held_packets: Counts
    word_bytes: Counts
    row_lag: Counts
    through_rows: Counts
    packet_places: Counts
    sum_places: Counts
    entering: Counts
    rows: Counts
    columns: Counts
    reduction: Counts
    column_blocks: Counts
    copies: Counts
    taps: Counts
    kernel_rows: Counts
    kernel_columns: Counts
    tap_words: Counts
    full: Panel
    tail: Panel
    first: Panel
    sent: Counts
    record: Counts
    b_pitch: Counts
    a_pitch: Counts
    a_words: Counts
    near: Counts
    view: Counts
    binary32: Flags
    accumulate: Flags
    packed: Flags
    transposed_b: Flags
    plain: Flags
    transposed_a: Flags
    views: tuple[View, ...]
    interleaved: bool

    @property
    def size(self) -> int:
        """How many."""
        return int(self.units.size)

    @property
    def transposed(self) -> bool:
        """Whether A is transposed, in all of them alike."""
        return bool(self.transposed_a.size and self.transposed_a[0])

    def at(self, places: Places) -> Terms:
        """Some of them, each as often as it is named, or with more axes. Its columns are taken as
        they are asked for."""
        return _Taken(self, places)

    def pass_cycles(self, touched: Counts) -> Counts:
        """Cycles of a packet of each column block, in which so many sums are touched: a sum waits
        for the addition before, with the others in between or, not interleaved, without."""
        if not self.interleaved:
            return touched * self.adder_latency
        cycles: Counts = np.maximum(touched, self.adder_latency)
        return cycles


class _Taken(Terms):
    """Rows of others, of which each column is taken when it is first asked for."""

    def __init__(self, of: Terms, places: Places) -> None:
        if isinstance(places, np.ndarray) and places.dtype == np.bool_:
            places = np.flatnonzero(places)
        if isinstance(of, _Taken):
            before: Places = of.__dict__["_places"]
            if isinstance(before, np.ndarray) and isinstance(places, np.ndarray):
                of, places = of.__dict__["_of"], before[places]
        self.__dict__.update(_of=of, _places=places)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = self.__dict__[name] = taken_at(
            getattr(self.__dict__["_of"], name), self.__dict__["_places"]
        )
        return found


def taken_at(value: Any, places: Places) -> Any:
    """Some rows of all columns in a dataclass; what is no column stays."""
    if isinstance(value, np.ndarray):
        return value[places]
    if isinstance(value, dict):
        return {name: taken_at(each, places) for name, each in value.items()}
    if isinstance(value, (tuple, bool, type(None))):
        return value
    return type(value)(*(taken_at(getattr(value, each.name), places) for each in fields(value)))


_ARRAY = ("units", "lanes", "interleave", "memory_tile", "adder_latency", "feed", "strip_words",
          "held_packets", "word_bytes", "row_lag", "through_rows", "packet_places", "sum_places",
          "entering", "group")  # fmt: skip
_PRODUCT = ("rows", "columns", "reduction", "copies", "taps", "kernel_rows", "kernel_columns",
            "keep", "channels", "b_pitch", "a_pitch", "y_pitch", "near", "binary32", "accumulate",
            "packed", "transposed_b", "transposed_a", "view")  # fmt: skip


@lru_cache(maxsize=1 << 12)
def _of_array(config: ArrayConfig) -> tuple[int, ...]:
    """In the order of _ARRAY."""
    return (
        config.rows, config.lanes, config.interleave, config.memory_tile, config.adder_latency,
        config.feed, config.strip_words, config.held_packets, config.word_bytes, row_lag(config),
        through_rows(config), default_depth("packets", config), *sum_places(config), config.group,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Shapes:
    """Products that one array executes. table: [products, _PRODUCT]; keeps: those that occur."""

    works: tuple[ProductWork, ...]
    table: Counts
    views: tuple[View, ...]
    keeps: tuple[int, ...]


def shapes_of(works: Sequence[ProductWork], lanes: int) -> Shapes:
    """What does not depend on the array, but for its lanes."""
    views: dict[View, int] = {}
    lines = []
    for work in works:
        view = _view(work, lanes)
        lines.append((*_of_product(work), views.setdefault(view, len(views))))
    table = np.array(lines, np.int64).reshape(len(lines), len(_PRODUCT))
    keeps = sorted({work.keep for work in works})
    return Shapes(tuple(works), table, tuple(views), tuple(keeps))


def _view(work: ProductWork, lanes: int) -> View:
    if work.transposed_a:
        return View(Source(0, 1, 1), work.rows, work.a_channels, lanes)
    return View(replace(work.product.a, address=0, pitch=1, channels=1), work.rows, 0, 0)


def _of_product(work: ProductWork) -> tuple[int, ...]:
    """In the order of _PRODUCT, but for the last."""
    product = work.product
    kernel = (1, 1) if work.transposed_a else product.a.taps
    return (
        work.rows, work.columns, work.reduction, work.copies, work.taps, *kernel, work.keep,
        work.a_channels, product.b.pitch, product.a.pitch, product.y.pitch, pixel_run(product.a),
        work.binary32, product.accumulate, work.packed_b, work.transposed_b, work.transposed_a,
    )  # fmt: skip


def terms_of(parts: Sequence[tuple[ArrayConfig, Shapes]], options: Options) -> Terms:
    """A row for each product of each array, one array after the other."""
    counts = [len(shapes.works) for _, shapes in parts]
    arrays = np.repeat(np.array([_of_array(config) for config, _ in parts]).T, counts, axis=1)
    found = dict(zip(_ARRAY, arrays, strict=True))
    table = np.concatenate([shapes.table for _, shapes in parts]).T
    found |= dict(zip(_PRODUCT, table, strict=True))
    views, found["view"] = _views(parts)
    record = np.concatenate([_records(config, shapes, options) for config, shapes in parts])
    return _terms(found, record, views, options)


def terms(config: ArrayConfig, work: ProductWork, options: Options, size: int) -> Terms:
    """Of one product, in `size` rows."""
    one = terms_of([(config, shapes_of([work], config.lanes))], options)
    return one.at(np.zeros(size, np.int64))


def _views(parts: Sequence[tuple[ArrayConfig, Shapes]]) -> tuple[tuple[View, ...], Counts]:
    """All views, each once, and that of each product."""
    known: dict[View, int] = {}
    numbers: dict[int, Counts] = {}
    for _, shapes in parts:
        if id(shapes) not in numbers:
            own = np.array([known.setdefault(view, len(known)) for view in shapes.views])
            numbers[id(shapes)] = own[shapes.table[:, -1]]
    return tuple(known), np.concatenate([numbers[id(shapes)] for _, shapes in parts])


def _records(config: ArrayConfig, shapes: Shapes, options: Options) -> Counts:
    """Words of a record of each product's weights, as they are in memory."""
    if not options.pregenerated:
        return np.full(len(shapes.works), config.value_words(config.group))
    words = np.array([config.record_words(keep) for keep in shapes.keeps])
    return words[np.searchsorted(shapes.keeps, shapes.table[:, _PRODUCT.index("keep")])]


def _terms(
    found: dict[str, Counts], record: Counts, views: tuple[View, ...], options: Options
) -> Terms:
    """The columns that follow from the others."""
    lanes, reduction = found["lanes"], found["reduction"]
    for name in ("binary32", "accumulate", "packed", "transposed_b", "transposed_a"):
        found[name] = found[name].astype(np.bool_)

    def panel(elements: Counts) -> Panel:
        dense = found["keep"] == found["group"]
        packets = np.where(dense, elements, divided(elements, found["group"]) * found["keep"])
        rows = np.where(found["transposed_b"], lanes + elements, elements)
        return Panel(elements, packets, np.where(found["packed"], record, rows))

    tap_words = divided(reduction, lanes)
    tail = reduction - (tap_words - 1) * lanes
    column_blocks = divided(found["columns"], lanes)
    pitch = column_blocks * np.where(found["binary32"], 2, 1)
    left_out = {"keep", "group", "channels", "y_pitch"}
    columns: dict[str, Any] = {name: each for name, each in found.items() if name not in left_out}
    return Terms(
        **columns,
        column_blocks=column_blocks,
        tap_words=tap_words,
        full=panel(lanes),
        tail=panel(tail),
        first=panel(np.where(tap_words > 1, lanes, tail)),
        sent=np.where(found["binary32"], 2, 1),
        record=record,
        a_words=divided(found["channels"], lanes),
        plain=found["y_pitch"] == pitch,
        views=views,
        interleaved=options.interleaved,
    )

# SPDX-License-Identifier: Apache-2.0
"""The work of a training step as columns, which arrays of equal lanes and groups share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from sat_host.config import LIMITS, ArrayConfig, least_strip_words
from sat_host.models.workload import Row

from ..schedule.choose import MAX_MACS, unnamed
from ..schedule.memory import Counts
from ..schedule.pieces import Timing, joined
from ..schedule.step import Pruning
from ..schedule.terms import Shapes, shapes_of
from ..schedule.updates import update_timing
from ..schedule.work import ProductWork, UpdateWork, Work, works


def storage_config(config: ArrayConfig) -> ArrayConfig:
    """The smallest array that stores tensors as this one does: what lies in memory, and so the work
    of a step, depends on its lanes and groups alone."""
    strip_words = max(least_strip_words(1, config.lanes), LIMITS["strip_words"][0])
    return ArrayConfig(1, config.lanes, config.group, 1, 1, 1, 1, strip_words)


@dataclass(frozen=True)
class Table:
    """Uses of a step's products that differ, on memories of so many banks: product: its place in
    the shapes; places: each operand's bank; times: how often the step has it; beside: the place of
    the update beside it, -1 for none. Updates that differ: their timing and banks; alone: how many
    of each are beside no product."""

    product: Counts
    places: Mapping[str, Counts]
    times: Counts
    beside: Counts
    timing: Timing
    update_places: Mapping[str, Counts]
    alone: Counts


@dataclass(frozen=True, eq=False)
class Listing:
    """The work of a step. macs: of kept weights; countable: whether the model can count each
    product's."""

    works: tuple[Work, ...]
    config: ArrayConfig
    macs: int
    countable: bool
    shapes: Shapes
    _tables: dict[tuple[int, bool], Table] = field(default_factory=dict)

    def table(self, banks: int, *, overlap: bool) -> Table:
        """overlap: as in Options."""
        key = banks, overlap
        if key not in self._tables:
            self._tables[key] = _table(self, banks, overlap=overlap)
        return self._tables[key]


@lru_cache(maxsize=64)
def listing_of(rows: tuple[Row, ...], config: ArrayConfig, pruning: Pruning) -> Listing:
    """config: as `storage_config` gives it."""
    listed = works(rows, config, pruning.method, pruning.keep)
    products = [work for work in listed if isinstance(work, ProductWork)]
    macs = [work.macs(config.group) for work in products]
    shapes = shapes_of(list(dict.fromkeys(map(unnamed, products))), config.lanes)
    return Listing(tuple(listed), config, sum(macs), max(macs, default=0) <= MAX_MACS, shapes)


def _table(listing: Listing, banks: int, *, overlap: bool) -> Table:
    number = {work: place for place, work in enumerate(listing.shapes.works)}
    updates: dict[UpdateWork, int] = {}
    alone: list[int] = []
    counted: dict[tuple[int, tuple[tuple[str, int], ...], int], int] = {}
    waiting = -1
    for work in listing.works:
        if isinstance(work, UpdateWork):
            if waiting >= 0:
                alone.append(waiting)
            bare = replace(work, layer="", number=work.number % 2)
            waiting = updates.setdefault(bare, len(updates))
            if not overlap:
                alone.append(waiting)
                waiting = -1
            continue
        key = number[unnamed(work)], tuple(work.places(banks).items()), waiting
        counted[key] = counted.get(key, 0) + 1
        waiting = -1
    if waiting >= 0:
        alone.append(waiting)
    product, places, beside = zip(*counted, strict=True)
    # With one more, which is never there: a step may have none.
    made = [*updates, UpdateWork("", 1, 1, 0, 0)]
    return Table(
        np.array(product),
        _columns([dict(each) for each in places]),
        np.array(list(counted.values())),
        np.array(beside),
        joined([update_timing(listing.config, update) for update in made]),
        _columns([update.places(banks) for update in made]),
        np.bincount(np.array(alone, np.int64), minlength=len(made)),
    )


def _columns(tables: Sequence[Mapping[str, int]]) -> dict[str, Counts]:
    return {name: np.array([table[name] for table in tables]) for name in tables[0]}

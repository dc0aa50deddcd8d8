# SPDX-License-Identifier: Apache-2.0
"""The cycles of a training step as `hlsgen schedule` models them, without the choices themselves.

A step takes the sum of its products' fewest cycles, and of the updates that run beside none. All
candidates of all products stand in one array, which meets a memory at once; what does not depend on
the memory is kept, product by product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
from sat_host.config import ArrayConfig
from sat_host.models.workload import Row
from sat_host.tiling import DATAFLOWS

from ..schedule.choose import MAX_MACS, NoCandidate, schedule, timings, written
from ..schedule.drains import Drains
from ..schedule.memory import Bytes, Counts, Memory
from ..schedule.options import Options
from ..schedule.pieces import Timing, joined, with_memory
from ..schedule.step import Hardware, Pruning
from ..schedule.updates import update_timing
from ..schedule.work import ProductWork, UpdateWork, Work, works
from .stationary_bound import least_stationary

Places = tuple[tuple[str, int], ...]
Key = tuple[ProductWork, Places, UpdateWork | None]


@dataclass(frozen=True)
class StepCycles:
    """Modelled. macs: multiplications of kept weights."""

    cycles: int
    macs: int


def step_cycles(
    rows: tuple[Row, ...], hardware: Hardware, pruning: Pruning, options: Options
) -> StepCycles:
    """Of hlsgen.schedule.step.model_step the pruned step alone. Raises InputError as it does."""
    config, memory = hardware.config, hardware.memory
    listed = _listed(rows, config, pruning)
    macs = [work.macs(config.group) for work in listed if isinstance(work, ProductWork)]
    try:
        if any(count > MAX_MACS for count in macs):
            raise NoCandidate
        found = _of_memory(rows, config, pruning, options, memory)
    except NoCandidate:
        schedule(listed, config, memory, options)  # says which product, and why
        raise
    return StepCycles(found, sum(macs))


@lru_cache(maxsize=64)
def _listed(rows: tuple[Row, ...], config: ArrayConfig, pruning: Pruning) -> tuple[Work, ...]:
    return tuple(works(rows, config, pruning.method, pruning.keep))


@dataclass(frozen=True)
class _Stacked:
    """Products that differ, one after the other. timing: of all their candidates; owner: the
    product of each. least: cycles that each takes on any memory; first: of each product the one of
    fewest. banks: of each operand, by product. times: how often the step has each product. beside:
    the update beside each, by its place in `updates`; -1 for none. alone: updates beside none."""

    config: ArrayConfig
    products: tuple[ProductWork, ...]
    timing: Timing
    owner: Counts
    least: Counts
    first: Counts
    banks: Mapping[str, Counts]
    times: Counts
    beside: Counts
    updates: tuple[UpdateWork, ...]
    alone: tuple[UpdateWork, ...]


@lru_cache(maxsize=64)
def _of_memory(
    rows: tuple[Row, ...], config: ArrayConfig, pruning: Pruning, options: Options, memory: Memory
) -> int:
    """Cycles of the step. Raises NoCandidate.

    Weight stationary tiles are counted for those products alone which could take less that way.
    """
    step = rows, config, pruning, memory.banks
    both = set(options.dataflows) == set(DATAFLOWS)
    first = replace(options, dataflows=("os",)) if both else options
    try:
        stacked = _stacked(*step, first)
    except NoCandidate:
        if not both:
            raise
        both, stacked = False, _stacked(*step, options)
    fewest = _fewest(stacked, memory, options)
    if both:
        bounds = [least_stationary(each, config, first) for each in stacked.products]
        chosen = np.flatnonzero(np.array(bounds) < fewest)
        if chosen.size:
            others = _stacked(*step, options, tuple(chosen.tolist()))
            fewest[chosen] = _fewest(others, memory, options)
    left = 0
    if stacked.alone:
        left = int(_updates(stacked.alone, config, options, memory)[0].sum())
    return int((fewest * stacked.times).sum()) + left


def _fewest(stacked: _Stacked, memory: Memory, options: Options) -> Counts:
    """Of each product. Candidates that take longer on any memory than another of their product on
    this one are left out."""
    config = stacked.config
    updates = _updates(stacked.updates, config, options, memory) if stacked.updates else None
    most = _cycles(stacked, stacked.first, memory, updates)
    kept = np.flatnonzero(stacked.least <= most[stacked.owner])
    cycles = _cycles(stacked, kept, memory, updates)
    starts = np.searchsorted(stacked.owner[kept], np.arange(stacked.times.size))
    fewest: Counts = np.minimum.reduceat(cycles, starts)
    return fewest


def _cycles(
    stacked: _Stacked, which: Counts, memory: Memory, updates: tuple[Counts, Bytes] | None
) -> Counts:
    """Of some candidates, each with the update beside it."""
    timing, owner = _taken(stacked.timing, which), stacked.owner[which]
    column = np.arange(which.size)
    places: Any = {name: (banks[owner], column) for name, banks in stacked.banks.items()}
    cycles = with_memory(timing, memory, places).total
    if updates is not None:
        alone, busy = updates
        index = stacked.beside[owner]
        has = np.flatnonzero(index >= 0)
        index = index[has]
        own = memory.busy(timing.traffic, places)[:, has]
        both = np.maximum(cycles[has], alone[index])
        cycles[has] = np.maximum(both, memory.time(own + busy[:, index]))
    return cycles


def _taken(timing: Timing, which: Counts) -> Timing:
    """Some of the candidates."""

    def of(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value[which]
        if isinstance(value, dict):
            return {name: of(each) for name, each in value.items()}
        return type(value)(*(of(getattr(value, each.name)) for each in fields(value)))

    taken: Timing = of(timing)
    return taken


def _updates(
    updates: Sequence[UpdateWork], config: ArrayConfig, options: Options, memory: Memory
) -> tuple[Counts, Bytes]:
    """Cycles of each on its own, and what each moves of each bank: [banks, updates]."""
    made = [_update_timing(config, written(update, config, options)) for update in updates]
    timing = joined(made)
    column = np.arange(len(updates))
    tables = [update.places(memory.banks) for update in updates]
    places: Any = {
        name: (np.array([table[name] for table in tables]), column) for name in tables[0]
    }
    return with_memory(timing, memory, places).total, memory.busy(timing.traffic, places)


@lru_cache(maxsize=1 << 12)
def _update_timing(config: ArrayConfig, update: UpdateWork) -> Timing:
    timing = update_timing(config, update)
    quiet = {name: np.full(1, cycles) for name, cycles in timing.quiet.items()}
    return replace(timing, quiet=quiet)


@lru_cache(maxsize=16)
def _stacked(
    rows: tuple[Row, ...],
    config: ArrayConfig,
    pruning: Pruning,
    banks: int,
    options: Options,
    which: tuple[int, ...] | None = None,
) -> _Stacked:
    """which: those of the products, all by default. Raises NoCandidate."""
    counted, alone = _distinct(_listed(rows, config, pruning), banks, options.overlap)
    if which is not None:
        keys = list(counted)
        counted = {keys[place]: counted[keys[place]] for place in which}
    products = [_timing(work, config, options) for work, _, _ in counted]
    timing = _joined(products)
    owner = np.repeat(np.arange(len(products)), [each.compute.size for each in products])
    least = _least(timing)
    order = np.lexsort((least, owner))
    updates = list(dict.fromkeys(update for _, _, update in counted if update is not None))
    tables = [dict(places) for _, places, _ in counted]
    number = {update: n for n, update in enumerate(updates)}
    beside = [-1 if update is None else number[update] for _, _, update in counted]
    return _Stacked(
        config,
        tuple(work for work, _, _ in counted),
        timing,
        owner,
        least,
        order[np.searchsorted(owner, np.arange(len(products)))],
        {name: np.array([table[name] for table in tables]) for name in tables[0]},
        np.array(list(counted.values())),
        np.array(beside),
        tuple(updates),
        tuple(alone),
    )


def _distinct(
    listed: Sequence[Work], banks: int, overlap: bool
) -> tuple[dict[Key, int], list[UpdateWork]]:
    """The products that differ in shape, banks or the update beside, with how often each is there;
    and the updates beside no product."""
    counted: dict[Key, int] = {}
    alone: list[UpdateWork] = []
    waiting: UpdateWork | None = None
    for work in listed:
        if isinstance(work, UpdateWork):
            if waiting is not None:
                alone.append(waiting)
            waiting = replace(work, layer="", number=work.number % 2)
            if not overlap:
                alone.append(waiting)
                waiting = None
            continue
        shape = replace(work, layer="", stage="", number=0, tensors=("", "", ""))
        key = shape, tuple(work.places(banks).items()), waiting
        counted[key] = counted.get(key, 0) + 1
        waiting = None
    return counted, alone if waiting is None else [*alone, waiting]


def _timing(work: ProductWork, config: ArrayConfig, options: Options) -> Timing:
    """Of all candidates; found by dataflow, since points may differ in these alone. Raises
    NoCandidate."""
    found = []
    for dataflow in DATAFLOWS:
        if dataflow in options.dataflows:
            with suppress(NoCandidate):
                alone = replace(options, dataflows=(dataflow,), overlap=True)
                found.append(timings(work, config, alone)[1])
    if not found:
        raise NoCandidate
    return _broadcast(joined(found) if len(found) > 1 else found[0])


def _broadcast(timing: Timing) -> Timing:
    """With all arrays of full length, those of the drains' constants too."""
    size = timing.compute.size
    drains = timing.drains
    assert drains is not None  # of a product
    constants: Any = {
        name: np.full(size, getattr(drains, name)) for name in ("sent", "places", "entering")
    }
    return replace(timing, drains=replace(drains, **constants))


def _least(timing: Timing) -> Counts:
    """Cycles on a memory that moves all at once."""
    drains = timing.drains
    assert drains is not None  # of products
    busy = timing.compute + timing.distribution + timing.b_delivery + timing.drain + drains.waits
    return np.asarray(busy + timing.start + timing.load_cycles, np.int64)


def _joined(products: Sequence[Timing]) -> Timing:
    """All candidates, each with its own product's constants."""
    timing = joined(products)
    parts = [product.drains for product in products if product.drains]
    constants: Any = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("sent", "places", "entering")
    }
    drains: Drains | None = timing.drains
    assert drains is not None
    return replace(timing, drains=replace(drains, **constants))

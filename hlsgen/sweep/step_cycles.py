# SPDX-License-Identifier: Apache-2.0
"""The cycles of training steps as `hlsgen schedule` models them, without the choices themselves.

A step takes the sum of its products' fewest cycles, and of the updates that run beside none. All
products of all steps stand in one set of columns; steps on equal arrays share what does not depend
on the memory, and equal products of a step are counted once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sat_host.config import ArrayConfig
from sat_host.models.workload import Row

from ..errors import InputError
from ..schedule.choose import schedule
from ..schedule.memory import Counts, Memories, Memory
from ..schedule.options import Options
from ..schedule.pieces import joined, with_memory
from ..schedule.stack import Stack
from ..schedule.step import Hardware, Pruning
from ..schedule.uses import Uses, fastest
from .listing import Listing, Table, listing_of, storage_config

MOST_CELLS = 1 << 20
"""Tiles that are looked at at once, for the memory that their numbers take."""


@dataclass(frozen=True)
class Asked:
    """A training step on an array. options: as for schedule(), of pre-generated forms."""

    rows: tuple[Row, ...]
    hardware: Hardware
    pruning: Pruning
    options: Options


@dataclass(frozen=True)
class StepCycles:
    """Modelled. macs: multiplications of kept weights."""

    cycles: int
    macs: int


@dataclass(frozen=True)
class _Step:
    """What a step's cycles depend on; the listing is one object for equal work."""

    config: ArrayConfig
    listing: Listing
    memory: Memory


def steps_cycles(asked: Sequence[Asked]) -> list[StepCycles | InputError]:
    """Of hlsgen.schedule.step.model_step the pruned step alone, or what it raises, for each."""
    found: list[StepCycles | InputError] = [StepCycles(0, 0)] * len(asked)
    groups: dict[Options, list[tuple[int, _Step]]] = {}
    for place, each in enumerate(asked):
        hardware = each.hardware
        listing = listing_of(each.rows, storage_config(hardware.config), each.pruning)
        if not listing.countable:
            found[place] = _fault(each, listing)
            continue
        step = _Step(hardware.config, listing, hardware.memory)
        groups.setdefault(each.options, []).append((place, step))
    for options, steps in groups.items():
        known: dict[_Step, int | None] = {}
        for some in _portions(list(dict.fromkeys(step for _, step in steps)), options):
            known.update(zip(some, _cycles(some, options), strict=True))
        for place, step in steps:
            cycles = known[step]
            found[place] = (
                _fault(asked[place], step.listing)
                if cycles is None
                else StepCycles(cycles, step.listing.macs)
            )
    return found


def _fault(asked: Asked, listing: Listing) -> InputError:
    """Which product the array can't execute, and why."""
    hardware = asked.hardware
    try:
        schedule(listing.works, hardware.config, hardware.memory, asked.options)
    except InputError as error:
        return error
    raise AssertionError("a product without a candidate was scheduled")


def _portions(steps: Sequence[_Step], options: Options) -> Iterator[list[_Step]]:
    """The steps in portions of some MOST_CELLS tiles, those of an array together."""
    parts: dict[tuple[ArrayConfig, Listing], list[_Step]] = {}
    for step in steps:
        parts.setdefault((step.config, step.listing), []).append(step)
    portion: list[_Step] = []
    products, most_t, most_q = 0, 1, 1
    for (config, listing), of_part in parts.items():
        most_t, most_q = max(most_t, config.interleave), max(most_q, config.memory_tile)
        products += len(listing.shapes.works)
        cells = products * most_t * most_q * len(options.dataflows)
        if portion and cells > MOST_CELLS:
            yield portion
            portion, products = [], len(listing.shapes.works)
            most_t, most_q = config.interleave, config.memory_tile
        portion += of_part
    if portion:
        yield portion


def _cycles(steps: Sequence[_Step], options: Options) -> list[int | None]:
    """Of each step; None where a product has no candidate."""
    parts: dict[tuple[ArrayConfig, Listing], int] = {}
    for step in steps:
        parts.setdefault((step.config, step.listing), len(parts))
    stack = Stack([(config, listing.shapes) for config, listing in parts], options)
    ends = np.cumsum([len(listing.shapes.works) for _, listing in parts])
    begins = [int(ends[part - 1]) if part else 0 for part in range(len(parts))]
    tables = [step.listing.table(step.memory.banks, overlap=options.overlap) for step in steps]
    first = [begins[parts[step.config, step.listing]] for step in steps]
    memories = [step.memory for step in steps]
    owner = np.repeat(np.arange(len(steps)), [table.product.size for table in tables])
    uses = _uses(tables, memories, np.array(first)[owner], owner)
    chosen = fastest(stack, uses)
    cycles = np.zeros(uses.product.size, np.int64)
    if chosen.met is not None:
        met = chosen.met
        at = np.flatnonzero(np.diff(met.use, prepend=-1))
        cycles[met.use[at]] = np.minimum.reduceat(met.cycles, at)
    times = np.concatenate([table.times for table in tables])
    total = np.zeros(len(steps), np.int64)
    np.add.at(total, owner, cycles * times)
    alone = np.concatenate([table.alone for table in tables]) * uses.alone
    np.add.at(total, _owners([table.alone for table in tables]), alone)
    lacking = np.zeros(len(steps), np.bool_)
    np.logical_or.at(lacking, owner, chosen.lacking[uses.product])
    return [None if lacks else each for each, lacks in zip(total.tolist(), lacking, strict=True)]


def _owners(columns: Sequence[Counts]) -> Counts:
    """The place of the column that each row of all is of."""
    return np.repeat(np.arange(len(columns)), [column.size for column in columns])


def _uses(
    tables: Sequence[Table], memories: Sequence[Memory], first: Counts, owner: Counts
) -> Uses:
    """All steps' uses, one step after the other. first: place of the product that is a step's
    first. owner: the step of each use."""
    updates = _owners([table.alone for table in tables])
    timing = joined([table.timing for table in tables])
    places = _columns([table.update_places for table in tables])
    of_updates = Memories.of(memories, updates)
    ends = np.cumsum([table.alone.size for table in tables])
    begins = (ends - [table.alone.size for table in tables])[owner]
    beside = np.concatenate([table.beside for table in tables])
    return Uses(
        np.concatenate([table.product for table in tables]) + first,
        _columns([table.places for table in tables]),
        Memories.of(memories, owner),
        np.where(beside < 0, -1, beside + begins),
        with_memory(timing, of_updates, places).total,
        of_updates.busy(timing.traffic, places),
    )


def _columns(parts: Sequence[Mapping[str, Counts]]) -> dict[str, Counts]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

# SPDX-License-Identifier: Apache-2.0
"""Products on memories, with the updates beside them: the candidates that could be the fastest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .bounds import NEVER
from .memory import Bytes, Counts, Memories
from .overlap import of_both
from .pieces import Pieces, least_cycles, with_memory
from .stack import Found, Stack
from .terms import Flags, taken_at


@dataclass(frozen=True)
class Uses:
    """Uses of a stack's products, columns. product: its place. places: each operand's bank.
    beside: the place of the update that runs beside it, -1 for none. alone, busy: of each update
    the cycles without it and what it moves of each bank, [updates] and [banks, updates]."""

    product: Counts
    places: Mapping[str, Counts]
    memories: Memories
    beside: Counts
    alone: Counts
    busy: Bytes


@dataclass(frozen=True)
class Met:
    """Candidates in their uses, those of a use beside each other. cycles: with the update beside
    it."""

    use: Counts
    candidate: Counts
    pieces: Pieces
    cycles: Counts


@dataclass(frozen=True)
class Fastest:
    """found: candidates, those that could be the fastest among them; met: their uses. lacking:
    whether a product has no candidate; its uses are not met."""

    found: Found | None
    met: Met | None
    lacking: Flags


def fastest(stack: Stack, uses: Uses) -> Fastest:
    """What is left out takes longer in its use than another one."""
    most = np.full(uses.product.size, NEVER)
    seeds = stack.seeds()
    if seeds is not None:
        tried = meet(seeds, uses, most)
        np.minimum.at(most, tried.use, tried.cycles)
    of_product = np.zeros(stack.terms.size, np.int64)
    np.maximum.at(of_product, uses.product, most)
    found = stack.within(of_product)
    lacking = np.ones(stack.terms.size, np.bool_)
    if found is None:
        return Fastest(None, None, lacking)
    lacking[found.owner] = False
    return Fastest(found, meet(found, uses, most), lacking)


def meet(found: Found, uses: Uses, most: Counts) -> Met:
    """All candidates in all uses of their product, but for those that need more than `most` cycles
    on any memory; most: of each use."""
    begins = np.searchsorted(found.owner, uses.product)
    counts = np.searchsorted(found.owner, uses.product, "right") - begins
    use = np.repeat(np.arange(counts.size), counts)
    candidate = np.arange(use.size) + np.repeat(begins - (np.cumsum(counts) - counts), counts)
    kept = least_cycles(found.timing)[found.row[candidate]] <= most[use]
    use, candidate = use[kept], candidate[kept]
    timing, memories = taken_at(found.timing, found.row[candidate]), uses.memories.at(use)
    places = {name: banks[use] for name, banks in uses.places.items()}
    pieces = with_memory(timing, memories, places)
    cycles = pieces.total
    has = np.flatnonzero(uses.beside[use] >= 0)
    if has.size:
        update = uses.beside[use[has]]
        moved = {name: taken_at(each, has) for name, each in timing.traffic.items()}
        banks = {name: bank[has] for name, bank in places.items()}
        some = memories.at(has)
        busy = some.busy(moved, banks, len(uses.busy)) + uses.busy[:, update]
        cycles[has] = of_both(some, cycles[has], uses.alone[update], busy)
    return Met(use, candidate, pieces, cycles)

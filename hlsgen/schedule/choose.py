# SPDX-License-Identifier: Apache-2.0
"""The tiling of each product: of all that the array can do, the one of fewest modelled cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from sat_host.config import ArrayConfig
from sat_host.tiling import Tiling

from ..errors import InputError
from .candidates import candidates
from .cycles import product_timing
from .memory import Memory
from .options import ALL, Options
from .overlap import Places, together
from .pieces import PIECES, Candidates, Pieces, Timing, joined, with_memory
from .updates import update_timing
from .work import ProductWork, UpdateWork, Work

__all__ = ["Layer", "NoCandidate", "Options", "schedule", "timings", "written"]

MAX_MACS = 1 << 48
"""Of one work: the model counts in 64 bits, with the array's padding."""


@dataclass(frozen=True)
class Layer:
    """One product or update of a training step, as it is modelled.

    tiling: None for an update. cycles: the sum of `pieces`. bound: the largest piece. bytes: by
    operand. macs: multiplications of kept weights. utilisation: their part of what the array could
    do in these cycles. tried: candidates.
    """

    name: str
    stage: str
    tiling: Tiling | None
    cycles: int
    pieces: Mapping[str, int]
    bound: str
    bytes: Mapping[str, int]
    macs: int
    utilisation: float
    tried: int


def schedule(
    works: Sequence[Work], config: ArrayConfig, memory: Memory, options: Options = ALL
) -> list[Layer]:
    """The choice for each work, in the same order.

    With options.overlap an update runs beside the work that follows it, when that is a product: its
    piece `overlap` is minus the cycles that it does not add. Raises InputError for a product that
    the array's counters and memories, or the model's, are too small for.
    """
    found: list[Layer] = []
    for place, work in enumerate(works):
        before = works[place - 1] if place and options.overlap else None
        if isinstance(work, UpdateWork):
            found.append(_updated(work, config, memory, options))
            continue
        update = before if isinstance(before, UpdateWork) else None
        layer, hidden = _choose(work, update, config, memory, options)
        if update:
            found[-1] = _hidden(found[-1], hidden)
        found.append(layer)
    return found


def _choose(
    work: ProductWork,
    update: UpdateWork | None,
    config: ArrayConfig,
    memory: Memory,
    options: Options,
) -> tuple[Layer, int]:
    """The product's choice, and the cycles of the update beside it that it hides."""
    if work.macs(config.group) > MAX_MACS:
        raise InputError(
            f"{work.layer}: {work.stage}: more than 2^48 multiplications are not modelled: lower "
            "the batch or the layer's sizes"
        )
    places = work.places(memory.banks)
    beside = None
    if update:
        update = replace(update, layer="", number=update.number % 2)
        beside = update, _frozen(update.places(memory.banks))
    shape = replace(work, layer="", stage="", number=0, tensors=("", "", ""))
    try:
        layer, hidden = _chosen(shape, _frozen(places), beside, config, memory, options)
    except NoCandidate:
        raise InputError(
            f"{work.layer}: {work.stage}: a sum of {work.taps * work.reduction} terms is too long "
            "for the array's counters: lower the batch or the image"
        ) from None
    return replace(layer, name=work.layer, stage=work.stage), hidden


class NoCandidate(Exception):
    """The array can't execute the product."""


_Frozen = tuple[tuple[str, int], ...]


def _frozen(places: Places) -> _Frozen:
    return tuple(places.items())


@lru_cache(maxsize=1 << 12)
def _chosen(
    work: ProductWork,
    places: _Frozen,
    beside: tuple[UpdateWork, _Frozen] | None,
    config: ArrayConfig,
    memory: Memory,
    options: Options,
) -> tuple[Layer, int]:
    """As `_choose`, without names."""
    found, timing = timings(work, config, replace(options, overlap=True))
    pieces = with_memory(timing, memory, dict(places))
    cycles, update_alone = pieces.total, 0
    if beside:
        update = update_timing(config, written(beside[0], config, options)), dict(beside[1])
        update_alone = int(with_memory(update[0], memory, update[1]).total[0])
        cycles = together(memory, (timing, dict(places)), update)
    moved = np.sum(np.stack(list(pieces.bytes.values())), axis=0)
    best = int(np.lexsort((moved, pieces.total, cycles))[0])  # of equal ones the first
    layer = _layer(pieces, best, _tiling(found, best), work.macs(config.group), config)
    return layer, update_alone - int(cycles[best] - pieces.total[best])


def _tiling(found: Sequence[Candidates], place: int) -> Tiling:
    """The candidate at `place` of all that were found."""
    for tilings in found:
        if place < tilings.size:
            break
        place -= tilings.size
    return tilings.at(place)


@lru_cache(maxsize=1 << 9)
def timings(
    work: ProductWork, config: ArrayConfig, options: Options
) -> tuple[list[Candidates], Timing]:
    """Every candidate of a product, and its cycles as far as the memory has no part in them. Raises
    NoCandidate."""
    found = [tilings for tilings in candidates(config, work, options) if tilings.size]
    if not found:
        raise NoCandidate
    return found, joined([product_timing(config, work, tilings, options) for tilings in found])


def _updated(update: UpdateWork, config: ArrayConfig, memory: Memory, options: Options) -> Layer:
    """An update on its own."""
    timing = update_timing(config, written(update, config, options))
    pieces = with_memory(timing, memory, update.places(memory.banks))
    layer = _layer(pieces, 0, None, 0, config)
    return replace(layer, name=update.layer, stage=update.stage)


def written(update: UpdateWork, config: ArrayConfig, options: Options) -> UpdateWork:
    """With the forms that it writes: all weights, where they are pruned as they are loaded."""
    if options.pregenerated:
        return update
    dense = config.group
    return replace(
        update,
        ff_keep=dense if update.ff_keep else 0,
        bp_keep=dense if update.bp_keep else 0,
    )


def _hidden(layer: Layer, cycles: int) -> Layer:
    """An update, so many cycles of which pass beside a product."""
    return replace(layer, cycles=layer.cycles - cycles, pieces={**layer.pieces, "overlap": -cycles})


def _layer(
    pieces: Pieces, place: int, tiling: Tiling | None, macs: int, config: ArrayConfig
) -> Layer:
    """The candidate at `place`, without names."""
    cycles = int(pieces.total[place])
    return Layer(
        "",
        "",
        tiling,
        cycles,
        {name: int(getattr(pieces, name)[place]) for name in PIECES},
        str(pieces.bound[place]),
        {name: int(np.broadcast_to(moved, pieces.total.shape)[place])
         for name, moved in pieces.bytes.items()},
        macs,
        macs / (cycles * config.rows * config.lanes),
        pieces.total.size if tiling else 1,
    )  # fmt: skip

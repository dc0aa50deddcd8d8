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
from .memory import Counts, Memories, Memory
from .options import ALL, Options
from .pieces import PIECES, Pieces, added, with_memory
from .stack import Stack
from .terms import shapes_of, taken_at
from .updates import update_timing
from .uses import Met, Uses, fastest
from .work import ProductWork, UpdateWork, Work

__all__ = ["Layer", "Options", "schedule", "written"]

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
    small, too_large = _countable(works, config)
    chosen = _Chosen(config, memory, options)
    keys = [
        _key(work, works[place - 1] if place and options.overlap else None, memory)
        for place, work in enumerate(small)
    ]
    chosen.add([key for key in keys if key is not None])
    found: list[Layer] = []
    for work, key in zip(small, keys, strict=True):
        if isinstance(work, UpdateWork):
            found.append(_updated(work, config, memory, options))
            continue
        assert key is not None
        layer, hidden = chosen.of(key, work)
        if key.update is not None:
            found[-1] = _hidden(found[-1], hidden)
        found.append(replace(layer, name=work.layer, stage=work.stage))
    if too_large is not None:
        raise InputError(
            f"{too_large.layer}: {too_large.stage}: more than 2^48 multiplications are not "
            "modelled: lower the batch or the layer's sizes"
        )
    return found


def _countable(
    works: Sequence[Work], config: ArrayConfig
) -> tuple[Sequence[Work], ProductWork | None]:
    """The works before the first that is too large for the model, and that one."""
    for place, work in enumerate(works):
        if isinstance(work, ProductWork) and work.macs(config.group) > MAX_MACS:
            return works[:place], work
    return works, None


_Places = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Key:
    """What a choice depends on: a product without names, each operand's bank, and the update beside
    it with its banks."""

    work: ProductWork
    places: _Places
    update: tuple[UpdateWork, _Places] | None


def _key(work: Work, before: Work | None, memory: Memory) -> Key | None:
    """None for an update."""
    if isinstance(work, UpdateWork):
        return None
    beside = None
    if isinstance(before, UpdateWork):
        places = tuple(before.places(memory.banks).items())
        beside = replace(before, layer="", number=before.number % 2), places
    return Key(unnamed(work), tuple(work.places(memory.banks).items()), beside)


def unnamed(work: ProductWork) -> ProductWork:
    """With nothing of the layer but its sizes."""
    return replace(work, layer="", stage="", number=0, tensors=("", "", ""))


_Choice = tuple[Layer, int] | None
"""The product's choice, without names, and the cycles of the update beside it that it hides; None
where the array can't execute it."""


class _Chosen:
    """The choices for products on one array and memory, all of them made at once."""

    def __init__(self, config: ArrayConfig, memory: Memory, options: Options) -> None:
        self._config, self._memory, self._options = config, memory, options
        self._known = _known(config, memory, options)

    def of(self, key: Key, work: ProductWork) -> tuple[Layer, int]:
        """Raises InputError, naming the work, where the array can't execute it."""
        found = self._known[key]
        if found is None:
            raise InputError(
                f"{work.layer}: {work.stage}: a sum of {work.taps * work.reduction} terms is too "
                "long for the array's counters: lower the batch or the image"
            )
        return found

    def add(self, keys: Sequence[Key]) -> None:
        """Make those choices that are not known yet."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._known]
        if not missing:
            return
        works = list(dict.fromkeys(key.work for key in missing))
        part = self._config, shapes_of(works, self._config.lanes)
        stack = Stack([part], self._options)
        uses = self._uses(missing, {work: place for place, work in enumerate(works)})
        chosen = fastest(stack, uses)
        found, met, tried = chosen.found, chosen.met, stack.tried()
        if found is None or met is None:
            self._known.update(dict.fromkeys(missing))
            return
        best = _least(met, len(missing))
        candidates, pieces = met.candidate[best], taken_at(met.pieces, best)
        for use, key in enumerate(missing):
            product, cycles = int(uses.product[use]), int(met.cycles[best[use]])
            if chosen.lacking[product]:
                self._known[key] = None
                continue
            tiling = found.tiling(int(candidates[use]))
            macs = key.work.macs(self._config.group)
            layer = _layer(pieces, use, tiling, macs, self._config)
            alone = int(uses.alone[uses.beside[use]]) if key.update else 0
            hidden = alone - (cycles - layer.cycles)
            self._known[key] = replace(layer, tried=int(tried[product])), hidden

    def _uses(self, keys: Sequence[Key], works: Mapping[ProductWork, int]) -> Uses:
        updates = list(dict.fromkeys(key.update for key in keys if key.update is not None))
        timings = [
            update_timing(self._config, written(update, self._config, self._options))
            for update, _ in updates
        ]
        alone = np.zeros(len(updates), np.int64)
        busy = np.zeros((self._memory.banks, len(updates)))
        for place, (timing, (_, places)) in enumerate(zip(timings, updates, strict=True)):
            alone[place] = with_memory(timing, self._memory, dict(places)).total[0]
            busy[:, place] = self._memory.busy(timing.traffic, dict(places))[:, 0]
        number = {update: place for place, update in enumerate(updates)}
        tables = [dict(key.places) for key in keys]
        return Uses(
            np.array([works[key.work] for key in keys]),
            {name: np.array([table[name] for table in tables]) for name in tables[0]},
            Memories.of([self._memory], np.zeros(len(keys), np.int64)),
            np.array([number[key.update] if key.update else -1 for key in keys]),
            alone,
            busy,
        )


@lru_cache(maxsize=32)
def _known(config: ArrayConfig, memory: Memory, options: Options) -> dict[Key, _Choice]:
    """The choices that were made before."""
    return {}


def _least(met: Met, uses: int) -> Counts:
    """Of each use the candidate of fewest cycles, of equal ones that which takes fewer without the
    update, then that which moves fewer bytes, then the first. Any where it has none."""
    moved = added(list(met.pieces.bytes.values()))
    order = np.lexsort((moved, met.pieces.total, met.cycles, met.use))
    first = np.searchsorted(met.use, np.arange(uses))  # as they are sorted by use before
    return order[np.minimum(first, order.size - 1)]


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
        1,
    )  # fmt: skip

# SPDX-License-Identifier: Apache-2.0
"""The tile of each product: of all that the array can do, the one of fewest modelled cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sat_host.config import ArrayConfig
from sat_host.program import MAX_COUNT, largest_count

from ..errors import InputError
from .cycles import PIECES, Pieces, product_cycles, update_cycles
from .memory import Memory
from .work import ProductWork, UpdateWork, Work

MAX_MACS = 1 << 48
"""Of one work: the model counts in 64 bits, with the array's padding."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Layer:
    """One product or update of a training step, as it is modelled.

    dataflow: os for a product, None for an update, which has no tile either. tile: interleave T
    and blocks Q. cycles: the sum of `pieces`. bound: the largest piece that is not hidden behind
    others. bytes: by operand. macs: multiplications of kept weights. utilisation: their part of
    what the array could do in these cycles.
    """

    name: str
    stage: str
    dataflow: str | None
    tile: Mapping[str, int] | None
    cycles: int
    pieces: Mapping[str, int]
    bound: str
    bytes: Mapping[str, int]
    macs: int
    utilisation: float


def schedule(works: Sequence[Work], config: ArrayConfig, memory: Memory) -> list[Layer]:
    """The choice for each work, in the same order.

    Raises InputError for a product that the array's counters, or the model's, are too short for.
    """
    known: dict[Work, Layer] = {}
    found = []
    for work in works:
        shape = replace(work, layer="")
        if shape not in known:
            known[shape] = _choose(work, config, memory)
        found.append(replace(known[shape], name=work.layer))
    return found


def candidates(work: ProductWork, config: ArrayConfig) -> tuple[Counts, Counts]:
    """Every legal (interleave T, blocks Q), the larger T first, of equal T the larger Q first.

    None is larger than the product can fill; all are such that the kernels' counters suffice.
    """
    rows = min(config.interleave, -(-work.rows // config.rows))
    columns = min(config.memory_tile, config.blocks(work.columns))
    grid = np.indices((rows, columns)).reshape(2, -1)[:, ::-1] + 1
    interleave, blocks = grid[0].astype(np.int64), grid[1].astype(np.int64)
    product = work.product()
    if largest_count(config, product, rows, columns) > MAX_COUNT:  # it grows with both
        counts = [
            largest_count(config, product, int(t), int(q))
            for t, q in zip(interleave, blocks, strict=True)
        ]
        legal = np.array(counts) <= MAX_COUNT
        interleave, blocks = interleave[legal], blocks[legal]
    return interleave, blocks


def _choose(work: Work, config: ArrayConfig, memory: Memory) -> Layer:
    if isinstance(work, UpdateWork):
        return _layer(work, update_cycles(config, memory, work), 0, None, 0, config)
    interleave, blocks = candidates(work, config)
    if work.macs(config.group) > MAX_MACS:
        raise InputError(
            f"{work.layer}: {work.stage}: more than 2^48 multiplications are not modelled: lower "
            "the batch or the layer's sizes"
        )
    if not interleave.size:
        raise InputError(
            f"{work.layer}: {work.stage}: a sum of {work.taps * work.reduction} terms is too long "
            "for the array's counters: lower the batch or the image"
        )
    pieces = product_cycles(config, memory, work, interleave, blocks)
    best = int(np.argmin(pieces.total))  # of equal ones the first
    tile = {"interleave": int(interleave[best]), "blocks": int(blocks[best])}
    return _layer(work, pieces, best, tile, work.macs(config.group), config)


def _layer(
    work: Work,
    pieces: Pieces,
    place: int,
    tile: Mapping[str, int] | None,
    macs: int,
    config: ArrayConfig,
) -> Layer:
    """The candidate at `place`."""
    cycles = int(pieces.total[place])
    return Layer(
        work.layer,
        work.stage,
        "os" if tile else None,
        tile,
        cycles,
        {name: int(getattr(pieces, name)[place]) for name in PIECES},
        str(pieces.bound[place]),
        {name: int(np.broadcast_to(moved, pieces.total.shape)[place])
         for name, moved in pieces.bytes.items()},
        macs,
        macs / (cycles * config.rows * config.lanes),
    )  # fmt: skip

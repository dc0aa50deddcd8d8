# SPDX-License-Identifier: Apache-2.0
"""Cycles that a weight stationary product takes at least, for little work. Pure functions."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from sat_host.config import ArrayConfig

from ..schedule.options import Options
from ..schedule.stationary_segments import segments
from ..schedule.traffic import Weights, divided
from ..schedule.work import ProductWork


@lru_cache(maxsize=1 << 10)
def least_stationary(work: ProductWork, config: ArrayConfig, options: Options) -> int:
    """The piece `compute` of hlsgen.schedule.weight_stationary, which no memory shortens, of the
    tile that has least of it, be it legal or not."""
    grid = np.indices((config.interleave, config.memory_tile)).reshape(2, -1).astype(np.int64) + 1
    interleave, blocks = grid
    blocks = np.minimum(blocks, config.blocks(work.columns))
    cut = segments(config, work, interleave, blocks)
    weights = Weights(config, work, options)
    full = weights.packet_rows(config.lanes)
    tiles = divided(config.blocks(work.columns), blocks)
    last = config.blocks(work.columns) - (tiles - 1) * blocks
    passes = (tiles - 1) * weights.pass_cycles(interleave * blocks)
    passes = passes + weights.pass_cycles(interleave * last)
    batches = work.copies * divided(work.rows, interleave)
    chunks = np.zeros_like(interleave)
    for part, times in ((cut.whole, cut.wholes), (cut.last, cut.lasts)):
        packets = part.over(full, weights.packet_rows(part.tail))
        chunks = chunks + times * divided(packets, config.rows)
    return int((chunks * batches * passes).min())

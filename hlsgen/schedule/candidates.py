# SPDX-License-Identifier: Apache-2.0
"""Every way to cut a product that the array can execute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from sat_host.config import ArrayConfig
from sat_host.strips import MAX_COUNT, largest_count, strip_words
from sat_host.tiling import DATAFLOWS

from . import stationary_segments
from .activations import channel_strips
from .memory import Counts
from .options import Options
from .pieces import Candidates
from .traffic import divided
from .work import ProductWork


def candidates(config: ArrayConfig, work: ProductWork, options: Options) -> list[Candidates]:
    """By dataflow, output stationary first; the larger T first, of equal T the larger Q, of equal
    ones the buffered.

    None is larger than the product can fill; all are such that the loader holds what it buffers and
    the kernels' counters suffice.
    """
    found = []
    for dataflow in DATAFLOWS:
        if dataflow in options.dataflows:
            tilings = _grid(config, work, dataflow)
            legal = _counted(config, work, tilings)
            tilings = _chosen(tilings, legal)
            if tilings.size and dataflow == "ws":
                tilings = _chosen(tilings, stationary_segments.legal(config, work, tilings))
            elif tilings.size:
                tilings = _chosen(tilings, _held(config, work, tilings))
            found.append(tilings)
    return found


def _grid(config: ArrayConfig, work: ProductWork, dataflow: str) -> Candidates:
    """All sizes that the product can fill."""
    share = config.rows if dataflow == "os" else 1
    rows = min(config.interleave, -(-work.rows // share))
    columns = min(config.memory_tile, config.blocks(work.columns))
    ways = 1 if work.transposed_a else 2  # these are always buffered
    grid = np.indices((rows, columns, ways)).reshape(3, -1)[:, ::-1].astype(np.int64)
    buffered = grid[2] == ways - 1
    return Candidates(dataflow, grid[0] + 1, grid[1] + 1, buffered)


def _chosen(tilings: Candidates, which: npt.NDArray[np.bool_]) -> Candidates:
    return replace(
        tilings,
        interleave=tilings.interleave[which],
        blocks=tilings.blocks[which],
        buffered=tilings.buffered[which],
    )


def _counted(config: ArrayConfig, work: ProductWork, tilings: Candidates) -> npt.NDArray[np.bool_]:
    """Where the kernels' counters suffice."""
    interleave, blocks = tilings.interleave, tilings.blocks
    most = largest_count(config, work.product, int(interleave.max()), int(blocks.max()))
    if most <= MAX_COUNT:  # it grows with both
        return np.ones(tilings.size, np.bool_)
    counts = [
        largest_count(config, work.product, t, q)
        for t, q in zip(interleave.tolist(), blocks.tolist(), strict=True)
    ]
    return np.array(counts) <= MAX_COUNT


def _held(config: ArrayConfig, work: ProductWork, tilings: Candidates) -> npt.NDArray[np.bool_]:
    """Where the loader has room for what an output stationary strip buffers."""
    sizes, places = np.unique(config.rows * tilings.interleave, return_inverse=True)
    if work.transposed_a:
        words: list[int] = [
            config.lanes * channel_strips(work.rows, work.a_channels, int(size), config.lanes).most
            for size in sizes
        ]
    else:
        words = [strip_words(work.product.a, work.rows, int(size)).longest for size in sizes]
    held: Counts = np.array(words)[places]
    fits = held <= config.strip_words
    if not work.transposed_a:
        tiles = divided(config.blocks(work.columns), tilings.blocks)
        served = tiles * work.product.sum_words(config) * config.rows * tilings.interleave
        fits &= served <= MAX_COUNT
    return ~tilings.buffered | fits

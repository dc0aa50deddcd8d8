# SPDX-License-Identifier: Apache-2.0
"""Every way to cut a product that the array can execute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sat_host.config import ArrayConfig
from sat_host.strips import MAX_COUNT, largest_count
from sat_host.tiling import DATAFLOWS

from . import stationary_segments, strip_columns
from .memory import Counts
from .options import Options
from .pieces import Candidates
from .terms import Flags, Terms, divided
from .terms import terms as terms_of_one
from .work import ProductWork

Owned = tuple[Sequence[tuple[ArrayConfig, ProductWork]], Counts]
"""Arrays with a product each, and the place of each candidate's among them."""


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
            terms = terms_of_one(config, work, options, tilings.size)
            owned = [(config, work)], np.zeros(tilings.size, np.int64)
            found.append(tilings.some(legal(terms, tilings, owned)))
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


def legal(terms: Terms, tilings: Candidates, owned: Owned) -> Flags:
    """Which candidates the array can execute; all of them have A transposed, or none."""
    found = _counted(terms, tilings, owned)
    fits = stationary_segments.legal if tilings.dataflow == "ws" else _held
    if found.all():
        return fits(terms, tilings) if found.size else found
    counted = np.flatnonzero(found)
    if counted.size:
        found[counted] = fits(terms.at(counted), tilings.some(counted))
    return found


def _counted(terms: Terms, tilings: Candidates, owned: Owned) -> Flags:
    """Where the kernels' counters suffice."""
    found = count_bound(terms, tilings.interleave, tilings.blocks) <= MAX_COUNT
    for place in np.flatnonzero(~found).tolist():
        config, work = owned[0][owned[1][place]]
        t, q = int(tilings.interleave[place]), int(tilings.blocks[place])
        found[place] = largest_count(config, work.product, t, q) <= MAX_COUNT
    return found


def count_bound(terms: Terms, interleave: Counts, blocks: Counts) -> Counts:
    """No less than sat_host.strips.largest_count, and cheap for many."""
    lanes, strip, sums = terms.lanes, terms.units * interleave, interleave * blocks
    # Its terms are alternatives; all packets of a record, with indices, are two panels at most.
    waits = np.maximum(sums, terms.adder_latency)
    panel = lanes * (np.where(terms.transposed_a, strip, 1) + blocks + waits + 2) + strip
    return np.asarray(
        terms.taps * terms.tap_words * panel + 2 * terms.units * sums + terms.adder_latency
    )


def _held(terms: Terms, tilings: Candidates) -> Flags:
    """Where the loader has room for what an output stationary strip buffers."""
    strip = terms.units * tilings.interleave
    if terms.transposed:
        fits: Flags = terms.lanes * strip_columns.transposed(terms, strip)[3] <= terms.strip_words
        return fits
    tiles = divided(terms.column_blocks, tilings.blocks)
    served = tiles * terms.taps * terms.tap_words * strip
    held = np.flatnonzero(tilings.buffered)
    fits = np.ones(tilings.size, np.bool_)
    if held.size:
        longest = strip_columns.held(terms.at(held), strip[held])[1]
        fits[held] = (longest <= terms.strip_words[held]) & (served[held] <= MAX_COUNT)
    return fits

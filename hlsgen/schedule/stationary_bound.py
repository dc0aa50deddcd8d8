# SPDX-License-Identifier: Apache-2.0
"""Cycles that a weight stationary candidate takes at least, with its segments. Pure functions."""

from __future__ import annotations

import numpy as np

from .latencies import ACTIVATIONS, STORED
from .memory import Counts
from .pieces import Candidates
from .stationary_segments import segments
from .terms import Terms, divided
from .weight_stationary import drains


def least_stationary(terms: Terms, tilings: Candidates) -> Counts:
    """Of each candidate, legal or not: the products or the activations of all batches of every
    segment, and the sums that are stored between segments; the first packets, and the latencies."""
    cut = segments(terms, tilings.interleave, tilings.blocks)
    tiles = divided(terms.column_blocks, tilings.blocks)
    last_blocks = terms.column_blocks - (tiles - 1) * tilings.blocks
    passes, last_passes = (
        terms.pass_cycles(tilings.interleave * blocks) for blocks in (tilings.blocks, last_blocks)
    )
    batches = terms.copies * divided(terms.rows, tilings.interleave)
    tokens = divided(tilings.interleave, terms.feed)
    periods = first = np.zeros_like(tiles)
    for times, part in ((cut.wholes, cut.whole), (cut.lasts, cut.last)):
        packets = part.over(terms.full.packets, terms.tail.packets)
        chunk, taken = divided(packets, terms.units), part.panels * tokens
        whole, last = (np.maximum(chunk * each, taken) for each in (passes, last_passes))
        periods = periods + times * batches * ((tiles - 1) * whole + last)
        first = first + times * packets
    waits = drains(terms, tilings.interleave, batches * tiles, cut.count, periods, batches).waits
    blocks = np.where(tiles == 1, last_blocks, tilings.blocks)
    latencies = cut.count * (terms.through_rows + ACTIVATIONS + STORED)
    return np.asarray(periods + waits + first * blocks + latencies, np.int64)

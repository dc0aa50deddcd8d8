# SPDX-License-Identifier: Apache-2.0
"""Cycles and traffic of an update, in closed form. Pure functions."""

from __future__ import annotations

import numpy as np
from sat_host.config import ArrayConfig
from sat_host.descriptor import WUVE

from .latencies import HOP, PORT, READER
from .memory import RUN_WORDS, Memory, Traffic
from .pieces import Pieces, Timing, with_memory
from .traffic import listed
from .work import UpdateWork


def update_cycles(config: ArrayConfig, memory: Memory, update: UpdateWork) -> Pieces:
    """The pieces of an update, arrays of one element; those that it does not have are zero."""
    return with_memory(update_timing(config, update), memory, update.places(memory.banks))


def update_timing(config: ArrayConfig, update: UpdateWork) -> Timing:
    """What of `update_cycles` does not depend on the memory.

    A row of a block takes two cycles, as does the transposer. Rows that the last blocks lack take
    their turns. start: the last block's way through transposer, selector and writer.
    """
    lanes, group = config.lanes, config.group
    grid = config.blocks(update.rows) * config.blocks(update.columns)
    ff, bp = (
        keep + config.index_words(keep) + hops * HOP - 1 if keep else 0
        for keep, hops in ((update.ff_keep, 2), (update.bp_keep, 3))
    )
    if update.bp_keep:
        bp += lanes
    marks = 4 * group + 2 * HOP + 2 if update.masked and update.bp_keep else 0
    none = np.zeros(1, np.int64)
    start = none + 2 * READER + HOP + PORT + 3 + marks + max(ff, bp)
    traffic = update_traffic(config, update)
    # At its start the memory is only read, at its end only written: each for a port's latency.
    # Rows that the last blocks lack need none.
    height, tail = config.blocks(update.rows), (update.rows - 1) % lanes + 1
    lacking = max(2 * config.blocks(update.columns) * (lanes - 2 * tail), 0) if height > 1 else 0
    quiet = 2 * READER + HOP + PORT // 2 + marks + lacking - start
    return Timing(
        none + 2 * lanes * grid, none, none, none, None,
        start,
        Traffic(none, none), Traffic(none, none), none, traffic, {},
        dict.fromkeys(traffic, quiet),
    )  # fmt: skip


def update_traffic(config: ArrayConfig, update: UpdateWork) -> dict[str, Traffic]:
    """What an update moves, by operand: weights, velocity, gradient, ff, bp, commands."""
    columns = config.blocks(update.columns)
    records = config.blocks(update.rows) * columns
    runs = {"weights": 2, "velocity": 2, "gradient": 1}  # read and written; read
    each = 2 * update.rows * columns
    through = -(-each // RUN_WORDS) if columns == 1 else update.rows * columns
    words = {name: (each * ways, through * ways) for name, ways in runs.items()}
    for name, keep in (("ff", update.ff_keep), ("bp", update.bp_keep)):
        record = config.record_words(keep) if keep else 0
        words[name] = records * record, records * -(-record // RUN_WORDS)
    found = {
        name: Traffic(np.array([count * config.word_bytes], np.int64), np.array([times], np.int64))
        for name, (count, times) in words.items()
    }
    return {**found, "commands": listed(np.array([1]), WUVE.bytes)}

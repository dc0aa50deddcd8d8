# SPDX-License-Identifier: Apache-2.0
"""WUVE and SORE (kernels/update.h, mark_kept.h, sore.h). One function a process."""

from __future__ import annotations

from ..resources import Resources
from .kernel_text import interval, storage
from .operators import choice, comparison, cost, registers, shared
from .parts import control, ranking
from .storage import memory
from .widths import Widths

_MULTIPLICATIONS, _ADDITIONS = 5, 4  # of a weight's update
_DELAYED = 2  # words that wait for the operators, in shift registers


def update_blocks(widths: Widths) -> Resources:
    """kernels/update.h, update_blocks: lanes share operators in the cycles that a row has."""
    lanes = widths.config.lanes
    cycles = interval("update.h", "UpdateBlocks_Row")
    operators = shared("fmul maxdsp", _MULTIPLICATIONS * lanes, cycles, bits=64)
    operators += shared("fadd fulldsp", _ADDITIONS * lanes, cycles, bits=64)
    delayed = Resources(lut=_DELAYED * widths.sums)
    ways = Resources(lut=3 * widths.sums)
    rounded = cost("round to binary16", lanes)
    return operators + delayed + ways + rounded + registers(widths.sums, 6) + control(
        counters=5, comparisons=6, additions=3, selections=3, multiplications=2,
        kept=widths.tokens()["WuveCommand"],
    )  # fmt: skip


def read_rows(widths: Widths) -> Resources:
    """A reader of rows of blocks: address and two words."""
    return registers(widths.sums, 2) + choice(2, widths.sums) + _blocks(widths)


def write_rows(widths: Widths) -> Resources:
    """A writer of rows of blocks."""
    return registers(widths.sums) + choice(2, widths.word) + _blocks(widths)


def round_copies(widths: Widths) -> Resources:
    """The binary16 copies of old weights, for SR-STE's marks."""
    return cost("round to binary16", widths.config.lanes)


def mark_kept(widths: Widths) -> Resources:
    """kernels/mark_kept.h: a ranking, and which elements are kept."""
    config = widths.config
    kept = (choice(config.group, 8) + comparison(8)) * config.lanes
    return ranking(config) + kept + _blocks(widths)


def select(widths: Widths) -> Resources:
    """kernels/sore.h, a selector: a group comes in while the one before leaves."""
    config = widths.config
    leaving = registers(24 * config.group * config.lanes)
    picked = cost(f"pick of a lane, group {config.group}", config.lanes)
    kept = (choice(config.group, 8) + comparison(8)) * config.lanes
    out = registers(widths.tokens()["SelectionT"], 2)
    return ranking(config) + leaving + picked + kept + out + _blocks(widths)


def assemble(widths: Widths) -> Resources:
    """kernels/sore.h, assemble_records: the gathered index word, and those of a record."""
    indices = memory(widths.word, widths.index_words, storage()["sore.h:indices"])
    gathered = Resources(lut=2 * widths.word) + registers(widths.word, 2)
    return indices + gathered + _blocks(widths)


def write_records(widths: Widths) -> Resources:
    """kernels/sore.h, write_records: one burst a record."""
    return registers(widths.word) + _blocks(widths)


def _blocks(widths: Widths) -> Resources:
    """A walk through the blocks of a matrix (kernels/block_grid.h)."""
    return control(
        counters=4, comparisons=5, additions=4, selections=2, multiplications=2,
        kept=widths.tokens()["WuveCommand"],
    )  # fmt: skip

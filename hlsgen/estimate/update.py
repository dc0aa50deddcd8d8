# SPDX-License-Identifier: Apache-2.0
"""WUVE and SORE (kernels/update.h, mark_kept.h, sore.h). One function a process."""

from __future__ import annotations

from ..resources import Resources
from .kernel_text import interval, storage
from .operators import choice, comparison, cost, registers, shared
from .parts import block, control, ranking
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
        counters=4, comparisons=7, additions=3, selections=4, multiplications=1,
        kept=_command(widths) + 32 * 2,
    )  # fmt: skip


def read_rows(widths: Widths) -> Resources:
    """A reader of rows of blocks: address and two words."""
    return registers(widths.sums, 2) + choice(2, widths.sums) + _rows(widths)


def write_rows(widths: Widths) -> Resources:
    """A writer of rows of blocks."""
    return registers(widths.sums) + choice(2, widths.word) + _rows(widths)


def round_copies(widths: Widths) -> Resources:
    """The binary16 copies of old weights, for SR-STE's marks."""
    return cost("round to binary16", widths.config.lanes)


def mark_kept(widths: Widths) -> Resources:
    """kernels/mark_kept.h: a ranking, and which elements are kept."""
    config = widths.config
    kept = (choice(config.group, 8) + comparison(8)) * config.lanes
    return ranking(config) + kept + control(
        counters=4, comparisons=4, additions=5, selections=2, multiplications=1,
        kept=_command(widths) + 32 * 3,
    )  # fmt: skip


def select(widths: Widths) -> Resources:
    """kernels/sore.h, a selector: a group comes in while the one before leaves."""
    config = widths.config
    leaving = registers(24 * config.group * config.lanes)
    picked = cost(f"pick of a lane, group {config.group}", config.lanes)
    kept = (choice(config.group, 8) + comparison(8)) * config.lanes
    out = registers(widths.tokens()["SelectionT"], 2)
    return ranking(config) + leaving + picked + kept + out + control(
        counters=4, comparisons=4, additions=3, selections=1, multiplications=1,
        kept=_command(widths),
    )  # fmt: skip


def transpose(widths: Widths) -> Resources:
    """kernels/sore.h, transpose_blocks: one block that fills and empties in turn."""
    return block(widths.config.lanes) + control(
        counters=3, additions=2, multiplications=1, kept=_command(widths)
    )


def assemble(widths: Widths) -> Resources:
    """kernels/sore.h, assemble_records: the gathered index word, and those of a record."""
    indices = memory(widths.word, widths.index_words, storage()["sore.h:indices"])
    gathered = Resources(lut=2 * widths.word) + registers(widths.word, 2)
    return indices + gathered + control(
        counters=5, comparisons=3, additions=4, selections=2, multiplications=2,
        kept=_command(widths),
    )  # fmt: skip


def write_records(widths: Widths) -> Resources:
    """kernels/sore.h, both write_records. Forward goes from record to record as their blocks lie;
    backward only counts."""
    forward = control(
        counters=4, comparisons=2, additions=7, selections=4, multiplications=3,
        kept=_command(widths) + 32 * 6,
    )  # fmt: skip
    backward = control(counters=2, additions=4, multiplications=2, kept=_command(widths) + 32)
    return registers(widths.word) * 2 + forward + backward


def _rows(widths: Widths) -> Resources:
    """A walk through the rows of a matrix, block after block (kernels/block_grid.h)."""
    return control(
        counters=4, comparisons=3, additions=7, selections=4, multiplications=1,
        kept=_command(widths) + 32 * 8,
    )  # fmt: skip


def _command(widths: Widths) -> int:
    """A command's bits."""
    return widths.tokens()["WuveCommand"]

# SPDX-License-Identifier: Apache-2.0
"""The processes at the ends of the chain: what feeds it, and the store.

One function a process, with as many counters, products and divisions as its header has. A counter
has its bound's comparison and its restart. A product with a constant is a shift or an addition; a
selection before or behind an addition shares its LUTs, and is mostly not counted. kept: commands,
and what a loop carries beside its counters.
"""

from __future__ import annotations

from ..resources import Resources
from .kernel_text import storage
from .operators import choice, comparison, cost, registers
from .parts import block, control
from .storage import lut_ram, memory
from .widths import OUTPUT_TILE_NUMBERS, ROW_WALK_NUMBERS, TILE_NUMBERS, Widths


def fetch_commands(widths: Widths) -> Resources:
    """kernels/fetch.h: two commands, and the counts of a tile."""
    kept = 2 * widths.command + 32 * (TILE_NUMBERS + OUTPUT_TILE_NUMBERS)
    return control(
        counters=2, comparisons=6, additions=15, selections=11, multiplications=12, divisions=2,
        kept=kept,
    )  # fmt: skip


def place_units(widths: Widths) -> Resources:
    """kernels/output_rows.h: a walk through a tile's rows, kept for each row unit of two tiles."""
    places = lut_ram(32 * ROW_WALK_NUMBERS, 2 * widths.config.rows)
    return places + control(
        counters=6, comparisons=5, additions=3, selections=5,
        kept=32 * (OUTPUT_TILE_NUMBERS + 2),
    )  # fmt: skip


def read_activations(widths: Widths) -> Resources:
    """kernels/read_activations.h: three loops, of which two walk pixels and taps."""
    data = registers(widths.word, 2) + Resources(lut=widths.word)
    return data + control(
        counters=16, comparisons=19, additions=16, selections=18, multiplications=11, divisions=1,
        kept=widths.command,
    )  # fmt: skip


def strip_buffer(widths: Widths) -> Resources:
    """The two halves of kernels/hold_activations.h, as many copies as a token has rows."""
    config = widths.config
    made_of = storage()["hold_activations.h:buffer.half"]
    return memory(widths.word, config.strip_words, made_of) * (2 * config.feed)


def hold_activations(widths: Widths) -> Resources:
    """The control of kernels/hold_activations.h: a command is served while the next one fills, with
    four holdings of five numbers: two kinds of a command's, the served one, and the filling one."""
    token = widths.config.feed * widths.word
    data = registers(token, 3) + choice(2, token) + Resources(lut=token)
    return data + control(
        counters=18, comparisons=24, additions=21, selections=25, multiplications=12, divisions=6,
        kept=2 * widths.command + 32 * 4 * 5,
    )  # fmt: skip


def arrange_activations(widths: Widths) -> Resources:
    """kernels/arrange_activations.h but for its transposers: pruning, the 17-bit form, and the two
    blocks of transposed A, of five numbers each."""
    config = widths.config
    lanes = config.feed * config.lanes
    pruned = cost(f"prune a lane, group {config.group}", lanes)
    unpacked = cost("unpack binary16", lanes + config.lanes)
    token = config.feed * widths.operands
    return pruned + unpacked + registers(token, 3) + choice(2, token) + control(
        counters=8, comparisons=12, additions=7, selections=8, multiplications=7, divisions=3,
        kept=widths.command + 32 * (2 * 5 + 1),
    )  # fmt: skip


def read_weights(widths: Widths) -> Resources:
    """kernels/read_weights.h: a walk through tiles, taps, panels and runs of words."""
    return registers(widths.word, 2) + control(
        counters=6, comparisons=6, additions=13, selections=10, multiplications=2,
        kept=widths.command + 32 * 18,
    )  # fmt: skip


def panels(widths: Widths) -> Resources:
    """The two panels of kernels/form_packets.h: values and indices."""
    config, made_of = widths.config, storage()
    values = memory(
        widths.word,
        2 * config.memory_tile * config.lanes,
        made_of["form_packets.h:panels.values"],
    )
    indices = memory(
        widths.word,
        2 * config.memory_tile * widths.index_words,
        made_of["form_packets.h:panels.indices"],
    )
    return values + indices


def form_packets(widths: Widths) -> Resources:
    """kernels/form_packets.h but for its memories and transposer."""
    config = widths.config
    lane = (
        cost("unpack binary16")
        + choice(16 // config.index_bits, config.index_bits)
        + comparison(32)
        + choice(2, 16)
    )
    return lane * config.lanes + registers(widths.packet, 3) + control(
        counters=13, comparisons=15, additions=9, selections=8, multiplications=2,
        kept=3 * widths.command,
    )  # fmt: skip


def read_sums(widths: Widths) -> Resources:
    """kernels/sums.h, the end at which stored sums enter, a word of half a sum at a time."""
    return registers(widths.sums, 2) + choice(2, widths.word) + control(
        counters=6, comparisons=10, additions=14, selections=12, divisions=1,
        kept=widths.command + 32 * (OUTPUT_TILE_NUMBERS + 11),
    )  # fmt: skip


def store_tiles(widths: Widths) -> Resources:
    """kernels/sums.h, the store: rounding, columns beyond the tile, and the count of faults. A word
    is a rounded sum or half of one, which is held for both."""
    lanes = widths.config.lanes
    rounded = cost("round to binary16", lanes)
    counted = Resources(lut=4 * lanes)
    data = registers(widths.sums, 3) + Resources(lut=widths.sums)
    data += choice(3, widths.word) + choice(2, widths.sums)
    return rounded + counted + data + control(
        counters=5, comparisons=3, additions=10, selections=8,
        kept=32 * (OUTPUT_TILE_NUMBERS + 8),
    )  # fmt: skip


def transposer(widths: Widths) -> Resources:
    """A block of registers (kernels/vitis/block_registers.h)."""
    return block(widths.config.lanes)

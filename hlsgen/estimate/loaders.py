# SPDX-License-Identifier: Apache-2.0
"""The processes at the ends of the chain: what feeds it, and the store.

One function a process, with as many counters, products and divisions as its header has.
"""

from __future__ import annotations

from ..resources import Resources
from .kernel_text import storage
from .operators import choice, comparison, cost, registers
from .parts import block, control
from .storage import lut_ram, memory
from .widths import OUTPUT_TILE_NUMBERS, TILE_NUMBERS, Widths


def fetch_commands(widths: Widths) -> Resources:
    """kernels/fetch.h: two commands, and the counts of a tile."""
    kept = 2 * widths.command + 32 * (TILE_NUMBERS + OUTPUT_TILE_NUMBERS)
    return control(
        counters=2, comparisons=6, additions=14, selections=10, multiplications=12, divisions=2,
        kept=kept,
    )  # fmt: skip


def place_units(widths: Widths) -> Resources:
    """kernels/output_rows.h: a walk through a tile's rows, kept for each row unit."""
    places = lut_ram(96, widths.config.rows)
    return places + control(
        counters=4, comparisons=5, additions=3, selections=4, multiplications=1,
        kept=32 * OUTPUT_TILE_NUMBERS,
    )  # fmt: skip


def read_activations(widths: Widths) -> Resources:
    """kernels/read_activations.h: three loops, of which two walk pixels and taps."""
    data = registers(widths.word, 2) + Resources(lut=widths.word)
    return data + control(
        counters=16, comparisons=18, additions=16, selections=12, multiplications=9, divisions=1,
        kept=widths.command,
    )  # fmt: skip


def strip_buffer(widths: Widths) -> Resources:
    """The two halves of kernels/hold_activations.h, as many copies as a token has rows."""
    config = widths.config
    made_of = storage()["hold_activations.h:buffer.half"]
    return memory(widths.word, config.strip_words, made_of) * (2 * config.feed)


def hold_activations(widths: Widths) -> Resources:
    """The control of kernels/hold_activations.h: a served holding, a filled one, and the walk."""
    token = widths.config.feed * widths.word
    data = registers(token, 3) + choice(2, token) + Resources(lut=token)
    return data + control(
        counters=18, comparisons=22, additions=20, selections=20, multiplications=12, divisions=5,
        kept=3 * widths.command,
    )  # fmt: skip


def arrange_activations(widths: Widths) -> Resources:
    """kernels/arrange_activations.h but for its transposer: pruning, and the 17-bit form."""
    config = widths.config
    lanes = config.feed * config.lanes
    pruned = cost(f"prune a lane, group {config.group}", lanes)
    unpacked = cost("unpack binary16", lanes + config.lanes)
    token = config.feed * widths.operands
    return pruned + unpacked + registers(token, 3) + choice(2, token) + control(
        counters=8, comparisons=12, additions=6, selections=8, multiplications=7, divisions=3,
        kept=widths.command,
    )  # fmt: skip


def read_weights(widths: Widths) -> Resources:
    """kernels/read_weights.h: runs of words at consecutive addresses."""
    return registers(widths.word, 2) + control(
        counters=7, comparisons=8, additions=5, selections=6, multiplications=3,
        kept=widths.command,
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
        counters=14, comparisons=14, additions=10, selections=10, multiplications=5,
        kept=3 * widths.command,
    )  # fmt: skip


def read_sums(widths: Widths) -> Resources:
    """kernels/sums.h, the end at which stored sums enter."""
    return registers(widths.sums, 2) + choice(2, widths.sums) + control(
        counters=6, comparisons=9, additions=6, selections=6, multiplications=2, divisions=1,
        kept=widths.command + 32 * OUTPUT_TILE_NUMBERS,
    )  # fmt: skip


def store_tiles(widths: Widths) -> Resources:
    """kernels/sums.h, the store: rounding, columns beyond the tile, and the count of faults."""
    lanes = widths.config.lanes
    rounded = cost("round to binary16", lanes)
    counted = Resources(lut=4 * lanes)
    data = registers(widths.sums, 3) + Resources(lut=widths.sums) + choice(2, widths.word)
    return rounded + counted + data + control(
        counters=12, comparisons=18, additions=10, selections=12, multiplications=4,
        kept=32 * OUTPUT_TILE_NUMBERS,
    )  # fmt: skip


def transposer(widths: Widths) -> Resources:
    """A block of registers (kernels/block_transpose.h)."""
    return block(widths.config.lanes)

# SPDX-License-Identifier: Apache-2.0
"""The cycle model beside the kernels: PeriodPlan and the commands count the same."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from accelerators import ARRAYS, probe
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sat_host import convolution_program
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.descriptor import STCE
from sat_host.program import (
    Commands,
    Operand,
    Product,
    Source,
    Target,
    batch_commands,
    product_commands,
)

from hlsgen.schedule.cycles import (
    PIECES,
    product_cycles,
    product_traffic,
    row_unit_cycles,
    update_cycles,
    update_traffic,
)
from hlsgen.schedule.memory import ASSUMED_BURST_OVERHEAD_BYTES, Memory, Traffic
from hlsgen.schedule.work import ProductWork, UpdateWork

MEMORY = Memory(4, 96.0, ASSUMED_BURST_OVERHEAD_BYTES)
NAMES = sorted(ARRAYS)

# The periods of row_unit.h's loop over a list; PeriodPlan counts each.
PROBE = """
#include <cstdint>
#include "fetch.h"
#include "period.h"

template <class Config>
std::int64_t list_cycles(int count, const sat::StceCommand* commands, int row) {
  sat::PeriodTiles tiles;
  tiles.row = static_cast<std::uint32_t>(row);
  tiles.drained = sat::end_of_tiles();
  tiles.computed = sat::end_of_tiles();
  int next = 0;
  const auto take = [&] {
    return next < count ? sat::tile_of<Config>(commands[next++]) : sat::end_of_tiles();
  };
  tiles.entering = take();
  std::int64_t cycles = 0;
  while (tiles.drained.valid || tiles.computed.valid || tiles.entering.valid) {
    cycles += sat::PeriodPlan<Config>(tiles).cycles;
    tiles.drained = tiles.computed;
    tiles.computed = tiles.entering;
    if (tiles.entering.valid) tiles.entering = take();
  }
  return cycles;
}
"""

CONFIG = """
struct Config_{name} {{
  static constexpr int kRows = {c.rows}, kLanes = {c.lanes}, kGroup = {c.group};
  static constexpr int kInterleave = {c.interleave}, kMemoryTile = {c.memory_tile};
  static constexpr int kAdderLatency = {c.adder_latency};
}};
extern "C" __attribute__((visibility("default"))) std::int64_t cycles_{name}(
    int count, const sat::StceCommand* commands, int row) {{
  return list_cycles<Config_{name}>(count, commands, row);
}}
"""

Count = Callable[[str, Commands, int], int]


@pytest.fixture(scope="module")
def kernel_cycles() -> Count:
    """Cycles of a row unit of the named array over a list, as the kernels count them."""
    configs = [CONFIG.format(name=name, c=config) for name, config in ARRAYS.items()]
    library = probe(PROBE + "".join(configs), (".", "kernels", "kernels/csim"))

    def count(name: str, commands: Commands, row: int) -> int:
        function = getattr(library, f"cycles_{name}")
        function.restype = ctypes.c_int64
        given = np.ascontiguousarray(commands)
        return int(function(len(given), given.ctypes.data_as(ctypes.c_void_p), row))

    return count


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, ArrayConfig, ProductWork, bool]:
    """An array of ARRAYS by name, the same with smaller tiles allowed, and work for it."""
    name = draw(st.sampled_from(NAMES))
    full = ARRAYS[name]
    config = replace(
        full,
        interleave=draw(st.integers(1, full.interleave)),
        memory_tile=draw(st.integers(1, full.memory_tile)),
    )
    transposed = draw(st.booleans())
    strip, tile = config.rows * config.interleave, config.lanes * config.memory_tile
    channels = draw(st.integers(1, 3 * config.lanes))
    taps = draw(st.integers(1, 5))
    rows = taps * channels if transposed else draw(st.integers(1, 4 * strip))
    form = draw(st.sampled_from(["packed", "matrix", "columns"]))
    packed = form == "packed"
    work = ProductWork(
        "layer",
        "FF",
        copies=draw(st.integers(1, 3)),
        rows=rows,
        columns=draw(st.integers(1, 4 * tile)),
        reduction=draw(st.integers(1, 5 * config.lanes)),
        taps=taps if packed and not transposed else 1,
        keep=draw(st.integers(1, config.group)) if packed else config.group,
        transposed_a=transposed,
        transposed_b=form == "columns",
        packed_b=packed,
        binary32=draw(st.booleans()),
        a_channels=channels,
    )
    if not transposed:
        work = replace(work, a_channels=work.reduction)
    return name, config, work, draw(st.booleans())


def commands_of(config: ArrayConfig, work: ProductWork, accumulate: bool) -> Commands:
    """The list of the work, its matrices at address zero; the taps are a kernel of one row."""
    taps = work.rows // work.a_channels if work.transposed_a else work.taps
    product = Product(
        work.rows,
        work.columns,
        work.reduction,
        Source(0, config.blocks(work.a_channels), work.a_channels, (1, 64), (1, 64), (1, taps)),
        Operand(0, work.packed_b, work.keep, transposed=work.transposed_b),
        Target.rows(0, 1, work.binary32),
        transpose_a=work.transposed_a,
        accumulate=accumulate,
    )
    return batch_commands(config, product, work.copies, (0, 0, 0))


def tile_of(config: ArrayConfig, commands: Commands) -> tuple[int, int]:
    """T and Q of a list."""
    return int(commands["interleave"][0]), config.blocks(int(commands["columns"].max()))


@settings(max_examples=600)
@given(case=cases())
def test_row_units_take_the_cycles_that_the_kernels_count(
    case: tuple[str, ArrayConfig, ProductWork, bool], kernel_cycles: Count
) -> None:
    name, config, work, accumulate = case
    commands = commands_of(config, work, accumulate)
    found = row_unit_cycles(config, work, *tile_of(config, commands), accumulate=accumulate)
    rows = {kernel_cycles(name, commands, row) for row in (0, config.rows - 1)}
    assert rows == {int(found.total[0])}


SHAPES = (
    Convolution(2, 9, 7, 21, 40, (3, 3), (1, 1), (1, 1)),
    Convolution(3, 8, 8, 8, 70, (3, 3), (2, 2), (1, 1)),
    Convolution(1, 6, 5, 33, 16, (1, 1)),
    Convolution.linear(77, 100, 10),
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_stages_of_a_convolution_take_the_cycles_that_the_kernels_count(
    shape: Convolution, name: str, kernel_cycles: Count
) -> None:
    config = ARRAYS[name]
    products = [
        convolution_program.forward(config, shape, 0, (0, 2), 0),
        *convolution_program.backward(config, shape, 0, (0, 1), 0),
        convolution_program.gradient(config, shape, 0, 0, 0, accumulate=False),
        convolution_program.gradient(config, shape, 0, 0, 0, accumulate=True),
    ]
    for product in products:
        work = ProductWork(
            "layer", "any", 1, product.rows, product.columns, product.reduction,
            product.sum_taps, product.b.keep, product.transpose_a,
            packed_b=product.b.packed, binary32=product.y.binary32,
            a_channels=product.a.channels,
        )  # fmt: skip
        commands = product_commands(config, product)
        tile = tile_of(config, commands)
        found = row_unit_cycles(config, work, *tile, accumulate=product.accumulate)
        assert int(found.total[0]) == kernel_cycles(name, commands, 0)
        moved = product_traffic(config, work, *tile, accumulate=product.accumulate)
        assert {key: int(value.bytes[0]) for key, value in moved.items()} == walked(
            config, commands
        )


def walked(config: ArrayConfig, commands: Commands) -> dict[str, int]:
    """Bytes that the processes of a list move, command by command, panel by panel."""
    words = {"a": 0, "b": 0, "y": 0}
    for command in commands:
        flags = {flag.name: bool(int(command["flags"]) >> flag.bit & 1) for flag in STCE.flags}
        rows, columns = int(command["rows"]), int(command["columns"])
        taps = 1 if flags["transpose_a"] else int(command["taps_y"]) * int(command["taps_x"])
        blocks = len(range(0, columns, config.lanes))
        for _ in range(taps):
            for first in range(0, int(command["reduction"]), config.lanes):
                elements = min(config.lanes, int(command["reduction"]) - first)
                words["a"] += elements * int(command["a_words"]) if flags["transpose_a"] else rows
                if flags["packed_b"]:
                    words["b"] += blocks * config.record_words(int(command["keep"]))
                else:
                    words["b"] += columns if flags["transpose_b"] else elements * blocks
        ways = 2 if flags["accumulate"] else 1
        words["y"] += rows * blocks * ways * (2 if flags["binary32"] else 1)
    found = {name: count * config.word_bytes for name, count in words.items()}
    return {**found, "commands": commands.nbytes}


@settings(max_examples=300)
@given(case=cases())
def test_bytes_are_those_of_the_commands(case: tuple[str, ArrayConfig, ProductWork, bool]) -> None:
    _, config, work, accumulate = case
    commands = commands_of(config, work, accumulate)
    moved = product_traffic(config, work, *tile_of(config, commands), accumulate=accumulate)
    found = {name: int(traffic.bytes[0]) for name, traffic in moved.items()}
    assert found == walked(config, commands)
    for traffic in moved.values():
        assert 0 < int(traffic.bursts[0]) <= int(traffic.bytes[0])


@given(case=cases())
def test_pieces_add_up_and_candidates_do_not_mix(
    case: tuple[str, ArrayConfig, ProductWork, bool],
) -> None:
    _, config, work, accumulate = case
    interleave = np.arange(1, config.interleave + 1)[:, None]
    blocks = np.arange(1, config.memory_tile + 1)
    pieces = product_cycles(config, MEMORY, work, interleave, blocks, accumulate=accumulate)
    shape = (config.interleave, config.memory_tile)
    assert pieces.total.shape == pieces.bound.shape == shape
    parts = np.stack([getattr(pieces, name) for name in PIECES])
    assert parts.dtype == pieces.total.dtype == np.int64
    assert parts.min() >= 0 and pieces.compute.min() > 0 and pieces.fill.min() > 0
    assert np.array_equal(parts.sum(axis=0), pieces.total)
    rows = row_unit_cycles(config, work, interleave, blocks, accumulate=accumulate)
    assert np.all(pieces.total > rows.total)
    for place in ((0, 0), (-1, 0), (-1, -1)):
        t, q = int(interleave[place[0], 0]), int(blocks[place[1]])
        one = product_cycles(config, MEMORY, work, t, q, accumulate=accumulate)
        assert int(one.total[0]) == pieces.total[place]
        assert one.bound[0] == pieces.bound[place]
        assert getattr(one, str(one.bound[0]))[0] == parts[(slice(None), *place)].max()


@given(case=cases(), slower=st.floats(0.01, 1.0), banks=st.integers(1, 4))
def test_less_bandwidth_never_helps(
    case: tuple[str, ArrayConfig, ProductWork, bool], slower: float, banks: int
) -> None:
    _, config, work, _ = case
    tile = config.interleave, config.memory_tile
    fast = Memory(banks, 32.0, ASSUMED_BURST_OVERHEAD_BYTES)
    slow = replace(fast, bytes_per_cycle=32.0 * slower)
    idle = replace(fast, burst_overhead_bytes=0.0)
    totals = [product_cycles(config, m, work, *tile).total[0] for m in (idle, fast, slow)]
    assert totals == sorted(totals)
    update = UpdateWork("layer", work.rows, work.columns, work.keep, work.keep)
    totals = [update_cycles(config, m, update).total[0] for m in (idle, fast, slow)]
    assert totals == sorted(totals)


@given(case=cases())
def test_more_kept_weights_never_take_less(
    case: tuple[str, ArrayConfig, ProductWork, bool],
) -> None:
    """But where the array waits, which it does less as panels get longer. A dense tail skips the
    padding of its last group and has no indices, so it is no part of this."""
    _, config, work, _ = case
    assume(work.packed_b)
    tile = config.interleave, config.memory_tile
    found = [
        product_cycles(config, MEMORY, replace(work, keep=keep), *tile)
        for keep in range(1, config.group)
    ]
    assert [p.compute[0] for p in found] == sorted(p.compute[0] for p in found)
    assert [p.bytes["b"][0] for p in found] == sorted(p.bytes["b"][0] for p in found)
    waits = ("distribution", "b_delivery", "drain", "store")
    if not any(getattr(pieces, name)[0] for pieces in found for name in waits):
        assert [p.total[0] for p in found] == sorted(p.total[0] for p in found)


def test_pieces_of_a_product_counted_by_hand() -> None:
    """Two strips of two tiles on 32 x 32: 2:8, T = 16, Q = 8 and a ragged tile of one block."""
    config = ARRAYS["32x32_g8"]
    work = ProductWork("layer", "FF", 1, 1024, 9 * 32, 64, 9, 2)
    pieces = product_cycles(config, MEMORY, work, 16, 8)
    # 18 panels of 8 packets a block, 16 cycles each; a narrow tile's panel takes 128 cycles for
    # products and 512 for activations, but for the very last, beside which none come in.
    assert pieces.compute[0] == 2 * 18 * 8 * 16 * 9
    assert pieces.distribution[0] == 2 * 18 * (512 - 128) - (512 - 128)
    # Records of 10 words: 80 cycles of a full panel's 8 packets x 16 cycles; nothing is left over.
    assert pieces.b_delivery[0] == 0
    assert pieces.drain[0] == 0
    assert pieces.store[0] == 1024 * 9  # a second cycle for each sum of a lane
    assert pieces.fill[0] == 512 + 512 + 64 + 32 * 8
    dense = product_cycles(config, MEMORY, replace(work, keep=8), 16, 8)
    # 256 cycles to fill 32 words of 8 blocks, 128 of which the stream's packets cover.
    assert dense.b_delivery[0] == 2 * 18 * 128


def test_transposed_activations_wait_for_the_transposer() -> None:
    """A strip of 16 words of channels: 16 blocks to fill, the first one beside the products."""
    config = ARRAYS["32x32_g8"]
    work = ProductWork(
        "layer", "WU", 1, 512, 256, 320, 1, 8, transposed_a=True, packed_b=False, a_channels=512
    )
    straight = replace(work, transposed_a=False)
    found, plain = (product_cycles(config, MEMORY, w, 16, 8) for w in (work, straight))
    assert found.distribution[0] - plain.distribution[0] == 10 * 15 * 32
    # Strips that begin in the middle of a word read it once more: 3 x 160 rows of 3 x 5 words.
    split = replace(work, rows=480, a_channels=160)
    moved = product_traffic(config, split, [4, 5, 16], 8)["a"]
    assert (moved.bytes // (64 * 320)).tolist() == [15, 15, 15]
    odd = product_traffic(ARRAYS["3x64_g8"], replace(split, a_channels=480), [1, 5], 1)["a"]
    assert (odd.bursts // (320 * 4)).tolist() == [8 + 160 - 1 - 2, 8 + 32 - 1 - 0]


def test_an_update_takes_two_cycles_a_row() -> None:
    config = ARRAYS["32x32_g8"]
    update = UpdateWork("layer", 100, 64, 2, 0)
    pieces = update_cycles(config, MEMORY, update)
    assert pieces.compute.tolist() == [4 * 2 * 32 * 2]
    assert pieces.fill.tolist() == [8 + 10 + 64]
    moved = {
        name: int(traffic.bytes[0]) for name, traffic in update_traffic(config, update).items()
    }
    matrix = 100 * 64 * 4
    assert moved == {
        "weights": 2 * matrix,
        "velocity": 2 * matrix,
        "gradient": matrix,
        "ff": 8 * 640,
        "bp": 0,
        "commands": 64,
    }
    # All in one bank: 8 bursts of 640 bytes, 1,000 of 128 and the command.
    slow = update_cycles(config, Memory(1, 1.0, 64.0), update)
    bursts = 8 * (640 + 64) + 5 * 200 * (128 + 64) + 64 + 64
    assert slow.total[0] - slow.fill[0] == bursts
    assert slow.bound[0] == "memory"


def test_banks_share_the_operands() -> None:
    one = Traffic(np.array([1000]), np.array([10]))
    operands = {"a": one, "b": one, "y": one}
    for banks, most in ((1, 3), (2, 2), (3, 1), (4, 1)):
        assert Memory(banks, 4.0, 28.0).cycles(operands).tolist() == [most * 1280 // 4]
    assert Memory(1, 4.0, 28.0).efficiency(100) == 1000 / 1280


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((0, 1.0, 1.0), "banks"),
        ((1, 0.0, 1.0), "bytes_per_cycle"),
        ((1, float("nan"), 1.0), "bytes_per_cycle"),
        ((1, 1.0, -1.0), "burst_overhead_bytes"),
    ],
)
def test_a_memory_that_can_not_be(arguments: tuple[int, float, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Memory(*arguments)


@pytest.mark.parametrize(("tile", "named"), [((17, 1), "interleave"), ((1, 0), "blocks")])
def test_a_tile_that_the_array_can_not_hold(tile: tuple[int, int], named: str) -> None:
    work = ProductWork("layer", "FF", 1, 8, 8, 8, 1, 8)
    with pytest.raises(ValueError, match=named):
        product_cycles(ARRAYS["32x32_g8"], MEMORY, work, *tile)

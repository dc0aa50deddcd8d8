# SPDX-License-Identifier: Apache-2.0
"""The cycle model beside the kernels: PeriodPlan counts the same for the commands of a product."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from accelerators import ARRAYS, probe
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host import convolution_program
from sat_host.config import BATCH_TOKENS, ArrayConfig
from sat_host.convolution import Convolution
from sat_host.product import Operand, Product, Source, Target
from sat_host.program import Commands, batch_commands
from sat_host.segments import segments

from hlsgen.schedule.candidates import candidates
from hlsgen.schedule.cycles import row_unit_cycles
from hlsgen.schedule.options import ALL
from hlsgen.schedule.weight_stationary import stationary_unit_cycles
from hlsgen.schedule.work import WU, ProductWork

NAMES = sorted(ARRAYS)

# The periods of row_unit.h's loop over a list; PeriodPlan counts each.
PROBE = """
#include <cstdint>
#include <deque>
#include "fetch.h"
#include "row_steps.h"

template <class Config>
std::int64_t list_cycles(int count, const sat::StceCommand* commands, int row) {
  std::deque<sat::Tile> tiles;
  for (int i = 0; i < count; ++i) {
    const int width = sat::tile_columns<Config>(commands[i]);
    for (int left = static_cast<int>(commands[i].columns); left > 0; left -= width) {
      tiles.push_back(sat::tile_of<Config>(commands[i], left < width ? left : width));
    }
  }
  const auto take = [&] {
    if (tiles.empty()) return sat::end_of_tiles();
    const sat::Tile tile = tiles.front();
    tiles.pop_front();
    return tile;
  };
  sat::PeriodTiles at;
  at.drained = at.computed = sat::end_of_tiles();
  at.entering = take();
  int batch = 0;
  int packets = 0;
  std::int64_t cycles = 0;
  while (at.drained.valid || at.computed.valid || at.entering.valid) {
    const sat::RowStep step = sat::next_step<Config>(at, batch, packets);
    auto plan = sat::period_of<Config>(step, at, batch, packets);
    for (int above = 0; above < row; ++above) plan = plan.below();
    cycles += plan.cycles;
    sat::finish_step(step, at, batch, packets);
    if (step.ends_tile && step.enters) at.entering = take();
  }
  return cycles;
}
"""

CONFIG = """
struct Config_{name} {{
  static constexpr int kRows = {c.rows}, kLanes = {c.lanes}, kGroup = {c.group};
  static constexpr int kInterleave = {c.interleave}, kMemoryTile = {c.memory_tile};
  static constexpr int kAdderLatency = {c.adder_latency};
  static constexpr int kFeed = {c.feed}, kStripWords = {c.strip_words}, kBatchTokens = {batch};
  static constexpr bool kWeightStationary = true;
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
    configs = [
        CONFIG.format(name=name, c=config, batch=BATCH_TOKENS) for name, config in ARRAYS.items()
    ]
    library = probe(PROBE + "".join(configs), (".", "kernels", "kernels/csim"))

    def count(name: str, commands: Commands, row: int) -> int:
        function = getattr(library, f"cycles_{name}")
        function.restype = ctypes.c_int64
        given = np.ascontiguousarray(commands)
        return int(function(len(given), given.ctypes.data_as(ctypes.c_void_p), row))

    return count


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, ProductWork]:
    """An array of ARRAYS by name, and work for it."""
    name = draw(st.sampled_from(NAMES))
    config = ARRAYS[name]
    transposed = draw(st.booleans())
    strip, tile = config.rows * config.interleave, config.lanes * config.memory_tile
    channels = draw(st.integers(1, 3 * config.lanes))
    taps = draw(st.integers(1, 5))
    rows = taps * channels if transposed else draw(st.integers(1, 4 * strip))
    form = draw(st.sampled_from(["packed", "matrix", "columns"]))
    packed = form == "packed"
    reduction = draw(st.integers(1, 5 * config.lanes))
    binary32 = draw(st.booleans())
    channels = channels if transposed else reduction
    taps = taps if transposed or packed else 1
    product = Product(
        rows,
        draw(st.integers(1, 4 * tile)),
        reduction,
        Source(0, config.blocks(channels), channels, (1, 64), (1, 64), (1, taps)),
        Operand(
            0, packed, draw(st.integers(1, config.group)) if packed else config.group,
            transposed=form == "columns",
        ),
        Target.rows(0, 1, binary32),
        transpose_a=transposed,
        accumulate=binary32 and draw(st.booleans()),
    )  # fmt: skip
    return name, ProductWork("layer", "FF", draw(st.integers(1, 3)), product)


def check(kernel_cycles: Count, name: str, work: ProductWork, numbers: list[int]) -> None:
    """Some of the tilings of a work, in the model and in the kernels."""
    config: ArrayConfig = ARRAYS[name]
    for found in candidates(config, work, ALL):
        if found.dataflow == "os":
            cycles = row_unit_cycles(config, work, found.interleave, found.blocks).total
        else:
            cycles = stationary_unit_cycles(config, work, found)
        for place in {number % found.size for number in numbers}:
            tiling = found.at(place)
            parts = segments(config, work.product, tiling, scratch=0)
            lists = [batch_commands(config, part, work.copies, (0, 0, 0), tiling) for part in parts]
            for row in (0, config.rows - 1):
                counted = sum(kernel_cycles(name, commands, row) for commands in lists)
                assert counted == int(cycles[place])


@pytest.mark.slow
@settings(max_examples=300)
@given(case=cases(), numbers=st.lists(st.integers(0, 10**6), min_size=4, max_size=4))
def test_row_units_take_the_cycles_that_the_kernels_count(
    case: tuple[str, ProductWork], numbers: list[int], kernel_cycles: Count
) -> None:
    check(kernel_cycles, *case, numbers)


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
    gradient = convolution_program.gradient(config, shape, 0, 0, 0, accumulate=False)
    products = [
        convolution_program.forward(config, shape, 0, (0, 2), 0),
        *convolution_program.backward(config, shape, 0, (0, 1), 0),
        gradient,
        replace(gradient, accumulate=True),
    ]
    for product in products:
        check(kernel_cycles, name, ProductWork("layer", "WU", 1, product, 0, WU), [0, 7, 100, 999])

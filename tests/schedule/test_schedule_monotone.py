# SPDX-License-Identifier: Apache-2.0
"""More of the hardware never takes longer, and more to multiply never less."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sat_host import convolution_program
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution

from hlsgen import workloads
from hlsgen.schedule.candidates import candidates
from hlsgen.schedule.choose import Layer, schedule
from hlsgen.schedule.cycles import product_cycles, product_timing
from hlsgen.schedule.memory import Memory
from hlsgen.schedule.options import ALL, Options
from hlsgen.schedule.pieces import PIECES
from hlsgen.schedule.work import BP, WU, ProductWork, UpdateWork, plain_product, works

pytestmark = pytest.mark.slow

CONFIG = ArrayConfig(32, 32, 8, 16, 8, 8)
MEMORY = Memory(4, 96.0, 64.0)
ENDLESS = Memory(4, 1e12, 0.0)


def products(config: ArrayConfig, shape: Convolution, keep: int) -> list[ProductWork]:
    """FF, WU and BP."""
    forward = convolution_program.forward(config, shape, 0, (0, keep), 0)
    gradient = convolution_program.gradient(config, shape, 0, 0, 0, accumulate=False)
    phases = convolution_program.backward(config, shape, 0, (0, keep), 0)
    return [
        ProductWork("a", "FF", 1, forward),
        ProductWork("a", "WU", 1, gradient, 0, WU),
        *(ProductWork("a", "BP", 1, phase, 0, BP) for phase in phases),
    ]


@st.composite
def arrays(draw: st.DrawFn) -> ArrayConfig:
    return ArrayConfig(
        draw(st.sampled_from([2, 8, 32])), draw(st.sampled_from([8, 16, 32])), 8,
        draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.sampled_from([1, 8])),
        draw(st.integers(1, 2)), 2048,
    )  # fmt: skip


@st.composite
def shapes(draw: st.DrawFn) -> Convolution:
    if draw(st.booleans()):
        sizes = (draw(st.integers(1, most)) for most in (2000, 200, 200))
        return Convolution.linear(*sizes)
    kernel = draw(st.sampled_from([1, 3]))
    side, stride = draw(st.integers(kernel, 12)), draw(st.integers(1, 2))
    sizes = (draw(st.integers(1, most)) for most in (16, 100, 100))
    images, channels, filters = sizes
    pair = kernel // 2, kernel // 2
    return Convolution(
        images, side, side, channels, filters, (kernel, kernel), (stride, stride), pair
    )


memories = st.builds(
    Memory,
    st.integers(1, 4),
    st.floats(0.5, 500.0),
    st.sampled_from([0.0, 64.0]),
)


@settings(max_examples=60)
@given(config=arrays(), shape=shapes(), keep=st.integers(1, 8), memory=memories,
       faster=st.floats(1.0, 10.0), place=st.integers(0, 3))  # fmt: skip
def test_more_bandwidth_never_takes_longer(
    config: ArrayConfig, shape: Convolution, keep: int, memory: Memory, faster: float, place: int
) -> None:
    """Nor with an update beside."""
    found = products(config, shape, keep)
    update = UpdateWork("b", shape.weight_rows(config.lanes), shape.filters, keep, keep, 1)
    steps = [found[place % len(found)]], [update, found[place % len(found)]]
    more = replace(memory, bytes_per_cycle=memory.bytes_per_cycle * faster)
    for step in steps:
        slow, fast = (
            sum(layer.cycles for layer in schedule(step, config, each)) for each in (memory, more)
        )
        assert fast <= slow


@settings(max_examples=60)
@given(config=arrays(), shape=shapes(), memory=memories, place=st.integers(0, 3))
def test_more_kept_weights_never_take_less(
    config: ArrayConfig, shape: Convolution, memory: Memory, place: int
) -> None:
    """Of each output stationary tiling. But where products wait for sums that leave: period.h
    starts the panels later, and a shorter last panel hides less of the next intake. All weights
    are left out: they have no indices, and their last group no padding."""
    kinds = [products(config, shape, keep) for keep in range(1, config.group)]
    of_keeps = [found[place % len(found)] for found in kinds]
    (tilings,) = candidates(config, of_keeps[0], Options(("os",)))
    pieces = [product_cycles(config, memory, work, tilings) for work in of_keeps]
    for less, more in pairwise(pieces):
        assert np.all((less.total <= more.total) | (less.drain > 0))
        assert np.all(less.total - less.drain <= more.total)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    sizes=st.tuples(st.integers(1, 8), st.integers(1, 6), st.integers(1, 6)),
    keep=st.sampled_from([1, 2, 4, 8]), place=st.integers(0, 2), smaller=st.sampled_from([8, 16]),
    tile=st.tuples(st.sampled_from([4, 16]), st.sampled_from([2, 8])),
)  # fmt: skip
def test_a_larger_array_that_divides_the_layer_is_no_slower(
    sizes: tuple[int, int, int], keep: int, place: int, smaller: int, tile: tuple[int, int]
) -> None:
    """But for its longer fill."""
    rows, channels, filters = sizes
    shape = Convolution.linear(1024 * rows, 32 * channels, 32 * filters)
    found = []
    for side in (smaller, 32):
        config = ArrayConfig(side, side, 8, *tile, 8)
        (layer,) = schedule([products(config, shape, keep)[place]], config, ENDLESS)
        found.append(layer)
    assert found[1].cycles - found[1].pieces["fill"] <= found[0].cycles


@settings(max_examples=40)
@given(config=arrays(), shape=shapes(), keep=st.integers(1, 8), memory=memories,
       place=st.integers(0, 3))  # fmt: skip
def test_options_only_help(
    config: ArrayConfig, shape: Convolution, keep: int, memory: Memory, place: int
) -> None:
    found = products(config, shape, keep)
    work = found[place % len(found)]

    def cycles(options: Options) -> int:
        return schedule([work], config, memory, options)[0].cycles

    best = cycles(ALL)
    assert best <= cycles(Options(("os",)))
    (tilings,) = candidates(config, work, Options(("os",)))
    on, off = (
        product_cycles(config, memory, work, tilings, Options(interleaved=interleaved))
        for interleaved in (True, False)
    )
    assert np.all((on.total <= off.total) | (on.drain > 0))
    if candidates(config, work, Options(("ws",)))[0].size:
        assert best == min(cycles(Options((dataflow,))) for dataflow in ("os", "ws"))
    if config.record_words(keep) <= config.value_words(8):
        assert best <= cycles(Options(pregenerated=False))


@settings(max_examples=60)
@given(config=arrays(), shape=shapes(), keep=st.integers(1, 8), memory=memories,
       place=st.integers(0, 3), accumulate=st.booleans())  # fmt: skip
def test_pieces_add_up_and_traffic_is_whole(
    config: ArrayConfig, shape: Convolution, keep: int, memory: Memory, place: int,
    accumulate: bool,
) -> None:  # fmt: skip
    found = products(config, shape, keep)
    work = found[place % len(found)]
    if work.binary32:
        work = replace(work, product=replace(work.product, accumulate=accumulate))
    for tilings in candidates(config, work, ALL):
        assume(tilings.size)
        timing = product_timing(config, work, tilings)
        pieces = product_cycles(config, memory, work, tilings)
        parts = np.stack([getattr(pieces, name) for name in PIECES])
        assert parts.dtype == np.int64 and parts.shape == (len(PIECES), tilings.size)
        assert parts.min() >= 0 and pieces.compute.min() > 0 and pieces.fill.min() > 0
        assert np.array_equal(parts.sum(axis=0), pieces.total)
        for moved in timing.traffic.values():
            assert np.all((moved.runs > 0) & (moved.runs * 4 <= moved.bytes))
        assert np.all(timing.load.bytes <= timing.traffic["a"].bytes)
        # Nothing is read or written less than once, nor multiplied.
        least = work.copies * work.rows * config.blocks(work.columns) * config.word_bytes
        assert np.all(timing.traffic["y"].bytes >= least)
        assert np.all(pieces.compute * config.rows * config.lanes >= work.macs(8))


def step_cycles(name: str, method: str, keep: int, config: ArrayConfig, memory: Memory) -> int:
    layers: list[Layer] = schedule(
        works(workloads.load(name), config, method, keep), config, memory
    )
    return sum(layer.cycles for layer in layers)


@pytest.mark.parametrize(
    "name",
    [
        name if name == "vit_cifar100" else pytest.param(name, marks=pytest.mark.slow)
        for name in workloads.PAPER
    ],
)  # fmt: skip
def test_the_paper_workloads_are_monotone(name: str) -> None:
    """In bandwidth, in kept weights and in the array's size."""
    speeds = [replace(MEMORY, bytes_per_cycle=each) for each in (12, 24, 48, 96, 192)]
    for method in ("dense", "bdwp"):
        by_speed = [step_cycles(name, method, 2, CONFIG, memory) for memory in speeds]
        assert by_speed == sorted(by_speed, reverse=True)
        by_size = [
            step_cycles(name, method, 2, replace(CONFIG, rows=side, lanes=side), MEMORY)
            for side in (8, 16, 32, 64)
        ]
        assert by_size == sorted(by_size, reverse=True)
    by_keep = [step_cycles(name, "bdwp", keep, CONFIG, MEMORY) for keep in range(1, 9)]
    assert by_keep == sorted(by_keep)


def test_a_product_of_one_bank_takes_its_bytes() -> None:
    """All operands in one bank of a byte a cycle: its bytes, and little more in which nothing
    moves."""
    work = ProductWork("a", "FF", 1, plain_product(CONFIG, 512, 256, 256))
    memory = Memory(1, 1.0, 0.0)
    (layer,) = schedule([work], CONFIG, memory, Options(("os",)))
    moved = sum(layer.bytes.values())
    assert moved <= layer.cycles <= 1.02 * moved

# SPDX-License-Identifier: Apache-2.0
"""The model's traffic beside the commands that the host makes of the same tiling."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host import convolution_program
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.descriptor import STCE
from sat_host.errors import ArgumentError
from sat_host.product import Product
from sat_host.program import Commands, product_commands
from sat_host.segments import segments
from sat_host.tiling import Tiling

from hlsgen.schedule import stationary_segments
from hlsgen.schedule.candidates import candidates
from hlsgen.schedule.cycles import product_timing
from hlsgen.schedule.options import ALL
from hlsgen.schedule.terms import terms
from hlsgen.schedule.work import ProductWork


@st.composite
def products(draw: st.DrawFn) -> tuple[ArrayConfig, Product]:
    config = ArrayConfig(
        draw(st.sampled_from([1, 2, 5])), draw(st.sampled_from([8, 16])), 8,
        draw(st.integers(2, 8)), draw(st.integers(1, 4)), 2, draw(st.integers(1, 2)),
        draw(st.sampled_from([96, 256])),
    )  # fmt: skip
    kernel = draw(st.sampled_from([1, 3]))
    side, stride = draw(st.integers(kernel, 9)), draw(st.integers(1, 2))
    images, channels, filters = (draw(st.integers(1, most)) for most in (3, 40, 40))
    shape = Convolution(
        images, side, side, channels, filters, (kernel,) * 2, (stride,) * 2, (kernel // 2,) * 2
    )
    keep = draw(st.integers(1, 8))
    found = [
        convolution_program.forward(config, shape, 0, (0, keep), 0),
        convolution_program.gradient(config, shape, 0, 0, 0, accumulate=False),
        *convolution_program.backward(config, shape, 0, (0, keep), 0),
    ]
    return config, draw(st.sampled_from(found))


def moved(config: ArrayConfig, part: Product, commands: Commands, chosen: Tiling) -> dict[str, int]:
    """Words that the processes of a list move, command by command."""
    words = {"a": 0, "b": 0, "y": 0}
    panels = part.sum_words(config)
    for command in commands:
        rows, columns = int(command["rows"]), int(command["columns"])
        blocks = config.blocks(columns)
        tiles = -(-blocks // chosen.blocks)
        if part.transpose_a:
            words["a"] += tiles * part.reduction * int(command["a_words"])
        elif chosen.buffered:
            words["a"] += int(command["strip_words"])
        else:
            words["a"] += tiles * rows * panels
        if part.b.packed:
            words["b"] += panels * blocks * config.record_words(part.b.keep)
        else:
            words["b"] += part.reduction * blocks
        words["y"] += rows * blocks * (2 if part.y.binary32 else 1)
        words["y"] += 2 * rows * blocks if part.accumulate else 0
    return words


@settings(max_examples=60)
@given(case=products(), numbers=st.lists(st.integers(0, 10**6), min_size=3, max_size=3))
def test_bytes_are_those_of_the_commands(
    case: tuple[ArrayConfig, Product], numbers: list[int]
) -> None:
    config, product = case
    work = ProductWork("a", "FF", 1, product)
    for found in candidates(config, work, ALL):
        if not found.size:
            continue
        traffic = product_timing(config, work, found).traffic
        for number in numbers:
            place = number % found.size
            chosen = found.at(place)
            parts = segments(config, product, chosen, scratch=0)
            lists = [product_commands(config, part, chosen) for part in parts]
            each = [moved(config, *pair, chosen) for pair in zip(parts, lists, strict=True)]
            # The model cuts the strips of all segments as those of the first rows of taps.
            alone = len(parts) == 1
            for name in ("a", "b", "y") if alone else ("y",):
                words = sum(words[name] for words in each)
                assert int(traffic[name].bytes[place]) == words * config.word_bytes
            commands = STCE.bytes * sum(map(len, lists))
            assert not alone or int(traffic["commands"].bytes[place]) == commands


@settings(max_examples=60)
@given(case=products())
def test_legal_tilings_are_those_that_the_host_takes(case: tuple[ArrayConfig, Product]) -> None:
    config, product = case
    work = ProductWork("a", "FF", 1, product)
    for found in candidates(config, work, ALL):
        if not found.size:
            continue
        legal = {found.at(place) for place in range(found.size)}
        cut = stationary_segments.segments(
            terms(config, work, ALL, found.size), found.interleave, found.blocks
        )
        most = int(found.interleave.max()), int(found.blocks.max())
        for t, q in np.ndindex(*most):
            for buffered in (False, True):
                chosen = Tiling(found.dataflow, t + 1, q + 1, buffered)
                try:
                    parts = segments(config, product, chosen, scratch=0)
                    for part in parts:
                        product_commands(config, part, chosen)
                except ArgumentError:
                    assert chosen not in legal
                    continue
                assert chosen in legal
                if found.dataflow == "ws":
                    places = (found.interleave == t + 1) & (found.blocks == q + 1)
                    assert set(cut.count[places].tolist()) == {len(parts)}

# SPDX-License-Identifier: Apache-2.0
"""What a strip holds of A, which tilings the array takes, and how a reduction goes in segments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from product_cases import CASES, SETTINGS, configs, convolutions
from sat_host import convolution_program
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.errors import ArgumentError
from sat_host.product import Operand, Product, Source, Target
from sat_host.program import product_commands
from sat_host.segments import scratch_words, segments
from sat_host.strips import check_tiling, held_words, stationary_tiling
from sat_host.tiling import Tiling

# What a strip holds -------------------------------------------------------------------------------


@SETTINGS
@given(config=configs(), shape=convolutions(), backward=st.booleans(), rows=st.integers(1, 500))
def test_a_strip_holds_every_word_that_its_pixels_touch(
    config: ArrayConfig, shape: Convolution, backward: bool, rows: int
) -> None:
    """Walked pixel by pixel and tap by tap, against the closed form."""
    products = [convolution_program.forward(config, shape, 0, (0, config.group), 0)]
    if backward:
        products = convolution_program.backward(config, shape, 0, (0, config.group), 0)
    for product in products[:2]:
        a = product.a
        first = np.arange(0, product.rows, rows)
        counts = np.minimum(rows, product.rows - first)
        begin, words = held_words(a, first, counts)
        row = np.arange(product.rows)
        image, place = np.divmod(row, a.out_size[0] * a.out_size[1])
        y, x = np.divmod(place, a.out_size[1])
        for tap in np.ndindex(*a.taps):
            source_y = y * a.stride[0] + a.origin[0] + a.direction * tap[0]
            source_x = x * a.stride[1] + a.origin[1] + a.direction * tap[1]
            inside = (source_y >= 0) & (source_y < a.size[0])
            inside &= (source_x >= 0) & (source_x < a.size[1])
            address = ((image * a.size[0] + source_y) * a.size[1] + source_x) * a.pitch
            strip = row // rows
            assert (address >= begin[strip])[inside].all()
            last = address + config.blocks(a.channels)
            assert (last <= (begin + words)[strip])[inside].all()


# Weight stationary --------------------------------------------------------------------------------


@SETTINGS
@given(case=CASES)
def test_segments_are_the_reduction_in_order(
    case: tuple[ArrayConfig, Product],
) -> None:
    config, product = case
    product = replace(product, reduction=1 + product.reduction % (20 * config.lanes))
    tiling = stationary_tiling(config, product)
    scratch = 1 << 24 if scratch_words(config, product, tiling) else None
    parts = segments(config, product, tiling, scratch)
    assert sum(part.reduction for part in parts) == product.reduction
    for number, part in enumerate(parts):
        check_tiling(config, part, tiling)
        assert part.accumulate == (product.accumulate or number > 0)
        last = number == len(parts) - 1
        assert part.y == product.y if last else part.y.binary32
        assert last or part.reduction % config.lanes == 0
    assert (scratch is None) == (product.y.binary32 or len(parts) == 1)


def test_a_tiling_beyond_the_array_is_refused() -> None:
    config = ArrayConfig(4, 8, 4, 2, 2, 4)
    product = Product(
        rows=40,
        columns=40,
        reduction=100,
        a=Source(0, 13, 100),
        b=Operand(600, packed=False, keep=4, pitch=5),
        y=Target.rows(2000, 10, binary32=True),
    )
    for tiling, message in (
        (Tiling("os", 3, 1, True), "interleave: expected 1 to 2, got 3"),
        (Tiling("os", 1, 0, True), "blocks: expected 1 to 2, got 0"),
        (Tiling("is", 1, 1, True), "dataflow: expected os or ws, got is"),
        (Tiling("ws", 1, 1, True), "a weight-stationary reduction of 13 words is too long"),
    ):
        with pytest.raises(ArgumentError, match=message):
            product_commands(config, product, tiling)
    with pytest.raises(ArgumentError, match="transposed A is always held"):
        transposed = replace(product, transpose_a=True, a=Source(0, 5, 40))
        product_commands(config, transposed, Tiling("os", 1, 1, False))
    with pytest.raises(ArgumentError, match="interleave 2 does not fit the 64 words"):
        small = replace(config, strip_words=64)
        product_commands(small, product, Tiling("os", 2, 1, True))

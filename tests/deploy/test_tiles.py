# SPDX-License-Identifier: Apache-2.0
"""The tile that an element is told to lie in is the one whose command makes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sat_host.command_lists import Copies, Work
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.convolution_program import backward, forward, gradient
from sat_host.product import Operand, Product, Source, Target
from sat_host.program import product_commands
from sat_host.selftest.tiles import describe_tile, locate, output_row
from sat_host.strips import default_tiling, strip_rows
from sat_host.tiling import Tiling

CONFIG = ArrayConfig(rows=4, lanes=8, group=4, interleave=2, memory_tile=2, adder_latency=4)
SHAPE = Convolution(2, 6, 5, 11, 9, (3, 2), (2, 1), (1, 0))


def plain(rows: int, columns: int, *, binary32: bool = False) -> Product:
    blocks = CONFIG.blocks(columns)
    return Product(
        rows=rows,
        columns=columns,
        reduction=5,
        a=Source(0, 1, 5),
        b=Operand(0, packed=False, keep=CONFIG.group, pitch=blocks),
        y=Target.rows(1000, blocks * (2 if binary32 else 1), binary32),
    )


@pytest.mark.parametrize(
    "product",
    [
        plain(37, 20),
        plain(37, 20, binary32=True),
        forward(CONFIG, SHAPE, 0, (500, 2), 7000),
        *backward(CONFIG, SHAPE, 0, (500, 2), 7000),
        gradient(CONFIG, SHAPE, 0, 3000, 7000, False),
    ],
)
def test_strips_are_those_of_the_commands(product: Product) -> None:
    tiling = default_tiling(CONFIG, product)
    commands = product_commands(CONFIG, product, tiling)
    strip = strip_rows(CONFIG, product, tiling)
    firsts = sorted(set(commands["y_address"].astype(np.int64) - product.y.address))
    assert len(firsts) > 1
    rows = [row for first in firsts if (row := output_row(product, int(first))) is not None]
    starts = sorted({row for row in rows if row % strip == 0})
    assert starts == list(range(0, product.rows, strip))


def test_every_output_row_is_found_and_nothing_between_them() -> None:
    product = gradient(CONFIG, SHAPE, 0, 3000, 7000, False)
    pitch, tap = product.y.pitch, SHAPE.tap_rows(CONFIG.lanes)
    found = {
        row: output_row(product, row * pitch) for row in range(SHAPE.weight_rows(CONFIG.lanes) + 3)
    }
    for row, output in found.items():
        number, channel = divmod(row, tap)
        real = number < SHAPE.taps and channel < SHAPE.channels
        assert output == (number * SHAPE.channels + channel if real else None)
    assert output_row(product, 1) is None and output_row(product, -pitch) is None


def test_a_tile_in_words() -> None:
    work = Work(plain(37, 20), Tiling("os", 2, 1, False))
    assert describe_tile(CONFIG, work, 13, 19) == (
        "os strip 1 (output rows 8 to 15), column tile 2 (columns 16 to 19), row unit 1, lane 3"
    )
    work = replace(work, tiling=Tiling("ws", 2, 2, False))
    assert describe_tile(CONFIG, work, 13, 3) == (
        "ws strip 0 (output rows 0 to 36), column tile 0 (columns 0 to 15), batch 6, lane 3"
    )


def test_the_last_that_wrote_an_element_counts() -> None:
    early = Work(plain(37, 20), Tiling("os", 1, 1, False))
    late = Work(replace(plain(8, 20), y=Target.rows(1000, 3, False)), Tiling("os", 2, 2, False))
    pitch = 3
    assert "(output rows 0 to 7)" in str(locate(CONFIG, [early, late], 1000 + 7 * pitch, 0))
    assert "(output rows 8 to 11)" in str(locate(CONFIG, [early, late], 1000 + 8 * pitch, 0))
    assert locate(CONFIG, [early, late], 1000 + 37 * pitch, 0) is None
    assert locate(CONFIG, [early, late], 1000, 20) is None


def test_of_a_batch_the_product_is_named() -> None:
    work = Work(plain(4, 5), Tiling("os", 1, 1, False), Copies(3, (0, 0, 4)))
    assert str(locate(CONFIG, [work], 1000 + 9, 2)).startswith("product 2 of 3, os strip 0")

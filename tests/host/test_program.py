# SPDX-License-Identifier: Apache-2.0
"""Command lists: they cover a product exactly once, and their addresses are where its parts lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host.config import ArrayConfig
from sat_host.descriptor import STCE, WUVE
from sat_host.errors import ArgumentError
from sat_host.program import (
    Product,
    Update,
    even_size,
    product_commands,
    update_command,
)

SETTINGS = settings(max_examples=300)


@st.composite
def configs(draw: st.DrawFn) -> ArrayConfig:
    lanes = draw(st.sampled_from([4, 8, 16, 32, 64]))
    group = draw(st.sampled_from([m for m in (4, 8, 16, 32) if m <= lanes]))
    latency = draw(st.integers(1, 16))
    interleave = draw(st.integers(1, 64))
    tile = draw(st.integers(-(-latency // interleave), 64))
    return ArrayConfig(draw(st.integers(1, 64)), lanes, group, interleave, tile, latency)


@st.composite
def products(draw: st.DrawFn, config: ArrayConfig) -> Product:
    rows, columns = draw(st.integers(1, 3000)), draw(st.integers(1, 3000))
    reduction = draw(st.integers(1, 3000))
    transpose, packed = draw(st.booleans()), draw(st.booleans())
    binary32 = draw(st.booleans())
    extra = draw(st.integers(0, 3))
    return Product(
        rows=rows,
        columns=columns,
        reduction=reduction,
        a_address=draw(st.integers(0, 1 << 20)),
        a_pitch=config.blocks(rows if transpose else reduction) + extra,
        transpose_a=transpose,
        b_address=draw(st.integers(0, 1 << 20)),
        b_pitch=0 if packed else config.blocks(columns) + extra,
        packed=packed,
        keep=draw(st.integers(1, config.group)) if packed else config.group,
        y_address=draw(st.integers(0, 1 << 20)),
        y_pitch=config.blocks(columns) * (2 if binary32 else 1) + extra,
        binary32=binary32,
        accumulate=binary32 and draw(st.booleans()),
    )


CASES = configs().flatmap(lambda config: st.tuples(st.just(config), products(config)))


@SETTINGS
@given(case=CASES)
def test_tiles_cover_the_output_once(case: tuple[ArrayConfig, Product]) -> None:
    config, product = case
    commands = product_commands(config, product)
    covered = np.zeros((product.rows, config.blocks(product.columns)), np.int32)
    lanes = np.zeros(covered.shape[1], np.int32)
    words = 2 if product.binary32 else 1
    for command in commands:
        offset = int(command["y_address"]) - product.y_address
        row, place = divmod(offset, product.y_pitch)
        block, rest = divmod(place, words)
        assert rest == 0
        blocks = config.blocks(int(command["columns"]))
        covered[row : row + int(command["rows"]), block : block + blocks] += 1
        ends = block * config.lanes + int(command["columns"])
        # Only the last tile of a strip may end inside a column block.
        assert ends == product.columns or command["columns"] % config.lanes == 0
        assert ends <= product.columns
        assert row + int(command["rows"]) <= product.rows
        lanes[block : block + blocks] = 1
    assert (covered == 1).all()
    assert lanes.all()


@SETTINGS
@given(case=CASES)
def test_tiles_fit_the_array(case: tuple[ArrayConfig, Product]) -> None:
    config, product = case
    commands = product_commands(config, product)
    assert commands.dtype == STCE.dtype
    assert (commands["interleave"] >= 1).all()
    assert (commands["interleave"] <= config.interleave).all()
    assert (commands["rows"] >= 1).all()
    assert (commands["rows"] <= config.rows * commands["interleave"]).all()
    assert (commands["columns"] >= 1).all()
    assert (commands["columns"] <= config.lanes * config.memory_tile).all()
    for name in ("reduction", "keep", "a_pitch", "b_pitch", "y_pitch"):
        assert (commands[name] == getattr(product, name)).all()
    want = (
        STCE.flag("transpose_a") * product.transpose_a
        + STCE.flag("packed_b") * product.packed
        + STCE.flag("accumulate") * product.accumulate
        + STCE.flag("binary32") * product.binary32
    )
    assert (commands["flags"] == want).all()


@SETTINGS
@given(case=CASES)
def test_operands_are_those_of_the_tile(case: tuple[ArrayConfig, Product]) -> None:
    config, product = case
    words = 2 if product.binary32 else 1
    record = config.record_words(product.keep)
    for command in product_commands(config, product):
        row, place = divmod(int(command["y_address"]) - product.y_address, product.y_pitch)
        block = place // words
        a = int(command["a_address"]) - product.a_address
        if product.transpose_a:
            assert a * config.lanes + int(command["a_skip"]) == row
            assert command["a_skip"] < config.lanes
            # All words of a row of A that the tile reads lie in that row.
            last = a + config.blocks(int(command["a_skip"] + command["rows"]))
            assert last <= config.blocks(product.rows)
        else:
            assert a == row * product.a_pitch
            assert command["a_skip"] == 0
        b = int(command["b_address"]) - product.b_address
        if product.packed:
            assert b == block * config.blocks(product.reduction) * record
        else:
            assert b == block


@SETTINGS
@given(case=CASES)
def test_the_fewest_strips_and_tiles_are_used(case: tuple[ArrayConfig, Product]) -> None:
    config, product = case
    strips = -(-product.rows // (config.rows * config.interleave))
    tiles = -(-config.blocks(product.columns) // config.memory_tile)
    assert len(product_commands(config, product)) == strips * tiles


@SETTINGS
@given(extent=st.integers(1, 10_000), most=st.integers(1, 300))
def test_even_size(extent: int, most: int) -> None:
    size, parts = even_size(extent, most), -(-extent // most)
    assert size <= most
    assert parts * size >= extent > (parts - 1) * size
    assert parts * (size - 1) < extent


LARGE = ArrayConfig(rows=1, lanes=64, group=8, interleave=64, memory_tile=64, adder_latency=16)


def large_product(reduction: int, rows: int = 64, columns: int = 64 * 64) -> Product:
    """A dense product, its operands end to end."""
    a_pitch, blocks = LARGE.blocks(reduction), LARGE.blocks(columns)
    return Product(
        rows=rows,
        columns=columns,
        reduction=reduction,
        a_address=0,
        a_pitch=a_pitch,
        transpose_a=False,
        b_address=rows * a_pitch,
        b_pitch=blocks,
        packed=False,
        keep=8,
        y_address=rows * a_pitch + reduction * blocks,
        y_pitch=2 * blocks,
        binary32=True,
        accumulate=False,
    )


def test_a_long_reduction_takes_fewer_column_blocks() -> None:
    fits = product_commands(LARGE, large_product(8000 * 64))
    assert fits["columns"].tolist() == [64 * 64]
    halved = product_commands(LARGE, large_product(10_000 * 64))
    assert halved["columns"].tolist() == [32 * 64] * 2
    single = product_commands(LARGE, large_product(500_000 * 64))
    assert single["columns"].tolist() == [64] * 64


def test_a_reduction_beyond_the_counters_is_refused() -> None:
    too_long = "product: a reduction of .* is too long for the array: split it and accumulate"
    for product in (
        large_product(530_000 * 64),
        large_product((1 << 31) + 64, rows=1, columns=1),
        replace(large_product(1 << 30, rows=1, columns=1), transpose_a=True, a_pitch=1),
    ):
        with pytest.raises(ArgumentError, match=too_long):
            product_commands(LARGE, product)


UPDATE = Update(
    rows=3,
    columns=5,
    weights_address=7,
    velocity_address=11,
    gradient_address=13,
    pitch=2,
    ff_address=17,
    ff_keep=1,
    bp_address=19,
    bp_keep=2,
    update=True,
    binary16_weights=False,
    lr=0.05,
    momentum=0.9,
    weight_decay=5e-4,
    inv_scale=1 / 1024,
)


@pytest.mark.parametrize("update", [True, False])
@pytest.mark.parametrize("half", [True, False])
def test_update_command(update: bool, half: bool) -> None:
    commands = update_command(replace(UPDATE, update=update, binary16_weights=half))
    assert commands.dtype == WUVE.dtype
    assert commands.shape == (1,)
    for field in WUVE.fields:
        if field.name != "flags":
            want = getattr(UPDATE, field.name)
            assert commands[field.name][0] == (np.float32(want) if field.kind == "f32" else want)
    flags = WUVE.flag("update") * update + WUVE.flag("binary16_weights") * half
    assert commands["flags"][0] == flags

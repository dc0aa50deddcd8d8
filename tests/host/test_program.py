# SPDX-License-Identifier: Apache-2.0
"""Command lists: they cover a product exactly once, and their addresses are where its parts lie."""

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
from sat_host.descriptor import STCE, WUVE
from sat_host.errors import ArgumentError
from sat_host.product import Operand, Product, Source, Target
from sat_host.program import Commands, Update, batch_commands, product_commands, update_command
from sat_host.strips import even_size


@SETTINGS
@given(case=CASES)
def test_tiles_cover_the_output_once(case: tuple[ArrayConfig, Product]) -> None:
    config, product = case
    commands = product_commands(config, product)
    covered = np.zeros((product.rows, config.blocks(product.columns)), np.int32)
    lanes = np.zeros(covered.shape[1], np.int32)
    words = 2 if product.y.binary32 else 1
    for command in commands:
        offset = int(command["y_address"]) - product.y.address
        row, place = divmod(offset, product.y.pitch)
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
    assert (commands["rows"] <= config.rows * commands["interleave"].astype(int)).all()
    assert (commands["columns"] >= 1).all()
    assert (commands["blocks"] >= 1).all()
    assert (commands["blocks"] <= config.memory_tile).all()
    held = commands["strip_words"] > 0
    assert (commands["strip_words"] <= config.strip_words).all()
    one_tile = commands["columns"] <= commands["blocks"].astype(int) * config.lanes
    assert (held | one_tile | product.transpose_a).all()
    wanted = {
        "reduction": product.reduction,
        "keep": product.b.keep,
        "a_image_jump": product.a.pitch,
        "b_pitch": product.b.pitch,
        "y_pitch": product.y.pitch,
    }
    if not product.transpose_a:
        wanted["y_image_jump"] = product.y.pitch
    for name, value in wanted.items():
        assert (commands[name] == value).all()
    want = (
        STCE.flag("transpose_a") * product.transpose_a
        + STCE.flag("packed_b") * product.b.packed
        + STCE.flag("accumulate") * product.accumulate
        + STCE.flag("binary32") * product.y.binary32
        + STCE.flag("transpose_b") * product.b.transposed
    )
    assert (commands["flags"] == want).all()


@SETTINGS
@given(case=CASES)
def test_operands_are_those_of_the_tile(case: tuple[ArrayConfig, Product]) -> None:
    config, product = case
    words = 2 if product.y.binary32 else 1
    record = config.record_words(product.b.keep)
    for command in product_commands(config, product):
        row, place = divmod(int(command["y_address"]) - product.y.address, product.y.pitch)
        block = place // words
        a = int(command["a_address"]) - product.a.address
        if product.transpose_a:
            assert a == 0
            first = int(command["a_block"])
            assert first * config.lanes + int(command["a_skip"]) == row
            assert command["a_skip"] < config.lanes
            # All words of a row of A that the tile reads lie in that row.
            last = first + config.blocks(int(command["a_skip"]) + int(command["rows"]))
            assert last <= config.blocks(product.rows)
        else:
            assert a == row * product.a.pitch
            assert command["a_skip"] == 0
        b = int(command["b_address"]) - product.b.address
        if product.b.packed:
            assert b == block * config.blocks(product.reduction) * record
        elif product.b.transposed:
            assert b == block * config.lanes * product.b.pitch
        else:
            assert b == block


@SETTINGS
@given(case=CASES)
def test_the_fewest_strips_and_tiles_are_used(case: tuple[ArrayConfig, Product]) -> None:
    config, product = case
    strips = -(-product.rows // (config.rows * config.interleave))
    tiles = -(-config.blocks(product.columns) // config.memory_tile)
    commands = product_commands(config, product)
    width = commands["blocks"].astype(int) * config.lanes
    found = int((-(-commands["columns"].astype(int) // width)).sum())
    if product.transpose_a:  # a panel of all its rows may be too much for the loader
        assert found >= strips * tiles
    else:
        assert found == strips * tiles


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
        a=Source(0, a_pitch, reduction),
        b=Operand(rows * a_pitch, packed=False, keep=8, pitch=blocks),
        y=Target.rows(rows * a_pitch + reduction * blocks, 2 * blocks, binary32=True),
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
        replace(large_product(1 << 30, rows=1, columns=1), transpose_a=True, a=Source(0, 1, 1)),
    ):
        with pytest.raises(ArgumentError, match=too_long):
            product_commands(LARGE, product)


def walked(start: int, place: tuple[int, int], size: tuple[int, int], steps: tuple[int, ...],
           count: int) -> list[int]:  # fmt: skip
    """Addresses of `count` pixels from `place` on, by the steps that a command states."""
    row, column = place
    addresses = []
    for _ in range(count):
        addresses.append(start % (1 << 32))
        column += 1
        start += steps[0]
        if column == size[1]:
            column, row = 0, row + 1
            start += steps[1] - steps[0]
            if row == size[0]:
                row = 0
                start += steps[2] - steps[1]
    return addresses


def pixels(command: Commands, prefix: str, count: int) -> list[int]:
    names = [f"{prefix}_{name}" for name in ("step", "row_jump", "image_jump")]
    if prefix == "y":
        names[0] = "y_pitch"
    place = int(command["out_y"]), int(command["out_x"])
    size = int(command["out_height"]), int(command["out_width"])
    start = int(command[f"{prefix}_address"])
    return walked(start, place, size, tuple(int(command[name]) for name in names), count)


@SETTINGS
@given(config=configs(), shape=convolutions())
def test_phases_cover_the_pixels_that_taps_reach_once(
    config: ArrayConfig, shape: Convolution
) -> None:
    base, pitch = 1 << 20, config.blocks(shape.channels)
    reached = np.zeros((shape.images, shape.height, shape.width), np.int32)
    products = convolution_program.backward(config, shape, 0, (0, config.group), base)
    for command in (c for product in products for c in product_commands(config, product)):
        words = np.array(pixels(command, "y", int(command["rows"]))) - base
        first_column_block = words[0] % pitch
        if first_column_block == 0:
            reached.reshape(-1)[words // pitch] += 1
    rows, columns = (
        [
            any((x + p - k) % s == 0 for k in range(taps))
            for x in range(extent)
        ]
        for extent, p, s, taps in zip(
            (shape.height, shape.width), shape.padding, shape.stride, shape.kernel, strict=True
        )
    )  # fmt: skip
    want = np.outer(rows, columns)
    assert (reached == want).all()
    assert convolution_program.covers(shape) == want.all()


@SETTINGS
@given(config=configs(), shape=convolutions())
def test_the_first_tap_of_every_output_pixel(config: ArrayConfig, shape: Convolution) -> None:
    base, pitch = 1 << 20, config.blocks(shape.channels)
    product = convolution_program.forward(config, shape, base, (0, config.group), 0)
    commands = product_commands(config, product)
    strips = commands[commands["b_address"] == 0]
    found = [a for c in strips for a in pixels(c, "a", int(c["rows"]))]
    image, row, column = np.meshgrid(
        np.arange(shape.images),
        np.arange(shape.out_height) * shape.stride[0] - shape.padding[0],
        np.arange(shape.out_width) * shape.stride[1] - shape.padding[1],
        indexing="ij",
    )
    place = ((image * shape.height + row) * shape.width + column).ravel()
    assert found == ((base + place * pitch) % (1 << 32)).tolist()


def test_a_batch_repeats_its_product() -> None:
    config = ArrayConfig(4, 8, 4, 2, 2, 2)
    product = Product(
        rows=9,
        columns=20,
        reduction=5,
        a=Source(100, 1, 5),
        b=Operand(200, packed=False, keep=4, pitch=3),
        y=Target.rows(400, 3, binary32=False),
    )
    one = product_commands(config, product)
    commands = batch_commands(config, product, 3, (9, 15, 27))
    assert len(commands) == 3 * len(one)
    for i in range(3):
        part = commands[i * len(one) : (i + 1) * len(one)]
        for name in STCE.dtype.names or ():
            step = {"a_address": 9, "strip_address": 9, "b_address": 15,
                    "y_address": 27, "sums_address": 54}.get(name, 0)  # fmt: skip
            assert (part[name] == one[name] + i * step).all(), name


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
    sr_decay=2e-4,
)


@pytest.mark.parametrize("update", [True, False])
@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("decays", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_update_command(update: bool, half: bool, decays: bool, masked: bool) -> None:
    commands = update_command(
        replace(
            UPDATE,
            update=update,
            binary16_weights=half,
            decay_pruned=decays,
            masked_bp=masked,
        )
    )
    assert commands.dtype == WUVE.dtype
    assert commands.shape == (1,)
    for field in WUVE.fields:
        if field.name != "flags":
            want = getattr(UPDATE, field.name)
            assert commands[field.name][0] == (np.float32(want) if field.kind == "f32" else want)
    flags = WUVE.flag("update") * update + WUVE.flag("binary16_weights") * half
    flags += WUVE.flag("decay_pruned") * decays + WUVE.flag("masked_bp") * masked
    assert commands["flags"][0] == flags

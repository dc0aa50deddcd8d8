# SPDX-License-Identifier: Apache-2.0
"""Output stationary products and their traffic, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sat_host import convolution_program
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution

from hlsgen.schedule.cycles import product_cycles, product_timing, row_unit_cycles
from hlsgen.schedule.latencies import ACTIVATIONS, BETWEEN, HOP, PORT, READER, STORED, through_rows
from hlsgen.schedule.memory import Memory, Traffic
from hlsgen.schedule.options import Options
from hlsgen.schedule.pieces import Candidates
from hlsgen.schedule.updates import update_timing
from hlsgen.schedule.work import BP, WU, ProductWork, UpdateWork, plain_product

CONFIG = ArrayConfig(32, 32, 8, 16, 8, 8)
ENDLESS = Memory(4, 1e12, 0.0)
LATENCY = ACTIVATIONS + through_rows(CONFIG) + STORED


def candidate(interleave: int, blocks: int, buffered: bool = True) -> Candidates:
    return Candidates("os", *(np.array([value]) for value in (interleave, blocks, buffered)))


def plain(rows: int, columns: int, reduction: int, keep: int = 8, **form: bool) -> ProductWork:
    product = plain_product(CONFIG, rows, columns, reduction, **form)
    if keep < 8:
        product = replace(product, b=replace(product.b, packed=True, keep=keep))
    return ProductWork("a", "FF", 1, product)


def forward(images: int, side: int, channels: int, filters: int, keep: int) -> ProductWork:
    shape = Convolution(images, side, side, channels, filters, (3, 3), (1, 1), (1, 1))
    return ProductWork("a", "FF", 1, convolution_program.forward(CONFIG, shape, 0, (0, keep), 0))


def test_a_convolution_counted_by_hand() -> None:
    """Two strips of two tiles: T = 16, Q = 8 and a ragged tile of one block; 4 images of 16 x 16
    pixels of 64 channels, 288 filters, 2:8."""
    work = forward(4, 16, 64, 288, 2)
    pieces = product_cycles(CONFIG, ENDLESS, work, candidate(16, 8))
    # 18 panels of 8 packets a block, 16 cycles each. A narrow tile's panel takes 128 cycles for
    # products and 32 x 8 for 2 activations each, but for the very last, beside which none come in.
    assert pieces.compute[0] == 2 * 18 * 8 * 16 * 9
    assert pieces.distribution[0] == 2 * 18 * (256 - 128) - (256 - 128)
    # Records of 10 words, 8 of them: 80 cycles, which every panel has.
    assert pieces.b_delivery[0] == pieces.drain[0] == pieces.store[0] == 0
    # The first strip is 2 images of 256 pixels of 2 words; then 256 cycles for the first panel's
    # activations and 512 for the last tile's sums.
    # The second strip's words come after those of the first, 9 tokens to a word.
    tokens = 2 * 18 * 256
    assert pieces.fill[0] == 1024 + 256 + 8 + 512 + LATENCY + BETWEEN - tokens // 1024
    moved = {name: int(count[0]) for name, count in pieces.bytes.items()}
    assert moved == {
        "a": 2 * 1024 * 64,  # each image once
        "b": 2 * 18 * 9 * 640,
        "y": 1024 * 9 * 64,
        "commands": 2 * 128,
    }


def test_feed_of_one_takes_a_cycle_each() -> None:
    narrow = replace(CONFIG, feed=1)
    rows = row_unit_cycles(narrow, forward(4, 16, 64, 32, 2), 16, 1)
    # Panels of 8 x 16 cycles of products and 512 of activations, the last one's but for the list's.
    assert rows.distribution.tolist() == [(2 * 18 - 1) * (512 - 128)]
    assert rows.first.tolist() == [512]
    # An odd T leaves a place free: 3 words take 2 tokens.
    assert row_unit_cycles(CONFIG, forward(4, 16, 64, 32, 2), 3, 1).first.tolist() == [64]


def test_what_is_read_as_needed_takes_a_cycle_a_word_and_tile() -> None:
    work = forward(4, 16, 64, 288, 2)
    pieces = product_cycles(CONFIG, ENDLESS, work, candidate(16, 8, False))
    # Beside a ragged tile's 128 cycles 512 words come in; the steps of a tile even out, and the
    # wide tile has 1024 cycles for them.
    assert pieces.distribution[0] == 2 * 18 * (512 - 128) - (512 - 128)
    assert pieces.bytes["a"][0] == 1024 * 18 * 2 * 64  # each tap and channel word, for 2 tiles
    assert product_timing(CONFIG, work, candidate(16, 8, False)).traffic["a"].runs[0] == (
        1024 * 18 * 2  # none beside another
    )
    one_word = product_timing(CONFIG, forward(4, 16, 32, 32, 8), candidate(16, 1, False))
    assert one_word.traffic["a"].runs[0] == 1024 * 9 // 16  # rows of 16 pixels


def test_a_strip_that_the_images_are_read_for_twice() -> None:
    """Images of 32 x 32: a strip of 512 pixels is 16 rows, which touch 18 or, at an edge, 17."""
    timing = product_timing(CONFIG, forward(3, 32, 64, 64, 8), candidate(16, 2))
    words = 6 * 17 * 32 * 2
    assert timing.traffic["a"].bytes.tolist() == [words * 64]
    assert timing.traffic["a"].runs.tolist() == [words // 64 + 6]
    assert timing.load.bytes.tolist() == [17 * 32 * 2 * 64]


def test_sums_leave_row_by_row() -> None:
    """4 blocks of 64 rows: all in one tile, T rows of a row unit are one run; in two, 2 words."""
    for blocks, runs in ((4, 64 // 2), (2, 64 * 2), (3, 64 * 2)):
        timing = product_timing(CONFIG, plain(64, 128, 64), candidate(2, blocks))
        assert timing.traffic["y"].runs.tolist() == [runs]
        assert timing.traffic["y"].bytes.tolist() == [64 * 4 * 64]
    wide = product_timing(CONFIG, plain(64, 128, 64, binary32=True), candidate(2, 4))
    assert wide.traffic["y"].runs.tolist() == [32]  # 16 words each
    assert wide.traffic["y"].bytes.tolist() == [64 * 4 * 128]
    # The pixels of a phase of a stride lie apart.
    shape = Convolution(1, 8, 8, 128, 32, (1, 1), (2, 2))
    phase = convolution_program.backward(CONFIG, shape, 0, (0, 8), 0)[0]
    apart = product_timing(CONFIG, ProductWork("a", "BP", 1, phase, 0, BP), candidate(1, 4))
    assert apart.traffic["y"].runs.tolist() == [16]


def test_binary32_sums_halt_the_chain() -> None:
    work = plain(64, 128, 320, binary32=True)
    added = replace(work, product=replace(work.product, accumulate=True))
    pieces = [product_cycles(CONFIG, ENDLESS, each, candidate(2, 4)) for each in (work, added)]
    # Of 64 x 4 sums one leaves every other cycle, beside products but for the last tile's, and is
    # stored as fast. Those that enter do so before the products, and an addition later; half are in
    # their stream by then.
    assert [int(each.store[0]) for each in pieces] == [0, 0]
    assert [int(each.drain[0]) for each in pieces] == [0, 256 + 8]
    half = product_cycles(CONFIG, ENDLESS, plain(64, 128, 320), candidate(2, 4))
    assert (pieces[0].total - half.total).tolist() == [256]


def test_a_loader_of_b_that_is_too_slow() -> None:
    """Stored as columns, a panel takes 32 + 32 cycles a block, its products at T = 1 32 x 8."""
    columns = plain(32, 256, 128, transposed_b=True)
    pieces = product_cycles(CONFIG, ENDLESS, columns, candidate(1, 8))
    # Four panels of 256 cycles; beside three of them 512 cycles of the next one's come in.
    assert pieces.compute[0] == 4 * 32 * 8
    assert pieces.b_delivery[0] == 3 * (512 - 256)
    rows = plain(32, 256, 128)
    assert product_cycles(CONFIG, ENDLESS, rows, candidate(1, 8)).b_delivery[0] == 0
    # Pruned as it is loaded: 32 words a block, of which 8 packets remain: 64 of 256 cycles.
    pruned = plain(32, 256, 128, keep=2)
    dense = Options(pregenerated=False)
    pieces = product_cycles(CONFIG, ENDLESS, pruned, candidate(1, 8), dense)
    assert pieces.b_delivery[0] == 3 * (256 - 64)
    # Records of 10 words: 80 of 64 cycles.
    pieces = product_cycles(CONFIG, ENDLESS, pruned, candidate(1, 8))
    assert pieces.b_delivery[0] == 3 * (80 - 64)


def test_the_transposer_takes_a_word_and_a_row_a_cycle() -> None:
    """65 rows in 96 of a strip: words of 32, 32, and 1 and 31 of padding; 3 panels."""
    work = ProductWork("a", "BP", 10, plain_product(CONFIG, 65, 64, 65, transposed_a=True))
    pieces = product_cycles(CONFIG, ENDLESS, work, candidate(3, 2))
    # 65 packets of a pass of 8 cycles (3 x 2 sums and 2 idle ones).
    assert pieces.compute[0] == 10 * 65 * 8
    # A panel takes 3 x 32 cycles; all 288 of 520. Beside the last panel's 8 cycles the next tile's
    # first activations come in, 2 tokens a row.
    assert pieces.distribution[0] == 9 * (64 - 8)
    # 3 x 32 words of the first panel, 32 cycles until a block of it is full, 96 until it is
    # transposed, 96 x 2 sums.
    assert pieces.fill[0] == 96 + 32 + 96 + 8 + 192 + LATENCY
    # 32 taps of 16 channels: 32 words of 32 pixels each give 16 rows of the 512, in 1024 cycles;
    # the products of a panel take 32 x 16. 8 panels; the first is part of the fill.
    half = plain_product(CONFIG, 512, 32, 256, transposed_a=True)
    half = replace(half, a=replace(half.a, channels=16, pitch=1, taps=(1, 32)))
    slow = product_cycles(CONFIG, ENDLESS, ProductWork("a", "WU", 1, half, 0, WU), candidate(16, 1))
    assert slow.distribution[0] == 7 * (1024 - 512)


def test_words_of_a_transposed_product() -> None:
    """WU of 3 x 3 taps of 64 channels: strips of 8 taps of 2 words and of one; each pixel's two
    words of a tap are a run, but in the last strip's only tap, whose pixels follow each other."""
    shape = Convolution(2, 16, 16, 64, 256, (3, 3), (1, 1), (1, 1))
    product = convolution_program.gradient(CONFIG, shape, 0, 0, 0, accumulate=False)
    timing = product_timing(CONFIG, ProductWork("a", "WU", 1, product, 0, WU), candidate(16, 4))
    assert timing.traffic["a"].bytes.tolist() == [2 * 512 * 18 * 64]  # for 2 tiles
    assert timing.traffic["a"].runs.tolist() == [2 * (512 * 8 + 512 * 2 // 32)]
    # dY: 512 rows of 8 words, 4 at a time, for 2 strips.
    assert timing.traffic["b"].bytes.tolist() == [2 * 512 * 8 * 64]
    assert timing.traffic["b"].runs.tolist() == [2 * 512 * 2]
    through = product_timing(CONFIG, ProductWork("a", "WU", 1, product, 0, WU), candidate(16, 8))
    assert through.traffic["b"].runs.tolist() == [2 * 512 * 8 // 64]


def test_without_interleaving_every_addition_waits() -> None:
    off = Options(interleaved=False)
    pieces = product_cycles(CONFIG, ENDLESS, plain(512, 256, 64), candidate(16, 8), off)
    assert pieces.compute[0] == 64 * 16 * 8 * 8
    small = product_cycles(CONFIG, ENDLESS, plain(32, 32, 64), candidate(1, 1), off)
    assert small.compute[0] == 64 * 8


def test_the_busiest_bank_bounds_what_the_array_does_not() -> None:
    """A, B and Y of a linear layer in three banks of 4 bytes a cycle, a run 28 bytes more."""
    work = plain(1024, 32, 32)
    memory = Memory(4, 4.0, 28.0)
    pieces = product_cycles(CONFIG, memory, work, candidate(16, 1))
    # The first strip, half of A: 512 of its words and 9 of its 1024 / 64 + 2 runs.
    strip = (512 * 64 + 9 * 28) // 4
    gap = 512 + BETWEEN - 256  # the second one's words, beside 256 tokens of the first
    assert pieces.fill[0] == strip + 256 + 8 + 512 + gap + LATENCY
    # The first tile is done before the second strip is there; then the sums of both leave: 1024
    # words, 16 rows of a row unit a run.
    sums = (1024 * 64 + 64 * 28) // 4
    assert 0.98 * (2 * strip + sums) < pieces.total[0] < 1.02 * (2 * strip + sums)
    assert pieces.compute[0] == 2 * 32 * 16
    assert pieces.bound[0] == "store"


def test_an_update_takes_two_cycles_a_row() -> None:
    timing = update_timing(CONFIG, UpdateWork("layer", 100, 64, 2, 0))
    assert timing.compute.tolist() == [4 * 2 * 32 * 2]
    # A command, the first row, the last group's 2 values and 2 words of indices, a response.
    assert timing.start.tolist() == [2 * READER + HOP + (2 + 2 + 2 * HOP - 1) + PORT + 3]
    matrix = 100 * 64 * 4
    assert {name: int(moved.bytes[0]) for name, moved in timing.traffic.items()} == {
        "weights": 2 * matrix, "velocity": 2 * matrix, "gradient": matrix,
        "ff": 8 * 640, "bp": 0, "commands": 64,
    }  # fmt: skip


def test_ports_of_a_bank_share_it() -> None:
    one = Traffic(np.array([1000]), np.array([10]))
    operands = {"a": one, "b": one, "y": one}
    for places, most in (((0, 0, 0), 3), ((0, 1, 0), 2), ((2, 1, 0), 1)):
        found = Memory(3, 4.0, 28.0).cycles(operands, dict(zip("aby", places, strict=True)))
        assert found.tolist() == [most * 1280 // 4]


@pytest.mark.parametrize(("tile", "named"), [((17, 1), "interleave"), ((1, 0), "blocks")])
@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_a_tile_that_the_array_can_not_hold(
    tile: tuple[int, int], named: str, dataflow: str
) -> None:
    tilings = replace(candidate(*tile), dataflow=dataflow)
    with pytest.raises(ValueError, match=named):
        product_cycles(CONFIG, ENDLESS, plain(8, 8, 8), tilings)

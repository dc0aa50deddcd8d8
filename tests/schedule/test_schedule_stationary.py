# SPDX-License-Identifier: Apache-2.0
"""Weight stationary lists counted by hand, and how reductions are cut into segments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sat_host import convolution_program
from sat_host.config import BATCH_TOKENS, ArrayConfig
from sat_host.convolution import Convolution

from hlsgen.schedule.cycles import product_cycles, product_timing
from hlsgen.schedule.latencies import STORED, packets, row_lag, through_rows
from hlsgen.schedule.memory import Counts, Memory
from hlsgen.schedule.options import ALL, Options
from hlsgen.schedule.pieces import Candidates
from hlsgen.schedule.stationary_segments import legal, segments, strip_rows
from hlsgen.schedule.terms import terms
from hlsgen.schedule.work import ProductWork, plain_product

CONFIG = ArrayConfig(32, 32, 8, 16, 8, 8)
ENDLESS = Memory(4, 1e12, 0.0)


def candidate(interleave: int, blocks: int, buffered: bool = True) -> Candidates:
    return Candidates("ws", *(np.array([value]) for value in (interleave, blocks, buffered)))


def convolution(keep: int, *sizes: int, kernel: tuple[int, int] = (3, 3)) -> ProductWork:
    images, side, channels, filters = sizes
    padding = kernel[0] // 2, kernel[1] // 2
    shape = Convolution(images, side, side, channels, filters, kernel, (1, 1), padding)
    return ProductWork("a", "FF", 1, convolution_program.forward(CONFIG, shape, 0, (0, keep), 0))


def test_attention_counted_by_hand() -> None:
    """Q . K^T of 65 tokens and 64 channels, for 10 images and heads; T = 5, Q = 3."""
    product = plain_product(CONFIG, 65, 65, 64, transposed_b=True)
    work = ProductWork("qk", "FF", 10, product)
    tiling = candidate(5, 3)
    pieces = product_cycles(CONFIG, ENDLESS, work, tiling)
    # 64 packet rows over 32 rows: 2 a row, passes of 5 x 3 cycles, 13 batches of 5 rows.
    assert pieces.compute[0] == 10 * 13 * 2 * 15
    # 2 words a row, 3 tokens of them: 6 cycles of 30.
    assert pieces.distribution[0] == 0
    # 192 packets beside 13 batches of 16; B stored as columns takes 2 x 64 x 3 of the 390 cycles.
    assert pieces.b_delivery[0] == 0
    assert pieces.drain[0] == pieces.store[0] == 0
    # The first K: 192 cycles a word of it, the second beside the 96 packets of the first; then its
    # own 96 packets. 31 rows each a pass, an addition and a stream behind.
    wave = 31 * (15 + 8 + 1)
    last = through_rows(CONFIG) - 31 * row_lag(CONFIG)
    assert pieces.fill[0] == int(packets(np.array(10))) + 2 * 192 + 96 + wave + last + STORED
    # One tile, so the 5 x 3 sums of a batch are no longer run than a block: 5 rows of one word.
    assert {name: int(moved[0]) for name, moved in pieces.bytes.items()} == {
        "a": 10 * 65 * 2 * 64, "b": 10 * 65 * 2 * 64, "y": 10 * 65 * 3 * 64, "commands": 10 * 128,
    }  # fmt: skip
    traffic = product_timing(CONFIG, work, tiling).traffic
    assert traffic["y"].runs.tolist() == [10 * 65 * 3]
    assert traffic["a"].runs.tolist() == [10 * (3 + 1)]  # 130 words of a strip, and its start


def test_packets_that_batches_do_not_cover_take_a_period_of_their_own() -> None:
    """2 batches of 8 rows; tiles of 2 blocks and 1, K = 32: 64 and 32 packets."""
    work = ProductWork("a", "FF", 1, plain_product(CONFIG, 16, 96, 32))
    pieces = product_cycles(CONFIG, ENDLESS, work, candidate(8, 2))
    assert pieces.compute[0] == 2 * 16 + 2 * 8  # 1 packet row a row of the array
    # The last tile's 32 packets: 16 beside each of the 2 batches of 16 cycles before.
    assert pieces.b_delivery[0] == 0
    two = replace(work, copies=2)
    pieces = product_cycles(CONFIG, ENDLESS, two, candidate(8, 2))
    # The second copy's 64: 16 beside each of the 2 batches of 8 cycles, 32 after them, 1 a cycle.
    assert pieces.b_delivery[0] == 2 * (16 - 8) + 32


def test_activations_that_are_read_as_needed_take_a_cycle_each() -> None:
    """K = 64, so a batch of 8 rows has 16 words and 2 x 8 x 1 cycles of products."""
    work = ProductWork("a", "FF", 1, plain_product(CONFIG, 80, 32, 64))
    held, direct = (
        product_cycles(CONFIG, ENDLESS, work, candidate(8, 1, buffered))
        for buffered in (True, False)
    )
    assert held.distribution[0] == direct.distribution[0] == 0
    one = replace(CONFIG, rows=64)  # 1 packet row a row, 8 cycles a batch
    held, direct = (
        product_cycles(one, ENDLESS, work, candidate(8, 1, buffered)) for buffered in (True, False)
    )
    assert held.distribution[0] == 0  # 2 words, 4 pairs
    assert direct.distribution[0] == 10 * (16 - 8)
    slow = product_cycles(replace(one, feed=1), ENDLESS, work, candidate(8, 1))
    assert slow.distribution[0] == 10 * (16 - 8)


def test_binary32_sums_halt_the_chain() -> None:
    """Batches of 16 sums, two cycles each: half of them wait in the stream. The last ones count;
    those that enter come meanwhile."""
    plain = ProductWork("a", "WU", 1, plain_product(CONFIG, 64, 64, 64, binary32=True))
    added = replace(plain, product=replace(plain.product, accumulate=True))
    stores = [product_cycles(CONFIG, ENDLESS, w, candidate(8, 2)).store[0] for w in (plain, added)]
    assert stores == [16, 16]


def test_a_long_reduction_goes_in_segments() -> None:
    """3 x 3 taps of 64 channels are 18 words, more than the 16 tokens that a row unit holds: two
    rows of taps have 12."""
    work = convolution(8, 4, 16, 64, 256)
    tiling = candidate(1, 8)
    cut = segments(terms(CONFIG, work, ALL, 1), tiling.interleave, tiling.blocks)
    assert cut.count.tolist() == [2] and cut.wholes.tolist() == [1]
    assert (cut.whole.panels.tolist(), cut.last.panels.tolist()) == ([12], [6])
    pieces = product_cycles(CONFIG, ENDLESS, work, tiling)
    # 384 and 192 packet rows: 12 and 6 a row, passes of 8 cycles, 1024 rows one at a time.
    assert pieces.compute[0] == 1024 * (12 + 6) * 8
    # The sums between the segments are stored and read in two cycles, 8 of a batch's 96.
    assert pieces.store[0] == 16
    assert pieces.bytes["y"][0] == 1024 * 8 * (1 + 2 + 2) * 64


def test_segments_of_taps_and_of_words() -> None:
    # At T = 1 a segment has 16 words. 9 taps of 64 channels: two rows and one.
    assert segments(
        terms(CONFIG, convolution(8, 1, 8, 64, 32), ALL, 1), *ones()
    ).count.tolist() == [2]
    # A row of taps of 256 channels has 24 words: two taps and one of each row.
    assert segments(
        terms(CONFIG, convolution(8, 1, 8, 256, 32), ALL, 1), *ones()
    ).count.tolist() == [6]
    # A tap of 1024 channels has 32 words: halves of each tap.
    assert segments(
        terms(CONFIG, convolution(8, 1, 8, 1024, 32), ALL, 1), *ones()
    ).count.tolist() == [18]


def ones() -> tuple[Counts, Counts]:
    return np.array([1]), np.array([1])


@given(
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 3)), channels=st.integers(1, 700),
    keep=st.integers(1, 8), interleave=st.integers(1, 16), blocks=st.integers(1, 8),
    rows=st.sampled_from([4, 32]), memory_tile=st.sampled_from([1, 8]),
)  # fmt: skip
def test_segments_cover_the_reduction_and_fit(
    kernel: tuple[int, int], channels: int, keep: int, interleave: int, blocks: int, rows: int,
    memory_tile: int,
) -> None:  # fmt: skip
    config, blocks = replace(CONFIG, rows=rows, memory_tile=memory_tile), min(blocks, memory_tile)
    work = convolution(keep, 1, 9, channels, 32, kernel=kernel)
    cut = segments(
        terms(config, work, ALL, 1), *(np.array([value]) for value in (interleave, blocks))
    )
    full = 32 if keep == 8 else 4 * keep
    left = channels - (-(-channels // 32) - 1) * 32
    tail = left if keep == 8 else -(-left // 8) * keep
    fits = (full if channels > 32 else tail) <= rows * (config.held_packets // blocks)
    assert cut.legal.tolist() == [fits]
    if not fits:
        return
    panels = cut.wholes * cut.whole.panels + cut.lasts * cut.last.panels
    assert panels.tolist() == [kernel[0] * kernel[1] * -(-channels // 32)]
    packets = sum(
        int((times * part.over(full, tail))[0])
        for times, part in ((cut.wholes, cut.whole), (cut.lasts, cut.last))
    )
    assert packets == kernel[0] * kernel[1] * ((-(-channels // 32) - 1) * full + tail)
    for part in (cut.whole, cut.last):
        chunk = -(-int(part.over(full, tail)[0]) // rows)
        assert int(part.panels[0]) * -(-interleave // 2) <= BATCH_TOKENS
        assert chunk * blocks <= config.held_packets


def test_strips_are_as_long_as_the_loader_holds() -> None:
    # 1056 words: 528 rows of 2 words, 525 in batches of 5; all when read as needed.
    config = replace(CONFIG, strip_words=1056)
    work = ProductWork("a", "FF", 1, plain_product(config, 10_000, 64, 64))
    assert strip_rows(terms(config, work, ALL, 1), candidate(5, 1)).tolist() == [525]
    assert strip_rows(terms(config, work, ALL, 1), candidate(5, 1, False)).tolist() == [10_000]
    # Weights are loaded for each batch of a transposed product.
    turned = ProductWork("a", "WU", 1, plain_product(config, 96, 64, 64, transposed_a=True))
    assert strip_rows(terms(config, turned, ALL, 1), candidate(5, 1)).tolist() == [5]
    # One image row of 400 pixels of 3 words does not fit.
    wide = convolution_program.forward(
        config, Convolution(1, 3, 400, 96, 32, (3, 3), (1, 1), (1, 1)), 0, (0, 8), 0
    )
    held, direct = (
        legal(terms(config, ProductWork("a", "FF", 1, wide), ALL, 1), candidate(1, 1, buffered))
        for buffered in (True, False)
    )
    assert (held.tolist(), direct.tolist()) == ([False], [True])


def test_without_interleaving_every_addition_waits() -> None:
    work = ProductWork("a", "FF", 1, plain_product(CONFIG, 64, 64, 64))
    pieces = product_cycles(CONFIG, ENDLESS, work, candidate(8, 2), Options(interleaved=False))
    assert pieces.compute[0] == 8 * 2 * (8 * 2 * 8)

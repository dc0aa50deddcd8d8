# SPDX-License-Identifier: Apache-2.0
"""Strips of output rows: which tilings the array can hold, and what a strip holds of A.

Pure functions. The limits are those of the kernels (kernels/types.h, kernels/period.h).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt

from .config import BATCH_TOKENS, ArrayConfig
from .errors import ArgumentError
from .product import Product, Source
from .tiling import DATAFLOWS, Tiling

Indices = npt.NDArray[np.int64]

MAX_COUNT = (1 << 31) - 1  # the kernels count in signed 32 bits
MAX_ROWS = (1 << 16) - 1  # of a command


def even_size(extent: int, most: int) -> int:
    """The size that evens out the fewest parts of at most `most` that cover `extent`."""
    parts = -(-extent // most)
    return -(-extent // parts)


def default_tiling(config: ArrayConfig, product: Product) -> Tiling:
    """Output stationary: the largest interleave and memory tile that the array holds, evened out
    so that the last strip and the last tile are not nearly empty. A reduction so long that the
    kernels' counters would overflow gets narrower tiles; A is held where a strip fits.

    Raises ArgumentError when even the narrowest tile has too many counts.
    """
    for most in range(config.interleave, 0, -1):
        interleave = even_size(-(-product.rows // config.rows), most)
        panel = _panel_words(config, product, config.rows * interleave)
        if not product.transpose_a or panel <= config.strip_words:
            break
    total = config.blocks(product.columns)
    for most in range(config.memory_tile, 0, -1):
        blocks = even_size(total, most)
        if largest_count(config, product, interleave, blocks) <= MAX_COUNT:
            tiling = Tiling("os", interleave, blocks, buffered=True)
            buffered = strip_fits(config, product, tiling)
            return replace(tiling, buffered=buffered)
    raise ArgumentError(
        f"product: a reduction of {product.sum_taps * product.reduction} elements is too long for "
        "the array: split it and accumulate"
    )


def stationary_tiling(config: ArrayConfig, product: Product) -> Tiling:
    """Weight stationary: the largest memory tile, evened out, and no more interleave than covers
    the adder's latency with it. Its reduction may need segments (segments.py)."""
    blocks = even_size(config.blocks(product.columns), config.memory_tile)
    covering = -(-config.adder_latency // blocks)
    interleave = min(config.interleave, product.rows, covering)
    if product.transpose_a:
        interleave = min(interleave, config.rows)  # so many words of a panel always fit
    share = -(-config.lanes // config.rows)  # packets of a panel in a row unit, if all are kept
    blocks = min(blocks, config.held_packets // share)
    tiling = Tiling("ws", interleave, blocks, buffered=True)
    return replace(tiling, buffered=strip_fits(config, product, tiling))


def check_tiling(config: ArrayConfig, product: Product, tiling: Tiling) -> None:
    """Raise ArgumentError for a tiling that the array can't hold, with the reason."""
    for name, most in (("interleave", config.interleave), ("blocks", config.memory_tile)):
        if not 1 <= getattr(tiling, name) <= most:
            raise ArgumentError(
                f"tiling: {name}: expected 1 to {most}, got {getattr(tiling, name)}"
            )
    if tiling.dataflow not in DATAFLOWS:
        raise ArgumentError(f"tiling: dataflow: expected os or ws, got {tiling.dataflow}")
    if tiling.buffered and not strip_fits(config, product, tiling):
        raise ArgumentError(
            f"tiling: a strip of interleave {tiling.interleave} does not fit the "
            f"{config.strip_words} words that the loader holds"
        )
    if product.transpose_a and not tiling.buffered:
        raise ArgumentError("tiling: transposed A is always held: set buffered")
    if tiling.dataflow == "os":
        if largest_count(config, product, tiling.interleave, tiling.blocks) > MAX_COUNT:
            raise ArgumentError("tiling: too many counts for the array: fewer blocks")
    elif not holds_weights(config, product, tiling.interleave, tiling.blocks):
        raise ArgumentError(
            f"tiling: a weight-stationary reduction of {product.sum_words(config)} words is too "
            "long: split it and accumulate"
        )
    elif _served_words(config, product, tiling) > MAX_COUNT:
        raise ArgumentError("tiling: too many counts for the array: output stationary")


def _served_words(config: ArrayConfig, product: Product, tiling: Tiling) -> int:
    """A bound of the words that the loader serves for a weight-stationary command."""
    tiles = -(-config.blocks(product.columns) // tiling.blocks)
    rows = strip_rows(config, product, tiling) + tiling.interleave
    return tiles * product.sum_words(config) * rows


def holds_weights(config: ArrayConfig, product: Product, interleave: int, blocks: int) -> bool:
    """Whether the row units hold a whole reduction of weights, and of a batch's activations."""
    tokens = product.sum_words(config) * -(-interleave // config.feed)
    chunk = -(-product.packet_rows(config) // config.rows)
    return tokens <= BATCH_TOKENS and chunk * blocks <= config.held_packets


def strip_rows(config: ArrayConfig, product: Product, tiling: Tiling) -> int:
    """Output rows of a command. Weight stationary: a batch of transposed A, else the most batches
    whose words the loader holds."""
    if tiling.dataflow == "os":
        return config.rows * tiling.interleave
    if product.transpose_a:
        return tiling.interleave
    if tiling.buffered:
        return longest_strip(product.a, product.rows, tiling.interleave, config.strip_words)
    return _most_batches(product.rows, tiling.interleave) * tiling.interleave


def strip_fits(config: ArrayConfig, product: Product, tiling: Tiling) -> bool:
    """Whether the loader holds the A of every strip (weight stationary: of every batch), or, with
    transposed A, of every panel."""
    rows = tiling.interleave * (config.rows if tiling.dataflow == "os" else 1)
    if product.transpose_a:
        return _panel_words(config, product, rows) <= config.strip_words
    if strip_words(product.a, product.rows, rows).longest > config.strip_words:
        return False
    tiles = -(-config.blocks(product.columns) // tiling.blocks)
    return tiles * product.sum_words(config) * rows <= MAX_COUNT


def held_words(a: Source, first: Indices, rows: Indices) -> tuple[Indices, Indices]:
    """Of strips of `rows` output rows from row `first` on: the first of the words that hold all
    source pixels of all taps, from A's address, and their number. Whole rows of the image."""
    height, width = a.size
    out_height, out_width = a.out_size
    image, top = np.divmod(first // out_width, out_height)
    last_image, bottom = np.divmod((first + rows - 1) // out_width, out_height)
    reach = a.taps[0] - 1
    upper = top * a.stride[0] + a.origin[0] - (reach if a.backward else 0)
    lower = bottom * a.stride[0] + a.origin[0] + (0 if a.backward else reach)
    begin = image * height + np.clip(upper, 0, height - 1)
    end = last_image * height + np.clip(lower, 0, height - 1) + 1
    row_words = width * a.pitch
    return begin * row_words, (end - begin) * row_words


@dataclass(frozen=True)
class StripWords:
    """Words that the strips of a product hold: all of them, the longest, the first."""

    total: int
    longest: int
    first: int


@lru_cache(maxsize=1 << 16)
def strip_words(a: Source, rows: int, strip: int) -> StripWords:
    """Of `rows` output rows in strips of `strip`, the last of which may be shorter."""
    total, longest, first = strips_words(a, rows, np.array([strip]))[:, 0].tolist()
    return StripWords(total, longest, first)


def strips_words(a: Source, rows: int, sizes: Indices) -> Indices:
    """The fields of StripWords for each of several sizes: [3, sizes]."""
    strips = -(-rows // sizes)
    pixels = a.out_size[0] * a.out_size[1]
    period = pixels // np.gcd(pixels, sizes)  # strips until they begin with an image again
    counted = np.minimum(period, strips - 1) + 1  # the last strip after those of a period
    ends = np.cumsum(counted)
    begins = ends - counted
    first = np.arange(ends[-1]) - np.repeat(begins, counted)
    first[ends - 1] = strips - 1
    size = np.repeat(sizes, counted)
    first *= size
    words = held_words(a, first, np.minimum(size, rows - first))[1]
    sums = np.append(0, np.cumsum(words))
    times, rest = np.divmod(strips - 1, period)
    last = words[ends - 1]
    of_period, of_rest = sums[ends - 1] - sums[begins], sums[begins + rest] - sums[begins]
    total = times * of_period + of_rest + last
    return np.stack([total, np.maximum.reduceat(words, begins), words[begins]])


@lru_cache(maxsize=1 << 16)
def longest_strip(a: Source, rows: int, interleave: int, held: int) -> int:
    """Output rows of a strip of as many batches of `interleave` as fit into `held` words; 0 when
    one batch does not."""
    if not _fits(a, rows, interleave, held):
        return 0
    fitting, beyond = 1, _most_batches(rows, interleave) + 1
    while beyond - fitting > 1:
        middle = (fitting + beyond) // 2
        if _fits(a, rows, middle * interleave, held):
            fitting = middle
        else:
            beyond = middle
    return fitting * interleave


def _fits(a: Source, rows: int, strip: int, held: int) -> bool:
    """Whether the longest strip has at most `held` words; counted where its bounds don't tell."""
    upper, lower = _image_rows(a)
    height, width = a.out_size
    row_words = a.size[1] * a.pitch
    pixels = min(strip, rows) - 1
    down, images = pixels // width % height, pixels // width // height
    shortest = lower[down] - upper[0] + images * a.size[0] + 1  # the first strip
    if shortest * row_words > held:
        return False
    # A strip begins in any row of an image, and in a row at multiples of what both have in common.
    below = (width - gcd(strip, width) + pixels) // width
    down, images = below % height, below // height
    longest = (lower[down : down + height] - upper).max() + images * a.size[0] + 1
    return bool(longest * row_words <= held or strip_words(a, rows, strip).longest <= held)


@lru_cache(maxsize=1 << 10)
def _image_rows(a: Source) -> tuple[Indices, Indices]:
    """The source row, of all images', above which no tap of an output row reads, of the output
    rows of an image; and that below which none does, of those of two images."""
    height, out_height = a.size[0], a.out_size[0]
    image, row = np.divmod(np.arange(2 * out_height), out_height)
    pixels, one = row * a.out_size[1], np.ones_like(row)
    begin, words = held_words(a, pixels, one)
    row_words = a.size[1] * a.pitch
    first, count = begin // row_words, words // row_words
    return first[:out_height], first + count - 1 + image * height


def _most_batches(rows: int, interleave: int) -> int:
    """That a product has and a command counts."""
    return min(-(-rows // interleave), MAX_ROWS // interleave)


def _panel_words(config: ArrayConfig, product: Product, strip: int) -> int:
    """Most words of A, transposed, that a panel of a strip of so many rows holds."""
    channels = product.a.channels
    first = np.arange(0, product.rows, strip)
    tap, channel = np.divmod(first, channels)
    last_tap, last = np.divmod(np.minimum(first + strip, product.rows) - 1, channels)
    words = (
        (last_tap - tap) * config.blocks(channels)
        + last // config.lanes - channel // config.lanes + 1
    )  # fmt: skip
    return config.lanes * int(words.max())


def largest_count(config: ArrayConfig, product: Product, interleave: int, blocks: int) -> int:
    """A bound of what the kernels count for a tile, output stationary: cycles of its period
    (kernels/period.h), words and elements of its operands."""
    strip, sums = config.rows * interleave, interleave * blocks
    channels = product.a.channels
    taps = strip // channels + 2  # that a strip of their channels touches
    a_words = min(strip, taps * config.blocks(channels)) if product.transpose_a else 1
    panel = max(
        config.value_words(product.b.keep) * max(sums, config.adder_latency),
        strip,
        config.lanes * a_words,
        config.lanes * blocks,
        config.record_words(product.b.keep),
    )
    traffic = 2 * config.rows * sums + config.adder_latency
    return product.sum_taps * config.blocks(product.reduction) * panel + traffic

# SPDX-License-Identifier: Apache-2.0
"""A product in segments of its reduction, one after the other, each with sums that it starts from.

Row units that hold weights hold a whole reduction or a part of it. All but the first segment start
from stored binary32 sums, all but the last store such; so the sums' order, and with it every bit,
stays. Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from .config import ArrayConfig
from .errors import ArgumentError
from .product import Product, Target
from .strips import even_size, holds_weights
from .tiling import Tiling


def segments(
    config: ArrayConfig, product: Product, tiling: Tiling, scratch: int | None = None
) -> list[Product]:
    """The products to run one after the other; `product` itself when it is one.

    scratch: address of scratch_words(...) words for the sums between segments, which only a
    binary16 Y needs. Raises ValueError when it is needed and not given, ArgumentError when
    not even a word of the reduction fits.
    """
    if tiling.dataflow == "os" or holds_weights(config, product, tiling.interleave, tiling.blocks):
        return [product]
    parts = list(_parts(config, product, tiling))
    if not parts:
        raise ArgumentError(
            f"tiling: row units can't hold a word's weights in {tiling.blocks} blocks: fewer blocks"
        )
    between = product.y
    if not product.y.binary32:
        if scratch is None:
            raise ValueError("scratch: the sums between segments of a binary16 result need it")
        y = product.y
        between = Target(scratch, 2 * y.pitch, 2 * y.row_pitch, 2 * y.image_pitch, binary32=True)
    found = [
        replace(part, y=between, accumulate=product.accumulate or number > 0, sums=between.address)
        for number, part in enumerate(parts)
    ]
    if not product.accumulate:
        found[0] = replace(found[0], sums=None)
    elif product.sums is not None:
        found[0] = replace(found[0], sums=product.sums)
    found[-1] = replace(found[-1], y=product.y)
    return found


def scratch_words(config: ArrayConfig, product: Product, tiling: Tiling) -> int:
    """Words that `segments` needs for sums between them: as many as a binary32 Y."""
    held = holds_weights(config, product, tiling.interleave, tiling.blocks)
    if tiling.dataflow == "os" or held or product.y.binary32:
        return 0
    height, width = product.y_size
    images = -(-product.rows // (height * width))
    y = product.y
    reach = (images - 1) * y.image_pitch + (height - 1) * y.row_pitch + (width - 1) * y.pitch
    return 2 * (reach + config.blocks(product.columns))


def _parts(config: ArrayConfig, product: Product, tiling: Tiling) -> Iterator[Product]:
    """Parts of the reduction in its order, as few as fit, of even size: rows of taps, or taps of a
    row, or words of a tap. Nothing when not even a word fits."""
    rows, columns = (1, 1) if product.transpose_a else product.a.taps
    by_rows = _groups(config, tiling, rows, lambda n: _taps(product, (0, 0), (n, columns)))
    for row, count in by_rows:
        yield _taps(product, (row, 0), (count, columns))
    if by_rows:
        return
    by_taps = _groups(config, tiling, columns, lambda n: _taps(product, (0, 0), (1, n)))
    words = config.blocks(product.reduction)
    first = _taps(product, (0, 0), (1, 1))
    by_words = _groups(config, tiling, words, lambda n: _words(config, first, 0, n))
    for row in range(rows):
        for tap, count in by_taps:
            yield _taps(product, (row, tap), (1, count))
        for tap in () if by_taps else range(columns):
            for word, count in by_words:
                yield _words(config, _taps(product, (row, tap), (1, 1)), word, count)


def _groups(
    config: ArrayConfig, tiling: Tiling, units: int, part: Callable[[int], Product]
) -> list[tuple[int, int]]:
    """(first, number) of the units that go together; part: of the first so many units. Empty when
    not even one fits."""
    for most in range(units, 0, -1):
        if holds_weights(config, part(most), tiling.interleave, tiling.blocks):
            size = even_size(units, most)
            return [(n, min(size, units - n)) for n in range(0, units, size)]
    return []


def _taps(product: Product, first: tuple[int, int], taps: tuple[int, int]) -> Product:
    """The product over `taps` from tap `first` on; transposed A has none to choose from."""
    if product.transpose_a:
        return product
    a, b = product.a, product.b
    row, column = first
    origin = a.origin[0] + a.direction * row, a.origin[1] + a.direction * column
    address = b.address + row * b.tap_row_step + column * b.tap_step
    return replace(product, a=replace(a, origin=origin, taps=taps), b=replace(b, address=address))


def _words(config: ArrayConfig, product: Product, word: int, count: int) -> Product:
    """The product over `count` words of the reduction from `word` on; one tap, or transposed A."""
    a, b = product.a, product.b
    first = word * config.lanes
    reduction = min(count * config.lanes, product.reduction - first)
    if b.packed:
        step = word * config.record_words(b.keep)
    elif b.transposed:
        step = word
    else:
        step = first * b.pitch
    b = replace(b, address=b.address + step)
    if product.transpose_a:
        first += product.first_pixel
        return replace(product, b=b, reduction=reduction, first_pixel=first)
    a = replace(a, address=a.address + word, channels=reduction)
    return replace(product, a=a, b=b, reduction=reduction)

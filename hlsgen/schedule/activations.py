# SPDX-License-Identifier: Apache-2.0
"""What the A loader reads for a strip of output rows, in closed form. Pure functions, remembered.

A product's strips follow each other; the last may be shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt
from sat_host.program import Source
from sat_host.strips import MAX_ROWS

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StripWords:
    """Words of the contiguous ranges that strips read: of all, of the longest, of the first."""

    total: int
    longest: int
    first: int


@lru_cache(maxsize=1 << 16)
def strip_words(source: Source, rows: int, strip: int) -> StripWords:
    """The ranges of `rows` output pixels in strips of `strip`: whole rows of the source's images,
    from the first to the last that a strip's pixels touch at any tap, clipped to the images."""
    strips = -(-rows // strip)
    pixels = source.out_size[0] * source.out_size[1]
    period = pixels // gcd(pixels, strip)  # strips until they begin with an image again
    starts = np.arange(min(period, strips - 1), dtype=np.int64) * strip
    words = _range_words(source, starts, starts + strip - 1)
    start = np.array([(strips - 1) * strip], np.int64)
    last = int(_range_words(source, start, np.array([rows - 1]))[0])
    times, rest = divmod(strips - 1, period)
    total = times * int(words.sum()) + int(words[:rest].sum()) + last
    if strips == 1:
        return StripWords(last, last, last)
    return StripWords(total, max(int(words.max()), last), int(words[0]))


def _range_words(source: Source, first: Counts, last: Counts) -> Counts:
    """Words from the source row of output pixel `first` to that of `last`, both included."""
    (height, width), (out_height, out_width) = source.size, source.out_size
    reach = source.direction * (source.taps[0] - 1)

    def image_row(pixel: Counts, offset: int) -> Counts:
        image, row = np.divmod(pixel // out_width, out_height)
        y = source.origin[0] + row * source.stride[0] + offset
        found: Counts = image * height + np.clip(y, 0, height - 1)
        return found

    rows = image_row(last, max(reach, 0)) - image_row(first, min(reach, 0)) + 1
    return np.asarray(rows * (width * source.pitch), np.int64)


@lru_cache(maxsize=1 << 16)
def longest_strip(source: Source, rows: int, interleave: int, held: int) -> int:
    """Output rows of a weight stationary strip, as strip_rows in sat_host.strips finds them: a
    multiple of `interleave` whose range is no longer than `held` words; 0 if one batch's is."""
    if strip_words(source, rows, interleave).longest > held:
        return 0
    fitting, beyond = 1, min(-(-rows // interleave), MAX_ROWS // interleave) + 1  # batches
    while beyond - fitting > 1:
        middle = (fitting + beyond) // 2
        if strip_words(source, rows, middle * interleave).longest <= held:
            fitting = middle
        else:
            beyond = middle
    return fitting * interleave


def pixel_run(source: Source) -> int:
    """Output pixels, one after the other, whose source pixels are consecutive; 0: all are. With
    more taps than one, the ends of an image row are not read at every tap."""
    if source.out_size == source.size and source.stride == source.taps == (1, 1):
        return 0
    return source.out_size[1] if source.stride[1] == 1 else 1


@dataclass(frozen=True)
class ChannelStrips:
    """Strips of a transposed product, whose rows are the taps' channels.

    words: channel words that all strips touch. runs: of consecutive words of a pixel, in strips
    that touch a part of a pixel; whole: words of strips that touch all of the only tap, a pixel's
    being consecutive with the next one's. most: words of one strip, at most. transposer: cycles of
    a panel, at most: a block takes `lanes`, while the one before gives its rows, a panel's last one
    also the rows that the strip lacks.
    """

    words: int
    runs: int
    whole: int
    most: int
    transposer: int


@lru_cache(maxsize=1 << 14)
def channel_strips(rows: int, channels: int, strip: int, lanes: int) -> ChannelStrips:
    """The strips of `strip` rows, of `rows` in taps of `channels`."""
    words = -(-channels // lanes)
    taps = np.arange(-(-rows // channels), dtype=np.int64) * channels
    begins = (taps[:, None] + np.arange(words) * lanes).ravel()
    begins = np.union1d(begins[begins < rows], np.arange(0, rows, strip))
    given = np.diff(begins, append=rows)  # rows that a word gives to a strip
    number, tap = begins // strip, begins // channels
    strips = int(number[-1]) + 1
    count = np.bincount(number, minlength=strips)
    touched = np.bincount(np.unique(np.stack([number, tap]), axis=1)[0], minlength=strips)
    whole = (touched == 1) & (count == words)
    given[np.cumsum(count) - 1] += strip - np.bincount(number, given, strips).astype(np.int64)
    taken = np.bincount(number, np.maximum(given, lanes), strips)
    return ChannelStrips(
        int(begins.size),
        int(touched[~whole].sum()),
        int(count[whole].sum()),
        int(count.max()),
        int(taken.max()),
    )

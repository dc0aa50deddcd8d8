# SPDX-License-Identifier: Apache-2.0
"""What the A loader reads beyond held strips (sat_host.strips), in closed form. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from sat_host.product import Source

from .memory import Counts


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
    begins = np.concatenate([_word_begins(rows, channels, lanes), np.arange(0, rows, strip)])
    begins.sort()
    begins = begins[_changes(begins)]
    number = begins // strip
    another = _changes(number)  # where a strip begins, or
    first = np.flatnonzero(another)
    another = another | _changes(begins // channels)  # in it another tap
    ends = np.append(begins[1:], rows)
    given = ends - begins  # rows that a word gives to a strip
    count = np.append(first[1:], begins.size) - first
    touched = np.add.reduceat(another.astype(np.int64), first)
    whole = (touched == 1) & (count == words)
    given[first + count - 1] += strip - np.add.reduceat(given, first)
    taken = np.add.reduceat(np.maximum(given, lanes), first)
    return ChannelStrips(
        int(begins.size),
        int(touched[~whole].sum()),
        int(count[whole].sum()),
        int(count.max()),
        int(taken.max()),
    )


@lru_cache(maxsize=1 << 10)
def _word_begins(rows: int, channels: int, lanes: int) -> Counts:
    """The row with which each channel word of each tap begins."""
    taps = np.arange(0, rows, channels, dtype=np.int64)
    begins = (taps[:, None] + np.arange(0, channels, lanes)).ravel()
    return np.asarray(begins[begins < rows], np.int64)


def _changes(values: Counts) -> npt.NDArray[np.bool_]:
    """Where a value is not that before."""
    found = np.ones(values.size, np.bool_)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found

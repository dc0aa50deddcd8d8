# SPDX-License-Identifier: Apache-2.0
"""What the A loader reads beyond held strips (sat_host.strips), in closed form. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from sat_host.product import Source


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

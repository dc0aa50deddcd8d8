# SPDX-License-Identifier: Apache-2.0
"""What strips hold of A (sat_host.strips, activations), each strip that occurs counted once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from sat_host.product import Source
from sat_host.strips import longest_strip, strips_words

from .activations import channel_strips
from .memory import Counts
from .terms import Terms, View

_SIZE, _TAPS = 24, 40  # first bits of a key's fields
_Known = dict[int, tuple[int, ...]]


def held(terms: Terms, size: Counts, tap_rows: Counts | int = 0) -> tuple[Counts, Counts, Counts]:
    """Words that a product's strips of `size` rows hold: all of them, the longest, the first.
    tap_rows: of a segment, 0 for all of the product's; which rows they are changes only the
    clipping, and the first ones stand for all."""
    total, longest, first = _of_views(terms, tap_rows, size, _held) * terms.a_pitch
    return total, longest, first


def longest(terms: Terms, interleave: Counts, tap_rows: Counts) -> Counts:
    """Rows of the longest strip of a segment that the loader holds, a multiple of T; else 0."""
    room = terms.strip_words // terms.a_pitch
    rows = np.zeros_like(interleave)
    for words in np.unique(room).tolist():
        chosen = np.flatnonzero(room == words)

        def count(view: View, sizes: list[int], words: int = words) -> list[tuple[int, ...]]:
            known = _known_longest(view.source, view.rows, words)
            for size in sizes:
                if size not in known:
                    known[size] = (longest_strip(view.source, view.rows, size, words),)
            return [known[size] for size in sizes]

        some = terms.at(chosen)
        rows[chosen] = _of_views(some, tap_rows[chosen], interleave[chosen], count)[0]
    return rows


def transposed(terms: Terms, size: Counts) -> Counts:
    """words, runs, whole, most, transposer of ChannelStrips, of strips of `size` rows."""
    return _of_views(terms, 0, size, _transposed)


def _of_views(
    terms: Terms,
    tap_rows: Counts | int,
    size: Counts,
    count: Callable[[View, list[int]], list[tuple[int, ...]]],
) -> Counts:
    """[numbers, candidates] of what `count` says of each view and its sizes."""
    keys = (terms.view << _TAPS) + (np.asarray(tap_rows, np.int64) << _SIZE) + size
    found, places = np.unique(keys, return_inverse=True)
    sizes: dict[int, list[int]] = {}
    for key in found.tolist():
        sizes.setdefault(key >> _SIZE, []).append(key & (1 << _SIZE) - 1)
    numbers: list[tuple[int, ...]] = []  # in the order of the keys
    for key, some in sizes.items():
        view = terms.views[key >> _TAPS - _SIZE]
        rows = key & (1 << _TAPS - _SIZE) - 1
        numbers += count(_of_taps(view, rows) if rows else view, some)
    return np.array(numbers, np.int64).T[:, places]


@lru_cache(maxsize=1 << 12)
def _of_taps(view: View, rows: int) -> View:
    return replace(view, source=replace(view.source, taps=(rows, view.source.taps[1])))


def _held(view: View, sizes: list[int]) -> list[tuple[int, ...]]:
    known = _known_words(view.source, view.rows)
    missing = [size for size in sizes if size not in known]
    if missing:
        words = strips_words(view.source, view.rows, np.array(missing)).T.tolist()
        known.update(zip(missing, map(tuple, words), strict=True))
    return [known[size] for size in sizes]


@lru_cache(maxsize=1 << 10)
def _known_words(source: Source, rows: int) -> _Known:
    """What was counted before, by the strips' size."""
    return {}


@lru_cache(maxsize=1 << 12)
def _known_longest(source: Source, rows: int, words: int) -> _Known:
    """What was found before, by T."""
    return {}


def _transposed(view: View, sizes: list[int]) -> list[tuple[int, ...]]:
    known = _known_channels(view)
    for size in sizes:
        if size not in known:
            found = channel_strips(view.rows, view.channels, size, view.lanes)
            known[size] = found.words, found.runs, found.whole, found.most, found.transposer
    return [known[size] for size in sizes]


@lru_cache(maxsize=1 << 10)
def _known_channels(view: View) -> _Known:
    """What was counted before, by the strips' size."""
    return {}

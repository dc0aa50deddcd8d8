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

_FEW, _SPARSE = 1 << 16, 16  # numbers, of all and a value: beyond, they are sorted, not marked
_Known = dict[int, tuple[int, ...]]


def held(terms: Terms, size: Counts, tap_rows: Counts | int = 0) -> tuple[Counts, Counts, Counts]:
    """Words that a product's strips of `size` rows hold: all of them, the longest, the first.
    tap_rows: of a segment, 0 for all of the product's; which rows they are changes only the
    clipping, and the first ones stand for all."""
    total, longest, first = _of_views(terms, tap_rows, size, _held) * terms.a_pitch
    return total, longest, first


def longest(terms: Terms, interleave: Counts, tap_rows: Counts) -> Counts:
    """Rows of the longest strip of a segment that the loader holds, a multiple of T; else 0."""
    if interleave.size == 0:
        return interleave
    room = terms.strip_words // terms.a_pitch

    def count(view: View, words: int, sizes: list[int]) -> list[tuple[int, ...]]:
        known = _known_longest(view.source, view.rows, words)
        for size in sizes:
            if size not in known:
                known[size] = (longest_strip(view.source, view.rows, size, words),)
        return [known[size] for size in sizes]

    rows: Counts = _of_views(terms, tap_rows, interleave, count, room)[0]
    return rows


def transposed(terms: Terms, size: Counts) -> Counts:
    """words, runs, whole, most, transposer of ChannelStrips, of strips of `size` rows."""
    return _of_views(terms, 0, size, _transposed)


def _of_views(
    terms: Terms,
    tap_rows: Counts | int,
    size: Counts,
    count: Callable[[View, int, list[int]], list[tuple[int, ...]]],
    room: Counts | None = None,
) -> Counts:
    """[numbers, candidates] of what `count` says of each view, its room and its sizes."""
    rooms, of_room = (np.zeros(1, np.int64), 0) if room is None else _distinct(room)
    sizes = int(size.max()) + 1
    taps = int(np.max(tap_rows)) + 1
    views = terms.view * taps + tap_rows
    found, places = _distinct((views * rooms.size + of_room) * sizes + size)
    wanted: dict[int, list[int]] = {}
    for key in found.tolist():
        wanted.setdefault(key // sizes, []).append(key % sizes)
    numbers: list[tuple[int, ...]] = []  # in the order of the keys
    for key, some in wanted.items():
        number, which = divmod(key, rooms.size)
        place, rows = divmod(number, taps)
        view = terms.views[place]
        numbers += count(_of_taps(view, rows) if rows else view, int(rooms[which]), some)
    return np.array(numbers, np.int64).T[:, places]


def _distinct(values: Counts) -> tuple[Counts, Counts]:
    """Each value once, in order, and the place of each among them; none is below zero."""
    most = int(values.max()) + 1
    if most > max(_FEW, _SPARSE * values.size):
        found, places = np.unique(values, return_inverse=True)
        return found, places
    there = np.zeros(most, np.bool_)
    there[values] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[values]


@lru_cache(maxsize=1 << 12)
def _of_taps(view: View, rows: int) -> View:
    return replace(view, source=replace(view.source, taps=(rows, view.source.taps[1])))


def _held(view: View, room: int, sizes: list[int]) -> list[tuple[int, ...]]:
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


def _transposed(view: View, room: int, sizes: list[int]) -> list[tuple[int, ...]]:
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

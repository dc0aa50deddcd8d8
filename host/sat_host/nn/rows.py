# SPDX-License-Identifier: Apache-2.0
"""Work on [rows, channels] in pieces that stay in a core's cache, with sums by channel.

NumPy is fast where its inner loop is long, so several rows of few channels are treated as one wide
row. Sums are binary32 over a few rows and binary64 from there on: exact enough for millions of
rows, and the same bits whatever the number of threads, since nothing here calls a BLAS.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

from .base import Single

PIECE = 1 << 15  # elements: a few such pieces fit in any L2 cache
WIDE = 1 << 11  # elements of a wide row, at most, unless one row is longer
FEW = 32  # rows that are summed in binary32

Double = npt.NDArray[np.float64]


class ChannelRows:
    """How [rows, channels] lies as wide rows, and what is the same for each of them."""

    def __init__(self, rows: int, channels: int) -> None:
        most = max(1, WIDE // channels)
        self.channels = channels
        self.together = gcd(rows, 1 << (most.bit_length() - 1))
        self.width = self.together * channels

    def wide(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The same values as wide rows."""
        return x.reshape(-1, self.width)

    def repeated(self, values: npt.NDArray[Any]) -> Single:
        """A value for each channel, as float32 for each element of a wide row."""
        rows = np.empty((self.together, self.channels), np.float32)
        rows[...] = values.reshape(-1)
        return rows.reshape(-1)

    def total(self, sums: Double) -> Double:
        """Sums of wide rows, by channel."""
        totals: Double = np.add.reduce(sums.reshape(self.together, self.channels), axis=0)
        return totals

    def zeros(self) -> Double:
        """Sums of no wide rows."""
        return np.zeros(self.width)


def pieces(*arrays: npt.NDArray[Any]) -> Iterator[tuple[npt.NDArray[Any], ...]]:
    """Equal row ranges of arrays of as many rows; the first one's width decides how many."""
    step = max(1, PIECE // max(1, arrays[0].shape[1]))
    for start in range(0, len(arrays[0]), step):
        yield tuple(array[start : start + step] for array in arrays)


def column_sums(piece: Single) -> npt.NDArray[Any]:
    """Sums over the rows of a piece."""
    count = len(piece)
    if count <= FEW:
        return np.asarray(np.add.reduce(piece, axis=0))
    whole = count - count % FEW
    parts = np.add.reduce(piece[:whole].reshape(-1, FEW, piece.shape[1]), axis=1)
    sums = np.add.reduce(parts, axis=0, dtype=np.float64)
    return np.asarray(sums + np.add.reduce(piece[whole:], axis=0))


def scratch(array: npt.NDArray[Any]) -> Single:
    """Room for one of its `pieces`."""
    step = max(1, PIECE // max(1, array.shape[1]))
    return np.empty((min(step, len(array)), array.shape[1]), np.float32)


def channel_sums(x: Single) -> Double:
    """Sums over all axes but the last."""
    rows = ChannelRows(x.size // x.shape[-1], x.shape[-1])
    sums = rows.zeros()
    for (piece,) in pieces(rows.wide(x)):
        sums += column_sums(piece)
    return rows.total(sums)

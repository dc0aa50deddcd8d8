# SPDX-License-Identifier: Apache-2.0
"""Sums of products in reduction order: what every product of the golden model is made of.

Each term is an exact product and one binary32 add (docs/architecture.md, Numerics). The reduction
is a Python loop, because its order is part of the result; all the rest is NumPy on blocks that
stay in a core's cache.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Half = npt.NDArray[np.float16]
Single = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

BLOCK = 1 << 16  # sums of a block: with their products they fill 512 KiB
WIDTH = 1 << 12  # of a block, in contiguous elements


def add_products(total: Single, a: Single, b: Single, mask: Mask | None = None) -> None:
    """total [J, I] += b [K, J] transposed · a [K, I], in place, one term after the other, k
    increasing. a and b hold binary16 values.

    Terms whose `mask` [K, J] is False are skipped, not multiplied, so that a pruned weight never
    makes inf·0.
    """
    columns, rows = total.shape
    width = min(rows, WIDTH)
    height = max(1, BLOCK // width)
    with np.errstate(all="ignore"):
        for j in range(0, columns, height):
            down = slice(j, j + height)
            kept = None if mask is None else _Kept(b[:, down], mask[:, down])
            for i in range(0, rows, width):
                across = slice(i, i + width)
                factors = np.ascontiguousarray(a[:, across])
                block = total[down, across].copy()
                if kept is None:
                    _add_every_term(block, factors, b[:, down])
                    total[down, across] = block
                else:
                    block = block[kept.columns]
                    _add_kept_terms(block, factors, kept)
                    total[j + kept.columns, across] = block


def add_batched_products(total: Single, a: Single, b: Single) -> None:
    """total [n, I, J] += a [n, I, K] · b [n, K, J] for each of the n, as `add_products`."""
    batch, rows, columns = total.shape
    if rows * columns > BLOCK:
        for item in range(batch):
            add_products(total[item], b[item], a[item].T)
        return
    step = max(1, BLOCK // (rows * columns))
    with np.errstate(all="ignore"):
        for first in range(0, batch, step):
            some = slice(first, first + step)
            left = np.ascontiguousarray(a[some].transpose(2, 0, 1))[:, :, :, None]
            right = np.ascontiguousarray(b[some].transpose(1, 0, 2))[:, :, None, :]
            block, product = total[some], np.empty_like(total[some])
            for k in range(left.shape[0]):
                np.multiply(left[k], right[k], out=product)
                block += product


class _Kept:
    """The kept terms of each column, in order, the columns with most of them first.

    columns [J]: which column; counts [J]: its kept terms; rows, weights [most, J]: the n-th kept k
    of each column and b there.
    """

    def __init__(self, b: Single, mask: Mask) -> None:
        counts = np.count_nonzero(mask, axis=0)
        self.columns = np.argsort(-counts, kind="stable")
        self.counts = counts[self.columns]
        kept_first = np.argsort(~mask, axis=0, kind="stable")[: int(counts.max(initial=0))]
        self.rows = np.ascontiguousarray(kept_first[:, self.columns])
        self.weights = np.ascontiguousarray(
            np.take_along_axis(b, kept_first, axis=0)[:, self.columns]
        )


def _add_every_term(block: Single, a: Single, b: Single) -> None:
    product = np.empty_like(block)
    for k in range(a.shape[0]):
        np.multiply(b[k, :, None], a[k], out=product)
        block += product


def _add_kept_terms(block: Single, a: Single, kept: _Kept) -> None:
    """The n-th kept term of all columns at once; the columns that have none are the last ones."""
    product = np.empty_like(block)
    active = len(kept.counts)
    for n in range(len(kept.rows)):
        while kept.counts[active - 1] <= n:
            active -= 1
        some = product[:active]
        # "clip" writes into `out` without a copy; no index is out of range.
        np.take(a, kept.rows[n, :active], axis=0, out=some, mode="clip")
        some *= kept.weights[n, :active, None]
        block[:active] += some

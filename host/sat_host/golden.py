# SPDX-License-Identifier: Apache-2.0
"""The golden model: what every device must compute, bit for bit, as plain NumPy functions.

Written from docs/architecture.md (Numerics, N:M pruning, Device memory) and from nothing else.
NaNs compare as NaNs; all other bits are equal. Rounding to binary16 is `binary16`'s, convolutions
are `golden_convolution`'s.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import packing
from .config import ArrayConfig
from .device import UpdateScalars
from .golden_sums import Half, Mask, Single, add_batched_products, add_products

MAGNITUDE_BITS = np.uint16(0x7FFF)
SMALLEST_NORMAL = np.float32(2.0**-126)
# Rounded to 24 bits with an unbounded exponent, a product at or above this (the midpoint between
# 2^-126 and its lower neighbour, a tie that goes to the even 2^-126) is normal.
SMALLEST_KEPT_PRODUCT = 2.0**-126 - 2.0**-151


def matmul(
    a16: Half, b16: Half, *, mask: Mask | None = None, initial: Single | None = None
) -> Single:
    """a16 [I, K] · b16 [K, J] -> float32 [I, J] (docs/architecture.md, Numerics).

    Each term is an exact product and one binary32 add, k increasing, starting at +0 or at
    `initial` [I, J]. Terms whose `mask` [K, J] is False are skipped, not multiplied, so that a
    pruned weight never makes inf·0.
    """
    total = np.zeros((b16.shape[1], a16.shape[0]), np.float32)
    if initial is not None:
        total[:] = initial.T
    add_products(total, np.ascontiguousarray(a16.T).astype(np.float32), _single(b16), mask)
    return np.ascontiguousarray(total.T)


def matmul_batch(a16: Half, b16: Half) -> Single:
    """a16 [n, I, K] · b16 [n, K, J] -> float32 [n, I, J], each product as `matmul`'s."""
    total = np.zeros((a16.shape[0], a16.shape[1], b16.shape[2]), np.float32)
    add_batched_products(total, _single(a16), _single(b16))
    return total


def keep_mask(w16: Half, keep: int, group: int, axis: int) -> Mask:
    """True for the `keep` largest of each `group` along `axis` of w16, by the 15 low bits as an
    integer, ties to the lower index; a ragged last group is padded with zeros
    (docs/architecture.md, N:M pruning)."""
    bits = np.moveaxis(np.ascontiguousarray(w16).view(np.uint16), axis, -1)
    return np.moveaxis(_keep_last_axis(_padded(bits, group), keep, group), -1, axis)[
        tuple(slice(extent) for extent in w16.shape)
    ]


def prune(w16: Half, keep: int, group: int, axis: int) -> Half:
    """w16 with all but the kept elements set to +0."""
    return np.where(keep_mask(w16, keep, group, axis), w16, np.float16(0))


def pack(w16: Half, keep: int, config: ArrayConfig) -> npt.NDArray[np.uint16]:
    """w16 [K, J] pruned along K, as records [blocks(J), blocks(K), record words, lanes], in the
    format of `packing`. Values are raw bits. Padding is +0 and takes part in the selection at its
    own, higher, index."""
    reduction, columns = w16.shape
    lanes, group = config.lanes, config.group
    panels, blocks = config.blocks(reduction), config.blocks(columns)
    full = np.zeros((panels * lanes, blocks * lanes), np.uint16)
    full[:reduction, :columns] = np.ascontiguousarray(w16).view(np.uint16)
    # [blocks, panels, groups, lanes, group]: one group of one column in the last axis.
    grouped = full.reshape(panels, config.groups_per_panel, group, blocks, lanes)
    grouped = grouped.transpose(3, 0, 1, 4, 2)
    kept = _keep_last_axis(grouped, keep, group)
    indices = np.nonzero(kept)[-1].reshape(*grouped.shape[:-1], keep)
    values = np.take_along_axis(grouped, indices, axis=-1)
    return packing.encode(values.swapaxes(-1, -2), indices.swapaxes(-1, -2), config)


def update(
    w: Single, v: Single, dw: Single, scalars: UpdateScalars, pruned: Mask | None = None
) -> tuple[Single, Single]:
    """One momentum SGD step in binary32 -> new (w, v) (docs/architecture.md, Numerics).

    g = dw·inv_scale; g = g + wd·w; g = g + sr_decay·w where `pruned` is True; v = μ·v + g;
    w = w - lr·v, one rounding for each operation, subnormal inputs and results flushed to a zero
    of the same sign.
    """
    w, v, dw = _flush(w), _flush(v), _flush(dw)
    g = _product(dw, scalars.inv_scale)
    g = _sum(g, _product(w, scalars.weight_decay))
    if pruned is not None:
        g = np.where(pruned, _sum(g, _product(w, scalars.sr_decay)), g)
    v = _sum(_product(v, scalars.momentum), g)
    return _sum(w, -_product(v, scalars.lr)), v


def _single(x16: Half) -> Single:
    return x16.astype(np.float32)


def _padded(bits: npt.NDArray[np.uint16], group: int) -> npt.NDArray[np.uint16]:
    short = -bits.shape[-1] % group
    return np.pad(bits, [(0, 0)] * (bits.ndim - 1) + [(0, short)])


def _keep_last_axis(bits: npt.NDArray[np.uint16], keep: int, group: int) -> Mask:
    """keep_mask along the last axis, whose extent is a multiple of `group`."""
    grouped = bits.reshape(*bits.shape[:-1], -1, group)
    # Distinct keys: magnitude first, then the lower index.
    keys = (grouped & MAGNITUDE_BITS).astype(np.int32) * group
    keys += np.arange(group - 1, -1, -1, dtype=np.int32)
    threshold = np.partition(keys, group - keep, axis=-1)[..., group - keep, None]
    return np.asarray(keys >= threshold).reshape(bits.shape)


def _flush(x: Single) -> Single:
    return np.where(np.abs(x) < SMALLEST_NORMAL, np.copysign(np.float32(0), x), x)


def _product(x: Single, scalar: float) -> Single:
    """One binary32 multiplication by a scalar rounded to binary32, flushed."""
    factor = np.float64(_flush(np.asarray(scalar, np.float32)))
    with np.errstate(all="ignore"):
        exact = x.astype(np.float64) * factor
        rounded = exact.astype(np.float32)
    tiny = np.abs(exact) < SMALLEST_KEPT_PRODUCT
    return np.where(tiny, np.copysign(np.float32(0), rounded), rounded)


def _sum(x: Single, y: Single) -> Single:
    """One binary32 addition, flushed; a sum so small is exact, so rounding plays no part."""
    with np.errstate(all="ignore"):
        return _flush(x + y)

# SPDX-License-Identifier: Apache-2.0
"""Convolutions read off their definition, one term after the other, on exact arithmetic.

Images are [n, height, width, channels], weights [kernel rows, kernel columns, channels, filters];
`kept` has the weights' shape. Values are binary16, results binary32.
"""

from __future__ import annotations

from itertools import product

import exact_reference as exact
import numpy as np
from sat_host.convolution import Convolution


def forward(x: np.ndarray, w: np.ndarray, kept: np.ndarray, shape: Convolution) -> np.ndarray:
    """Y over (kernel row, kernel column, channel); outside of the image is +0."""
    y = np.zeros((shape.images, shape.out_height, shape.out_width, shape.filters), np.float32)
    for n, oy, ox, f in np.ndindex(y.shape):
        total = 0.0
        for ky, kx, c in np.ndindex(w.shape[:3]):
            row = oy * shape.stride[0] + ky - shape.padding[0]
            column = ox * shape.stride[1] + kx - shape.padding[1]
            if kept[ky, kx, c, f]:
                value = pixel(x, n, row, column, c)
                total = exact.add(total, exact.multiply(value, float(w[ky, kx, c, f])))
        y[n, oy, ox, f] = total
    return y


def backward(dy: np.ndarray, w: np.ndarray, kept: np.ndarray, shape: Convolution) -> np.ndarray:
    """dX over (kernel row, kernel column, filter) of the taps that meet the pixel by the stride."""
    dx = np.zeros((shape.images, shape.height, shape.width, shape.channels), np.float32)
    for n, row, column, c in np.ndindex(dx.shape):
        total = 0.0
        for ky, kx, f in product(*(range(w.shape[axis]) for axis in (0, 1, 3))):
            oy, above = divmod(row + shape.padding[0] - ky, shape.stride[0])
            ox, beside = divmod(column + shape.padding[1] - kx, shape.stride[1])
            if not above and not beside and kept[ky, kx, c, f]:
                value = pixel(dy, n, oy, ox, f)
                total = exact.add(total, exact.multiply(value, float(w[ky, kx, c, f])))
        dx[n, row, column, c] = total
    return dx


def gradient(x: np.ndarray, dy: np.ndarray, initial: np.ndarray, shape: Convolution) -> np.ndarray:
    """dW over (image, row, column), from `initial` in the weights' shape."""
    dw = np.zeros_like(initial)
    for ky, kx, c, f in np.ndindex(dw.shape):
        total = float(initial[ky, kx, c, f])
        for n, oy, ox in np.ndindex(dy.shape[:3]):
            row = oy * shape.stride[0] + ky - shape.padding[0]
            column = ox * shape.stride[1] + kx - shape.padding[1]
            value = pixel(x, n, row, column, c)
            total = exact.add(total, exact.multiply(value, float(dy[n, oy, ox, f])))
        dw[ky, kx, c, f] = total
    return dw


def kept_along(w: np.ndarray, keep: int, group: int, axis: int) -> np.ndarray:
    """Each group along an axis sorted by falling magnitude, then by rising index."""
    kept = np.zeros(w.shape, bool)
    magnitudes = np.moveaxis(w.view(np.uint16) & 0x7FFF, axis, -1)
    view = np.moveaxis(kept, axis, -1)
    for place in np.ndindex(magnitudes.shape[:-1]):
        for start in range(0, w.shape[axis], group):
            members = range(start, min(start + group, w.shape[axis]))
            best = sorted(members, key=lambda k: (-int(magnitudes[place][k]), k))
            view[place][best[:keep]] = True
    return kept


def pixel(images: np.ndarray, n: int, row: int, column: int, channel: int) -> float:
    """A value, or +0 outside of the image."""
    inside = 0 <= row < images.shape[1] and 0 <= column < images.shape[2]
    return float(images[n, row, column, channel]) if inside else 0.0

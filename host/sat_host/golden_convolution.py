# SPDX-License-Identifier: Apache-2.0
"""The golden convolutions: FF, BP and WU of `Convolution`, from their definition in `device`.

They loop over taps and, inside `golden_sums`, over channels, filters or pixels: the reduction, in
its order. Operands are float16 matrices in the layout of `convolution`, results binary32.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .convolution import Convolution
from .golden_sums import Half, Mask, Single, add_products

GATHERED = 1 << 23  # elements of the taps that WU gathers at once: 32 MiB


def convolve(
    x16: Half, w16: Half, shape: Convolution, lanes: int, mask: Mask | None = None
) -> Single:
    """FF: [out_pixels, filters] from x16 [in_pixels, channels] and w16 [weight_rows, filters].

    Each sum runs over (kernel row, kernel column, channel); pixels outside of the image are +0 and
    multiplied, weights whose `mask` is False are skipped.
    """
    weights = w16.astype(np.float32)
    images = _planes(x16, shape.images, shape.height, shape.width)
    total = np.zeros((shape.filters, shape.out_pixels), np.float32)
    for row, column, taps in _taps(shape, lanes):
        window = _window(images, *_reach(shape, row, column), shape.stride)
        kept = None if mask is None else mask[taps]
        add_products(total, window.reshape(shape.channels, -1), weights[taps], kept)
    return np.ascontiguousarray(total.T)


def convolve_backward(
    dy16: Half, w16: Half, shape: Convolution, lanes: int, mask: Mask | None = None
) -> Single:
    """BP: [in_pixels, channels] from dy16 [out_pixels, filters] and w16 [filters, weight_rows].

    A pixel's sum runs over (kernel row, kernel column, filter), over those taps through which the
    stride lets an output reach it: (pixel + padding - tap) is a multiple of the stride. Outputs
    outside of the image are +0 and multiplied, weights whose `mask` is False are skipped.
    """
    weights = w16.astype(np.float32)
    gradients = _planes(dy16, shape.images, shape.out_height, shape.out_width)
    dx = np.zeros((shape.images, shape.height, shape.width, shape.channels), np.float32)
    for top in range(min(shape.stride[0], shape.height)):
        for left in range(min(shape.stride[1], shape.width)):
            # All pixels that the same taps reach.
            phase = dx[:, top :: shape.stride[0], left :: shape.stride[1]]
            extent = phase.shape[1], phase.shape[2]
            total = np.zeros((shape.channels, shape.images * extent[0] * extent[1]), np.float32)
            for row, column, taps in _taps(shape, lanes):
                down, beyond = divmod(top + shape.padding[0] - row, shape.stride[0])
                right, beside = divmod(left + shape.padding[1] - column, shape.stride[1])
                if beyond or beside:
                    continue
                window = _window(gradients, (down, right), extent, (1, 1))
                kept = None if mask is None else mask[:, taps]
                add_products(total, window.reshape(shape.filters, -1), weights[:, taps], kept)
            phase[:] = np.moveaxis(total.reshape(shape.channels, shape.images, *extent), 0, -1)
    return dx.reshape(shape.in_pixels, shape.channels)


def convolve_gradient(
    x16: Half, dy16: Half, shape: Convolution, initial: Single | None = None
) -> Single:
    """WU: [taps x channels, filters], the rows of dW that `tap_rows` names, summed over (image,
    row, column) from +0 or from `initial`."""
    total = np.zeros((shape.taps * shape.channels, shape.filters), np.float32)
    if initial is not None:
        total[:] = initial
    dy = dy16.astype(np.float32)
    pixels = shape.out_height * shape.out_width
    x = x16.reshape(shape.images, shape.height, shape.width, shape.channels)
    step = max(1, GATHERED // (pixels * len(total)))
    for first in range(0, shape.images, step):
        some = x[first : first + step].astype(np.float32)
        gathered = np.empty((len(some) * pixels, shape.taps, shape.channels), np.float32)
        for tap, (row, column) in enumerate(np.ndindex(shape.kernel)):
            window = _window(some, *_reach(shape, row, column), shape.stride)
            gathered[:, tap] = window.reshape(-1, shape.channels)
        rows = slice(first * pixels, (first + len(some)) * pixels)
        add_products(total, dy[rows], gathered.reshape(len(gathered), -1))
    return total


def tap_rows(shape: Convolution, lanes: int) -> npt.NDArray[np.intp]:
    """The rows of the weight matrix that are a channel of a tap."""
    first = np.arange(shape.taps) * shape.tap_rows(lanes)
    return np.ravel(first[:, None] + np.arange(shape.channels))


def _taps(shape: Convolution, lanes: int) -> Iterator[tuple[int, int, slice]]:
    """Row and column of each tap in order, and its rows of the weight matrix."""
    first = 0
    for row in range(shape.kernel[0]):
        for column in range(shape.kernel[1]):
            yield row, column, slice(first, first + shape.channels)
            first += shape.tap_rows(lanes)


def _reach(shape: Convolution, row: int, column: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where in the image a tap begins, and how many places it takes in either direction."""
    corner = row - shape.padding[0], column - shape.padding[1]
    return corner, (shape.out_height, shape.out_width)


def _planes(pixels: Half, images: int, height: int, width: int) -> Single:
    """A matrix of pixels as [channels x images, height, width, 1]: planes are contiguous."""
    planes = np.ascontiguousarray(pixels.T).astype(np.float32)
    return planes.reshape(-1, height, width, 1)


def _window(
    images: Single, corner: tuple[int, int], extent: tuple[int, int], stride: tuple[int, int]
) -> Single:
    """[n, *extent, depth] of images [n, height, width, depth]: element (i, j) is the one at
    corner + (i, j) x stride, +0 outside of the image."""
    window = np.zeros((images.shape[0], *extent, images.shape[3]), np.float32)
    places, sources = [], []
    for start, count, step, size in zip(corner, extent, stride, images.shape[1:3], strict=True):
        low = max(0, -(start // step))
        high = min(count, -((start - size) // step))
        if low >= high:
            return window
        places.append(slice(low, high))
        sources.append(slice(start + low * step, start + (high - 1) * step + 1, step))
    window[:, places[0], places[1]] = images[:, sources[0], sources[1]]
    return window

# SPDX-License-Identifier: Apache-2.0
"""Pooling of images, by views of the image that are shifted and strided: one a tap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..convolution import output_size
from .base import Layer, Run, Single

Slices = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Windows:
    """Windows over an image; kernel, stride and padding: (rows, columns)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    def out(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of windows."""
        axes = zip((height, width), self.kernel, self.stride, self.padding, strict=True)
        rows, columns = (output_size(*axis) for axis in axes)
        return rows, columns

    def taps(self, height: int, width: int) -> Iterator[tuple[int, Slices, Slices]]:
        """For each place of the kernel, its number, and the windows and pixels that meet there."""
        out = self.out(height, width)
        for row in range(self.kernel[0]):
            rows = self._axis(0, row, height, out[0])
            for column in range(self.kernel[1]):
                columns = self._axis(1, column, width, out[1])
                if rows and columns:
                    windows = (slice(None), rows[0], columns[0])
                    pixels = (slice(None), rows[1], columns[1])
                    yield row * self.kernel[1] + column, windows, pixels

    def _axis(self, axis: int, tap: int, extent: int, out: int) -> tuple[slice, slice] | None:
        """The windows whose `tap` lies in the image, and the pixels it lies on."""
        stride, shift = self.stride[axis], tap - self.padding[axis]
        first = max(0, -(shift // stride))
        last = min(out - 1, (extent - 1 - shift) // stride)
        if last < first:
            return None
        start = first * stride + shift
        return slice(first, last + 1), slice(start, last * stride + shift + 1, stride)


class MaxPool(Layer):
    """The largest value of each window; its gradient goes to the first such pixel."""

    kind = "max_pool"

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        taps = windows.kernel[0] * windows.kernel[1]
        self._number = np.uint8 if taps <= 256 else np.uint16 if taps <= 65536 else np.uint32

    def forward(self, x: Single, run: Run) -> Single:
        images, height, width, channels = x.shape
        y = np.full((images, *self.windows.out(height, width), channels), -np.inf, np.float32)
        winner = np.zeros(y.shape, self._number) if run.training else None
        for tap, windows, pixels in self.windows.taps(height, width):
            best, value = y[windows], x[pixels]
            if winner is not None:
                # Taps come in rising order, so that the largest number is the last that won.
                larger = (value > best).view(np.uint8)
                won = winner[windows]
                np.maximum(won, np.multiply(larger, self._number(tap), dtype=won.dtype), out=won)
            np.maximum(best, value, out=best)
        if winner is not None:
            self._winner, self._image = winner, x.shape
        return y

    def backward(self, dy: Single, run: Run) -> Single:
        dx = np.zeros(self._image, np.float32)
        with np.errstate(invalid="ignore"):
            for tap, windows, pixels in self.windows.taps(*self._image[1:3]):
                dx[pixels] += dy[windows] * (self._winner[windows] == tap)
        del self._winner
        return dx


class AveragePool(Layer):
    """The mean of each window, the zeros of the padding included."""

    kind = "avg_pool"

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self._share = np.float32(1 / (windows.kernel[0] * windows.kernel[1]))

    def forward(self, x: Single, run: Run) -> Single:
        images, height, width, channels = x.shape
        y = np.zeros((images, *self.windows.out(height, width), channels), np.float32)
        with np.errstate(all="ignore"):
            for _, windows, pixels in self.windows.taps(height, width):
                y[windows] += x[pixels]
            y *= self._share
        if run.training:
            self._image = x.shape
        return y

    def backward(self, dy: Single, run: Run) -> Single:
        dx = np.zeros(self._image, np.float32)
        with np.errstate(all="ignore"):
            shared = dy * self._share
            for _, windows, pixels in self.windows.taps(*self._image[1:3]):
                dx[pixels] += shared[windows]
        return dx


class GlobalAveragePool(Layer):
    """The mean of each channel: images to vectors."""

    kind = "avg_pool"

    def forward(self, x: Single, run: Run) -> Single:
        self._image = x.shape
        with np.errstate(all="ignore"):
            # Rows first: shorter sums, and so smaller errors, than over all pixels at once.
            y: Single = np.add.reduce(np.add.reduce(x, axis=1), axis=1)
            y *= self._share()
        return y

    def backward(self, dy: Single, run: Run) -> Single:
        dx = np.empty(self._image, np.float32)
        dx[...] = (dy * self._share())[:, None, None, :]
        return dx

    def _share(self) -> np.float32:
        return np.float32(1 / (self._image[1] * self._image[2]))

# SPDX-License-Identifier: Apache-2.0
"""Layers that move values or put learned ones beside them: tokens, positions, flattening."""

from __future__ import annotations

import numpy as np

from .base import Layer, Run, Single
from .rows import channel_sums
from .vectors import Vector


class Flatten(Layer):
    """All values of an image or of its tokens as one vector."""

    kind = "shape"
    overwrites_input = True  # the result is a view
    overwrites_gradient = True

    def forward(self, x: Single, run: Run) -> Single:
        self._shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy: Single, run: Run) -> Single:
        return dy.reshape(self._shape)


class TakeToken(Layer):
    """One token as a vector."""

    kind = "shape"

    def __init__(self, index: int) -> None:
        self.index = index

    def forward(self, x: Single, run: Run) -> Single:
        self._shape = x.shape
        return x[:, self.index].copy()

    def backward(self, dy: Single, run: Run) -> Single:
        dx = np.zeros(self._shape, np.float32)
        dx[:, self.index] = dy
        return dx


class ClassToken(Layer):
    """One learned token [D] before the others."""

    kind = "embedding"

    def __init__(self, token: Vector) -> None:
        self.token = token

    def forward(self, x: Single, run: Run) -> Single:
        images, tokens, width = x.shape
        y = np.empty((images, tokens + 1, width), np.float32)
        y[:, 0] = self.token.value
        y[:, 1:] = x
        return y

    def backward(self, dy: Single, run: Run) -> Single:
        with np.errstate(all="ignore"):
            self.token.take_gradient(channel_sums(np.ascontiguousarray(dy[:, 0])), run)
        return np.ascontiguousarray(dy[:, 1:])


class PositionalEmbedding(Layer):
    """A learned value [T, D] added to each value of each token."""

    kind = "embedding"
    overwrites_input = True
    overwrites_gradient = True  # it returns dy itself

    def __init__(self, positions: Vector) -> None:
        self.positions = positions

    def forward(self, x: Single, run: Run) -> Single:
        with np.errstate(all="ignore"):
            x += self.positions.value
        return x

    def backward(self, dy: Single, run: Run) -> Single:
        with np.errstate(all="ignore"):
            self.positions.take_gradient(channel_sums(dy.reshape(len(dy), -1)), run)
        return dy


class Patches(Layer):
    """Cuts images into patches x patch pixels: [N, H, W, C] -> tokens [N, T, patch * patch * C].

    A patch's values are in the order (row, column, channel); patches follow row by row.
    """

    kind = "embedding"
    overwrites_input = True  # of patches of one pixel, the result is a view
    overwrites_gradient = True

    def __init__(self, patch: int) -> None:
        self.patch = patch

    def forward(self, x: Single, run: Run) -> Single:
        images, height, width, channels = self._image = x.shape
        side = self.patch
        cut = x.reshape(images, height // side, side, width // side, side, channels)
        tokens = (height // side) * (width // side)
        return cut.swapaxes(2, 3).reshape(images, tokens, side * side * channels)

    def backward(self, dy: Single, run: Run) -> Single:
        images, height, width, channels = self._image
        side = self.patch
        cut = dy.reshape(images, height // side, width // side, side, side, channels)
        return cut.swapaxes(2, 3).reshape(self._image)

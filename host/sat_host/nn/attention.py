# SPDX-License-Identifier: Apache-2.0
"""Self-attention: softmax(Q . K^T / sqrt(d)) . V between two linear layers.

All products run on the device, those of two activations dense; the softmax runs on the host in
binary32. 1 / sqrt(d) is multiplied into Q before Q is rounded to binary16, and so it need not be
applied to the products, which stay within binary16's range that way; the gradient of Q gets the
same factor. Products have binary16 results, as every FF and BP.
"""

from __future__ import annotations

import math

import numpy as np

from ..binary16 import round_binary16, widen_binary16
from ..device import Device, Matrix
from .activations import exponential
from .arrays import ArrayLayer, receive
from .base import Layer, Run, Single


class Attention(Layer):
    """Tokens [N, T, D] to tokens, by `heads` heads of D / heads values each.

    qkv: D -> 3 D, columns (Q, K, V; head; value). project: D -> D. batch: most images at once.
    """

    def __init__(
        self,
        device: Device,
        qkv: ArrayLayer,
        project: ArrayLayer,
        heads: int,
        images_tokens_width: tuple[int, int, int],
    ) -> None:
        images, tokens, width = images_tokens_width
        self.qkv, self.project = qkv, project
        self.heads, self.depth = heads, width // heads
        self._device = device
        self._matrices: list[Matrix] = []
        rows = images * heads * tokens
        try:
            # Matrices take the place of others that are no longer needed, as `backward` says.
            self._q, self._k, self._v, self._o = (self._matrix(rows, self.depth) for _ in range(4))
            self._p, self._s = (self._matrix(rows, tokens) for _ in range(2))
        except BaseException:
            self.free()
            raise

    def _matrix(self, rows: int, columns: int) -> Matrix:
        matrix = self._device.matrix(rows, columns, np.float16)
        self._matrices.append(matrix)
        return matrix

    def forward(self, x: Single, run: Run) -> Single:
        images, tokens, width = x.shape
        batch = images * self.heads
        q, k, v, o, p, s = self._heads_of(images, tokens)
        qkv = self.qkv.forward(x, run)
        with run.clock("attention"):
            parts = qkv.reshape(images, tokens, 3, self.heads, self.depth)
            with np.errstate(all="ignore"):
                parts[:, :, 0] *= np.float32(1 / math.sqrt(self.depth))
        self._send_heads((q, k, v), parts, run)
        with run.clock("FF"):
            self._device.product_batch(s, q, k, batch, transpose_b=True)
        weights = receive(self._device, s, run)
        with run.clock("softmax"):
            softmax(weights)
        self._send(p, weights, run)
        if run.training:
            self._weights = weights
        with run.clock("FF"):
            self._device.product_batch(o, p, v, batch)
        together = self._merged([o], (images, tokens, width), run)
        return self.project.forward(together, run)

    def backward(self, dy: Single, run: Run) -> Single | None:
        images, tokens, width = dy.shape
        batch = images * self.heads
        q, k, v, o, p, s = self._heads_of(images, tokens)
        together = self.project.backward(dy, run)
        assert together is not None, "only the first layer gives no dX"
        self._send_heads((o,), together.reshape(images, tokens, 1, self.heads, self.depth), run)
        with run.clock("BP"):
            self._device.product_batch(s, o, v, batch, transpose_b=True)  # dP = dO . V^T
            self._device.product_batch(v, p, o, batch, transpose_a=True)  # dV = P^T . dO, over V
        gradient = receive(self._device, s, run)
        with run.clock("softmax"):
            softmax_gradient(self._weights, gradient)
        del self._weights
        self._send(p, gradient, run)  # dS, over P
        with run.clock("BP"):
            self._device.product_batch(o, p, k, batch)  # dQ = dS . K, over dO
            self._device.product_batch(k, p, q, batch, transpose_a=True)  # dK = dS^T . Q, over K
        parts = self._merged([o, k, v], (images, tokens, 3 * width), run)
        with run.clock("attention"), np.errstate(all="ignore"):
            parts[:, :, :width] *= np.float32(1 / math.sqrt(self.depth))
        return self.qkv.backward(parts, run)

    def free(self) -> None:
        """Give the products' device memory back; the linear layers' is theirs."""
        while self._matrices:
            self._device.free(self._matrices.pop())

    def _heads_of(self, images: int, tokens: int) -> list[Matrix]:
        rows = images * self.heads * tokens
        matrices = (self._q, self._k, self._v, self._o, self._p, self._s)
        return [matrix.head(rows) for matrix in matrices]

    def _send_heads(self, targets: tuple[Matrix, ...], parts: Single, run: Run) -> None:
        """Write [N, T, parts, heads, depth] as matrices of [N, heads, T] rows, one a part."""
        with run.clock("transfer"):
            half = round_binary16(parts).transpose(2, 0, 3, 1, 4)
            for target, part in zip(targets, half, strict=True):
                self._device.write(target, part.reshape(target.rows, target.columns))

    def _merged(self, sources: list[Matrix], shape: tuple[int, int, int], run: Run) -> Single:
        """The inverse of `_send_heads`: matrices side by side as tokens of the given shape."""
        images, tokens, _ = shape
        result = np.empty(shape, np.float32)
        parts = result.reshape(images, tokens, len(sources), self.heads, self.depth)
        with run.clock("transfer"):
            for number, source in enumerate(sources):
                values = widen_binary16(self._device.read(source))
                heads = values.reshape(images, self.heads, tokens, self.depth)
                parts[:, :, number] = heads.swapaxes(1, 2)
        return result

    def _send(self, target: Matrix, values: Single, run: Run) -> None:
        with run.clock("transfer"):
            self._device.write(target, round_binary16(values))


def softmax(x: Single) -> None:
    """The softmax of each row of x [rows, n], in place."""
    with np.errstate(all="ignore"):
        x -= np.maximum.reduce(x, axis=1, keepdims=True)
        exponential(x)
        x /= np.add.reduce(x, axis=1, keepdims=True)


def softmax_gradient(p: Single, dp: Single) -> None:
    """dS of p = softmax(s) from dP, in place: p * (dp - sum(p * dp)) by row."""
    with np.errstate(all="ignore"):
        dp -= np.add.reduce(p * dp, axis=1, keepdims=True)
        dp *= p

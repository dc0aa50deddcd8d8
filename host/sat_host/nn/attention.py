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
            self._q = self._matrix(rows, self.depth, "qk.x")
            self._k = self._matrix(rows, self.depth, "qk.other")
            self._v = self._matrix(rows, self.depth, "av.other")
            self._p = self._matrix(rows, tokens, "av.x")
            self._do = self._matrix(rows, self.depth, "av.dy")
            self._ds = self._matrix(rows, tokens, "qk.dy")
            # Results, which may take the place of what is not needed yet, or any more.
            self._s = self._result("qk.y", self._ds)
            self._o = self._result("av.y", self._do)
            self._dp = self._result("av.dx_in_place", self._ds)
            self._dv = self._result("av.d_other", self._v)
            self._dq = self._result("qk.dx_in_place", self._do)
            self._dk = self._result("qk.d_other", self._k)
        except BaseException:
            self.free()
            raise

    def _matrix(self, rows: int, columns: int, tensor: str) -> Matrix:
        matrix = self._device.matrix(rows, columns, np.float16, self._name(tensor))
        self._matrices.append(matrix)
        return matrix

    def _result(self, tensor: str, operand: Matrix) -> Matrix:
        return self._device.result(self._name(tensor), operand)

    def _name(self, tensor: str) -> str:
        return f"{self.qkv.name.removesuffix('qkv')}{tensor}"

    def forward(self, x: Single, run: Run) -> Single:
        images, tokens, _ = x.shape
        batch = images * self.heads
        operands, results = (self._q, self._k, self._v, self._p), (self._s, self._o)
        q, k, v, p, s, o = (each.head(batch * tokens) for each in (*operands, *results))
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
        together = np.empty((images, tokens, 1, self.heads, self.depth), np.float32)
        self._take_heads(o, together[:, :, 0], run)
        return self.project.forward(together.reshape(x.shape), run)

    def backward(self, dy: Single, run: Run) -> Single | None:
        images, tokens, width = dy.shape
        batch = images * self.heads
        operands = (self._q, self._k, self._v, self._p, self._do, self._ds)
        q, k, v, p, do, ds = (each.head(batch * tokens) for each in operands)
        results = (self._dp, self._dv, self._dq, self._dk)
        dp, dv, dq, dk = (each.head(batch * tokens) for each in results)
        together = self.project.backward(dy, run)
        assert together is not None, "only the first layer gives no dX"
        self._send_heads((do,), together.reshape(images, tokens, 1, self.heads, self.depth), run)
        parts = np.empty((images, tokens, 3, self.heads, self.depth), np.float32)
        with run.clock("BP"):
            self._device.product_batch(dp, do, v, batch, transpose_b=True)  # dP = dO . V^T
        gradient = receive(self._device, dp, run)
        with run.clock("BP"):
            self._device.product_batch(dv, p, do, batch, transpose_a=True)  # dV = P^T . dO
        self._take_heads(dv, parts[:, :, 2], run)
        with run.clock("softmax"):
            softmax_gradient(self._weights, gradient)
        del self._weights
        self._send(ds, gradient, run)
        with run.clock("BP"):
            self._device.product_batch(dq, ds, k, batch)  # dQ = dS . K
        self._take_heads(dq, parts[:, :, 0], run)
        with run.clock("BP"):
            self._device.product_batch(dk, ds, q, batch, transpose_a=True)  # dK = dS^T . Q
        self._take_heads(dk, parts[:, :, 1], run)
        with run.clock("attention"), np.errstate(all="ignore"):
            parts[:, :, 0] *= np.float32(1 / math.sqrt(self.depth))
        return self.qkv.backward(parts.reshape(images, tokens, 3 * width), run)

    def free(self) -> None:
        """Give the products' device memory back; the linear layers' is theirs."""
        while self._matrices:
            self._device.free(self._matrices.pop())

    def _send_heads(self, targets: tuple[Matrix, ...], parts: Single, run: Run) -> None:
        """Write [N, T, parts, heads, depth] as matrices of [N, heads, T] rows, one a part."""
        with run.clock("transfer"):
            half = round_binary16(parts).transpose(2, 0, 3, 1, 4)
            for target, part in zip(targets, half, strict=True):
                self._device.write(target, part.reshape(target.rows, target.columns))

    def _take_heads(self, source: Matrix, part: Single, run: Run) -> None:
        """The inverse of `_send_heads` for one part [N, T, heads, depth]."""
        images, tokens, heads, depth = part.shape
        with run.clock("transfer"):
            values = widen_binary16(self._device.read(source))
            part[...] = values.reshape(images, heads, tokens, depth).swapaxes(1, 2)

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

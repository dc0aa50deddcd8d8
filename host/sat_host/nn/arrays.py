# SPDX-License-Identifier: Apache-2.0
"""Convolutions and linear layers, whose products and updates run on a `Device`.

Weights, momentum and both packed forms stay in device memory from step to step; activations and
their gradients pass through the host, rounded to binary16 once on their way to the device.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..binary16 import round_binary16
from ..convolution import Convolution
from ..device import Device, Matrix, PackedMatrix, UpdateScalars
from ..methods import LayerPlan
from .base import Half, Layer, NonFiniteGradientError, Run, Single
from .vectors import Vector


@dataclass(frozen=True)
class Fold:
    """How the first layer's taps become channels, where a memory word has room for them.

    A pixel of few channels leaves most of its word empty. So each output pixel (each output column,
    when only the kernel's columns fit) gets the pixels under its kernel as one pixel: the same
    terms in the same order (row, column, channel), in fewer steps of the array and no more words.
    rows: kernel rows that are folded, all of them or one.
    """

    shape: Convolution
    rows: int

    @classmethod
    def of(cls, shape: Convolution, lanes: int) -> Fold | None:
        """For a convolution that has no BP, if folding it is possible and of use."""
        for rows in (shape.kernel[0], 1):
            taps = rows * shape.kernel[1]
            if taps > 1 and taps * shape.channels <= lanes:
                return cls(shape, rows)
        return None

    @property
    def folded(self) -> Convolution:
        """The convolution that the device sees."""
        shape = self.shape
        all_rows = self.rows == shape.kernel[0]
        return Convolution(
            images=shape.images,
            height=shape.out_height if all_rows else shape.height,
            width=shape.out_width,
            channels=self.rows * shape.kernel[1] * shape.channels,
            filters=shape.filters,
            kernel=(1 if all_rows else shape.kernel[0], 1),
            stride=(1 if all_rows else shape.stride[0], 1),
            padding=(0 if all_rows else shape.padding[0], 0),
        )

    def __call__(self, x: Half) -> Half:
        """Images [N, H, W, C] -> [N, folded height, folded width, folded channels]."""
        shape, folded = self.shape, self.folded
        up = shape.padding[0] - folded.padding[0]
        left = shape.padding[1]
        padded = np.pad(x, ((0, 0), (up, up), (left, left), (0, 0)))
        window = self.rows, shape.kernel[1]
        windows = np.lib.stride_tricks.sliding_window_view(padded, window, axis=(1, 2))
        step = shape.stride[0] // folded.stride[0]
        chosen = windows[:, ::step, :: shape.stride[1]].transpose(0, 1, 2, 4, 5, 3)
        return chosen.reshape(len(x), folded.height, folded.width, folded.channels)


@dataclass(frozen=True)
class _Part:
    """A layer's geometry for so many images, and the first rows of its matrices, as many."""

    shape: Convolution
    x: Matrix
    y: Matrix
    dy: Matrix
    dx: Matrix


class ArrayLayer(Layer):
    """Y = X * W + bias of images, tokens or vectors, with backward products and momentum SGD.

    shape: the geometry for the largest micro-batch; a linear layer's images are its rows. weights:
    [kh, kw, C_in, C_out], the initial ones. `forward`, then `backward`, then `update`: each uses
    what the one before left on the device.
    """

    def __init__(
        self,
        device: Device,
        plan: LayerPlan,
        shape: Convolution,
        weights: Single,
        bias: Vector | None,
    ) -> None:
        self.name = plan.name
        self.plan = plan
        self.bias = bias
        self._device = device
        self._logical = shape
        self._fold = Fold.of(shape, device.config.lanes) if plan.bp_keep is None else None
        self._shape = self._fold.folded if self._fold else shape
        self._matrices: list[Matrix | PackedMatrix] = []
        self._parts: dict[int, _Part] = {}  # by the number of images
        try:
            self._allocate()
            self.load(weights, np.zeros_like(weights))
        except BaseException:
            self.free()
            raise

    def _allocate(self) -> None:
        """Device memory. Y and dX are read at once; dX may take the place of X, which WU has read
        by then, and Y that of dY, which comes later."""
        shape, plan = self._shape, self.plan
        rows, filters = shape.weight_rows(self._device.config.lanes), shape.filters
        self._weights, self._velocity, self._gradient = (
            self._matrix(rows, filters, np.float32, role)
            for role in ("weights", "velocity", "gradient")
        )
        self._x = self._matrix(shape.in_pixels, shape.channels, np.float16, "x")
        self._dy = self._matrix(shape.out_pixels, filters, np.float16, "dy")
        self._y = self._device.result(f"{plan.name}.y", self._dy)
        self._ff = self._device.packed(rows, filters, plan.ff_keep, f"{plan.name}.ff")
        self._matrices.append(self._ff)
        self._bp: PackedMatrix | None = None
        self._dx = self._x  # of no use without BP
        if plan.bp_keep is not None:
            self._dx = self._device.result(f"{plan.name}.dx", self._x)
            self._bp = self._device.packed(filters, rows, plan.bp_keep, f"{plan.name}.bp")
            self._matrices.append(self._bp)

    def _matrix(self, rows: int, columns: int, dtype: npt.DTypeLike, role: str) -> Matrix:
        matrix = self._device.matrix(rows, columns, dtype, f"{self.plan.name}.{role}")
        self._matrices.append(matrix)
        return matrix

    def forward(self, x: Single, run: Run) -> Single:
        part = self._part(x)
        shape = part.shape
        self._send(part.x, x, run)
        with run.clock("FF"):
            self._device.convolve(part.y, part.x, self._ff, shape)
        y = receive(self._device, part.y, run)
        if self.bias is not None:
            with run.clock("bias"), np.errstate(all="ignore"):
                y += self.bias.value
        if x.ndim == 4:
            return y.reshape(len(x), shape.out_height, shape.out_width, shape.filters)
        return y.reshape(*x.shape[:-1], shape.filters)

    def backward(self, dy: Single, run: Run) -> Single | None:
        part = self._parts[dy.size // self._outputs_of_image]
        self._send_gradient(part.dy, dy, run)
        with run.clock("WU"):
            bad = self._device.convolve_gradient(
                self._gradient, part.x, part.dy, part.shape, accumulate=run.accumulate
            )
        if bad:
            raise NonFiniteGradientError
        if self._bp is None:
            return None
        with run.clock("BP"):
            self._device.convolve_backward(
                part.dx, part.dy, self._bp, part.shape, dy_keep=self.plan.dy_keep
            )
        return receive(self._device, part.dx, run).reshape(self._given)

    def update(self, scalars: UpdateScalars) -> None:
        """Apply the gradients; the packed forms follow in the same pass."""
        self._device.update_weights(
            self._weights,
            self._velocity,
            self._gradient,
            scalars if self.plan.sr_decay else replace(scalars, sr_decay=0.0),
            self._ff,
            self._bp,
            masked_bp=self.plan.masked_bp,
        )

    def read(self) -> tuple[Single, Single]:
        """Weights and velocity, [kh, kw, C_in, C_out]."""
        matrices = (self._device.read(self._weights), self._device.read(self._velocity))
        weights, velocity = (self._from_taps(matrix) for matrix in matrices)
        return weights, velocity

    def load(self, weights: Single, velocity: Single) -> None:
        """The inverse of `read`; the packed forms follow."""
        self._device.write(self._weights, self._as_taps(weights))
        self._device.write(self._velocity, self._as_taps(velocity))
        self._device.pack(self._weights, self._ff, self._bp, masked_bp=self.plan.masked_bp)

    def free(self) -> None:
        """Give all device memory back."""
        while self._matrices:
            self._device.free(self._matrices.pop())

    @property
    def _outputs_of_image(self) -> int:
        return self._shape.out_height * self._shape.out_width * self._shape.filters

    def _part(self, x: Single) -> _Part:
        """What of the layer x fills. The dX of the next `backward` gets the shape of x."""
        self._given = x.shape
        logical = self._logical
        images = x.size // (logical.height * logical.width * logical.channels)
        if images not in self._parts:
            shape = replace(self._shape, images=images)
            x_device, dx = (each.head(shape.in_pixels) for each in (self._x, self._dx))
            y, dy = (each.head(shape.out_pixels) for each in (self._y, self._dy))
            self._parts[images] = _Part(shape, x_device, y, dy, dx)
        return self._parts[images]

    def _send(self, target: Matrix, x: Single, run: Run) -> None:
        with run.clock("transfer"):
            if self._fold is None:
                self._device.write_rounded(target, x)
            else:
                half = self._fold(round_binary16(x))
                self._device.write(target, half.reshape(target.rows, target.columns))

    def _send_gradient(self, target: Matrix, dy: Single, run: Run) -> None:
        """dY to the device, and its sums to the bias."""
        if self.bias is None:
            with run.clock("transfer"):
                self._device.write_rounded(target, dy)
            return
        with run.clock("transfer"):
            half = round_binary16(dy).reshape(target.rows, target.columns)
            self._device.write(target, half)
        with run.clock("bias"), np.errstate(all="ignore"):
            # Binary16 values add up exactly in binary64: one rounding, and no order.
            self.bias.take_gradient(np.add.reduce(half, axis=0, dtype=np.float64), run)

    def _as_taps(self, weights: Single) -> Single:
        """Weights [kh, kw, C_in, C_out] as the matrix that the device holds."""
        shape, lanes = self._shape, self._device.config.lanes
        taps = np.zeros((shape.taps, shape.tap_rows(lanes), shape.filters), np.float32)
        taps[:, : shape.channels] = weights.reshape(shape.taps, shape.channels, shape.filters)
        return taps.reshape(-1, shape.filters)[: shape.weight_rows(lanes)]

    def _from_taps(self, matrix: Single) -> Single:
        """The inverse of `_as_taps`."""
        shape, logical = self._shape, self._logical
        rows = shape.tap_rows(self._device.config.lanes)
        taps = [matrix[tap * rows : tap * rows + shape.channels] for tap in range(shape.taps)]
        return np.stack(taps).reshape(*logical.kernel, logical.channels, logical.filters)


def receive(device: Device, source: Matrix, run: Run) -> Single:
    """A binary16 matrix [rows, columns] of the device, in binary32."""
    with run.clock("transfer"):
        return device.read_widened(source)

# SPDX-License-Identifier: Apache-2.0
"""`GoldenDevice`: the golden model behind the `Device` interface, for tests and comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import arguments, checks, golden, golden_convolution, packing
from .binary16 import round_binary16
from .config import ArrayConfig
from .convolution import Convolution
from .device import Array, Device, Matrix, Memory, PackedMatrix, UpdateScalars
from .golden_sums import Half, Mask, Single


@dataclass(eq=False)
class _Buffer(Memory):
    """A matrix, or packed records."""

    values: Array


class GoldenDevice(Device):
    """A device whose memory is NumPy arrays and whose every operation is `golden`'s.

    `live` is the number of allocations not yet freed.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self.config = config
        self.live = 0

    def matrix(
        self, rows: int, columns: int, dtype: npt.DTypeLike, tensor: str | None = None
    ) -> Matrix:
        rows, columns, kind = checks.check_allocation(rows, columns, dtype)
        return Matrix(self._allocate(np.zeros((rows, columns), kind)), rows, columns, kind)

    def packed(
        self, reduction: int, columns: int, keep: int, tensor: str | None = None
    ) -> PackedMatrix:
        reduction, columns, keep = checks.check_packed(reduction, columns, keep, self.config)
        config = self.config
        shape = (config.blocks(columns), config.blocks(reduction), config.record_words(keep))
        records = np.zeros((*shape, config.lanes), np.uint16)
        return PackedMatrix(self._allocate(records), reduction, columns, keep)

    def write(self, target: Matrix, values: Array) -> None:
        self._rows(target)[:] = checks.check_write(target, values)

    def read(self, source: Matrix) -> Array:
        return self._rows(source).copy()

    def read_packed(self, source: PackedMatrix) -> npt.NDArray[np.uint16]:
        return self._values(source).copy()

    def product(
        self,
        y: Matrix,
        a: Matrix,
        b: Matrix | PackedMatrix,
        *,
        transpose_a: bool = False,
        accumulate: bool = False,
        dataflow: str | None = None,
    ) -> int:
        self._check_dataflow(dataflow)
        checks.check_product(y, a, b, transpose_a, accumulate)
        target = self._rows(y)
        left = self._rows(a).T if transpose_a else self._rows(a)
        right, mask = self._weights(b) if isinstance(b, PackedMatrix) else (self._rows(b), None)
        total = golden.matmul(left, right, mask=mask, initial=target if accumulate else None)
        return _store(target, total)

    def product_batch(
        self,
        y: Matrix,
        a: Matrix,
        b: Matrix,
        batch: int,
        *,
        transpose_a: bool = False,
        transpose_b: bool = False,
    ) -> int:
        batch, *_ = checks.check_product_batch(y, a, b, batch, transpose_a, transpose_b)
        target = self._rows(y)
        left = self._rows(a).reshape(batch, -1, a.columns)
        right = self._rows(b).reshape(batch, -1, b.columns)
        total = golden.matmul_batch(
            left.swapaxes(1, 2) if transpose_a else left,
            right.swapaxes(1, 2) if transpose_b else right,
        )
        return _store(target, total.reshape(target.shape))

    def convolve(self, y: Matrix, x: Matrix, weights: PackedMatrix, shape: Convolution) -> int:
        shape = checks.check_convolution(y, x, weights, shape, self.config)
        target = self._rows(y)
        w16, mask = self._weights(weights)
        lanes = self.config.lanes
        return _store(target, golden_convolution.convolve(self._rows(x), w16, shape, lanes, mask))

    def convolve_backward(
        self,
        dx: Matrix,
        dy: Matrix,
        weights: PackedMatrix,
        shape: Convolution,
        *,
        dy_keep: int | None = None,
    ) -> int:
        config = self.config
        shape, keep = checks.check_convolution_backward(dx, dy, weights, shape, dy_keep, config)
        target = self._rows(dx)
        w16, mask = self._weights(weights)
        dy16 = self._rows(dy)
        if keep < config.group:
            dy16 = golden.prune(dy16, keep, config.group, axis=1)
        total = golden_convolution.convolve_backward(dy16, w16, shape, config.lanes, mask)
        return _store(target, total)

    def convolve_gradient(
        self, dw: Matrix, x: Matrix, dy: Matrix, shape: Convolution, *, accumulate: bool = False
    ) -> int:
        shape = checks.check_convolution_gradient(dw, x, dy, shape, self.config)
        target = self._rows(dw)
        lanes = self.config.lanes
        taps = golden_convolution.tap_rows(shape, lanes)
        initial = target[taps] if accumulate else None
        gradients = golden_convolution.convolve_gradient(
            self._rows(x), self._rows(dy), shape, initial
        )
        target[taps] = gradients
        return _nonfinite(gradients)

    def pack(
        self,
        weights: Matrix,
        ff: PackedMatrix | None = None,
        bp: PackedMatrix | None = None,
        *,
        masked_bp: bool = False,
    ) -> None:
        checks.check_pack(weights, ff, bp, masked_bp)
        self._require(ff, bp)
        values = self._rows(weights)
        w16 = values if weights.dtype == checks.HALF else round_binary16(values)
        if ff is not None:
            self._values(ff)[:] = golden.pack(w16, ff.keep, self.config)
            if masked_bp:
                w16 = golden.prune(w16, ff.keep, self.config.group, axis=0)
        if bp is not None:
            self._values(bp)[:] = golden.pack(w16.T, bp.keep, self.config)

    def update_weights(
        self,
        weights: Matrix,
        velocity: Matrix,
        gradient: Matrix,
        scalars: UpdateScalars,
        ff: PackedMatrix | None = None,
        bp: PackedMatrix | None = None,
        *,
        masked_bp: bool = False,
    ) -> None:
        decays = checks.check_update(weights, velocity, gradient, scalars, ff)
        checks.check_pack(weights, ff, bp, masked_bp)
        self._require(ff, bp)
        w, v, dw = self._rows(weights), self._rows(velocity), self._rows(gradient)
        pruned = None
        if decays and ff is not None:
            pruned = ~golden.keep_mask(round_binary16(w), ff.keep, self.config.group, axis=0)
        w[:], v[:] = golden.update(w, v, dw, scalars, pruned)
        self.pack(weights, ff, bp, masked_bp=masked_bp)

    def prune(self, w: Array, keep: int, axis: int = 0) -> npt.NDArray[np.float16]:
        """As every device's, but by the definition itself instead of through packed records."""
        w = arguments.matrix("w", w, np.float16, "(K, J)")
        keep = arguments.keep_count(keep, self.config.group)
        return golden.prune(w, keep, self.config.group, arguments.axis_of_matrix(axis))

    def _allocate(self, values: Array) -> _Buffer:
        self.live += 1
        return _Buffer(self, values)

    def _release(self, memory: _Buffer) -> None:
        del memory.values
        self.live -= 1

    def _values(self, item: Matrix | PackedMatrix) -> Array:
        values: Array = self._memory(item).values
        return values

    def _weights(self, packed: PackedMatrix) -> tuple[Half, Mask | None]:
        """Packed weights as a matrix, and which of them are kept: None if all are."""
        records = self._values(packed)
        w16, kept = packing.unpack(
            records, packed.reduction, packed.columns, packed.keep, self.config
        )
        return w16, None if packed.keep == self.config.group else kept

    def _require(self, *forms: PackedMatrix | None) -> None:
        """Refuse packed forms that are not this device's, before anything is written."""
        for form in forms:
            if form is not None:
                self._memory(form)

    def _rows(self, item: Matrix) -> Array:
        return self._values(item)[: item.rows]


def _store(target: Array, total: Single) -> int:
    """Write a result as the matrix holds it; how many values are infinite or NaN there."""
    target[:] = round_binary16(total) if target.dtype == checks.HALF else total
    return _nonfinite(target)


def _nonfinite(values: Array) -> int:
    return int(values.size - np.count_nonzero(np.isfinite(values)))

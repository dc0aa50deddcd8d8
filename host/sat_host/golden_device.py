# SPDX-License-Identifier: Apache-2.0
"""`GoldenDevice`: the golden model behind the `Device` interface, for tests and comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import arguments, checks, golden, packing
from .binary16 import round_binary16
from .config import ArrayConfig
from .device import Array, Device, Matrix, Memory, PackedMatrix, UpdateScalars


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

    def matrix(self, rows: int, columns: int, dtype: npt.DTypeLike) -> Matrix:
        rows, columns, kind = checks.check_allocation(rows, columns, dtype)
        return Matrix(self._allocate(np.zeros((rows, columns), kind)), rows, columns, kind)

    def packed(self, reduction: int, columns: int, keep: int) -> PackedMatrix:
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
    ) -> int:
        checks.check_product(y, a, b, transpose_a, accumulate)
        left = self._rows(a).T if transpose_a else self._rows(a)
        mask = None
        if isinstance(b, PackedMatrix):
            right, kept = packing.unpack(
                self._values(b), b.reduction, b.columns, b.keep, self.config
            )
            mask = None if b.keep == self.config.group else kept
        else:
            right = self._rows(b)
        total = golden.matmul(left, right, mask=mask, initial=self._rows(y) if accumulate else None)
        result = round_binary16(total) if y.dtype == checks.HALF else total
        self._rows(y)[:] = result
        return int(result.size - np.count_nonzero(np.isfinite(result)))

    def pack(
        self, weights: Matrix, ff: PackedMatrix | None = None, bp: PackedMatrix | None = None
    ) -> None:
        checks.check_pack(weights, ff, bp)
        self._require(ff, bp)
        values = self._rows(weights)
        w16 = values if weights.dtype == checks.HALF else round_binary16(values)
        if ff is not None:
            self._values(ff)[:] = golden.pack(w16, ff.keep, self.config)
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
    ) -> None:
        checks.check_update(weights, velocity, gradient)
        checks.check_pack(weights, ff, bp)
        self._require(ff, bp)
        w, v = golden.update(
            self._rows(weights), self._rows(velocity), self._rows(gradient), scalars
        )
        self._rows(weights)[:] = w
        self._rows(velocity)[:] = v
        self.pack(weights, ff, bp)

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

    def _require(self, *forms: PackedMatrix | None) -> None:
        """Refuse packed forms that are not this device's, before anything is written."""
        for form in forms:
            if form is not None:
                self._memory(form)

    def _rows(self, item: Matrix) -> Array:
        return self._values(item)[: item.rows]

# SPDX-License-Identifier: Apache-2.0
"""`GoldenDevice`: the golden model behind the `Device` interface, for tests and comparison."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import checks, golden
from .config import ArrayConfig
from .device import Array, Device, DeviceError, Matrix, PackedMatrix, UpdateScalars


class _Buffer:
    """What a handle points to; `values` is None once freed."""

    def __init__(self, values: Array) -> None:
        self.values: Array | None = values


class GoldenDevice(Device):
    """A device whose memory is NumPy arrays and whose every operation is `golden`'s.

    `live` is the number of allocations not yet freed.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self.config = config
        self.live = 0

    def matrix(self, rows: int, columns: int, dtype: npt.DTypeLike) -> Matrix:
        kind = checks.check_allocation(rows, columns, dtype)
        return Matrix(self._allocate(np.zeros((rows, columns), kind)), rows, columns, kind)

    def packed(self, reduction: int, columns: int, keep: int) -> PackedMatrix:
        checks.check_packed(reduction, columns, keep, self.config)
        config = self.config
        shape = (config.blocks(columns), config.blocks(reduction), config.record_words(keep))
        records = np.zeros((*shape, config.lanes), np.uint16)
        return PackedMatrix(self._allocate(records), reduction, columns, keep)

    def write(self, target: Matrix, values: Array) -> None:
        _rows(target)[:] = checks.check_write(target, values)

    def read(self, source: Matrix) -> Array:
        return _rows(source).copy()

    def read_packed(self, source: PackedMatrix) -> npt.NDArray[np.uint16]:
        return _values(source).copy()

    def free(self, *items: Matrix | PackedMatrix) -> None:
        for item in items:
            _values(item)
            item.handle.values = None
            self.live -= 1

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
        left = _rows(a).T if transpose_a else _rows(a)
        mask = None
        if isinstance(b, PackedMatrix):
            right, kept = golden.unpack(_values(b), b.reduction, b.columns, b.keep, self.config)
            mask = None if b.keep == self.config.group else kept
        else:
            right = _rows(b)
        total = golden.matmul(left, right, mask=mask, initial=_rows(y) if accumulate else None)
        result = golden.round_binary16(total) if y.dtype == checks.HALF else total
        _rows(y)[:] = result
        return int(result.size - np.count_nonzero(np.isfinite(result)))

    def pack(
        self, weights: Matrix, ff: PackedMatrix | None = None, bp: PackedMatrix | None = None
    ) -> None:
        checks.check_pack(weights, ff, bp)
        values = _rows(weights)
        w16 = values if weights.dtype == checks.HALF else golden.round_binary16(values)
        if ff is not None:
            _values(ff)[:] = golden.pack(w16, ff.keep, self.config)
        if bp is not None:
            _values(bp)[:] = golden.pack(w16.T, bp.keep, self.config)

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
        w, v = golden.update(_rows(weights), _rows(velocity), _rows(gradient), scalars)
        _rows(weights)[:] = w
        _rows(velocity)[:] = v
        self.pack(weights, ff, bp)

    def _allocate(self, values: Array) -> _Buffer:
        self.live += 1
        return _Buffer(values)


def _values(item: Matrix | PackedMatrix) -> Array:
    values: Array | None = item.handle.values
    if values is None:
        raise DeviceError("this matrix was freed")
    return values


def _rows(item: Matrix) -> Array:
    return _values(item)[: item.rows]

# SPDX-License-Identifier: Apache-2.0
"""`EngineDevice`: the accelerator behind the `Device` interface, whatever runs its kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from . import checks
from .config import ArrayConfig
from .device import Array, Device, Matrix, Memory, PackedMatrix, UpdateScalars
from .heap import Heap
from .program import Commands, Product, Update, product_commands, update_command

Words = npt.NDArray[np.uint16]

_ALIGN_BYTES = 4096  # XRT aligns buffers to 4 KiB


class Backend(Protocol):
    """What runs the kernels: memory by words of `lanes` binary16 values, and two command lists."""

    words: int

    def write(self, address: int, values: Words) -> None:
        """Copy whole words, shaped [n, lanes], to memory."""

    def read(self, address: int, words: int) -> Words:
        """Copy `words` words from memory, shaped [words, lanes]."""

    def stce(self, commands: Commands) -> int:
        """Run STCE commands; the number of infinite or NaN results. Raises DeviceError."""

    def wuve(self, commands: Commands) -> None:
        """Run WUVE commands. Raises DeviceError."""


@dataclass(eq=False)
class Region(Memory):
    """Words of the back end's memory."""

    address: int
    words: int


class EngineDevice(Device):
    """Products and updates as command lists on `backend`."""

    def __init__(self, config: ArrayConfig, backend: Backend, dataflows: tuple[str, ...]) -> None:
        self.config = config
        self.dataflows = dataflows
        self._backend = backend
        self._heap = Heap(backend.words, max(1, _ALIGN_BYTES // config.word_bytes))

    # Memory ---------------------------------------------------------------------------------

    def matrix(self, rows: int, columns: int, dtype: npt.DTypeLike) -> Matrix:
        rows, columns, kind = checks.check_allocation(rows, columns, dtype)
        region = self._allocate(rows * self._pitch(columns, kind))
        return Matrix(region, rows, columns, kind)

    def packed(self, reduction: int, columns: int, keep: int) -> PackedMatrix:
        reduction, columns, keep = checks.check_packed(reduction, columns, keep, self.config)
        records = self.config.blocks(columns) * self.config.blocks(reduction)
        region = self._allocate(records * self.config.record_words(keep))
        return PackedMatrix(region, reduction, columns, keep)

    def write(self, target: Matrix, values: Array) -> None:
        values = checks.check_write(target, values)
        pitch = self._pitch(target.columns, target.dtype)
        width = pitch * self.config.word_bytes // target.dtype.itemsize
        if width != target.columns:
            padded = np.zeros((target.rows, width), target.dtype)
            padded[:, : target.columns] = values
            values = padded
        words = values.view(np.uint16).reshape(-1, self.config.lanes)
        self._backend.write(self._region(target).address, words)

    def read(self, source: Matrix) -> Array:
        words = source.rows * self._pitch(source.columns, source.dtype)
        values = self._backend.read(self._region(source).address, words)
        rows = values.reshape(source.rows, -1).view(source.dtype)
        return np.ascontiguousarray(rows[:, : source.columns])

    def read_packed(self, source: PackedMatrix) -> Words:
        config, region = self.config, self._region(source)
        values = self._backend.read(region.address, region.words)
        shape = (config.blocks(source.columns), config.blocks(source.reduction))
        return values.reshape(*shape, config.record_words(source.keep), config.lanes)

    # Work -----------------------------------------------------------------------------------

    def product(
        self,
        y: Matrix,
        a: Matrix,
        b: Matrix | PackedMatrix,
        *,
        transpose_a: bool = False,
        accumulate: bool = False,
    ) -> int:
        rows, reduction, columns = checks.check_product(y, a, b, transpose_a, accumulate)
        packed = isinstance(b, PackedMatrix)
        product = Product(
            rows=rows,
            columns=columns,
            reduction=reduction,
            a_address=self._region(a).address,
            a_pitch=self._pitch(a.columns, a.dtype),
            transpose_a=transpose_a,
            b_address=self._region(b).address,
            b_pitch=0 if packed else self._pitch(b.columns, checks.HALF),
            packed=packed,
            keep=b.keep if isinstance(b, PackedMatrix) else self.config.group,
            y_address=self._region(y).address,
            y_pitch=self._pitch(columns, y.dtype),
            binary32=y.dtype == checks.SINGLE,
            accumulate=accumulate,
        )
        return self._backend.stce(product_commands(self.config, product))

    def pack(
        self, weights: Matrix, ff: PackedMatrix | None = None, bp: PackedMatrix | None = None
    ) -> None:
        checks.check_pack(weights, ff, bp)
        self._update(weights, None, None, None, ff, bp)

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
        self._update(weights, velocity, gradient, scalars, ff, bp)

    def _update(
        self,
        weights: Matrix,
        velocity: Matrix | None,
        gradient: Matrix | None,
        scalars: UpdateScalars | None,
        ff: PackedMatrix | None,
        bp: PackedMatrix | None,
    ) -> None:
        factors = scalars or UpdateScalars(lr=0.0, momentum=0.0, weight_decay=0.0, inv_scale=1.0)
        update = Update(
            rows=weights.rows,
            columns=weights.columns,
            weights_address=self._region(weights).address,
            velocity_address=self._region(velocity).address if velocity else 0,
            gradient_address=self._region(gradient).address if gradient else 0,
            pitch=self._pitch(weights.columns, weights.dtype),
            ff_address=self._region(ff).address if ff else 0,
            ff_keep=ff.keep if ff else 0,
            bp_address=self._region(bp).address if bp else 0,
            bp_keep=bp.keep if bp else 0,
            update=scalars is not None,
            binary16_weights=weights.dtype == checks.HALF,
            lr=factors.lr,
            momentum=factors.momentum,
            weight_decay=factors.weight_decay,
            inv_scale=factors.inv_scale,
        )
        self._backend.wuve(update_command(update))

    # ----------------------------------------------------------------------------------------

    def _pitch(self, columns: int, dtype: np.dtype[np.generic]) -> int:
        """Words from row to row: whole words of binary16, twice as many of binary32."""
        return self.config.blocks(columns) * (2 if dtype == checks.SINGLE else 1)

    def _allocate(self, words: int) -> Region:
        region = Region(self, self._heap.take(words), words)
        try:
            self._backend.write(region.address, np.zeros((words, self.config.lanes), np.uint16))
        except BaseException:
            self._release(region)
            raise
        return region

    def _release(self, memory: Region) -> None:
        self._heap.give(memory.address, memory.words)

    def _region(self, item: Matrix | PackedMatrix) -> Region:
        region: Region = self._memory(item)
        return region

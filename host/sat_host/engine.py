# SPDX-License-Identifier: Apache-2.0
"""`EngineDevice`: the accelerator behind the `Device` interface, whatever runs its kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from . import checks, convolution_program
from .command_lists import ONE, Copies, Work, between_words, command_lists
from .config import ArrayConfig
from .convolution import Convolution
from .descriptor import STCE
from .device import Array, Device, Matrix, Memory, PackedMatrix, UpdateScalars
from .product import Operand, Product, Source, Target
from .program import Commands, Update, update_command
from .stored_program import NO_PROGRAM, StoredProgram, UpdateKey
from .strips import default_tiling, stationary_tiling
from .tiling import Tiling

Words = npt.NDArray[np.uint16]


class Backend(Protocol):
    """What runs the kernels: memory by words of `lanes` binary16 values, and two command lists.

    cycles: of a list as the program models them, 0 where it says nothing. banked: whether it
    matters in which bank a region lies.
    """

    banked: bool

    def allocate(self, words: int, bank: int | None) -> int:
        """The address of a new region, its content of no meaning. bank: that of the program, None
        for any. Raises DeviceError when there is no room."""

    def release(self, address: int, words: int) -> None:
        """Take back what `allocate(words, ...)` placed at `address`."""

    def write(self, address: int, values: Words) -> None:
        """Copy whole words, shaped [n, lanes], to memory."""

    def read(self, address: int, words: int) -> Words:
        """Copy `words` words from memory, shaped [words, lanes]."""

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        """Run STCE commands; the number of infinite or NaN results. Raises DeviceError."""

    def wuve(self, commands: Commands, cycles: int = 0) -> None:
        """Run WUVE commands. Raises DeviceError."""

    def profile(self) -> dict[str, Any] | None:
        """As `Device.profile`."""


@dataclass(eq=False)
class Region(Memory):
    """Words of the back end's memory."""

    address: int
    words: int


class EngineDevice(Device):
    """Products and updates as command lists on `backend`.

    program: a product that it does not know has the tiling of default_tiling.
    trace: when set to a list, it gets every product that runs, with its tiling.
    """

    def __init__(
        self,
        config: ArrayConfig,
        backend: Backend,
        dataflows: tuple[str, ...],
        program: StoredProgram = NO_PROGRAM,
    ) -> None:
        self.config = config
        self.dataflows = dataflows
        self.trace: list[Work] | None = None
        self._program = program
        self._backend = backend
        self._results: dict[int, Region] = {}

    # Memory ---------------------------------------------------------------------------------

    def matrix(
        self, rows: int, columns: int, dtype: npt.DTypeLike, tensor: str | None = None
    ) -> Matrix:
        rows, columns, kind = checks.check_allocation(rows, columns, dtype)
        region = self._allocate(rows * self._pitch(columns, kind), tensor)
        return Matrix(region, rows, columns, kind)

    def result(self, tensor: str, operand: Matrix) -> Matrix:
        bank = self._program.banks.get(tensor)
        if bank is None or not self._backend.banked:
            return operand
        words = operand.rows * self._pitch(operand.columns, operand.dtype)
        region = self._results.get(bank)
        if region is None:
            region = self._results[bank] = self._allocate(words, tensor)
        elif region.words < words:
            larger = self._allocate(words, tensor)
            self._release(region)
            # Results that were handed out move along: what they held was read by now.
            region.address, region.words = larger.address, larger.words
        return Matrix(region, operand.rows, operand.columns, operand.dtype)

    def packed(
        self, reduction: int, columns: int, keep: int, tensor: str | None = None
    ) -> PackedMatrix:
        reduction, columns, keep = checks.check_packed(reduction, columns, keep, self.config)
        records = self.config.blocks(columns) * self.config.blocks(reduction)
        region = self._allocate(records * self.config.record_words(keep), tensor)
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

    def profile(self) -> dict[str, Any] | None:
        return self._backend.profile()

    # Work -----------------------------------------------------------------------------------

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
        rows, reduction, columns = checks.check_product(y, a, b, transpose_a, accumulate)
        product = Product(
            rows=rows,
            columns=columns,
            reduction=reduction,
            a=Source(self._address(a), self._pitch(a.columns, a.dtype), a.columns),
            b=self._operand(b),
            y=self._rows(y),
            transpose_a=transpose_a,
            accumulate=accumulate,
        )
        return self._execute([product], dataflow=dataflow)

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
        batch, rows, reduction, columns = checks.check_product_batch(
            y, a, b, batch, transpose_a, transpose_b
        )
        operand = self._operand(b)
        product = Product(
            rows=rows,
            columns=columns,
            reduction=reduction,
            a=Source(self._address(a), self._pitch(a.columns, a.dtype), a.columns),
            b=replace(operand, transposed=transpose_b),
            y=self._rows(y),
            transpose_a=transpose_a,
        )
        steps = [item.rows // batch * self._pitch(item.columns, item.dtype) for item in (a, b, y)]
        return self._execute([product], Copies(batch, (steps[0], steps[1], steps[2])))

    def convolve(self, y: Matrix, x: Matrix, weights: PackedMatrix, shape: Convolution) -> int:
        checks.check_convolution(y, x, weights, shape, self.config)
        packed = self._address(weights), weights.keep
        addresses = self._address(x), packed, self._address(y)
        product = convolution_program.forward(self.config, shape, *addresses)
        return self._execute([product])

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
        _, keep = checks.check_convolution_backward(dx, dy, weights, shape, dy_keep, config)
        packed = self._address(weights), weights.keep
        addresses = self._address(dy), packed, self._address(dx)
        products = convolution_program.backward(
            config, shape, *addresses, dy_keep=keep if keep < config.group else 0
        )
        if not convolution_program.covers(shape):
            self._clear(dx)
        return self._execute(products)

    def convolve_gradient(
        self, dw: Matrix, x: Matrix, dy: Matrix, shape: Convolution, *, accumulate: bool = False
    ) -> int:
        checks.check_convolution_gradient(dw, x, dy, shape, self.config)
        addresses = self._address(x), self._address(dy), self._address(dw)
        product = convolution_program.gradient(self.config, shape, *addresses, accumulate)
        return self._execute([product])

    def pack(
        self,
        weights: Matrix,
        ff: PackedMatrix | None = None,
        bp: PackedMatrix | None = None,
        *,
        masked_bp: bool = False,
    ) -> None:
        checks.check_pack(weights, ff, bp, masked_bp)
        self._update(weights, None, None, None, ff, bp, masked_bp)

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
        self._update(weights, velocity, gradient, scalars, ff, bp, masked_bp, decays)

    def _update(
        self,
        weights: Matrix,
        velocity: Matrix | None,
        gradient: Matrix | None,
        scalars: UpdateScalars | None,
        ff: PackedMatrix | None,
        bp: PackedMatrix | None,
        masked_bp: bool,
        decays: bool = False,
    ) -> None:
        # A form that keeps all has nothing to decay or to mask.
        prunes = ff is not None and ff.keep < self.config.group
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
            sr_decay=factors.sr_decay,
            decay_pruned=decays and prunes,
            masked_bp=masked_bp and prunes and bp is not None,
        )
        key = UpdateKey(update.rows, update.columns, update.ff_keep, update.bp_keep)
        cycles = self._program.updates.get(key, 0) if update.update else 0
        self._backend.wuve(update_command(update), cycles)

    def _execute(
        self, products: Sequence[Product], copies: Copies = ONE, dataflow: str | None = None
    ) -> int:
        """Run products that do not depend on each other, each as many times as `copies` says; the
        number of infinite or NaN results."""
        nonfinite, whole, modelled = 0, [], []
        for product in products:
            shape = product.shape()
            tiling = self._tiling(product, shape, dataflow)
            if self.trace is not None:
                self.trace.append(Work(product, tiling, copies))
            words = between_words(self.config, product, tiling, copies)
            with self._between(words, self._program.scratch.get(shape)) as scratch:
                lists = command_lists(self.config, product, tiling, copies, scratch)
                cycles = 0 if dataflow else self._program.cycles.get(shape, 0)
                if len(lists) == 1:
                    whole += lists
                    modelled.append(cycles)
                else:
                    part = cycles // len(lists)
                    nonfinite += [self._backend.stce(commands, part) for commands in lists][-1]
        if whole:
            # The dtype is given, or NumPy would take the padding out of the commands.
            commands = np.concatenate(whole, dtype=STCE.dtype)
            nonfinite += self._backend.stce(commands, sum(modelled) if all(modelled) else 0)
        return nonfinite

    def _tiling(self, product: Product, shape: Product, dataflow: str | None) -> Tiling:
        """The program's, unless another dataflow is asked for; else the default one."""
        stored = self._program.tilings.get(shape)
        if stored is not None and dataflow in (None, stored.dataflow):
            return stored
        if dataflow == "ws":
            return stationary_tiling(self.config, product)
        return default_tiling(self.config, product)

    @contextmanager
    def _between(self, words: int, bank: int | None) -> Iterator[int | None]:
        """The address of `words` words for the sums between segments, for the time of a run."""
        if not words:
            yield None
            return
        address = self._backend.allocate(words, bank)
        try:
            yield address
        finally:
            self._backend.release(address, words)

    # ----------------------------------------------------------------------------------------

    def _pitch(self, columns: int, dtype: np.dtype[np.generic]) -> int:
        """Words from row to row: whole words of binary16, twice as many of binary32."""
        return self.config.blocks(columns) * (2 if dtype == checks.SINGLE else 1)

    def _address(self, item: Matrix | PackedMatrix) -> int:
        return self._region(item).address

    def _operand(self, b: Matrix | PackedMatrix) -> Operand:
        if isinstance(b, PackedMatrix):
            column_block = self.config.blocks(b.reduction) * self.config.record_words(b.keep)
            return Operand(self._address(b), packed=True, keep=b.keep, block_step=column_block)
        pitch = self._pitch(b.columns, b.dtype)
        return Operand(self._address(b), packed=False, keep=self.config.group, pitch=pitch)

    def _rows(self, y: Matrix) -> Target:
        pitch = self._pitch(y.columns, y.dtype)
        return Target.rows(self._address(y), pitch, binary32=y.dtype == checks.SINGLE)

    def _clear(self, item: Matrix) -> None:
        words = item.rows * self._pitch(item.columns, item.dtype)
        zeros = np.zeros((words, self.config.lanes), np.uint16)
        self._backend.write(self._address(item), zeros)

    def _allocate(self, words: int, tensor: str | None) -> Region:
        bank = None if tensor is None else self._program.banks.get(tensor)
        region = Region(self, self._backend.allocate(words, bank), words)
        try:
            self._backend.write(region.address, np.zeros((words, self.config.lanes), np.uint16))
        except BaseException:
            self._release(region)
            raise
        return region

    def _release(self, memory: Region) -> None:
        self._backend.release(memory.address, memory.words)

    def _region(self, item: Matrix | PackedMatrix) -> Region:
        region: Region = self._memory(item)
        return region

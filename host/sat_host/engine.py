# SPDX-License-Identifier: Apache-2.0
"""`EngineDevice`: the accelerator behind the `Device` interface, whatever runs its kernels."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from . import arguments, checks, convolution_program
from .backend import Backend, Reachable, Words
from .binary16 import round_binary16, widen_binary16
from .command_lists import ONE, Copies, Work
from .config import ArrayConfig
from .convolution import Convolution
from .device import Array, Device, Matrix, Memory, PackedMatrix, UpdateScalars
from .prepared import Calls, prepare
from .product import Operand, Product, Source, Target
from .program import Update, update_command
from .stored_program import NO_PROGRAM, StoredProgram, UpdateKey


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
        self._reachable = backend if isinstance(backend, Reachable) else None
        self._results: dict[int, Region] = {}
        self._calls = Calls()

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

    def write_rounded(self, target: Matrix, values: npt.NDArray[np.float32]) -> None:
        place = self._view(target)
        if place is None:
            super().write_rounded(target, values)
        else:
            values = arguments.values_for("values", values, np.float32, place.size)
            round_binary16(values.reshape(place.shape), out=place)

    def read_widened(self, source: Matrix) -> npt.NDArray[np.float32]:
        place = self._view(source)
        return super().read_widened(source) if place is None else widen_binary16(place)

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
        return self._execute(product, lambda: [product], dataflow=dataflow)

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
        copies = Copies(batch, (steps[0], steps[1], steps[2]))
        return self._execute(product, lambda: [product], copies)

    def convolve(self, y: Matrix, x: Matrix, weights: PackedMatrix, shape: Convolution) -> int:
        checks.check_convolution(y, x, weights, shape, self.config)
        packed = self._address(weights), weights.keep
        places = self._address(x), packed, self._address(y)
        return self._execute(
            ("FF", shape, places),
            lambda: [convolution_program.forward(self.config, shape, *places)],
        )

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
        places = self._address(dy), packed, self._address(dx)
        pruned = keep if keep < config.group else 0
        if not convolution_program.covers(shape):
            self._clear(dx)
        return self._execute(
            ("BP", shape, places, pruned),
            lambda: convolution_program.backward(config, shape, *places, dy_keep=pruned),
        )

    def convolve_gradient(
        self, dw: Matrix, x: Matrix, dy: Matrix, shape: Convolution, *, accumulate: bool = False
    ) -> int:
        checks.check_convolution_gradient(dw, x, dy, shape, self.config)
        places = self._address(x), self._address(dy), self._address(dw)
        return self._execute(
            ("WU", shape, places, accumulate),
            lambda: [convolution_program.gradient(self.config, shape, *places, accumulate)],
        )

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
        self,
        key: Hashable,
        make: Callable[[], Sequence[Product]],
        copies: Copies = ONE,
        dataflow: str | None = None,
    ) -> int:
        """Run the products that `make` gives, which do not depend on each other, each as many times
        as `copies` says; the number of infinite or NaN results. key: of all that they depend on."""
        call = self._calls.get(
            (key, copies, dataflow),
            lambda: prepare(self.config, self._program, make(), copies, dataflow),
        )
        if self.trace is not None:
            self.trace += call.works
        nonfinite = 0
        for part in call.segmented:
            with self._between(part.words, part.bank) as scratch:
                lists = part.lists(scratch)
                nonfinite += [self._backend.stce(one.commands, one.cycles) for one in lists][-1]
        if call.whole:
            nonfinite += self._backend.stce(call.whole.commands, call.whole.cycles)
        return nonfinite

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

    def _view(self, item: Matrix) -> npt.NDArray[np.float16] | None:
        """A binary16 matrix without padding where the host can reach it; else None."""
        whole = item.columns % self.config.lanes == 0 and item.dtype == checks.HALF
        if not whole or self._reachable is None:
            return None
        words = item.rows * item.columns // self.config.lanes
        place = self._reachable.view(self._address(item), words)
        return place.view(np.float16).reshape(item.rows, item.columns)

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

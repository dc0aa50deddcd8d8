# SPDX-License-Identifier: Apache-2.0
"""The device as the training program sees it: matrices, packed weights, products and updates.

Every implementation gives the same bits (docs/architecture.md, Numerics and N:M pruning):
`GoldenDevice` in NumPy, `EngineDevice` through the accelerator's command lists. Training code is
written against `Device`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from . import arguments, packing
from .binary16 import round_binary16, widen_binary16
from .config import ArrayConfig
from .convolution import Convolution
from .errors import ArgumentError, DeviceError
from .tiling import DATAFLOWS

__all__ = ["Array", "Device", "DeviceError", "Matrix", "Memory", "PackedMatrix", "UpdateScalars"]

Array = npt.NDArray[Any]


@dataclass(eq=False)
class Memory:
    """A piece of the owner's memory, which a handle points to; `live` ends when it is freed."""

    owner: Device
    live: bool = field(default=True, init=False)


@dataclass(frozen=True)
class Matrix:
    """A row-major matrix in device memory; lanes beyond `columns` are zero.

    dtype is float16 (operands, FF and BP outputs) or float32 (WU outputs, weights, momentum).
    `handle` belongs to the device that made it. A view of the first rows shares the handle.
    """

    handle: Any
    rows: int
    columns: int
    dtype: np.dtype[Any]

    def head(self, rows: int) -> Matrix:
        """The first `rows` rows, for a batch smaller than the buffer."""
        if arguments.extent("rows", rows) > self.rows:
            raise ArgumentError(f"a view of {rows} rows does not fit a matrix of {self.rows} rows")
        return Matrix(self.handle, rows, self.columns, self.dtype)


@dataclass(frozen=True)
class PackedMatrix:
    """N:M packed weights in device memory, written by SORE. Pruned along the reduction axis.

    reduction x columns is the logical shape, as the right operand of a product.
    """

    handle: Any
    reduction: int
    columns: int
    keep: int


@dataclass(frozen=True)
class UpdateScalars:
    """Scalars of one WUVE command. Each device rounds them to binary32: `EngineDevice` when they
    become fields of the command, `GoldenDevice` as it multiplies.

    sr_decay: SR-STE's factor for the weights that `ff` does not keep; 0 leaves the term out.
    """

    lr: float
    momentum: float
    weight_decay: float
    inv_scale: float
    sr_decay: float = 0.0


Allocation = TypeVar("Allocation", Matrix, PackedMatrix)


class Device(ABC):
    """Memory, products and updates.

    Methods raise `ArgumentError` for wrong shapes, dtypes or values and for matrices that were
    freed or belong to another device, before they change anything; `DeviceError` when they fail.
    """

    config: ArrayConfig
    dataflows: tuple[str, ...] = DATAFLOWS

    # Memory ---------------------------------------------------------------------------------

    @abstractmethod
    def matrix(
        self, rows: int, columns: int, dtype: npt.DTypeLike, tensor: str | None = None
    ) -> Matrix:
        """Allocate a zero-filled matrix of float16 or float32.

        tensor: its name in the bundle's program, `<layer>.<role>`, which says the memory bank that
        it lies in; without one, or with one that no program knows, the device chooses.
        """

    def result(self, tensor: str, operand: Matrix) -> Matrix:
        """A matrix with the extents of `operand` for a result `tensor` that is read before anything
        else runs. It may be `operand` itself, which must not be needed then; on a device with banks
        it lies in the program's, where other results lie too. Nobody frees it.
        """
        return operand

    @abstractmethod
    def packed(
        self, reduction: int, columns: int, keep: int, tensor: str | None = None
    ) -> PackedMatrix:
        """Allocate packed weights of keep:group, zero-filled. tensor: as of `matrix`."""

    @abstractmethod
    def write(self, target: Matrix, values: Array) -> None:
        """Copy `values` (rows x columns, the matrix's dtype) to the device."""

    @abstractmethod
    def read(self, source: Matrix) -> Array:
        """Copy a matrix from the device, rows x columns."""

    @abstractmethod
    def read_packed(self, source: PackedMatrix) -> npt.NDArray[np.uint16]:
        """The packed records: uint16 [column blocks, panels, record words, lanes]."""

    def free(self, *items: Matrix | PackedMatrix) -> None:
        """Give device memory back: all of it, or none if an item can't be freed."""
        pieces = [self._memory(item) for item in items]
        if len(set(pieces)) < len(pieces):
            raise ArgumentError("free: the same matrix was given twice")
        for piece in pieces:
            piece.live = False
            self._release(piece)

    @abstractmethod
    def _release(self, memory: Any) -> None:
        """Give back what `memory`, one of this device's, holds."""

    def _memory(self, item: Matrix | PackedMatrix) -> Any:
        """The memory of an item, live and this device's own."""
        memory = item.handle
        if not isinstance(memory, Memory) or memory.owner is not self:
            raise ArgumentError("this matrix belongs to another device")
        if not memory.live:
            raise ArgumentError("this matrix was freed")
        return memory

    def write_rounded(self, target: Matrix, values: npt.NDArray[np.float32]) -> None:
        """Copy `values`, float32, rounded to binary16 (`round_binary16`) to a float16 matrix of as
        many values, in the order in which they lie."""
        values = arguments.values_for("values", values, np.float32, target.rows * target.columns)
        self.write(target, round_binary16(values).reshape(target.rows, target.columns))

    def read_widened(self, source: Matrix) -> npt.NDArray[np.float32]:
        """Copy a float16 matrix from the device, in float32."""
        return widen_binary16(self.read(source))

    # Work -----------------------------------------------------------------------------------

    @abstractmethod
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
        """y = op(a) . b (+ y when accumulating), summed in reduction order from +0 (or from y).

        a: float16 [I, K], or [K, I] with transpose_a. b: float16 [K, J] (dense) or packed.
        y: [I, J], float16 (rounded once at the end) or float32. accumulate needs float32 y.
        dataflow: one of `dataflows`, None for the device's choice; it never changes the bits.
        Returns how many outputs are infinite or NaN.
        """

    @abstractmethod
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
        """`batch` dense products y_i = op(a_i) . op(b_i) of two activations, as attention needs.

        The matrices hold their i-th operand, result in rows i * n ... (i + 1) * n - 1. a_i: float16
        [I, K], or [K, I] with transpose_a. b_i: float16 [K, J], or [J, K] with transpose_b.
        y_i: [I, J], float16 or float32. Returns how many outputs are infinite or NaN.
        """

    @abstractmethod
    def convolve(self, y: Matrix, x: Matrix, weights: PackedMatrix, shape: Convolution) -> int:
        """FF: y [out_pixels, filters] from x [in_pixels, channels], both float16.

        weights: packed along the channels, reduction `shape.weight_rows(lanes)`, columns filters.
        Each sum runs over (kernel row, kernel column, channel); what lies outside of the image is
        multiplied as +0. Returns how many outputs are infinite or NaN.
        """

    @abstractmethod
    def convolve_backward(
        self,
        dx: Matrix,
        dy: Matrix,
        weights: PackedMatrix,
        shape: Convolution,
        *,
        dy_keep: int | None = None,
    ) -> int:
        """BP: dx [in_pixels, channels] from dy [out_pixels, filters], both float16.

        weights: packed along the filters, reduction filters, columns `shape.weight_rows(lanes)`.
        Each sum runs over (kernel row, kernel column, filter), over those taps alone through which
        the stride lets an output reach the pixel; outputs outside of the image count as +0, and a
        pixel that no tap reaches becomes +0. dy_keep: prune dy dy_keep:group along the filters
        first, as it is loaded (pruned elements are multiplied as +0). Returns how many outputs are
        infinite or NaN.
        """

    @abstractmethod
    def convolve_gradient(
        self, dw: Matrix, x: Matrix, dy: Matrix, shape: Convolution, *, accumulate: bool = False
    ) -> int:
        """WU: dw, float32 [weight_rows, filters], from x and dy, summed over (image, row, column).

        accumulate: sums start at the stored dw. Rows that are no channel of a tap keep their
        values. Returns how many gradients are infinite or NaN.
        """

    @abstractmethod
    def pack(
        self,
        weights: Matrix,
        ff: PackedMatrix | None = None,
        bp: PackedMatrix | None = None,
        *,
        masked_bp: bool = False,
    ) -> None:
        """SORE alone: pack weights [K, J] (float16, or float32 rounded to binary16) along K into
        ff ([K, J], reduction K) and along J into bp ([J, K], reduction J).

        masked_bp: bp takes the weights that ff keeps, +0 in place of the others (SR-STE); it needs
        ff, and its own selection comes after.
        """

    @abstractmethod
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
        """WUVE and SORE in one pass: momentum SGD in place on float32 [K, J], then both packed
        forms of the new binary16 weights (pre-generation), as `pack` makes them.

        A non-zero `scalars.sr_decay` needs ff: it decays the weights that ff.keep:group along K
        prunes, chosen from the binary16 weights before the update.
        """

    def mark(self, phase: str, step: int, piece: int = 0) -> None:  # noqa: B027 - optional
        """What the calls from here on belong to, for a device that takes notes of them: a training
        step by its number from 1 on and its micro-batch, or another phase and the last step."""

    def profile(self) -> dict[str, Any] | None:
        """What the device measured of its own work, as JSON; None when it measures nothing."""
        return None

    # Convenience calls -----------------------------------------------------------------------

    def matmul(
        self,
        a: Array,
        b: Array,
        *,
        keep: int | None = None,
        dataflow: str | None = None,
        accumulate: Array | None = None,
    ) -> npt.NDArray[np.float32]:
        """a · b: float16 (I, K) · (K, J) -> float32 (I, J).

        With `keep`, b is pruned keep:group along K first, by the device; otherwise b is dense.
        `accumulate`: float32 (I, J), the values that the sums start from instead of +0.
        `dataflow`: one of `dataflows`, by default the device's choice; it never changes the bits.
        Raises ArgumentError for wrong shapes, dtypes or values.
        """
        a = arguments.matrix("a", a, np.float16, "(I, K)")
        b = arguments.matrix("b", b, np.float16, "(K, J)")
        if a.shape[1] != b.shape[0]:
            raise ArgumentError(
                f"b: expected {a.shape[1]} rows, the columns of a {a.shape}, got {b.shape}"
            )
        self._check_dataflow(dataflow)
        if keep is not None:
            keep = arguments.keep_count(keep, self.config.group)
        shape = (a.shape[0], b.shape[1])
        if accumulate is not None:
            accumulate = arguments.same_shape("accumulate", accumulate, np.float32, shape)
        with ExitStack() as stack:
            left, right = self._upload(stack, a), self._upload(stack, b)
            total = self._scratch(stack, self.matrix(*shape, np.float32))
            if accumulate is not None:
                self.write(total, accumulate)
            operand: Matrix | PackedMatrix = right
            if keep is not None:
                operand = packed = self._scratch(stack, self.packed(b.shape[0], b.shape[1], keep))
                self.pack(right, ff=packed)
            adds = accumulate is not None
            self.product(total, left, operand, accumulate=adds, dataflow=dataflow)
            return self.read(total)

    def prune(self, w: Array, keep: int, axis: int = 0) -> npt.NDArray[np.float16]:
        """w, float16 (K, J), with all but the kept elements of keep:group along `axis` set to +0.

        The selection is the device's (SORE). Raises ArgumentError for wrong arguments.
        """
        w = arguments.matrix("w", w, np.float16, "(K, J)")
        keep = arguments.keep_count(keep, self.config.group)
        along_columns = arguments.axis_of_matrix(axis) == 1
        reduction, columns = w.shape[::-1] if along_columns else w.shape
        with ExitStack() as stack:
            weights = self._upload(stack, w)
            packed = self._scratch(stack, self.packed(reduction, columns, keep))
            if along_columns:
                self.pack(weights, bp=packed)
            else:
                self.pack(weights, ff=packed)
            records = self.read_packed(packed)
        pruned, _ = packing.unpack(records, reduction, columns, keep, self.config)
        return np.ascontiguousarray(pruned.T) if along_columns else pruned

    def update(
        self,
        w: Array,
        v: Array,
        dw: Array,
        *,
        lr: float,
        momentum: float,
        weight_decay: float = 0.0,
        inv_scale: float = 1.0,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """One momentum SGD step (WUVE) on float32 (K, J) arrays -> new (w, v); the inputs stay.

        The scalars are rounded to binary32. Raises ArgumentError for wrong arguments.
        """
        w = arguments.matrix("w", w, np.float32, "(K, J)")
        v = arguments.same_shape("v", v, np.float32, w.shape)
        dw = arguments.same_shape("dw", dw, np.float32, w.shape)
        scalars = UpdateScalars(
            lr=arguments.scalar("lr", lr),
            momentum=arguments.scalar("momentum", momentum),
            weight_decay=arguments.scalar("weight_decay", weight_decay),
            inv_scale=arguments.scalar("inv_scale", inv_scale),
        )
        with ExitStack() as stack:
            weights, velocity, gradient = (self._upload(stack, x) for x in (w, v, dw))
            self.update_weights(weights, velocity, gradient, scalars)
            return self.read(weights), self.read(velocity)

    def _check_dataflow(self, dataflow: str | None) -> None:
        """Refuse a dataflow that is not one of the device's; None is none."""
        if dataflow is not None and dataflow not in self.dataflows:
            offered = ", ".join(self.dataflows)
            raise ArgumentError(f"dataflow: this device offers {offered}, got {dataflow!r}")

    def _scratch(self, stack: ExitStack, item: Allocation) -> Allocation:
        stack.callback(self.free, item)
        return item

    def _upload(self, stack: ExitStack, values: Array) -> Matrix:
        target = self._scratch(stack, self.matrix(values.shape[0], values.shape[1], values.dtype))
        self.write(target, values)
        return target

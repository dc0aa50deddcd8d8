# SPDX-License-Identifier: Apache-2.0
"""`RecordingDevice`: stands for a device, and tells of all that changes its memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..command_lists import Work
from ..convolution import Convolution
from ..device import Array, Device, Matrix, PackedMatrix, UpdateScalars
from ..engine import EngineDevice, Region
from .calls import START, Call, Detail, Place, Result, digest_of

Item = Matrix | PackedMatrix
Form = PackedMatrix | None


class Sink(Protocol):
    """Where calls go."""

    def detail(self, place: Place) -> Detail:
        """How much of the calls of a place is wanted."""

    def take(self, call: Call) -> None:
        """A call that is done. Raises HostError."""


class RecordingDevice(Device):
    """Does all by `device`, and hands each call that changes its memory to `sink` with its results:
    writes, products, packing and updates. The tensors' names say the layer of a call."""

    def __init__(self, device: Device, sink: Sink) -> None:
        self.config = device.config
        self.dataflows = device.dataflows
        self._device = device
        self._sink = sink
        self._names: dict[Any, str] = {}
        self._place = Place.of(START, 0)
        self._piece = self._number = 0

    # Memory ---------------------------------------------------------------------------------

    def matrix(
        self, rows: int, columns: int, dtype: npt.DTypeLike, tensor: str | None = None
    ) -> Matrix:
        made = self._device.matrix(rows, columns, dtype, tensor)
        self._names[made.handle] = tensor or "matrix"
        return made

    def result(self, tensor: str, operand: Matrix) -> Matrix:
        return self._device.result(tensor, operand)

    def packed(
        self, reduction: int, columns: int, keep: int, tensor: str | None = None
    ) -> PackedMatrix:
        made = self._device.packed(reduction, columns, keep, tensor)
        self._names[made.handle] = tensor or "packed"
        return made

    def write(self, target: Matrix, values: Array) -> None:
        self._device.write(target, values)
        layer, role = self._name(target)
        self._note("write", layer, "host", None, [(role, target)])

    def read(self, source: Matrix) -> Array:
        return self._device.read(source)

    def read_packed(self, source: PackedMatrix) -> npt.NDArray[np.uint16]:
        return self._device.read_packed(source)

    def free(self, *items: Item) -> None:
        self._device.free(*items)
        for item in items:
            self._names.pop(item.handle, None)

    def _release(self, memory: Any) -> None:
        raise AssertionError("the recorded device frees its own memory")

    def mark(self, phase: str, step: int, piece: int = 0) -> None:
        place = Place.of(phase, step)
        if place != self._place:
            self._place, self._number = place, 0
        self._piece = piece

    def profile(self) -> dict[str, Any] | None:
        return self._device.profile()

    # Work -----------------------------------------------------------------------------------

    # Options go through unseen: they are the recorded device's business.

    def product(self, y: Matrix, a: Matrix, b: Matrix | PackedMatrix, **options: Any) -> int:
        with _Trace(self._device) as done:
            count = self._device.product(y, a, b, **options)
        layer = self._name(b)[0]
        return self._note("product", layer, "product", count, [("y", y)], done)

    def product_batch(self, y: Matrix, a: Matrix, b: Matrix, batch: int, **options: Any) -> int:
        with _Trace(self._device) as done:
            count = self._device.product_batch(y, a, b, batch, **options)
        layer, left = self._name(a)
        right = self._name(b)[1]
        backward = "dy" in (left, right)
        role = "y" if not backward else "dx" if right == "other" else "d_other"
        stage = "BP" if backward else "FF"
        return self._note("product_batch", layer, stage, count, [(role, y)], done)

    def convolve(self, y: Matrix, x: Matrix, weights: PackedMatrix, shape: Convolution) -> int:
        with _Trace(self._device) as done:
            count = self._device.convolve(y, x, weights, shape)
        return self._note("convolve", self._name(weights)[0], "FF", count, [("y", y)], done)

    def convolve_backward(
        self, dx: Matrix, dy: Matrix, weights: PackedMatrix, shape: Convolution, **options: Any
    ) -> int:
        with _Trace(self._device) as done:
            count = self._device.convolve_backward(dx, dy, weights, shape, **options)
        layer = self._name(weights)[0]
        return self._note("convolve_backward", layer, "BP", count, [("dx", dx)], done)

    def convolve_gradient(
        self, dw: Matrix, x: Matrix, dy: Matrix, shape: Convolution, **options: Any
    ) -> int:
        with _Trace(self._device) as done:
            count = self._device.convolve_gradient(dw, x, dy, shape, **options)
        return self._note("convolve_gradient", self._name(dw)[0], "WU", count, [("dw", dw)], done)

    def pack(self, weights: Matrix, ff: Form = None, bp: Form = None, **options: Any) -> None:
        self._device.pack(weights, ff, bp, **options)
        self._note("pack", self._name(weights)[0], "pack", None, _forms(ff, bp))

    def update_weights(
        self, weights: Matrix, velocity: Matrix, gradient: Matrix, scalars: UpdateScalars,
        ff: Form = None, bp: Form = None, **options: Any,
    ) -> None:  # fmt: skip
        self._device.update_weights(weights, velocity, gradient, scalars, ff, bp, **options)
        results = [("weights", weights), ("velocity", velocity), *_forms(ff, bp)]
        self._note("update_weights", self._name(weights)[0], "update", None, results)

    # ----------------------------------------------------------------------------------------

    def _name(self, item: Item) -> tuple[str, str]:
        """The layer and the role of a tensor."""
        layer, _, role = self._names.get(item.handle, "unnamed").rpartition(".")
        return layer or "unnamed", role

    def _note(
        self,
        operation: str,
        layer: str,
        stage: str,
        count: int | None,
        items: Sequence[tuple[str, Item]],
        works: Sequence[Work] = (),
    ) -> int:
        """Hand a call on; returns `count`, 0 for None."""
        number, self._number = self._number, self._number + 1
        detail = self._sink.detail(self._place)
        if detail is not Detail.NOTHING:
            full = detail is Detail.VALUES
            results = tuple(self._result(role, item, full) for role, item in items)
            shown = tuple(works) if full else ()
            self._sink.take(
                Call(
                    self._place, self._piece, number, operation, layer, stage, count, results, shown
                )
            )
        return count or 0

    def _result(self, role: str, item: Item, full: bool) -> Result:
        if isinstance(item, PackedMatrix):
            values, keep = np.asarray(self._device.read_packed(item)), item.keep
        else:
            values, keep = self._device.read(item), 0
        placed = full and isinstance(item, Matrix) and isinstance(item.handle, Region)
        return Result(
            role,
            values.dtype.name,
            values.shape,
            keep,
            digest_of(values, keep, self.config),
            values if full else None,
            item.handle.address if placed else None,
        )


class _Trace:
    """Notes the products that run inside, on a device that can tell."""

    def __init__(self, device: Device) -> None:
        self._engine = device if isinstance(device, EngineDevice) else None
        self._done: list[Work] = []

    def __enter__(self) -> list[Work]:
        if self._engine is not None:
            self._engine.trace = self._done
        return self._done

    def __exit__(self, *_: object) -> None:
        if self._engine is not None:
            self._engine.trace = None


def _forms(ff: Form, bp: Form) -> list[tuple[str, Item]]:
    return [(role, form) for role, form in (("ff", ff), ("bp", bp)) if form is not None]

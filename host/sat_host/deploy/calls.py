# SPDX-License-Identifier: Apache-2.0
"""The products of a bundle's own training step, by layer and stage, as calls to a device.

Read from program.json's `layers`; a device that has the program runs them with its tilings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..convolution import Convolution
from ..device import Device, Matrix, PackedMatrix
from ..errors import HostError
from ..layer_shapes import ActivationLayer, LayerShape, WeightedLayer
from ..selftest.cases import Case, Result, halves

_SEED = 20210801


@dataclass(frozen=True)
class Call:
    """One stage of one layer, of a micro-batch. macs: dense ones, those that pruning leaves out
    counted too."""

    layer: LayerShape
    stage: str
    macs: int

    @property
    def name(self) -> str:
        return f"{self.layer.name} {self.stage}"

    def case(self) -> Case:
        """The call as a case of the self-test."""

        def run(device: Device) -> list[Result]:
            with prepared(self, device) as ready:
                ready.run()
                return ready.read()

        return Case(f"program: {self.name}", run)


@dataclass(frozen=True)
class Ready:
    """A call whose operands are on the device. run: may be repeated."""

    run: Callable[[], int]
    read: Callable[[], list[Result]]


def program_calls(text: str) -> list[Call]:
    """The calls of a program.json, in the order of its layers. Raises ValueError, one line."""
    try:
        layers = [_layer(entry) for entry in json.loads(text)["layers"]]
    except (KeyError, TypeError, ValueError, RecursionError, HostError) as error:
        raise ValueError(f"layers: {' '.join(str(error).split())}: damaged") from None
    return [call for layer in layers for call in _calls(layer)]


def largest(calls: list[Call], most_macs: int, count: int) -> list[Call]:
    """The largest calls that have at most `most_macs`, the same number of each stage, in order."""
    chosen: list[Call] = []
    for stage in ("FF", "BP", "WU"):
        fitting = [call for call in calls if call.stage == stage and call.macs <= most_macs]
        chosen += sorted(fitting, key=lambda call: -call.macs)[:count]
    return [call for call in calls if call in chosen]


@contextmanager
def prepared(call: Call, device: Device) -> Iterator[Ready]:
    """Put a call's operands on a device, and take all of it off again. Raises DeviceError."""
    layer, place = call.layer, _Tensors(device, call.layer.name)
    try:
        if isinstance(layer, ActivationLayer):
            yield _activations(place, layer)
        else:
            yield {"FF": _forward, "BP": _backward, "WU": _gradient}[call.stage](place, layer)
    finally:
        place.free()


class _Tensors:
    """Tensors of a layer on a device, each in the bank that the program has for its name."""

    def __init__(self, device: Device, layer: str) -> None:
        self.device = device
        self._layer = layer
        self._rng = np.random.default_rng(_SEED)
        self._held: list[Matrix | PackedMatrix] = []

    def given(self, role: str, rows: int, columns: int) -> Matrix:
        """A binary16 matrix with values."""
        matrix = self.empty(role, rows, columns)
        self.device.write(matrix, halves(self._rng, (rows, columns)))
        return matrix

    def empty(self, role: str, rows: int, columns: int, dtype: Any = np.float16) -> Matrix:
        matrix = self.device.matrix(rows, columns, dtype, tensor=f"{self._layer}.{role}")
        self._held.append(matrix)
        return matrix

    def packed(self, role: str, shape: Convolution, keep: int) -> PackedMatrix:
        """Weights of a convolution, packed for FF or for BP."""
        rows, filters = shape.weight_rows(self.device.config.lanes), shape.filters
        extents = (rows, filters) if role == "ff" else (filters, rows)
        packed = self.device.packed(*extents, keep, tensor=f"{self._layer}.{role}")
        self._held.append(packed)
        weights = self.given("weights", rows, filters)
        if role == "ff":
            self.device.pack(weights, ff=packed)
        else:
            self.device.pack(weights, bp=packed)
        return packed

    def free(self) -> None:
        self.device.free(*self._held)


def _layer(entry: Any) -> LayerShape:
    """A layer of program.json. Raises KeyError, TypeError, ArgumentError."""
    name = entry["name"]
    if not isinstance(name, str) or not name.isprintable():
        raise TypeError(f"name {name!r}")
    if "shape" not in entry:
        sizes = {key: _whole(entry, key, 1) for key in ("copies", "height", "inner", "outer")}
        return ActivationLayer(name, keys=bool(entry["keys"]), **sizes)
    shape = dict(entry["shape"])
    shape |= {key: tuple(shape[key]) for key in ("kernel", "stride", "padding")}
    keeps = _whole(entry, "ff_keep", 1), _whole(entry, "bp_keep", 0), _whole(entry, "dy_keep", 0)
    return WeightedLayer(name, Convolution(**shape), *keeps)


def _whole(entry: Any, key: str, least: int) -> int:
    value = entry[key]
    if type(value) is not int or value < least:
        raise TypeError(f"{key} {value!r}")
    return value


def _calls(layer: LayerShape) -> Iterator[Call]:
    if isinstance(layer, ActivationLayer):
        yield Call(layer, "FF", math.prod((layer.copies, layer.height, layer.inner, layer.outer)))
        return
    shape = layer.shape
    macs = shape.out_pixels * shape.taps * shape.channels * shape.filters
    for stage in ("FF", "BP", "WU"):
        if stage != "BP" or layer.bp_keep:
            yield Call(layer, stage, macs)


def _forward(place: _Tensors, layer: WeightedLayer) -> Ready:
    device, shape = place.device, layer.shape
    x = place.given("x", shape.in_pixels, shape.channels)
    ff = place.packed("ff", shape, layer.ff_keep)
    y = place.empty("y", shape.out_pixels, shape.filters)
    return Ready(lambda: device.convolve(y, x, ff, shape), lambda: _results(device, "Y", y))


def _backward(place: _Tensors, layer: WeightedLayer) -> Ready:
    device, shape = place.device, layer.shape
    dy = place.given("dy", shape.out_pixels, shape.filters)
    bp = place.packed("bp", shape, layer.bp_keep)
    dx = place.empty("dx", shape.in_pixels, shape.channels)
    dy_keep = layer.dy_keep or None
    return Ready(
        lambda: device.convolve_backward(dx, dy, bp, shape, dy_keep=dy_keep),
        lambda: _results(device, "dX", dx),
    )


def _gradient(place: _Tensors, layer: WeightedLayer) -> Ready:
    device, shape = place.device, layer.shape
    x = place.given("x", shape.in_pixels, shape.channels)
    dy = place.given("dy", shape.out_pixels, shape.filters)
    rows = shape.weight_rows(device.config.lanes)
    dw = place.empty("gradient", rows, shape.filters, np.float32)
    return Ready(
        lambda: device.convolve_gradient(dw, x, dy, shape), lambda: _results(device, "dW", dw)
    )


def _activations(place: _Tensors, layer: ActivationLayer) -> Ready:
    device, copies, inner, outer = place.device, layer.copies, layer.inner, layer.outer
    x = place.given("x", copies * layer.height, inner)
    rows, columns = (outer, inner) if layer.keys else (inner, outer)
    other = place.given("other", copies * rows, columns)
    y = place.empty("y", copies * layer.height, outer)
    return Ready(
        lambda: device.product_batch(y, x, other, copies, transpose_b=layer.keys),
        lambda: _results(device, "Y", y),
    )


def _results(device: Device, name: str, matrix: Matrix) -> list[Result]:
    return [Result(name, device.read(matrix), matrix)]

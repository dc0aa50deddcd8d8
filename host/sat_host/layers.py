# SPDX-License-Identifier: Apache-2.0
"""Linear layers whose products and updates run on a `Device`.

Weights, momentum and both packed forms stay in device memory from step to step; activations and
their gradients pass through the host, which adds biases and applies ReLU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .binary16 import round_binary16
from .device import Device, Matrix, PackedMatrix, UpdateScalars

Half = npt.NDArray[np.float16]
Single = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LayerPlan:
    """Shape and pruning of one linear layer [inputs, outputs].

    ff_keep, bp_keep: N of N:M for the two packed forms; N == M is dense. bp_keep is None for the
    first layer, whose dX nobody needs.
    """

    inputs: int
    outputs: int
    ff_keep: int
    bp_keep: int | None


def plan_layers(widths: Sequence[int], method: str, keep: int, group: int) -> list[LayerPlan]:
    """The plan of the layers between `widths` (features, hidden..., classes).

    `dense` prunes nothing. `bdwp` prunes FF along the inputs and BP along the outputs, keep:group.
    Whatever the method, the first layer's FF is dense, and so is a product whose pruned axis is
    shorter than the group; FF and BP are decided apart, as their axes are.
    """
    pruned = keep if method == "bdwp" else group

    def choose(extent: int, first: bool) -> int:
        return group if first or extent < group else pruned

    return [
        LayerPlan(
            inputs=inputs,
            outputs=outputs,
            ff_keep=choose(inputs, number == 0),
            bp_keep=None if number == 0 else choose(outputs, False),
        )
        for number, (inputs, outputs) in enumerate(pairwise(widths))
    ]


def he_weights(plan: LayerPlan, generator: np.random.Generator) -> Single:
    """He initialisation, binary32 [inputs, outputs]: normal of variance 2/inputs."""
    normal = generator.standard_normal((plan.inputs, plan.outputs))
    scaled = normal * np.sqrt(2.0 / plan.inputs)
    return np.asarray(scaled, np.float32)


class _Parameter:
    """Binary32 values with momentum and gradient, all in device memory, of one shape."""

    def __init__(self, device: Device, initial: Single) -> None:
        rows, columns = initial.shape
        self.device = device
        self.values = device.matrix(rows, columns, np.float32)
        self.velocity = device.matrix(rows, columns, np.float32)
        self.gradient = device.matrix(rows, columns, np.float32)
        device.write(self.values, initial)

    def update(
        self,
        scalars: UpdateScalars,
        ff: PackedMatrix | None = None,
        bp: PackedMatrix | None = None,
    ) -> None:
        self.device.update_weights(self.values, self.velocity, self.gradient, scalars, ff=ff, bp=bp)

    def free(self) -> None:
        self.device.free(self.values, self.velocity, self.gradient)


class Linear:
    """Y = X · W + bias for up to `batch` rows, with backward products and momentum SGD.

    `forward`, then `backward`, then `update`: each uses what the one before left on the device.
    """

    def __init__(self, device: Device, plan: LayerPlan, batch: int, weights: Single) -> None:
        self.device = device
        self.plan = plan
        self._weights = _Parameter(device, weights)
        self._bias = _Parameter(device, np.zeros((1, plan.outputs), np.float32))
        self._bias_values: Single = np.zeros((1, plan.outputs), np.float32)
        self._ff = device.packed(plan.inputs, plan.outputs, plan.ff_keep)
        self._x = device.matrix(batch, plan.inputs, np.float16)
        self._y = device.matrix(batch, plan.outputs, np.float16)
        self._dy = device.matrix(batch, plan.outputs, np.float16)
        self._bp: PackedMatrix | None = None
        self._dx: Matrix | None = None
        if plan.bp_keep is not None:
            self._bp = device.packed(plan.outputs, plan.inputs, plan.bp_keep)
            self._dx = device.matrix(batch, plan.inputs, np.float16)
        device.pack(self._weights.values, self._ff, self._bp)

    def forward(self, x: Half) -> Single:
        """FF of x (rows, inputs) -> float32 (rows, outputs): the binary16 product plus bias."""
        rows = len(x)
        x_device, y_device = self._x.head(rows), self._y.head(rows)
        self.device.write(x_device, x)
        self.device.product(y_device, x_device, self._ff)
        with np.errstate(all="ignore"):
            biased: Single = self.device.read(y_device).astype(np.float32) + self._bias_values
        return biased

    def backward(self, dy: Half) -> tuple[Half | None, bool]:
        """BP and WU of dy (rows, outputs), after `forward` of as many rows.

        Returns dX (rows, inputs), None for the first layer, and whether every gradient is finite.
        """
        rows = len(dy)
        dy_device = self._dy.head(rows)
        self.device.write(dy_device, dy)
        # Binary16 values add up exactly in binary64: the sum has one rounding and no order.
        with np.errstate(all="ignore"):
            bias = dy.astype(np.float64).sum(axis=0, keepdims=True).astype(np.float32)
        self.device.write(self._bias.gradient, bias)
        bad = self.device.product(
            self._weights.gradient, self._x.head(rows), dy_device, transpose_a=True
        )
        finite = bad == 0 and bool(np.isfinite(bias).all())
        if self._bp is None or self._dx is None:
            return None, finite
        dx_device = self._dx.head(rows)
        self.device.product(dx_device, dy_device, self._bp)
        return self.device.read(dx_device), finite

    def update(self, weights: UpdateScalars, bias: UpdateScalars) -> None:
        """Apply the gradients of `backward`; the packed forms follow in the same pass."""
        self._weights.update(weights, self._ff, self._bp)
        self._bias.update(bias)
        self._bias_values = self.device.read(self._bias.values)

    def parameters(self) -> list[Single]:
        """Weights [inputs, outputs] and bias [1, outputs], read from the device."""
        return [self.device.read(self._weights.values), self.device.read(self._bias.values)]

    def free(self) -> None:
        """Give all device memory back."""
        self._weights.free()
        self._bias.free()
        items: list[Any] = [self._ff, self._bp, self._x, self._y, self._dy, self._dx]
        self.device.free(*(item for item in items if item is not None))


class Mlp:
    """Linear layers with ReLU between them; logits are the last layer's float32 outputs."""

    def __init__(
        self,
        device: Device,
        plans: Sequence[LayerPlan],
        batch: int,
        generator: np.random.Generator,
    ) -> None:
        self.layers = [Linear(device, plan, batch, he_weights(plan, generator)) for plan in plans]
        self._inputs: list[Half] = []

    def forward(self, x: Half) -> Single:
        """Logits, float32 (rows, classes), of x (rows, features)."""
        self._inputs = []
        for layer in self.layers[:-1]:
            self._inputs.append(x)
            x = round_binary16(np.maximum(layer.forward(x), np.float32(0)))
        self._inputs.append(x)
        return self.layers[-1].forward(x)

    def backward(self, dy: Half) -> bool:
        """All gradients, from the logits' scaled gradient; False if one is infinite or NaN."""
        gradient: Half | None = dy
        for layer, x in zip(reversed(self.layers), reversed(self._inputs), strict=True):
            assert gradient is not None, "only the first layer gives no dX"
            gradient, finite = layer.backward(gradient)
            if not finite:
                return False
            if gradient is not None:
                gradient = np.where(x > 0, gradient, np.float16(0))
        return True

    def update(self, weights: UpdateScalars, bias: UpdateScalars) -> None:
        """Update every layer."""
        for layer in self.layers:
            layer.update(weights, bias)

    def parameters(self) -> list[Single]:
        """Weights and bias of each layer, in order."""
        return [array for layer in self.layers for array in layer.parameters()]

    def free(self) -> None:
        """Give all device memory back."""
        for layer in self.layers:
            layer.free()

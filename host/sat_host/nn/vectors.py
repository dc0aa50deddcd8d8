# SPDX-License-Identifier: Apache-2.0
"""Everything learned that is no weight of a product: biases, gains, shifts, tokens, positions.

They are small and many, so all of a network lie in one device matrix and one update serves them.
The host layers that use them hold views of a copy on the host.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..device import Device, Matrix, UpdateScalars
from ..errors import ArgumentError
from .base import Run, Single


class Vector:
    """One learned array with its gradient, both float32 on the host, in a `VectorStore`."""

    def __init__(self, name: str, initial: Single) -> None:
        self.name = name
        self.value = np.ascontiguousarray(initial, np.float32)
        self.gradient = np.zeros_like(self.value)

    def take_gradient(self, gradient: npt.NDArray[Any], run: Run) -> None:
        """The micro-batch's gradient, of the vector's shape up to leading ones."""
        if run.accumulate:
            with np.errstate(all="ignore"):
                self.gradient += gradient.astype(np.float32).reshape(self.gradient.shape)
        else:
            with np.errstate(all="ignore"):
                self.gradient[...] = gradient.reshape(self.gradient.shape)


class VectorStore:
    """The vectors of a network: `add` them all, then `place` them on the device once."""

    def __init__(self) -> None:
        self.vectors: list[Vector] = []
        self._matrices: list[Matrix] = []

    def add(self, name: str, initial: Single) -> Vector:
        """A new vector; its arrays become views when the store is placed."""
        vector = Vector(name, initial)
        self.vectors.append(vector)
        return vector

    def place(self, device: Device) -> None:
        """Allocate values, velocity and gradient as rows of `lanes` values, and write them."""
        self._device = device
        lanes = device.config.lanes
        count = sum(vector.value.size for vector in self.vectors)
        if not count:
            return
        rows = -(-count // lanes)
        self._values = np.zeros((rows, lanes), np.float32)
        self._gradients = np.zeros((rows, lanes), np.float32)
        for vector, value, gradient in self._views(self._values, self._gradients):
            value[...] = vector.value
            vector.value, vector.gradient = value, gradient
        for role in ("weights", "velocity", "gradient"):
            self._matrices.append(device.matrix(rows, lanes, np.float32, f"vectors.{role}"))
        device.write(self._matrices[0], self._values)

    @property
    def finite(self) -> bool:
        """Whether all gradients are."""
        return not self._matrices or bool(np.isfinite(self._gradients).all())

    def update(self, scalars: UpdateScalars) -> None:
        """One step of momentum SGD for all vectors."""
        if self._matrices:
            values, velocity, gradient = self._matrices
            self._device.write(gradient, self._gradients)
            self._device.update_weights(values, velocity, gradient, scalars)
            self._values[...] = self._device.read(values)

    def state(self) -> dict[str, Single]:
        """Values by name, and velocities by `<name>.velocity`."""
        if not self._matrices:
            return {}
        state = {}
        velocity = self._device.read(self._matrices[1])
        for vector, value, speed in self._views(self._values, velocity):
            state[vector.name] = value.copy()
            state[f"{vector.name}.velocity"] = speed.copy()
        return state

    def load_state(self, state: dict[str, Single]) -> None:
        """The inverse of `state`; other names are left alone."""
        if not self._matrices:
            return
        velocities = np.zeros_like(self._values)
        for vector, value, speed in self._views(self._values, velocities):
            value[...] = state[vector.name]
            speed[...] = state[f"{vector.name}.velocity"]
        self._device.write(self._matrices[0], self._values)
        self._device.write(self._matrices[1], velocities)

    def free(self) -> None:
        """Give the device memory back."""
        while self._matrices:
            self._device.free(self._matrices.pop())

    def _views(self, first: Single, second: Single) -> list[tuple[Vector, Single, Single]]:
        """Each vector with its part of two matrices."""
        found, start = [], 0
        for vector in self.vectors:
            part = slice(start, start + vector.value.size)
            shape = vector.value.shape
            found.append(
                (
                    vector,
                    first.reshape(-1)[part].reshape(shape),
                    second.reshape(-1)[part].reshape(shape),
                )
            )
            start = part.stop
        return found


def check_names(found: set[str], wanted: set[str], what: str) -> None:
    """Raise ArgumentError unless both hold the same names."""
    for names, fault in ((wanted - found, "missing"), (found - wanted, "unknown")):
        if names:
            raise ArgumentError(f"{what}: {min(names)} is {fault}")

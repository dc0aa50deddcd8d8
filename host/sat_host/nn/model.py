# SPDX-License-Identifier: Apache-2.0
"""A network that runs and learns: products and updates on a device, the rest on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..device import Device, UpdateScalars
from ..errors import ArgumentError
from ..methods import LayerPlan
from ..models import Network, trace
from .assemble import Assembly
from .base import NonFiniteGradientError, Run, Single
from .clock import StageClock
from .vectors import check_names

RUNNING = ("running_mean", "running_var")


class Model:
    """`network` on `device`, its layers with weights pruned as `plans` say, by name.

    batch: most images that go through at once. generator: of the initial values. `forward`,
    `backward` and `update` follow each other; micro-batches repeat the first two. Equal arguments
    give equal bits on every device. `free` gives the device memory back. Raises NetworkError for a
    network whose layers do not fit together, ArgumentError for a plan that is missing.
    """

    def __init__(
        self,
        device: Device,
        network: Network,
        plans: Mapping[str, LayerPlan],
        batch: int,
        generator: np.random.Generator,
    ) -> None:
        self.network = network
        self.batch = batch
        self._clock = StageClock()
        trace(network)  # which refuses what does not fit together
        self._parts = Assembly(device, plans, batch, generator)
        try:
            self._layers = self._parts.build(network)
        except BaseException:
            self._parts.free()
            raise

    def forward(self, x: Single, run: Run) -> Single:
        """Logits, float32 [N, classes], of images x, float32 [N, H, W, C], which stay as they are.

        Raises ArgumentError for another shape or dtype and for more images than `batch`.
        """
        expected = self.network.image
        if x.dtype != np.float32 or x.shape[1:] != expected or not 1 <= len(x) <= self.batch:
            raise ArgumentError(
                f"x: expected 1 to {self.batch} images of {expected} in float32, "
                f"got {x.dtype} {x.shape}"
            )
        x = np.ascontiguousarray(x)
        return self._layers.forward(x.copy() if self._layers.overwrites_input else x, run)

    def backward(self, dlogits: Single, run: Run) -> bool:
        """All gradients, from the logits' gradient (times the loss scale), after a `forward` in
        training of as many images. False, and the gradients of no use, if one is infinite or NaN.
        """
        self._clock = run.clock
        try:
            self._layers.backward(np.array(dlogits, np.float32), run)
        except NonFiniteGradientError:
            return False
        return self._parts.vectors.finite

    def update(self, weights: UpdateScalars, vectors: UpdateScalars) -> None:
        """Apply the gradients of `backward`, each with its scalars: to the products' weights and to
        the other things that are learned.

        The decay of SR-STE reaches those layers alone whose plan says so.
        """
        with self._clock("update"):
            for layer in self._parts.arrays:
                layer.update(weights)
            self._parts.vectors.update(vectors)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """A copy of everything that training changes, float32, by name.

        `<layer>.weight` [kh, kw, C_in, C_out] of products and [C] of normalisations, `<layer>.bias`
        [C], `<layer>` itself of tokens and positions; `<...>.velocity` of each of these;
        `<layer>.running_mean` and `<layer>.running_var` [C].
        """
        state: dict[str, npt.NDArray[Any]] = {}
        for layer in self._parts.arrays:
            weights, velocity = layer.read()
            state[f"{layer.name}.weight"] = weights
            state[f"{layer.name}.weight.velocity"] = velocity
        state |= self._parts.vectors.state()
        for name, norm in self._parts.statistics.items():
            for kind in RUNNING:
                state[f"{name}.{kind}"] = getattr(norm, kind).copy()
        return state

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The inverse of `state`, bit for bit. Raises ArgumentError, before anything changes, for
        other names, shapes or dtypes."""
        given = dict(state)
        own = self.state()
        check_names(set(given), set(own), "state")
        for name, values in own.items():
            got = given[name]
            if got.shape != values.shape or got.dtype != values.dtype:
                raise ArgumentError(
                    f"state: expected {name} {values.dtype} {values.shape}, "
                    f"got {got.dtype} {got.shape}"
                )
        for layer in self._parts.arrays:
            layer.load(given[f"{layer.name}.weight"], given[f"{layer.name}.weight.velocity"])
        self._parts.vectors.load_state(given)
        for name, norm in self._parts.statistics.items():
            for kind in RUNNING:
                getattr(norm, kind)[...] = given[f"{name}.{kind}"]

    def free(self) -> None:
        """Give all device memory back."""
        self._parts.free()

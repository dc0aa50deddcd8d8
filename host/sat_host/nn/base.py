# SPDX-License-Identifier: Apache-2.0
"""What every layer of a running network is.

Values between layers are float32, C-contiguous, and belong to the layer that gets them: a layer
keeps no reference to what it returned. That lets a layer work in place, and it says so, for the
places where one value goes two ways.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .clock import StageClock

Single = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Run:
    """How one micro-batch goes through the network.

    training: layers keep what `backward` needs, batch statistics are taken and dropout drops.
    seed, step, micro: with the layer they decide what dropout drops. accumulate: gradients are
    added to those of the micro-batches before instead of replacing them.
    """

    training: bool = False
    seed: int = 0
    step: int = 0
    micro: int = 0
    accumulate: bool = False
    clock: StageClock = field(default_factory=StageClock)


class NonFiniteGradientError(Exception):
    """A gradient is infinite or NaN: the rest of the backward pass is of no use."""


class Layer(ABC):
    """A step of a network: images [N, H, W, C], tokens [N, T, D] or vectors [N, F] in and out.

    kind: the stage of the clock that its time counts for; empty when it counts for itself.
    overwrites_input, overwrites_gradient: `forward` may change x, `backward` dy, or return it.
    """

    kind: str = ""
    overwrites_input: bool = False
    overwrites_gradient: bool = False

    @abstractmethod
    def forward(self, x: Single, run: Run) -> Single:
        """The layer's outputs."""

    @abstractmethod
    def backward(self, dy: Single, run: Run) -> Single | None:
        """dX from dY, after a `forward` in training; what is learned gets its gradients.

        None when nobody needs dX: from the network's first product on. Raises
        NonFiniteGradientError.
        """


class Sequential(Layer):
    """Layers one after the other, each timed by its kind."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self.overwrites_input = bool(self.layers) and self.layers[0].overwrites_input
        self.overwrites_gradient = bool(self.layers) and self.layers[-1].overwrites_gradient

    def forward(self, x: Single, run: Run) -> Single:
        for layer in self.layers:
            if layer.kind:
                with run.clock(layer.kind):
                    x = layer.forward(x, run)
            else:
                x = layer.forward(x, run)
        return x

    def backward(self, dy: Single, run: Run) -> Single | None:
        gradient: Single | None = dy
        for layer in reversed(self.layers):
            if gradient is None:
                return None
            if layer.kind:
                with run.clock(layer.kind):
                    gradient = layer.backward(gradient, run)
            else:
                gradient = layer.backward(gradient, run)
        return gradient


class Residual(Layer):
    """body(x) + shortcut(x); without a shortcut, body(x) + x."""

    def __init__(self, body: Sequential, shortcut: Sequential | None) -> None:
        self.body = body
        self.shortcut = shortcut
        ways = [body] if shortcut is None else [body, shortcut]
        self.overwrites_input = shortcut is not None and shortcut.overwrites_input
        self.overwrites_gradient = any(way.overwrites_gradient for way in ways[1:])

    def forward(self, x: Single, run: Run) -> Single:
        y = self.body.forward(x.copy() if self.body.overwrites_input else x, run)
        other = x if self.shortcut is None else self.shortcut.forward(x, run)
        with run.clock("residual"), np.errstate(all="ignore"):
            y += other
        return y

    def backward(self, dy: Single, run: Run) -> Single | None:
        dx = self.body.backward(dy.copy() if self.body.overwrites_gradient else dy, run)
        other = dy if self.shortcut is None else self.shortcut.backward(dy, run)
        if dx is None or other is None:
            return None
        with run.clock("residual"), np.errstate(all="ignore"):
            dx += other
        return dx

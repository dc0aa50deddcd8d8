# SPDX-License-Identifier: Apache-2.0
"""From a network's description to layers that run: one function a kind of layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..convolution import Convolution
from ..device import Device
from ..errors import ArgumentError
from ..methods import LayerPlan
from ..models import Network, layers
from ..models.shapes import output_shape
from . import initial
from .activations import Dropout, Gelu, Relu
from .arrays import ArrayLayer
from .attention import Attention
from .base import Layer, Residual, Sequential
from .normalise import BatchNorm, LayerNorm
from .pooling import AveragePool, GlobalAveragePool, MaxPool, Windows
from .tokens import ClassToken, Flatten, Patches, PositionalEmbedding, TakeToken
from .vectors import Vector, VectorStore

Shape = tuple[int, ...]


class Assembly:
    """The layers of a network with all that holds memory or state among them.

    After a failure, `free` gives back what was allocated before it.
    """

    def __init__(
        self,
        device: Device,
        plans: Mapping[str, LayerPlan],
        batch: int,
        generator: np.random.Generator,
    ) -> None:
        self.device, self.plans, self.batch, self.generator = device, plans, batch, generator
        self.arrays: list[ArrayLayer] = []
        self.attentions: list[Attention] = []
        self.statistics: dict[str, BatchNorm] = {}
        self.vectors = VectorStore()
        self.gain = 2.0
        self._dropouts = 0

    def build(self, network: Network) -> Sequential:
        """All layers, in the order in which they are described."""
        self.gain = 1.0 if initial.has_attention(network.layers) else 2.0
        built, _ = self.sequence(network.layers, network.image)
        self.vectors.place(self.device)
        return built

    def free(self) -> None:
        """Give all device memory back."""
        owners: list[ArrayLayer | Attention | VectorStore] = [*self.arrays, *self.attentions]
        for owner in (*owners, self.vectors):
            owner.free()

    def sequence(
        self, described: tuple[layers.Layer, ...], shape: Shape
    ) -> tuple[Sequential, Shape]:
        """The layers that take values of `shape`, and the shape that comes out."""
        built: list[Layer] = []
        for layer in described:
            if isinstance(layer, layers.Residual):
                residual, shape = self.residual(layer, shape)
                built.append(residual)
            else:
                built.append(_BUILDERS[type(layer)](self, layer, shape))
                shape = output_shape(layer, shape)
        return Sequential(built), shape

    def residual(self, layer: layers.Residual, shape: Shape) -> tuple[Residual, Shape]:
        """A residual, and the shape that comes out."""
        body, after = self.sequence(layer.body, shape)
        shortcut = self.sequence(layer.shortcut, shape)[0] if layer.shortcut else None
        return Residual(body, shortcut), after

    def array(self, name: str, geometry: Convolution, bias: bool) -> ArrayLayer:
        """A layer on the device."""
        if name not in self.plans:
            raise ArgumentError(f"plans: there is none for the layer {name}")
        shape = (*geometry.kernel, geometry.channels, geometry.filters)
        weights = initial.weights(shape, self.gain, self.generator)
        vector = self.zeros(f"{name}.bias", geometry.filters) if bias else None
        layer = ArrayLayer(self.device, self.plans[name], geometry, weights, vector)
        self.arrays.append(layer)
        return layer

    def linear(self, name: str, rows: int, inputs: int, outputs: int, bias: bool) -> ArrayLayer:
        """A linear layer on the device, for `rows` tokens or vectors of an image."""
        return self.array(name, Convolution.linear(self.batch * rows, inputs, outputs), bias)

    def zeros(self, name: str, extent: int) -> Vector:
        """A bias or shift."""
        return self.vectors.add(name, np.zeros(extent, np.float32))

    def gain_and_shift(self, name: str, extent: int) -> tuple[Vector, Vector]:
        """Of a normalisation."""
        gain = self.vectors.add(f"{name}.weight", np.ones(extent, np.float32))
        return gain, self.zeros(f"{name}.bias", extent)

    def next_dropout(self) -> int:
        """A number for a dropout, its own in the network."""
        self._dropouts += 1
        return self._dropouts - 1


def _conv(of: Assembly, layer: layers.Conv, shape: Shape) -> Layer:
    height, width, channels = shape
    geometry = Convolution(
        of.batch, height, width, channels, layer.filters,
        layers.pair(layer.kernel), (layer.stride,) * 2, (layer.padding,) * 2,
    )  # fmt: skip
    return of.array(layer.name, geometry, layer.bias)


def _linear(of: Assembly, layer: layers.Linear, shape: Shape) -> Layer:
    rows = shape[0] if len(shape) == 2 else 1
    return of.linear(layer.name, rows, shape[-1], layer.units, layer.bias)


def _batch_norm(of: Assembly, layer: layers.BatchNorm, shape: Shape) -> Layer:
    gain, shift = of.gain_and_shift(layer.name, shape[-1])
    built = BatchNorm(gain, shift, layer.momentum, layer.epsilon)
    of.statistics[layer.name] = built
    return built


def _layer_norm(of: Assembly, layer: layers.LayerNorm, shape: Shape) -> Layer:
    return LayerNorm(*of.gain_and_shift(layer.name, shape[-1]), layer.epsilon)


def _windows(layer: layers.MaxPool | layers.AvgPool) -> Windows:
    return Windows(layers.pair(layer.kernel), (layer.stride,) * 2, (layer.padding,) * 2)


def _patches(of: Assembly, layer: layers.PatchEmbedding, shape: Shape) -> Layer:
    height, width, channels = shape
    tokens, values = (height // layer.patch) * (width // layer.patch), layer.patch**2 * channels
    return Sequential(
        [Patches(layer.patch), of.linear(layer.name, tokens, values, layer.dim, True)]
    )


def _class_token(of: Assembly, layer: layers.ClassToken, shape: Shape) -> Layer:
    token = initial.embedding(shape[-1:], of.generator)
    return ClassToken(of.vectors.add(layer.name, token))


def _positions(of: Assembly, layer: layers.PositionalEmbedding, shape: Shape) -> Layer:
    positions = initial.embedding(shape, of.generator)
    return PositionalEmbedding(of.vectors.add(layer.name, positions))


def _attention(of: Assembly, layer: layers.Attention, shape: Shape) -> Layer:
    tokens, width = shape
    built = Attention(
        of.device,
        of.linear(f"{layer.name}.qkv", tokens, width, 3 * width, True),
        of.linear(f"{layer.name}.proj", tokens, width, width, True),
        layer.heads,
        (of.batch, tokens, width),
    )
    of.attentions.append(built)
    return built


_BUILDERS: dict[type, Callable[[Assembly, Any, Shape], Layer]] = {
    layers.Conv: _conv,
    layers.Linear: _linear,
    layers.BatchNorm: _batch_norm,
    layers.LayerNorm: _layer_norm,
    layers.Relu: lambda of, layer, shape: Relu(),
    layers.Gelu: lambda of, layer, shape: Gelu(),
    layers.MaxPool: lambda of, layer, shape: MaxPool(_windows(layer)),
    layers.AvgPool: lambda of, layer, shape: AveragePool(_windows(layer)),
    layers.GlobalAvgPool: lambda of, layer, shape: GlobalAveragePool(),
    layers.Flatten: lambda of, layer, shape: Flatten(),
    layers.Dropout: lambda of, layer, shape: Dropout(layer.rate, of.next_dropout()),
    layers.PatchEmbedding: _patches,
    layers.ClassToken: _class_token,
    layers.PositionalEmbedding: _positions,
    layers.TakeToken: lambda of, layer, shape: TakeToken(layer.index),
    layers.Attention: _attention,
}

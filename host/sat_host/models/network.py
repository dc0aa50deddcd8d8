# SPDX-License-Identifier: Apache-2.0
"""A network, and what it does on the array: one `Operation` a product, in order of execution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ..convolution import output_size
from .faults import NetworkError
from .infer import Step, infer
from .layers import (
    Attention,
    BatchNorm,
    ClassToken,
    Conv,
    Layer,
    LayerNorm,
    Linear,
    PatchEmbedding,
    PositionalEmbedding,
    Residual,
    pair,
)


@dataclass(frozen=True)
class Network:
    """Layers that turn an image (height, width, channels) into `classes` logits.

    Whether they fit together is checked by `trace`, `steps` and `parameter_count`, which raise
    NetworkError with all that does not.
    """

    name: str
    image: tuple[int, int, int]
    classes: int
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Operation:
    """A product on the array, for one image.

    conv: image height x width x channels -> `filters` channels. linear: `height` tokens (1 for a
    vector) of `channels` values -> `filters`. attn: `copies` (the heads) products of activations,
    each [height, channels] . [channels, filters]. `first`: it takes the network's input.
    """

    name: str
    kind: Literal["conv", "linear", "attn"]
    channels: int
    height: int
    width: int
    filters: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: int = 0
    copies: int = 1
    bias: bool = False
    first: bool = False

    @property
    def out_height(self) -> int:
        """Rows of the output image, or tokens."""
        return output_size(self.height, self.kernel[0], self.stride, self.padding)

    @property
    def out_width(self) -> int:
        """Columns of the output image."""
        return output_size(self.width, self.kernel[1], self.stride, self.padding)

    @property
    def taps(self) -> int:
        """Places of the kernel."""
        return self.kernel[0] * self.kernel[1]

    @property
    def macs(self) -> int:
        """Dense multiply-accumulates of one image's forward pass."""
        pixels = self.out_height * self.out_width
        return self.copies * pixels * self.taps * self.channels * self.filters

    @property
    def weights(self) -> int:
        """Elements of its weights; none for a product of two activations."""
        return 0 if self.kind == "attn" else self.taps * self.channels * self.filters

    @property
    def parameters(self) -> int:
        """Its weights and biases."""
        return self.weights + (self.filters if self.bias else 0)


def steps(network: Network) -> tuple[Step, ...]:
    """Every layer with the shapes before and after it; those in a residual follow it."""
    found, faults = infer(network.layers, network.image, network.classes)
    if faults:
        raise NetworkError(faults)
    return found


def trace(network: Network) -> tuple[Operation, ...]:
    """All products of the forward pass, in order.

    A residual's shortcut, which may run at any time, comes before its body's last product.
    """
    operations = list(_traced(iter(steps(network)), len(network.layers)))
    return (replace(operations[0], first=True), *operations[1:])


def parameter_count(network: Network) -> int:
    """Everything that is learned: weights, biases, gains, shifts, tokens and positions."""
    products = sum(operation.parameters for operation in trace(network))
    return products + sum(_vector_parameters(step) for step in steps(network))


def _vector_parameters(step: Step) -> int:
    if isinstance(step.layer, (BatchNorm, LayerNorm)):
        return 2 * step.before[-1]
    if isinstance(step.layer, ClassToken):
        return step.before[-1]
    if isinstance(step.layer, PositionalEmbedding):
        return step.before[0] * step.before[1]
    return 0


def _traced(following: Iterator[Step], count: int) -> Iterator[Operation]:
    for _ in range(count):
        step = next(following)
        if isinstance(step.layer, Residual):
            body = list(_traced(following, len(step.layer.body)))
            shortcut = list(_traced(following, len(step.layer.shortcut)))
            yield from (*body[:-1], *shortcut, *body[-1:])
        else:
            yield from _products(step)


def _products(step: Step) -> Iterator[Operation]:
    layer, before, after = step.layer, step.before, step.after
    if isinstance(layer, Conv):
        yield Operation(
            layer.name, "conv", before[2], before[0], before[1], layer.filters,
            pair(layer.kernel), layer.stride, layer.padding, bias=layer.bias,
        )  # fmt: skip
    elif isinstance(layer, Linear):
        rows = before[0] if len(before) == 2 else 1
        yield Operation(layer.name, "linear", before[-1], rows, 1, layer.units, bias=layer.bias)
    elif isinstance(layer, PatchEmbedding):
        values = layer.patch * layer.patch * before[2]
        yield Operation(layer.name, "linear", values, after[0], 1, layer.dim, bias=True)
    elif isinstance(layer, Attention):
        (tokens, dim), heads = before, layer.heads
        depth = dim // heads
        yield Operation(f"{layer.name}.qkv", "linear", dim, tokens, 1, 3 * dim, bias=True)
        yield Operation(f"{layer.name}.qk", "attn", depth, tokens, 1, tokens, copies=heads)
        yield Operation(f"{layer.name}.av", "attn", tokens, tokens, 1, depth, copies=heads)
        yield Operation(f"{layer.name}.proj", "linear", dim, tokens, 1, dim, bias=True)

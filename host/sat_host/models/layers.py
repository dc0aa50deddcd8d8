# SPDX-License-Identifier: Apache-2.0
"""What a network is made of: plain descriptions, which hold no numbers to compute with.

A value that flows through a network has one of three shapes for an image, without the batch:
an image (height, width, channels), tokens (tokens, values) or a vector (values,). Names are dotted,
as in `layer1.0.conv1`; a layer that learns must have one, unique in its network.
"""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int, ...]
Pair = int | tuple[int, int]


def pair(value: Pair) -> tuple[int, int]:
    """(rows, columns) of a size that is given as one number or as both."""
    return (value, value) if isinstance(value, int) else value


@dataclass(frozen=True)
class Conv:
    """Convolution of an image, zero padding on all sides; weights [kh, kw, C_in, filters]."""

    name: str
    filters: int
    kernel: Pair
    stride: int = 1
    padding: int = 0
    bias: bool = False


@dataclass(frozen=True)
class Linear:
    """Product of a vector, or of each token, with weights [1, 1, inputs, units]."""

    name: str
    units: int
    bias: bool = True


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation of an image's channels or a vector's values, with gain and shift."""

    name: str
    momentum: float = 0.1
    epsilon: float = 1e-5


@dataclass(frozen=True)
class LayerNorm:
    """Layer normalisation of each token or vector, with gain and shift."""

    name: str
    epsilon: float = 1e-6


@dataclass(frozen=True)
class Relu:
    """max(x, 0)."""

    name: str = ""


@dataclass(frozen=True)
class Gelu:
    """x times the normal distribution function of x."""

    name: str = ""


@dataclass(frozen=True)
class MaxPool:
    """Largest value of each window; padding never wins."""

    kernel: Pair
    stride: int
    padding: int = 0
    name: str = ""


@dataclass(frozen=True)
class AvgPool:
    """Mean of each window, the zeros of the padding included."""

    kernel: Pair
    stride: int
    padding: int = 0
    name: str = ""


@dataclass(frozen=True)
class GlobalAvgPool:
    """Mean of each channel of an image: a vector."""

    name: str = ""


@dataclass(frozen=True)
class Flatten:
    """All values of an image (row, column, channel) or of tokens, as a vector."""

    name: str = ""


@dataclass(frozen=True)
class Dropout:
    """In training, zero with probability `rate`, the rest scaled up."""

    rate: float
    name: str = ""


@dataclass(frozen=True)
class PatchEmbedding:
    """Patches of patch x patch pixels, without overlap, each to a token of `dim` values.

    The linear layer, with bias, takes a patch's values in the order (row, column, channel); the
    tokens follow each other as the patches do, row by row.
    """

    name: str
    patch: int
    dim: int


@dataclass(frozen=True)
class ClassToken:
    """Puts one learned token before the others."""

    name: str


@dataclass(frozen=True)
class PositionalEmbedding:
    """Adds a learned value to every value of every token."""

    name: str


@dataclass(frozen=True)
class TakeToken:
    """One token as a vector."""

    index: int = 0
    name: str = ""


@dataclass(frozen=True)
class Attention:
    """Self-attention of tokens: `<name>.qkv` -> softmax(Q . K^T / sqrt(d)) . V -> `<name>.proj`.

    Both linear layers have biases. The qkv layer's columns are Q, K and V, each head by head. The
    products of activations are `<name>.qk` and `<name>.av`.
    """

    name: str
    heads: int


@dataclass(frozen=True)
class Residual:
    """body(x) + shortcut(x); an empty shortcut is x itself."""

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()
    name: str = ""


Layer = (
    Conv | Linear | BatchNorm | LayerNorm | Relu | Gelu | MaxPool | AvgPool | GlobalAvgPool
    | Flatten | Dropout | PatchEmbedding | ClassToken | PositionalEmbedding | TakeToken | Attention
    | Residual
)  # fmt: skip

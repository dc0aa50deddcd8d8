# SPDX-License-Identifier: Apache-2.0
"""The shape that a layer makes of a shape, or why it can't take it.

While faults are looked for, an extent that one of them leaves unknown is 0; it fits everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..convolution import MAX_SIDE, output_size
from .layers import (
    Attention,
    AvgPool,
    BatchNorm,
    ClassToken,
    Conv,
    Dropout,
    Flatten,
    Gelu,
    GlobalAvgPool,
    Layer,
    LayerNorm,
    Linear,
    MaxPool,
    PatchEmbedding,
    PositionalEmbedding,
    Relu,
    Shape,
    TakeToken,
    pair,
)

MAX_KERNEL = 7

_KINDS = {1: "a vector", 2: "tokens", 3: "an image"}


class Misfit(Exception):
    """A layer that does not take what comes in; `after` is what would come out once mended."""

    def __init__(self, what: str, mend: str, field: str = "", after: Shape | None = None) -> None:
        super().__init__(f"{what}: {mend}")
        self.what, self.mend, self.field, self.after = what, mend, field, after


def described(shape: Shape) -> str:
    """A shape in words."""
    sizes = [str(size or "?") for size in shape]
    if len(shape) == 3:
        return f"an image of {' x '.join(sizes)}"
    return f"{sizes[0]} tokens of {sizes[1]}" if len(shape) == 2 else f"a vector of {sizes[0]}"


def alike(first: Shape, second: Shape) -> bool:
    """Whether two shapes may be the same."""
    pairs = zip(first, second, strict=False)
    return len(first) == len(second) and all(a == b or not a or not b for a, b in pairs)


def assumed(layer: Layer) -> Shape | None:
    """The least that the input of a layer must be; None for one that takes any kind of it."""
    if isinstance(layer, (Conv, MaxPool, AvgPool, GlobalAvgPool, PatchEmbedding)):
        return (0, 0, 0)
    if isinstance(layer, (ClassToken, PositionalEmbedding, TakeToken, Attention)):
        return (0, 0)
    return (0,) if isinstance(layer, Flatten) else None


def output_shape(layer: Layer, shape: Shape) -> Shape:
    """What any layer but a residual makes of one input of `shape`. Raises Misfit."""
    rule = _RULES.get(type(layer))
    if rule is None:
        raise Misfit(f"{type(layer).__name__} is no layer known here", "replace it")
    return rule(layer, shape)


def _window(layer: Conv | MaxPool | AvgPool, shape: Shape, channels: int) -> Shape:
    """The image that a kernel makes of an image. Raises Misfit when it does not fit."""
    kernel, sizes = pair(layer.kernel), []
    for size, taps in zip(shape[:2], kernel, strict=True):
        padded = size + 2 * layer.padding
        if size and padded < taps:
            text = str(taps) if kernel[0] == kernel[1] else f"{kernel[0]} x {kernel[1]}"
            raise Misfit(
                f"the kernel {text} is larger than the image, {shape[0]} x {shape[1]} "
                f"with padding {layer.padding}",
                "make the kernel or the strides before it smaller, or the image larger",
                "kernel", (0, 0, channels),
            )  # fmt: skip
        if padded > MAX_SIDE:
            raise Misfit(f"the padded image is wider than {MAX_SIDE}", "make it smaller", "padding")
        sizes.append(output_size(size, taps, layer.stride, layer.padding) if size else 0)
    return (*sizes, channels)


def _needs(shape: Shape, dims: tuple[int, ...], mend: str, after: Shape | None = None) -> None:
    if len(shape) not in dims:
        wanted = " or ".join(_KINDS[n] for n in dims)
        raise Misfit(f"takes {wanted}, but gets {described(shape)}", mend, after=after)


def _conv(layer: Conv, shape: Shape) -> Shape:
    _needs(shape, (3,), "put it before what ends the image", (0, 0, layer.filters))
    largest = max(pair(layer.kernel))
    if largest <= MAX_KERNEL:
        return _window(layer, shape, layer.filters)
    try:
        after = _window(layer, shape, layer.filters)
    except Misfit:  # that a smaller kernel may mend
        after = (0, 0, layer.filters)
    raise Misfit(
        f"kernel {largest} is above {MAX_KERNEL}",
        f"use {MAX_KERNEL} or less, or several convolutions one after the other",
        "kernel", after,
    )  # fmt: skip


def _linear(layer: Linear, shape: Shape) -> Shape:
    mend = "put a flatten or global_avg_pool before it"
    _needs(shape, (1, 2), mend, (layer.units,))
    return (*shape[:-1], layer.units)


def _batch_norm(layer: BatchNorm, shape: Shape) -> Shape:
    _needs(shape, (3, 1), "use a layer_norm for tokens", shape)
    return shape


def _layer_norm(layer: LayerNorm, shape: Shape) -> Shape:
    _needs(shape, (2, 1), "use a batch_norm for images", shape)
    return shape


def _same(layer: Relu | Gelu | Dropout, shape: Shape) -> Shape:
    return shape


def _pool(layer: MaxPool | AvgPool, shape: Shape) -> Shape:
    _needs(shape, (3,), "put it before what ends the image", (0, 0, 0))
    after, kernel = _window(layer, shape, shape[2]), pair(layer.kernel)
    if 2 * layer.padding > min(kernel):
        raise Misfit(
            f"padding {layer.padding} is more than half of the kernel {min(kernel)}",
            f"lower it to {min(kernel) // 2} or less", "padding", after,
        )  # fmt: skip
    return after


def _global_pool(layer: GlobalAvgPool, shape: Shape) -> Shape:
    _needs(shape, (3,), "remove it, or put it before what ends the image", shape)
    return (shape[2],)


def _flatten(layer: Flatten, shape: Shape) -> Shape:
    size = 1
    for extent in shape:
        size *= extent
    return (size,)


def _patches(layer: PatchEmbedding, shape: Shape) -> Shape:
    _needs(shape, (3,), "put it first", (0, layer.dim))
    height, width, patch = shape[0], shape[1], layer.patch
    if height % patch or width % patch:
        raise Misfit(
            f"patches of {patch} x {patch} do not cut {described(shape)} evenly",
            "use a patch that divides its rows and columns, or another image",
            "patch", (0, layer.dim),
        )  # fmt: skip
    return height // patch * (width // patch), layer.dim


def _class_token(layer: ClassToken, shape: Shape) -> Shape:
    _needs(shape, (2,), "put a patch_embedding before it")
    return shape[0] + 1 if shape[0] else 0, shape[1]


def _positions(layer: PositionalEmbedding, shape: Shape) -> Shape:
    _needs(shape, (2,), "put a patch_embedding before it")
    return shape


def _take(layer: TakeToken, shape: Shape) -> Shape:
    _needs(shape, (2,), "remove it, or put a patch_embedding before it", shape[-1:])
    if shape[0] and not 0 <= layer.index < shape[0]:
        what = f"there is no token {layer.index} among {shape[0]}"
        raise Misfit(what, f"use 0 to {shape[0] - 1}", "index", shape[1:])
    return shape[1:]


def _attention(layer: Attention, shape: Shape) -> Shape:
    _needs(shape, (2,), "put a patch_embedding before it")
    if shape[1] % layer.heads:
        raise Misfit(
            f"{layer.heads} heads do not divide tokens of {shape[1]} values",
            f"use a number of heads that divides {shape[1]}", "heads", shape,
        )  # fmt: skip
    return shape


_RULES: dict[type, Callable[[Any, Shape], Shape]] = {
    Conv: _conv,
    Linear: _linear,
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
    Relu: _same,
    Gelu: _same,
    Dropout: _same,
    MaxPool: _pool,
    AvgPool: _pool,
    GlobalAvgPool: _global_pool,
    Flatten: _flatten,
    PatchEmbedding: _patches,
    ClassToken: _class_token,
    PositionalEmbedding: _positions,
    TakeToken: _take,
    Attention: _attention,
}

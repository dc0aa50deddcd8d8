# SPDX-License-Identifier: Apache-2.0
"""Shapes through a whole network, and all that does not fit in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .faults import NetworkFault, Place
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
    Shape,
)
from .shapes import Misfit, alike, assumed, described, output_shape

ARRAY_LAYERS = (Conv, Linear, PatchEmbedding, Attention)
VECTOR_LAYERS = (BatchNorm, LayerNorm, ClassToken, PositionalEmbedding)


@dataclass(frozen=True)
class Unknown:
    """Stands for a layer that could not be read, so that the others can still be checked."""

    name: str = ""


@dataclass(frozen=True)
class Step:
    """A layer in its place, with the shapes of what comes in and goes out, for one image."""

    layer: Layer
    place: Place
    before: Shape
    after: Shape


@dataclass
class _Inference:
    steps: list[Step] = field(default_factory=list)
    faults: list[NetworkFault] = field(default_factory=list)

    def fault(self, place: Place, layer: object, what: str, mend: str) -> None:
        name = str(getattr(layer, "name", ""))
        self.faults.append(NetworkFault(place, name, what, mend))

    def run(self, layers: Iterable[Layer], shape: Shape | None, place: Place) -> Shape | None:
        """The shape after `layers`; None, here and below, when a fault leaves its kind unknown."""
        for number, layer in enumerate(layers):
            here = (*place, number)
            if isinstance(layer, Residual):
                shape = self._residual(layer, shape, here)
            elif isinstance(layer, Unknown):
                shape = None
            else:
                known = assumed(layer) if shape is None else shape
                shape = None if known is None else self._layer(layer, known, here)
        return shape

    def _layer(self, layer: Layer, before: Shape, place: Place) -> Shape | None:
        try:
            after = output_shape(layer, before)
        except Misfit as misfit:
            where = (*place, misfit.field) if misfit.field else place
            self.fault(where, layer, misfit.what, misfit.mend)
            return misfit.after
        self.steps.append(Step(layer, place, before, after))
        return after

    def _residual(self, layer: Residual, before: Shape | None, place: Place) -> Shape | None:
        index = len(self.steps)
        body = self.run(layer.body, before, (*place, "body"))
        shortcut = self.run(layer.shortcut, before, (*place, "shortcut"))
        if not layer.body:
            self.fault(place, layer, "a residual without a body", "give it layers in `body`")
        elif body and shortcut and not alike(body, shortcut):
            self.fault(
                (*place, "shortcut") if layer.shortcut else place, layer,
                f"the body gives {described(body)}, the shortcut {described(shortcut)}",
                "make both of the same shape, as by a 1 x 1 convolution with the body's strides "
                "and filters in the shortcut",
            )  # fmt: skip
        after = body or shortcut
        if before and after:
            self.steps.insert(index, Step(layer, place, before, after))
        return after


def infer(
    layers: tuple[Layer, ...], image: Shape, classes: int
) -> tuple[tuple[Step, ...], list[NetworkFault]]:
    """Every layer with its shapes, a residual before what is in it; and all faults."""
    inference = _Inference()
    after = inference.run(layers, image, ("layers",))
    _check_beginning(inference, layers)
    _check_names(inference, layers)
    if after is not None and not alike(after, (classes,)):
        place: Place = ("layers", len(layers) - 1) if layers else ("layers",)
        inference.fault(
            place, layers[-1] if layers else None,
            f"the network ends with {described(after)}, not with {classes} classes",
            f"end with a linear layer of {classes} units"
            + (", after a flatten or global_avg_pool" if len(after) == 3 else "")
            + (", after a take_token" if len(after) == 2 else ""),
        )  # fmt: skip
    return tuple(inference.steps), inference.faults


def _check_beginning(inference: _Inference, layers: tuple[Layer, ...]) -> None:
    """The first product makes no dX, so what learns, or needs one, must come after it."""
    for number, layer in enumerate(layers):
        if isinstance(layer, (*ARRAY_LAYERS, Unknown)):
            return
        if isinstance(layer, (*VECTOR_LAYERS, Residual)):
            inference.fault(
                ("layers", number), layer,
                "comes before the first convolution or linear layer, to which no gradients flow",
                "put a conv, linear or patch_embedding before it",
            )  # fmt: skip
            return
    inference.fault(
        ("layers",), None, "there is no convolution or linear layer", "add a conv or linear layer"
    )


def walk(layers: Iterable[Layer], place: Place = ("layers",)) -> Iterator[tuple[Place, Layer]]:
    """Every layer and its place; those in a residual follow it."""
    for number, layer in enumerate(layers):
        here = (*place, number)
        yield here, layer
        if isinstance(layer, Residual):
            yield from walk(layer.body, (*here, "body"))
            yield from walk(layer.shortcut, (*here, "shortcut"))


def learned_names(layer: Layer) -> tuple[str, ...]:
    """The names of a layer's products and of what it learns."""
    if isinstance(layer, Attention):
        return tuple(f"{layer.name}.{part}" for part in ("qkv", "qk", "av", "proj"))
    return (layer.name,) if isinstance(layer, (*ARRAY_LAYERS, *VECTOR_LAYERS)) else ()


def _check_names(inference: _Inference, layers: tuple[Layer, ...]) -> None:
    seen: Counter[str] = Counter()
    for place, layer in walk(layers):
        names = learned_names(layer)
        if names and not layer.name:
            inference.fault(place, layer, "has no name", "give it one, as conv1")
        elif any(seen[name] for name in names):
            what = f"the name {layer.name} is taken by a layer before"
            inference.fault((*place, "name"), layer, what, "give each layer its own name")
        seen.update(names)

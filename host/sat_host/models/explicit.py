# SPDX-License-Identifier: Apache-2.0
"""A list of layers as the user writes it, to layers; what can't be built is refused by its place.

An item is a mapping with its `type`, perhaps a `name`, and the fields of that type; `residual` has
lists of layers instead, `body` and `shortcut`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from .faults import NetworkFault, Place
from .fields import LAYER_FIELDS, read_fields
from .infer import Unknown
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
    Residual,
    TakeToken,
)

LAYER_TYPES: dict[str, Callable[..., Layer]] = {
    "conv": Conv,
    "linear": Linear,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
    "relu": Relu,
    "gelu": Gelu,
    "max_pool": MaxPool,
    "avg_pool": AvgPool,
    "global_avg_pool": GlobalAvgPool,
    "flatten": Flatten,
    "dropout": Dropout,
    "patch_embedding": PatchEmbedding,
    "class_token": ClassToken,
    "positional_embedding": PositionalEmbedding,
    "take_token": TakeToken,
    "attention": Attention,
    "residual": Residual,
}
MAX_LAYERS = 512  # in one list
MAX_NAME = 60
NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")

# What the engine has no way to do: field of a convolution -> what it says, and the mend.
_UNSUPPORTED: dict[str, tuple[Any, str, str]] = {
    "groups": (
        1,
        "grouped convolutions are not supported: the array sums over all input channels",
        "remove it, or write one convolution of fewer filters instead",
    ),
    "dilation": (
        1,
        "dilated convolutions are not supported: the loaders read neighbouring pixels",
        "remove it, and use a larger kernel (up to 7) or two convolutions",
    ),
    "padding_mode": (
        "zeros",
        "only zero padding is supported: the loaders make zeros outside of the image",
        "remove it, or write zeros",
    ),
}


class _Reader:
    def __init__(self, taken: set[str]) -> None:
        self.faults: list[NetworkFault] = []
        self._taken = taken
        self._counts: Counter[str] = Counter()

    def layers(self, items: object, place: Place) -> tuple[Layer, ...]:
        if not isinstance(items, Sequence) or isinstance(items, str):
            self._fault(place, "", "is not a list", "write a list of layers")
            return ()
        if len(items) > MAX_LAYERS:
            self._fault(place, "", f"{len(items)} layers", f"use at most {MAX_LAYERS} in a list")
        return tuple(self._layer(item, (*place, number)) for number, item in enumerate(items))

    def _layer(self, item: object, place: Place) -> Layer:
        if item is None:  # whoever put it here knows what is wrong with it
            return cast(Layer, Unknown())
        if not isinstance(item, Mapping):
            self._fault(place, "", "is not a layer", "write a mapping with its type")
            return cast(Layer, Unknown())
        kind = item.get("type")
        if not isinstance(kind, str) or kind not in LAYER_TYPES:
            mend = f"the types of layers are {', '.join(LAYER_TYPES)}"
            self._fault((*place, "type"), "", f"layer type {kind!r:.60} is not supported", mend)
            return cast(Layer, Unknown())
        name = self._name(item.get("name"), kind, place)
        if kind == "residual":
            body = self.layers(item.get("body"), (*place, "body"))
            return Residual(body, self.layers(item.get("shortcut", ()), (*place, "shortcut")), name)
        reading = read_fields(item, LAYER_FIELDS[kind], ("type", "name"))
        for field, what, mend in reading.wrong:
            self._fault((*place, field), name, what, mend)
        if reading.wrong:
            return cast(Layer, Unknown())
        values = reading.values
        if kind == "conv":
            for field, (only, what, mend) in _UNSUPPORTED.items():
                if (given := values.pop(field)) != only:
                    self._fault((*place, field), name, f"{given}: {what}", mend)
        if values.get("stride", 1) is None:
            values["stride"] = values["kernel"]
        return LAYER_TYPES[kind](name=name, **values)

    def _name(self, name: object, kind: str, place: Place) -> str:
        if name is None:
            while True:
                self._counts[kind] += 1
                if (made := f"{kind}{self._counts[kind]}") not in self._taken:
                    return made
        if isinstance(name, str) and len(name) <= MAX_NAME and NAME.fullmatch(name):
            return name
        what = f"{name!r:.60} is no name of a layer"
        mend = f"use up to {MAX_NAME} of a-z, 0-9, _ and dots, first a letter"
        self._fault((*place, "name"), "", what, mend)
        return f"unnamed{len(self.faults)}"

    def _fault(self, place: Place, layer: str, what: str, mend: str) -> None:
        self.faults.append(NetworkFault(place, layer, what, mend))


def read_layers(items: object) -> tuple[tuple[Layer, ...], list[NetworkFault]]:
    """The layers of a list, an `Unknown` for each that can't be read, and all faults.

    A layer without a name gets its type and a number, counted by type over the whole list. None
    stands for a layer whose fault is known already.
    """
    reader = _Reader(set(_given_names(items)))
    return reader.layers(items, ("layers",)), reader.faults


def _given_names(items: object) -> Iterator[str]:
    if isinstance(items, Sequence) and not isinstance(items, str):
        for item in items:
            if isinstance(item, Mapping):
                if isinstance(item.get("name"), str):
                    yield item["name"]
                yield from _given_names(item.get("body"))
                yield from _given_names(item.get("shortcut"))

# SPDX-License-Identifier: Apache-2.0
"""The `model` section of a spec, a union by `name`, and the network that it makes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from .spec_base import Broken, Section, all_broken, named, number
from .spec_data import DataSpec
from .spec_layers import MAX_LAYERS, MAX_UNITS, Layers, listed

if TYPE_CHECKING:
    from sat_host.models import Network

Units = Annotated[int, Field(ge=1, le=MAX_UNITS)]
Side = Annotated[int, Field(ge=1, le=1024)]


class _Model(Section):
    classes: int | None = number(
        "Classes, which is how many logits the network ends with; null for the data's",
        None, 1, MAX_UNITS,
    )  # fmt: skip
    image: tuple[Side, ...] | None = Field(
        default=None,
        strict=False,
        min_length=3,
        max_length=3,
        description="Rows, columns and channels of an image, each 1 to 1024; null, the default, "
        "for the data's.",
    )

    def settings(self) -> dict[str, Any]:
        """The fields as plain values."""
        return self.model_dump(mode="json")


class MlpSpec(_Model):
    """A multi-layer perceptron: linear layers with biases, ReLU between them."""

    name: Literal["mlp"] = Field(default="mlp", description="The network: mlp, the default.")
    # A YAML list arrives as a list, which strict mode would refuse; the items stay strict.
    hidden: tuple[Units, ...] = Field(
        default=(256, 256),
        strict=False,
        min_length=1,
        max_length=16,
        description="Units of each hidden layer, 1 to 16 layers of 1 to 16384 units, "
        "default [256, 256].",
    )


class CnnSpec(_Model):
    """3 x 3 convolutions with batch normalisation and ReLU; the mean of each channel; linear."""

    name: Literal["cnn"] = Field(description="The network: cnn, a small one; no default.")
    channels: tuple[Units, ...] = Field(
        default=(32, 64, 128),
        strict=False,
        min_length=1,
        max_length=16,
        description="Filters of each convolution, 1 to 16 of 1 to 16384; all but the first have "
        "stride 2, default [32, 64, 128].",
    )


class Resnet9Spec(_Model):
    """ResNet-9, as in the DAWNBench entries for CIFAR-10."""

    name: Literal["resnet9"] = Field(description="The network: resnet9; no default.")


class _ResnetSpec(_Model):
    stem: Literal["imagenet", "small"] = Field(
        default="imagenet",
        description="The beginning: imagenet (7 x 7 with stride 2, max pool) or small (3 x 3), "
        "default imagenet.",
    )


class Resnet18Spec(_ResnetSpec):
    """ResNet-18."""

    name: Literal["resnet18"] = Field(description="The network: resnet18; no default.")


class Resnet50Spec(_ResnetSpec):
    """ResNet-50, its strides on the 3 x 3 convolutions."""

    name: Literal["resnet50"] = Field(description="The network: resnet50; no default.")


class Vgg19Spec(_Model):
    """VGG-19 with batch normalisation and one linear layer."""

    name: Literal["vgg19"] = Field(description="The network: vgg19; no default.")


class VitSpec(_Model):
    """A vision transformer with a class token."""

    name: Literal["vit"] = Field(description="The network: vit; no default.")
    patch: int = number("Rows and columns of a patch", 4, 1, 256)
    dim: int = number("Values of a token", 512, 1, MAX_UNITS)
    depth: int = number("Blocks", 6, 1, 64)
    heads: int = number("Attention heads, a divisor of `dim`", 8, 1, 256)
    mlp: int = number("Hidden units of a block's perceptron", 512, 1, MAX_UNITS)


class LayersSpec(_Model):
    """A network written layer by layer."""

    name: Literal["layers"] = Field(description="The network: that of `layers`; no default.")
    layers: Layers = Field(
        strict=False, min_length=1, max_length=MAX_LAYERS,
        description="The layers, in order; no default.",
    )  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """The fields as plain values; None for a layer that could not be read."""
        image = None if self.image is None else list(self.image)
        fields = {"name": self.name, "classes": self.classes, "image": image}
        return {**fields, "layers": listed(self.layers)}


ModelSpec = Annotated[
    MlpSpec | CnnSpec | Resnet9Spec | Resnet18Spec | Resnet50Spec | Vgg19Spec | VitSpec
    | LayersSpec,
    Field(discriminator="name"),
    named("mlp"),
]  # fmt: skip


def build(model: ModelSpec, data: DataSpec) -> Network:
    """The network of a spec. Raises the error of all rules that it breaks."""
    if isinstance(model, LayersSpec):  # which may hold what a cache can't
        return _build(model, data)
    return _known_build(model, data)


def _build(model: ModelSpec, data: DataSpec) -> Network:
    from sat_host.models import NetworkError, build_network  # here, for a fast `--help`

    try:
        return build_network(model.settings(), data.image, data.classes)
    except NetworkError as error:
        faults = error.faults
    raise all_broken([_rule(fault.place, fault.what, fault.mend) for fault in faults])


_known_build = lru_cache(maxsize=64)(_build)

# What is wrong with these is wrong on any data.
_OF_THE_LAYER = ("type", "name", "groups", "dilation", "padding_mode")


def _rule(place: tuple[str | int, ...], what: str, mend: str) -> Broken:
    field = ".".join(map(str, ("model", *place)))
    if place[0] != "layers":
        return Broken(what, mend, (field,), ("model", "data"))
    return Broken(what, mend, (field,), () if place[-1] in _OF_THE_LAYER else ("data",))

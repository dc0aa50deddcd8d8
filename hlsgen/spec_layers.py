# SPDX-License-Identifier: Apache-2.0
"""The layers of a network that a spec lists one by one: a union by `type`.

Here are the fields and their ranges; whether the layers fit together, and which of their settings
the accelerator can't do, is checked on the network that they make.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from sat_host.convolution import MAX_SIDE

from .spec_base import READ_OR_NOT, Section, flag, number

MAX_UNITS = 16384
MAX_LAYERS = 512


class LayerSpec(Section):
    """What all layers have."""

    # Not an identifier: dots are welcome. The network's own rules say what a name may be.
    name: str | None = Field(
        default=None,
        description="Name of the layer, as conv1 or layer1.0.conv1; null, the default, for its "
        "type and a number.",
    )

    def settings(self) -> dict[str, Any]:
        """The fields as plain values."""
        return self.model_dump(mode="json")


class ConvSpec(LayerSpec):
    """A convolution with zero padding. groups, dilation and padding_mode are known, to be refused
    in the words that they deserve."""

    type: Literal["conv"] = Field(description="A convolution.")
    filters: int = number("Output channels", ..., 1, MAX_UNITS)
    # A larger one is refused by the network's rules, which can then still tell its output's shape.
    kernel: int = Field(
        ge=1,
        le=MAX_SIDE,
        description="Rows and columns of the kernel; 1 to 7, no default.",
        json_schema_extra={"maximum": 7},
    )
    stride: int = number("Step of the kernel", 1, 1, 256)
    padding: int = number("Zeros around the image, on each side", 0, 0, 128)
    bias: bool = flag("Add a learned bias to each filter", False)
    groups: int = number("Not supported but for 1", 1, 1, MAX_UNITS, enum=[1])
    dilation: int = number("Not supported but for 1", 1, 1, 256, enum=[1])
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = Field(
        default="zeros",
        description="Not supported but for zeros, the default.",
        json_schema_extra={"enum": ["zeros"]},
    )


class LinearSpec(LayerSpec):
    """A linear layer on a vector or on each token."""

    type: Literal["linear"] = Field(description="A linear layer.")
    units: int = number("Output values", ..., 1, MAX_UNITS)
    bias: bool = flag("Add a learned bias to each unit", True)


class BatchNormSpec(LayerSpec):
    """Batch normalisation of an image or a vector."""

    type: Literal["batch_norm"] = Field(description="Batch normalisation.")
    momentum: float = number(
        "Part of a batch's statistics in the running ones", 0.1, 0, 1, above_low=True
    )
    epsilon: float = number("Added to the variance", 1e-5, 0, 1, above_low=True)


class LayerNormSpec(LayerSpec):
    """Layer normalisation of tokens or a vector."""

    type: Literal["layer_norm"] = Field(description="Layer normalisation.")
    epsilon: float = number("Added to the variance", 1e-6, 0, 1, above_low=True)


class ReluSpec(LayerSpec):
    """ReLU."""

    type: Literal["relu"] = Field(description="ReLU.")


class GeluSpec(LayerSpec):
    """GELU."""

    type: Literal["gelu"] = Field(description="GELU, exact.")


class _PoolSpec(LayerSpec):
    kernel: int = number("Rows and columns of the window", ..., 1, 256)
    stride: int | None = number("Step of the window; null for the kernel's size", None, 1, 256)
    padding: int = number("Border on each side, at most half of the kernel", 0, 0, 128)


class MaxPoolSpec(_PoolSpec):
    """Max pooling."""

    type: Literal["max_pool"] = Field(description="Max pooling.")


class AvgPoolSpec(_PoolSpec):
    """Average pooling."""

    type: Literal["avg_pool"] = Field(description="Average pooling; the border counts as zeros.")


class GlobalAvgPoolSpec(LayerSpec):
    """The mean of each channel."""

    type: Literal["global_avg_pool"] = Field(description="The mean of each channel, a vector.")


class FlattenSpec(LayerSpec):
    """All values as one vector."""

    type: Literal["flatten"] = Field(description="All values (row, column, channel) as a vector.")


class DropoutSpec(LayerSpec):
    """Dropout."""

    type: Literal["dropout"] = Field(description="Dropout.")
    rate: float = number("Part of the values made zero", ..., 0, 1, below_high=True)


class PatchEmbeddingSpec(LayerSpec):
    """An image to tokens."""

    type: Literal["patch_embedding"] = Field(description="Patches of the image as tokens.")
    patch: int = number("Rows and columns of a patch", ..., 1, 256)
    dim: int = number("Values of a token", ..., 1, MAX_UNITS)


class ClassTokenSpec(LayerSpec):
    """A learned token before the others."""

    type: Literal["class_token"] = Field(description="A learned token before the others.")


class PositionalEmbeddingSpec(LayerSpec):
    """Learned values added to the tokens."""

    type: Literal["positional_embedding"] = Field(description="Learned values added to tokens.")


class TakeTokenSpec(LayerSpec):
    """One token as a vector."""

    type: Literal["take_token"] = Field(description="One token as a vector.")
    index: int = number("Which token", 0, 0, 65535)


class AttentionSpec(LayerSpec):
    """Self-attention."""

    type: Literal["attention"] = Field(description="Self-attention of tokens.")
    heads: int = number("Heads, a divisor of a token's values", ..., 1, 256)


class ResidualSpec(LayerSpec):
    """body(x) + shortcut(x)."""

    type: Literal["residual"] = Field(description="The sum of two ways: body and shortcut.")
    body: Layers = Field(
        strict=False, min_length=1, max_length=MAX_LAYERS,
        description="Layers of the one way; no default.",
    )  # fmt: skip
    shortcut: Layers = Field(
        default=(), strict=False, min_length=0, max_length=MAX_LAYERS,
        description="Layers of the other way, none for the input itself, default [].",
    )  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """The fields as plain values; None for a layer that could not be read."""
        ways = {"body": listed(self.body), "shortcut": listed(self.shortcut)}
        return {"type": self.type, "name": self.name, **ways}


def listed(layers: tuple[LayerSpec, ...]) -> list[dict[str, Any] | None]:
    """The layers as plain values; None for one that could not be read."""
    return [layer.settings() if isinstance(layer, LayerSpec) else None for layer in layers]


AnyLayer = (
    ConvSpec | LinearSpec | BatchNormSpec | LayerNormSpec | ReluSpec | GeluSpec | MaxPoolSpec
    | AvgPoolSpec | GlobalAvgPoolSpec | FlattenSpec | DropoutSpec | PatchEmbeddingSpec
    | ClassTokenSpec | PositionalEmbeddingSpec | TakeTokenSpec | AttentionSpec | ResidualSpec
)  # fmt: skip
Layers = tuple[Annotated[AnyLayer, Field(discriminator="type"), READ_OR_NOT], ...]
ResidualSpec.model_rebuild()

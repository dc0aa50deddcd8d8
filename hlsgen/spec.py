# SPDX-License-Identifier: Apache-2.0
"""The spec: what the user may choose, with units, ranges, defaults and rules between fields.

A `Spec` that exists is valid. Types are strict (the text "32" is no number, `true` is no 1, a whole
number is also a real one) and unknown fields are refused. A rule between fields raises an error of
type `RULE` that carries its fields' full paths, the first being the one to point at, and the mend;
`hlsgen.specfile` turns these into lines for the user.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from sat_host.config import ArrayConfig

RULE = "spec_rule"
"""Error type of our own rules; `ctx` holds `fields` (full paths), `what` and `mend`."""

_NAME = r"[a-z][a-z0-9_]{0,39}"


def _broken(what: str, mend: str, *fields: str) -> PydanticCustomError:
    return PydanticCustomError(RULE, "{what}", {"what": what, "mend": mend, "fields": fields})


def _power_of_two(value: int) -> int:
    if value & (value - 1):
        below = 1 << (value.bit_length() - 1)
        raise _broken(f"{value} is not a power of two", f"use {below} or {2 * below}")
    return value


def _identifier(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise _broken(
            f"{json.dumps(value[:60])} is no name",
            "start with a-z, then at most 39 more of a-z, 0-9 and _",
        )
    return value


PowerOfTwo = Annotated[int, AfterValidator(_power_of_two)]
Identifier = Annotated[str, AfterValidator(_identifier)]


def _number(
    text: str,
    default: float,
    low: float,
    high: float,
    *,
    above_low: bool = False,
    below_high: bool = False,
    **schema: Any,
) -> Any:
    """A number with its range, which its description repeats, so that the two can't disagree."""
    limits: dict[str, Any] = {"gt" if above_low else "ge": low, "lt" if below_high else "le": high}
    first = f"above {low}" if above_low else f"{low}"
    last = f"below {high}" if below_high else f"{high}"
    return Field(
        default=default,
        description=f"{text}; {first} to {last}, default {default}.",
        json_schema_extra=schema or None,
        **limits,
    )


class Section(BaseModel):
    """Base of the spec and of all its sections: frozen, strict, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ArraySpec(Section):
    """The array: rows x lanes USPEs, and how many results a row unit keeps in flight."""

    rows: int = _number("Row units R in the chain", 32, 1, 64)
    lanes: PowerOfTwo = _number(
        "Lanes C of a row unit, a power of two and a multiple of sparsity.group",
        32, 4, 64, enum=[4, 8, 16, 32, 64],
    )  # fmt: skip
    interleave: int = _number("Activation rows T that one row unit holds", 16, 1, 64)
    memory_tile: int = _number("Column blocks Q, of `lanes` columns each, in a tile", 8, 1, 64)
    adder_latency: int = _number(
        "Cycles a running sum is in flight (memory read, binary32 addition, memory write); "
        "interleave x memory_tile must reach it",
        8,
        1,
        16,
    )

    @model_validator(mode="after")
    def _sums_out_of_flight(self) -> ArraySpec:
        visits = self.interleave * self.memory_tile
        if visits < self.adder_latency:
            raise _broken(
                f"array.interleave {self.interleave} x array.memory_tile {self.memory_tile} = "
                f"{visits} is below array.adder_latency {self.adder_latency}, so a sum would be "
                "needed before it is ready",
                f"raise interleave to {-(-self.adder_latency // self.memory_tile)} or memory_tile "
                f"to {-(-self.adder_latency // self.interleave)}",
                "array.interleave", "array.memory_tile", "array.adder_latency",
            )  # fmt: skip
        return self


class SparsitySpec(Section):
    """N:M pruning: `keep` of every `group` weights, in the stages that the method prunes."""

    group: PowerOfTwo = _number(
        "Weights M in a group, a power of two, fixed in the hardware", 8, 4, 32,
        enum=[4, 8, 16, 32],
    )  # fmt: skip
    keep: int = _number(
        "Weights N kept of each group, at most `group`; not used by method dense", 2, 1, 32
    )
    method: Literal["dense", "bdwp"] = Field(
        default="bdwp",
        description="What is pruned: dense (nothing) or bdwp (weights, in the forward and the "
        "backward pass); default bdwp.",
    )

    @model_validator(mode="after")
    def _keep_within_group(self) -> SparsitySpec:
        if self.keep > self.group:
            raise _broken(
                f"sparsity.keep {self.keep} is more than sparsity.group {self.group}",
                f"lower keep to {self.group} or less, or raise group",
                "sparsity.keep", "sparsity.group",
            )  # fmt: skip
        return self


class SgdSpec(Section):
    """Stochastic gradient descent with momentum and weight decay."""

    name: Literal["sgd"] = Field(default="sgd", description="The optimizer: sgd, the default.")
    learning_rate: float = _number(
        "First step size, which falls to zero along half a cosine", 0.1, 0, 10, above_low=True
    )
    momentum: float = _number("Part of the last step that is kept", 0.9, 0, 1, below_high=True)
    weight_decay: float = _number("Factor of the weight added to its gradient", 5e-4, 0, 1)


Width = Annotated[int, Field(ge=1, le=16384)]


class MlpSpec(Section):
    """A multi-layer perceptron: linear layers with biases, ReLU between them."""

    name: Literal["mlp"] = Field(default="mlp", description="The network: mlp, the default.")
    # A YAML list arrives as a list, which strict mode would refuse; the items stay strict.
    hidden: tuple[Width, ...] = Field(
        default=(256, 256),
        strict=False,
        min_length=1,
        max_length=16,
        description="Units of each hidden layer, 1 to 16 layers of 1 to 16384 units, "
        "default [256, 256].",
    )


class DigitsSpec(Section):
    """The handwritten digits that come with scikit-learn: 1,797 images of 8 x 8 pixels."""

    features: ClassVar[int] = 64
    classes: ClassVar[int] = 10

    name: Literal["digits"] = Field(default="digits", description="The data: digits, the default.")
    test_fraction: float = _number("Part of the images kept for the test", 0.2, 0.01, 0.9)


class TrainingSpec(Section):
    """How long and in which steps the network is trained."""

    epochs: int = _number("Passes over the training data", 20, 1, 10000)
    batch: int = _number("Images in a step", 64, 1, 4096)
    seed: int = _number("Seed of the weights and of the order of the data", 0, 0, 2**32 - 1)
    loss_scale: PowerOfTwo = _number(
        "First factor of the loss, a power of two; halved when a gradient overflows",
        1024, 1, 2**24, enum=[2**exponent for exponent in range(25)],
    )  # fmt: skip
    loss_scale_growth: int = _number(
        "Good steps in a row before the loss scale is doubled", 1000, 1, 1_000_000
    )


# Each of these becomes a union discriminated by `name` as soon as it has a second member.
OptimizerSpec = SgdSpec
ModelSpec = MlpSpec
DataSpec = DigitsSpec


class Spec(Section):
    """A whole spec. Only `name` must be given."""

    name: Identifier = Field(
        description="Name of the accelerator: a-z, then at most 39 more of a-z, 0-9 and _; "
        "no default.",
        json_schema_extra={"pattern": f"^{_NAME}$"},
    )
    card: Literal["vcu1525", "u200", "u250", "u280", "u50", "u55c"] = Field(
        default="vcu1525", description="The FPGA card to build for, default vcu1525."
    )
    clock_mhz: int = _number("Kernel clock in MHz", 200, 50, 500)
    array: ArraySpec = Field(default_factory=ArraySpec, description="The array of USPEs.")
    sparsity: SparsitySpec = Field(
        default_factory=SparsitySpec, validate_default=True, description="The N:M pruning."
    )
    optimizer: OptimizerSpec = Field(
        default_factory=OptimizerSpec, description="The update of the weights."
    )
    model: ModelSpec = Field(default_factory=ModelSpec, description="The network to train.")
    data: DataSpec = Field(default_factory=DataSpec, description="The data to train it with.")
    training: TrainingSpec = Field(
        default_factory=TrainingSpec, description="Length and steps of the training."
    )

    # On the field and not on the model: so it runs even when some other section has an error.
    @field_validator("sparsity")
    @classmethod
    def _whole_groups_in_lanes(cls, sparsity: SparsitySpec, info: ValidationInfo) -> SparsitySpec:
        array: ArraySpec | None = info.data.get("array")
        if array is not None and array.lanes % sparsity.group:
            raise _broken(
                f"array.lanes {array.lanes} is not a multiple of sparsity.group {sparsity.group}",
                f"raise lanes to {sparsity.group} or lower group to {array.lanes}",
                "array.lanes", "sparsity.group",
            )  # fmt: skip
        return sparsity

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units of every layer of the network, input and output included."""
        return (self.data.features, *self.model.hidden, self.data.classes)

    def array_config(self) -> ArrayConfig:
        """The build-time constants, as kernels, golden model and host know them."""
        from sat_host.config import ArrayConfig  # here, since the host package loads NumPy

        return ArrayConfig(
            rows=self.array.rows,
            lanes=self.array.lanes,
            group=self.sparsity.group,
            interleave=self.array.interleave,
            memory_tile=self.array.memory_tile,
            adder_latency=self.array.adder_latency,
        )

    def summary(self) -> str:
        """The spec in one line."""
        array, sparsity = self.array, self.sparsity
        pruning = "" if sparsity.method == "dense" else f" {sparsity.keep}:{sparsity.group}"
        layers = "-".join(str(units) for units in self.layer_sizes)
        return (
            f"{self.name}: {array.rows}x{array.lanes} array, group {sparsity.group}, "
            f"{sparsity.method}{pruning}, {self.model.name} {layers} on {self.data.name}, "
            f"batch {self.training.batch}, {self.card} at {self.clock_mhz} MHz"
        )


def json_schema() -> str:
    """The JSON Schema of a spec file, for editors; ends with a newline."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(schema | Spec.model_json_schema(), indent=2) + "\n"

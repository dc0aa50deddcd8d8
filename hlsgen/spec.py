# SPDX-License-Identifier: Apache-2.0
"""The spec: what the user may choose, with units, ranges, defaults and rules between fields.

A `Spec` that exists is valid, its network included. Types are strict (the text "32" is no number,
`true` is no 1, a whole number is also a real one) and unknown fields are refused. A rule between
fields raises an error of type `RULE` that carries its fields' full paths, the first being the one
to point at, and the mend; `hlsgen.specfile` turns these into lines for the user.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

from .cards import CARDS, Card
from .fifos import depths
from .spec_base import NAME, Identifier, PowerOfTwo, Section, broken, number
from .spec_data import DataSpec, DigitsSpec, ImageFolderSpec
from .spec_fifos import FifosField, FifosSpec
from .spec_hardware import HIGHEST_CLOCK_MHZ, LOWEST_CLOCK_MHZ, HardwareSpec
from .spec_model import MlpSpec, ModelSpec, build
from .spec_training import SgdSpec, TrainingSpec

if TYPE_CHECKING:
    from sat_host.config import ArrayConfig
    from sat_host.models import Network

__all__ = ["ArraySpec", "DigitsSpec", "MlpSpec", "SparsitySpec", "Spec", "json_schema"]


def _card(value: str) -> str:
    if value not in CARDS:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(CARDS)})
    return value


CardName = Annotated[str, AfterValidator(_card)]
"""A card by its name; the error of another is that of a Literal."""


def _owner(platform: str) -> Card | None:
    """The card that a platform is made for; None for a file's path or an unknown name."""
    named = (card for card in CARDS.values() if platform in [each.name for each in card.platforms])
    return next(named, None)


class ArraySpec(Section):
    """The array: rows x lanes USPEs, and how many results a row unit keeps in flight."""

    rows: int = number("Row units R in the chain", 32, 1, 64)
    lanes: PowerOfTwo = number(
        "Lanes C of a row unit, a power of two and a multiple of sparsity.group",
        32, 4, 64, enum=[4, 8, 16, 32, 64],
    )  # fmt: skip
    interleave: int = number("Activation rows T that one row unit holds", 16, 1, 64)
    memory_tile: int = number("Column blocks Q, of `lanes` columns each, in a tile", 8, 1, 64)
    adder_latency: int = number(
        "Cycles a running sum is in flight (memory read, binary32 addition, memory write); "
        "interleave x memory_tile must reach it",
        8,
        1,
        16,
    )
    feed: int = number("Activation words that enter the chain in a cycle", 2, 1, 2)
    strip_words: int = number(
        "Memory words of activations that the loader holds, twice: a strip of output rows reads "
        "its source once where it fits; at least lanes x (rows + 1)",
        8192,
        16,
        8192,
    )

    @model_validator(mode="after")
    def _panel_held(self) -> ArraySpec:
        from sat_host.config import least_strip_words  # here, since it loads NumPy

        if self.strip_words < (needed := least_strip_words(self.rows, self.lanes)):
            raise broken(
                f"array.strip_words {self.strip_words} is below lanes x (rows + 1) = {needed}, "
                "what a transposed panel takes",
                f"raise strip_words to {needed}",
                "array.strip_words", "array.lanes", "array.rows",
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _sums_out_of_flight(self) -> ArraySpec:
        visits = self.interleave * self.memory_tile
        if visits < self.adder_latency:
            raise broken(
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

    group: PowerOfTwo = number(
        "Weights M in a group, a power of two, fixed in the hardware", 8, 4, 32,
        enum=[4, 8, 16, 32],
    )  # fmt: skip
    keep: int = number(
        "Weights N kept of each group, at most `group`; not used by method dense", 2, 1, 32
    )
    method: Literal["dense", "sr_ste", "sdgp", "sdwp", "bdwp"] = Field(
        default="bdwp",
        description="What is pruned: dense (nothing), sr_ste (weights, in the forward pass), sdgp "
        "(output gradients), sdwp (weights, in the backward pass) or bdwp (weights, in both); "
        "default bdwp.",
    )
    sr_decay: float = number("Decay of the weights that method sr_ste prunes", 2e-4, 0, 1)

    @model_validator(mode="after")
    def _keep_within_group(self) -> SparsitySpec:
        if self.keep > self.group:
            raise broken(
                f"sparsity.keep {self.keep} is more than sparsity.group {self.group}",
                f"lower keep to {self.group} or less, or raise group",
                "sparsity.keep", "sparsity.group",
            )  # fmt: skip
        return self


class Spec(Section):
    """A whole spec. Only `name` must be given."""

    name: Identifier = Field(
        description="Name of the accelerator: a-z, then at most 39 more of a-z, 0-9 and _; "
        "no default.",
        json_schema_extra={"pattern": f"^{NAME}$"},
    )
    card: CardName = Field(
        default="vcu1525",
        description="The FPGA card to build for, default vcu1525.",
        json_schema_extra={"enum": list(CARDS)},
    )
    clock_mhz: int = number("Kernel clock in MHz", 200, LOWEST_CLOCK_MHZ, HIGHEST_CLOCK_MHZ)
    array: ArraySpec = Field(default_factory=ArraySpec, description="The array of USPEs.")
    dataflows: tuple[Literal["os", "ws"], ...] = Field(
        default=("os", "ws"),
        strict=False,
        min_length=1,
        max_length=2,
        description="Dataflows that products may use: os (output stationary), which all can, and "
        "ws (weight stationary); default [os, ws].",
    )
    fifos: FifosField = Field(
        default_factory=FifosSpec,
        description="Depths of the streams between processes, by family of streams; default, which "
        "is what the array needs; or the path, from the spec's folder, of a YAML file with such a "
        "section.",
    )
    sparsity: SparsitySpec = Field(
        default_factory=SparsitySpec, validate_default=True, description="The N:M pruning."
    )
    optimizer: SgdSpec = Field(default_factory=SgdSpec, description="The update of the weights.")
    model: ModelSpec = Field(default_factory=MlpSpec, description="The network to train.")
    data: DataSpec = Field(
        default_factory=DigitsSpec,
        validate_default=True,
        description="The data to train it with.",
    )
    training: TrainingSpec = Field(
        default_factory=TrainingSpec,
        validate_default=True,
        description="Length and steps of the training.",
    )
    hardware: HardwareSpec = Field(
        default_factory=HardwareSpec,
        validate_default=True,
        description="The making of the xclbin.",
    )

    @field_validator("dataflows")
    @classmethod
    def _output_stationary_always(cls, dataflows: tuple[str, ...]) -> tuple[str, ...]:
        if "os" not in dataflows or len(set(dataflows)) < len(dataflows):
            raise broken(
                f"the dataflows [{', '.join(dataflows)}] are not os, alone or with ws",
                "write [os, ws] or [os]",
                "dataflows",
            )
        return dataflows

    # On the field and not on the model: so it runs even when some other section has an error.
    @field_validator("sparsity")
    @classmethod
    def _whole_groups_in_lanes(cls, sparsity: SparsitySpec, info: ValidationInfo) -> SparsitySpec:
        array: ArraySpec | None = info.data.get("array")
        if array is not None and array.lanes % sparsity.group:
            raise broken(
                f"array.lanes {array.lanes} is not a multiple of sparsity.group {sparsity.group}",
                f"raise lanes to {sparsity.group} or lower group to {array.lanes}",
                "array.lanes", "sparsity.group",
            )  # fmt: skip
        return sparsity

    @field_validator("hardware")
    @classmethod
    def _ladder_below_the_clock(cls, hardware: HardwareSpec, info: ValidationInfo) -> HardwareSpec:
        clock: int | None = info.data.get("clock_mhz")
        if clock is not None and hardware.clock_ladder and hardware.clock_ladder[0] >= clock:
            raise broken(
                f"the clock {hardware.clock_ladder[0]} is not below clock_mhz {clock}",
                "name clocks below it, or raise clock_mhz",
                "hardware.clock_ladder", "clock_mhz",
            )  # fmt: skip
        return hardware

    @field_validator("hardware")
    @classmethod
    def _platform_of_the_card(cls, hardware: HardwareSpec, info: ValidationInfo) -> HardwareSpec:
        name: str | None = info.data.get("card")
        if name is None or hardware.platform is None:
            return hardware
        card, other = CARDS[name], _owner(hardware.platform)
        if other is not None and not card.takes_platforms_of(other):
            usable = [each.default_platform for each in CARDS.values()
                      if each.default_platform and card.takes_platforms_of(each)]  # fmt: skip
            raise broken(
                f"{hardware.platform} is a platform of the {other.title}, not of card {name}",
                f"name {' or '.join(usable) or 'another'}, or set card to {other.name}",
                "hardware.platform", "card",
            )  # fmt: skip
        return hardware

    @field_validator("training")
    @classmethod
    def _warm_up_ends(cls, training: TrainingSpec, info: ValidationInfo) -> TrainingSpec:
        optimizer: SgdSpec | None = info.data.get("optimizer")
        warmup = 0.0 if optimizer is None else optimizer.schedule.warmup_epochs
        if warmup >= training.epochs:
            raise broken(
                f"optimizer.schedule.warmup_epochs {warmup:g} is not below training.epochs "
                f"{training.epochs}, so the rate never reaches learning_rate",
                "lower warmup_epochs or raise epochs",
                "optimizer.schedule.warmup_epochs", "training.epochs",
            )  # fmt: skip
        return training

    @field_validator("data")
    @classmethod
    def _network_of_the_data(cls, data: DataSpec, info: ValidationInfo) -> DataSpec:
        model: ModelSpec | None = info.data.get("model")
        if model is None:
            return data
        if isinstance(data, ImageFolderSpec) and data.size is None and model.image is not None:
            data = data.model_copy(update={"size": model.image[0]})
        build(model, data)
        return data

    def network(self) -> Network:
        """The network to train."""
        return build(self.model, self.data)

    def array_config(self) -> ArrayConfig:
        """The build-time constants, as kernels, golden model and host know them."""
        return _array_config(self.array, self.sparsity.group)

    def fifo_depths(self) -> dict[str, int]:
        """Places of a stream, by family (hlsgen.fifos): those stated, or what the array needs."""
        return depths(self.array_config(), "ws" in self.dataflows, self.fifos.given())

    def summary(self) -> str:
        """The spec in one line."""
        array, sparsity = self.array, self.sparsity
        pruning = "" if sparsity.method == "dense" else f" {sparsity.keep}:{sparsity.group}"
        return (
            f"{self.name}: {array.rows}x{array.lanes} array, group {sparsity.group}, "
            f"{sparsity.method}{pruning}, {self._network_text()} on {self.data.name}, "
            f"batch {self.training.batch}, {self.card} at {self.clock_mhz} MHz"
        )

    def _network_text(self) -> str:
        """`mlp 64-256-256-10`, or `resnet18 (64x64x3 to 200 classes, 11,271,432 parameters)`."""
        from sat_host.models import parameter_count  # here, for a fast `--help`

        network = self.network()
        if isinstance(self.model, MlpSpec):
            rows, columns, channels = network.image
            widths = (rows * columns * channels, *self.model.hidden, network.classes)
            return "mlp " + "-".join(map(str, widths))
        size = "x".join(map(str, network.image))
        parameters = f"{parameter_count(network):,} parameters"
        return f"{network.name} ({size} to {network.classes} classes, {parameters})"


def json_schema() -> str:
    """The JSON Schema of a spec file, for editors; ends with a newline."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(schema | Spec.model_json_schema(), indent=2) + "\n"


@lru_cache(maxsize=1 << 10)
def _array_config(array: ArraySpec, group: int) -> ArrayConfig:
    from sat_host.config import ArrayConfig  # here, since the host package loads NumPy

    return ArrayConfig(
        rows=array.rows,
        lanes=array.lanes,
        group=group,
        interleave=array.interleave,
        memory_tile=array.memory_tile,
        adder_latency=array.adder_latency,
        feed=array.feed,
        strip_words=array.strip_words,
    )

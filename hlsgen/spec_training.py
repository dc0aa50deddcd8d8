# SPDX-License-Identifier: Apache-2.0
"""The `optimizer` and `training` sections of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .spec_base import PowerOfTwo, Section, broken, flag, number


class ScheduleSpec(Section):
    """How the learning rate changes over the run."""

    name: Literal["cosine", "step", "constant"] = Field(
        default="cosine",
        description="After the warm-up: cosine (falls to zero along half a cosine), step "
        "(multiplied by `factor` after each of `milestones`) or constant; default cosine.",
    )
    warmup_epochs: float = number(
        "Epochs in which the rate rises from zero, less than training.epochs", 0.0, 0, 10000
    )
    milestones: tuple[Annotated[int, Field(ge=1, le=10000)], ...] = Field(
        default=(),
        strict=False,
        min_length=0,
        max_length=16,
        description="Epochs after which the rate of a step schedule falls, up to 16 rising ones "
        "from 1 to 10000, default [].",
    )
    factor: float = number("What a step multiplies the rate by", 0.1, 0, 1, above_low=True)

    @model_validator(mode="after")
    def _milestones_of_steps(self) -> ScheduleSpec:
        here = "optimizer.schedule."
        epochs = list(self.milestones)
        if epochs != sorted(set(epochs)):
            raise broken(
                f"the milestones {epochs} do not rise",
                f"write {sorted(set(epochs))}",
                here + "milestones",
            )
        if self.name == "step" and not epochs:
            raise broken(
                "a step schedule without milestones never falls",
                "add milestones, as [30, 60, 90], or use constant",
                here + "name", here + "milestones",
            )  # fmt: skip
        if self.name != "step" and epochs:
            raise broken(
                f"a {self.name} schedule has no milestones",
                "write name: step, or remove them",
                here + "milestones", here + "name",
            )  # fmt: skip
        return self


class SgdSpec(Section):
    """Stochastic gradient descent with momentum and weight decay."""

    name: Literal["sgd"] = Field(default="sgd", description="The optimizer: sgd, the default.")
    learning_rate: float = number("Largest step size", 0.05, 0, 10, above_low=True)
    momentum: float = number("Part of the last step that is kept", 0.9, 0, 1, below_high=True)
    weight_decay: float = number("Factor of the weight added to its gradient", 5e-4, 0, 1)
    schedule: ScheduleSpec = Field(
        default_factory=ScheduleSpec, description="How the learning rate changes over the run."
    )


class AugmentSpec(Section):
    """Changes of the training images, drawn anew for each image and epoch."""

    crop: int = number("Pixels of zeros around an image, of which its size is then cut", 0, 0, 64)
    flip: bool = flag("Mirror half of the images, left to right", False)


class TrainingSpec(Section):
    """How long and in which steps the network is trained."""

    epochs: int = number("Passes over the training data", 20, 1, 10000)
    batch: int = number("Images in a step", 64, 1, 4096)
    micro_batch: int | None = number(
        "Images that go through the network at once, at most `batch`, whose gradients add up to "
        "the step's; null for all",
        None, 1, 4096,
    )  # fmt: skip
    seed: int = number("Seed of the weights and of the order of the data", 0, 0, 2**32 - 1)
    loss_scale: PowerOfTwo = number(
        "First factor of the loss, a power of two; halved when a gradient overflows",
        1024, 1, 2**24, enum=[2**exponent for exponent in range(25)],
    )  # fmt: skip
    loss_scale_growth: int = number(
        "Good steps in a row before the loss scale is doubled", 1000, 1, 1_000_000
    )
    label_smoothing: float = number(
        "Part of each label that is shared by all classes", 0.0, 0, 1, below_high=True
    )
    augment: AugmentSpec = Field(
        default_factory=AugmentSpec, description="Changes of the training images."
    )
    patience: int | None = number(
        "Epochs without a better test accuracy before the run stops; null for never",
        None, 1, 10000,
    )  # fmt: skip
    checkpoint_every: int | None = number(
        "Steps between checkpoints within an epoch; there is always one at its end; null for that "
        "one alone",
        None, 1, 1_000_000,
    )  # fmt: skip

    @model_validator(mode="after")
    def _micro_batch_within_batch(self) -> TrainingSpec:
        if self.micro_batch is not None and self.micro_batch > self.batch:
            raise broken(
                f"training.micro_batch {self.micro_batch} is more than training.batch {self.batch}",
                f"lower micro_batch to {self.batch} or less, or raise batch",
                "training.micro_batch", "training.batch",
            )  # fmt: skip
        return self

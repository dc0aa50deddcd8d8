# SPDX-License-Identifier: Apache-2.0
"""What a training run is told, checked once when it is made.

The network and the data have sections of their own, `model` and `data`, which `models.build` and
`data` check.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .config import LIMITS as ARRAY_LIMITS
from .errors import SettingsError
from .loss import MAX_SCALE, MIN_SCALE
from .methods import METHODS
from .schedule import SCHEDULES, Schedule

__all__ = ["LIMITS", "METHODS", "PATHS", "SCHEDULES", "TrainingConfig"]

# Field of TrainingConfig -> where its value is in the settings.
PATHS: dict[str, tuple[str, ...]] = {
    "method": ("sparsity", "method"),
    "keep": ("sparsity", "keep"),
    "group": ("sparsity", "group"),
    "sr_decay": ("sparsity", "sr_decay"),
    "learning_rate": ("optimizer", "learning_rate"),
    "momentum": ("optimizer", "momentum"),
    "weight_decay": ("optimizer", "weight_decay"),
    "schedule": ("optimizer", "schedule", "name"),
    "warmup_epochs": ("optimizer", "schedule", "warmup_epochs"),
    "milestones": ("optimizer", "schedule", "milestones"),
    "factor": ("optimizer", "schedule", "factor"),
    "epochs": ("training", "epochs"),
    "batch": ("training", "batch"),
    "micro_batch": ("training", "micro_batch"),
    "seed": ("training", "seed"),
    "loss_scale": ("training", "loss_scale"),
    "loss_scale_growth": ("training", "loss_scale_growth"),
    "label_smoothing": ("training", "label_smoothing"),
    "crop": ("training", "augment", "crop"),
    "flip": ("training", "augment", "flip"),
    "patience": ("training", "patience"),
    "checkpoint_every": ("training", "checkpoint_every"),
}

# Smallest and largest value of each number, as in hlsgen's spec; `milestones`: of each of them.
LIMITS: dict[str, tuple[float, float]] = {
    "group": ARRAY_LIMITS["group"],
    "sr_decay": (0, 1),
    "learning_rate": (0, 10),
    "momentum": (0, 1),
    "weight_decay": (0, 1),
    "warmup_epochs": (0, 10_000),
    "milestones": (1, 10_000),
    "factor": (0, 1),
    "epochs": (1, 10_000),
    "batch": (1, 4096),
    "micro_batch": (1, 4096),
    "seed": (0, 2**32 - 1),
    "loss_scale": (MIN_SCALE, MAX_SCALE),
    "loss_scale_growth": (1, 1_000_000),
    "label_smoothing": (0, 1),
    "crop": (0, 64),
    "patience": (1, 10_000),
    "checkpoint_every": (1, 1_000_000),
}
ABOVE_LOW = ("learning_rate", "factor")  # the low limit itself is out of range
BELOW_HIGH = ("momentum", "label_smoothing")  # the high one is
NULLABLE = ("micro_batch", "patience", "checkpoint_every")  # null: the whole batch, off, off
MAX_MILESTONES = 16

_INTEGERS = (
    *("group", "epochs", "batch", "micro_batch", "seed", "loss_scale_growth", "crop"),
    *("patience", "checkpoint_every"),
)


@dataclass(frozen=True)
class TrainingConfig:
    """One training run. Raises SettingsError, naming the field, for a value out of range.

    keep:group is N:M. sr_decay: SR-STE's decay of pruned weights. schedule, warmup_epochs,
    milestones, factor: `Schedule`. micro_batch: samples that are on the device at once; the
    gradients of a batch's pieces add up. loss_scale: a power of two, doubled after
    `loss_scale_growth` good steps. crop: pixels of padding around an image before it is cut to its
    size again; flip: mirror half of the images. patience: epochs without a better test accuracy
    after which the run stops. checkpoint_every: steps between the checkpoints inside an epoch.
    """

    method: str
    keep: int
    group: int
    sr_decay: float
    learning_rate: float
    momentum: float
    weight_decay: float
    schedule: str
    warmup_epochs: float
    milestones: tuple[int, ...]
    factor: float
    epochs: int
    batch: int
    micro_batch: int | None
    seed: int
    loss_scale: float
    loss_scale_growth: int
    label_smoothing: float
    crop: int
    flip: bool
    patience: int | None
    checkpoint_every: int | None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise _wrong("method", f"one of {', '.join(METHODS)}", self.method)
        if self.schedule not in SCHEDULES:
            raise _wrong("schedule", f"one of {', '.join(SCHEDULES)}", self.schedule)
        if not isinstance(self.flip, bool):
            raise _wrong("flip", "true or false", self.flip)
        for field in LIMITS:
            if field == "milestones" or (field in NULLABLE and getattr(self, field) is None):
                continue
            if field in _INTEGERS:
                self._integer(field, *LIMITS[field])
            else:
                self._number(field, *LIMITS[field])
        self._integer("keep", 1, self.group)
        if math.frexp(self.loss_scale)[0] != 0.5:
            raise _wrong("loss_scale", "a power of two", self.loss_scale)
        self._milestones(*LIMITS["milestones"])

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], **overrides: Any) -> TrainingConfig:
        """From nested settings as in bundle.json; overrides, by field, win unless None."""
        unknown = sorted(set(overrides) - set(PATHS))
        if unknown:
            raise SettingsError(f"{unknown[0]}: not a field of the training settings")
        values = {
            field: overrides[field]
            if overrides.get(field) is not None
            else _look_up(settings, path)
            for field, path in PATHS.items()
        }
        if not isinstance(values["milestones"], (list, tuple)):
            raise _wrong("milestones", "a list of epochs", values["milestones"])
        values["milestones"] = tuple(values["milestones"])
        return cls(**values)

    @property
    def piece(self) -> int:
        """Samples of a micro-batch, at most the batch."""
        return self.batch if self.micro_batch is None else min(self.micro_batch, self.batch)

    def learning_rates(self) -> Schedule:
        """The schedule of the learning rate."""
        return Schedule(
            self.schedule, self.learning_rate, self.warmup_epochs, self.milestones, self.factor
        )

    def nested(self) -> dict[str, Any]:
        """The values by section, as in the settings."""
        result: dict[str, Any] = {}
        for field, value in asdict(self).items():
            *sections, name = PATHS[field]
            inner = result
            for section in sections:
                inner = inner.setdefault(section, {})
            inner[name] = list(value) if isinstance(value, tuple) else value
        return result

    def _integer(self, field: str, low: float, high: float) -> None:
        value = getattr(self, field)
        if not _is_integer(value) or not low <= value <= high:
            raise _wrong(field, f"an integer from {low} to {high}", value)

    def _number(self, field: str, low: float, high: float) -> None:
        value = getattr(self, field)
        above, below = field in ABOVE_LOW, field in BELOW_HIGH
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits = fits and low <= value <= high  # false for NaN
        if not fits or (above and value == low) or (below and value == high):
            first = f"above {low:g}" if above else f"{low:g}"
            last = f"below {high:g}" if below else f"{high:g}"
            raise _wrong(field, f"a number from {first} to {last}", value)

    def _milestones(self, low: float, high: float) -> None:
        epochs = self.milestones
        whole = all(_is_integer(epoch) and low <= epoch <= high for epoch in epochs)
        if not whole or len(epochs) > MAX_MILESTONES or list(epochs) != sorted(set(epochs)):
            expected = f"up to {MAX_MILESTONES} rising epochs from {low} to {high}"
            raise _wrong("milestones", expected, list(epochs))


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _look_up(settings: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = settings
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            raise SettingsError(f"{'.'.join(path)}: missing from the bundle's settings")
        value = value[name]
    return value


def _wrong(field: str, expected: str, value: object) -> SettingsError:
    text = f"{'.'.join(PATHS[field])}: expected {expected}, got {value!r}"
    return SettingsError(text, field)

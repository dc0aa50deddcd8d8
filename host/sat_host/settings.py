# SPDX-License-Identifier: Apache-2.0
"""What a training run is told, checked once when it is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .config import LIMITS as ARRAY_LIMITS
from .errors import SettingsError
from .loss import MAX_SCALE, MIN_SCALE

METHODS = ("dense", "bdwp")

# Field of TrainingConfig -> where its value is in the settings.
PATHS: dict[str, tuple[str, str]] = {
    "method": ("sparsity", "method"),
    "keep": ("sparsity", "keep"),
    "group": ("sparsity", "group"),
    "learning_rate": ("optimizer", "learning_rate"),
    "momentum": ("optimizer", "momentum"),
    "weight_decay": ("optimizer", "weight_decay"),
    "hidden": ("model", "hidden"),
    "data": ("data", "name"),
    "test_fraction": ("data", "test_fraction"),
    "epochs": ("training", "epochs"),
    "batch": ("training", "batch"),
    "seed": ("training", "seed"),
    "loss_scale": ("training", "loss_scale"),
    "loss_scale_growth": ("training", "loss_scale_growth"),
}

# Smallest and largest value of each number, as in hlsgen's spec; `hidden`: of each width.
LIMITS: dict[str, tuple[float, float]] = {
    "group": ARRAY_LIMITS["group"],
    "epochs": (1, 10_000),
    "batch": (1, 4096),
    "seed": (0, 2**32 - 1),
    "loss_scale": (MIN_SCALE, MAX_SCALE),
    "loss_scale_growth": (1, 1_000_000),
    "learning_rate": (0, 10),
    "momentum": (0, 1),
    "weight_decay": (0, 1),
    "test_fraction": (0.01, 0.9),
    "hidden": (1, 16384),
}
ABOVE_LOW = ("learning_rate",)  # the low limit itself is out of range
BELOW_HIGH = ("momentum",)  # the high one is
MAX_HIDDEN = 16  # layers


@dataclass(frozen=True)
class TrainingConfig:
    """One training run. Raises SettingsError, naming the field, for a value out of range.

    keep:group is N:M; `loss_scale` is a power of two, doubled after `loss_scale_growth` good
    steps. The learning rate falls from `learning_rate` to zero along half a cosine over the run.
    """

    method: str
    keep: int
    group: int
    learning_rate: float
    momentum: float
    weight_decay: float
    hidden: tuple[int, ...]
    data: str
    test_fraction: float
    epochs: int
    batch: int
    seed: int
    loss_scale: float
    loss_scale_growth: int

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise _wrong("method", f"one of {', '.join(METHODS)}", self.method)
        for field in ("group", "epochs", "batch", "seed", "loss_scale_growth"):
            self._integer(field, *LIMITS[field])
        self._integer("keep", 1, self.group)
        for field in ("learning_rate", "momentum", "weight_decay", "test_fraction", "loss_scale"):
            self._number(field, *LIMITS[field])
        if math.frexp(self.loss_scale)[0] != 0.5:
            raise _wrong("loss_scale", "a power of two", self.loss_scale)
        low, high = LIMITS["hidden"]
        widths = all(_is_integer(width) and low <= width <= high for width in self.hidden)
        if not widths or not 1 <= len(self.hidden) <= MAX_HIDDEN:
            expected = f"1 to {MAX_HIDDEN} layer widths from {low} to {high}"
            raise _wrong("hidden", expected, list(self.hidden))
        if not isinstance(self.data, str):
            raise _wrong("data", "the name of a data set", self.data)

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
        if not isinstance(values["hidden"], (list, tuple)):
            raise _wrong("hidden", "a list of layer widths", values["hidden"])
        values["hidden"] = tuple(values["hidden"])
        return cls(**values)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of one step of `steps`, counted from 0."""
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * step / steps))

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


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _look_up(settings: Mapping[str, Any], path: tuple[str, str]) -> Any:
    section = settings.get(path[0])
    if not isinstance(section, Mapping) or path[1] not in section:
        raise SettingsError(f"{path[0]}.{path[1]}: missing from the bundle's settings")
    return section[path[1]]


def _wrong(field: str, expected: str, value: object) -> SettingsError:
    text = f"{'.'.join(PATHS[field])}: expected {expected}, got {value!r}"
    return SettingsError(text, field)

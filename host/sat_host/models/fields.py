# SPDX-License-Identifier: Apache-2.0
"""The fields of the `model` section and of its layers: types, ranges and defaults, as in the spec.

A bundle's settings come from a checked spec; they are read strictly all the same, as an edited file
must not train something else than it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..convolution import MAX_SIDE

MAX_UNITS = 16384


class Refused(Exception):
    """A value that a field does not take: what it expects instead."""


@dataclass(frozen=True)
class Whole:
    """A whole number from low to high; without a default it must be given."""

    low: int
    high: int
    default: int | None = None
    optional: bool = False

    def read(self, value: object) -> Any:
        """The value. Raises Refused."""
        if value is None and self.optional:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise Refused(f"a whole number from {self.low} to {self.high}")
        if not self.low <= value <= self.high:
            raise Refused(f"a whole number from {self.low} to {self.high}")
        return value


@dataclass(frozen=True)
class Real:
    """A number from low (or above it) to high (or below it)."""

    low: float
    high: float
    default: float | None = None
    above_low: bool = False
    below_high: bool = False

    def read(self, value: object) -> float:
        """The value. Raises Refused, also for NaN."""
        first = f"above {self.low:g}" if self.above_low else f"from {self.low:g}"
        last = f"below {self.high:g}" if self.below_high else f"up to {self.high:g}"
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise Refused(f"a number {first} and {last}")
        if not self.low <= value <= self.high:
            raise Refused(f"a number {first} and {last}")
        if (self.above_low and value == self.low) or (self.below_high and value == self.high):
            raise Refused(f"a number {first} and {last}")
        return float(value)


@dataclass(frozen=True)
class Choice:
    """One of a few values, the first by default."""

    values: tuple[Any, ...]
    default: Any = None

    def read(self, value: object) -> Any:
        """The value. Raises Refused."""
        for known in self.values:
            if type(value) is type(known) and value == known:
                return value
        raise Refused("one of " + ", ".join(map(str, self.values)))


@dataclass(frozen=True)
class Wholes:
    """A list of `least` to `most` whole numbers, each from low to high."""

    low: int
    high: int
    least: int
    most: int
    default: tuple[int, ...] | None = None
    optional: bool = False

    def read(self, value: object) -> Any:
        """The values, as a tuple. Raises Refused."""
        if value is None and self.optional:
            return None
        item = Whole(self.low, self.high)
        try:
            if isinstance(value, (list, tuple)) and self.least <= len(value) <= self.most:
                return tuple(item.read(entry) for entry in value)
        except Refused:
            pass
        count = f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"
        raise Refused(f"a list of {count} whole numbers from {self.low} to {self.high}")


Field = Whole | Real | Choice | Wholes
NO_FLAG, YES_FLAG = Choice((True, False), False), Choice((True, False), True)

_UNITS = Whole(1, MAX_UNITS)
_POOL: dict[str, Field] = {
    "kernel": Whole(1, 256),
    "stride": Whole(1, 256, None, optional=True),  # the kernel
    "padding": Whole(0, 128, 0),
}
LAYER_FIELDS: dict[str, dict[str, Field]] = {
    "conv": {
        "filters": _UNITS,
        "kernel": Whole(1, MAX_SIDE),  # above 7 is refused with the layer's shape known
        "stride": Whole(1, 256, 1),
        "padding": Whole(0, 128, 0),
        "bias": NO_FLAG,
        "groups": Whole(1, MAX_UNITS, 1),
        "dilation": Whole(1, 256, 1),
        "padding_mode": Choice(("zeros", "reflect", "replicate", "circular"), "zeros"),
    },
    "linear": {"units": _UNITS, "bias": YES_FLAG},
    "batch_norm": {
        "momentum": Real(0, 1, 0.1, above_low=True),
        "epsilon": Real(0, 1, 1e-5, above_low=True),
    },
    "layer_norm": {"epsilon": Real(0, 1, 1e-6, above_low=True)},
    "relu": {},
    "gelu": {},
    "max_pool": _POOL,
    "avg_pool": _POOL,
    "global_avg_pool": {},
    "flatten": {},
    "dropout": {"rate": Real(0, 1, below_high=True)},
    "patch_embedding": {"patch": Whole(1, 256), "dim": _UNITS},
    "class_token": {},
    "positional_embedding": {},
    "take_token": {"index": Whole(0, 65535, 0)},
    "attention": {"heads": Whole(1, 256)},
}

COMMON_FIELDS: dict[str, Field] = {
    "classes": Whole(1, MAX_UNITS, None, optional=True),
    "image": Wholes(1, 1024, 3, 3, None, optional=True),
}
_STEM = Choice(("imagenet", "small"), "imagenet")
MODEL_FIELDS: dict[str, dict[str, Field]] = {
    "mlp": {"hidden": Wholes(1, MAX_UNITS, 1, 16, (256, 256))},
    "cnn": {"channels": Wholes(1, MAX_UNITS, 1, 16, (32, 64, 128))},
    "resnet9": {},
    "resnet18": {"stem": _STEM},
    "resnet50": {"stem": _STEM},
    "vgg19": {},
    "vit": {
        "patch": Whole(1, 256, 4),
        "dim": Whole(1, MAX_UNITS, 512),
        "depth": Whole(1, 64, 6),
        "heads": Whole(1, 256, 8),
        "mlp": Whole(1, MAX_UNITS, 512),
    },
    "layers": {},
}


@dataclass(frozen=True)
class Reading:
    """Values of a section, and (field, what, mend) of each that is wrong."""

    values: dict[str, Any]
    wrong: tuple[tuple[str, str, str], ...]


def read_fields(
    settings: Mapping[str, Any], fields: Mapping[str, Field], others: tuple[str, ...] = ()
) -> Reading:
    """Check `settings` against `fields`; `others` are fields that somebody else reads."""
    values: dict[str, Any] = {}
    wrong: list[tuple[str, str, str]] = []
    for name, field in fields.items():
        optional = getattr(field, "optional", False)
        if name not in settings and (field.default is not None or optional):
            values[name] = field.default
        elif name not in settings:
            wrong.append((name, "missing", "add it"))
        else:
            try:
                values[name] = field.read(settings[name])
            except Refused as refused:
                wrong.append((name, f"got {settings[name]!r:.60}", f"write {refused}"))
    for name in settings:
        if name not in fields and name not in others:
            known = ", ".join((*fields, *others))
            wrong.append((str(name), "unknown field", f"the fields here are {known}"))
    return Reading(values, tuple(wrong))

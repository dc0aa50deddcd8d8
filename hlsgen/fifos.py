# SPDX-License-Identifier: Apache-2.0
"""How deep the streams between the kernels' processes are, and what they are made of.

One table for templates, spec, estimate and cycle model. Streams go by **families**: those of all
row units together (`packets_0` to `packets_31` are `packets`), but what the first row takes from a
loader in bursts, `activations_0` and `sums_0`, are families of their own. Why a family has its
depth stands beside it in the templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .pipeline import PIPELINE

if TYPE_CHECKING:
    from sat_host.config import ArrayConfig

LEAST_DEPTH, MOST_DEPTH = 1, 65536

_ROW = re.compile(r"_\d+$")


@dataclass(frozen=True)
class Build:
    """What depths depend on. stationary: with hardware for weight-stationary products."""

    array: ArrayConfig
    stationary: bool


Depth = Callable[[Build], int]
Numbers = Callable[[int], range]


@dataclass(frozen=True)
class Family:
    """Streams of one depth. token: the C++ type of what they hold, as in the kernel's template.

    depth: places, for a build. numbers: which row units' streams they are, by the number of rows;
    None for a stream that is alone and has no number.
    """

    name: str
    kernel: str
    token: str
    depth: Depth
    numbers: Numbers | None = None

    def streams(self, rows: int) -> tuple[str, ...]:
        """The names of its streams in an array of that many rows; none where no row has one."""
        if self.numbers is None:
            return (self.name,)
        base = _ROW.sub("", self.name)
        return tuple(f"{base}_{number}" for number in self.numbers(rows))


def fifo_resource(places: int) -> str:
    """What a stream of that many places is made of: a shift-register LUT holds 32 bits, a LUT as
    memory 64, and beyond some of these a block RAM (512 words of 72 bits, UG574, UG573) is less."""
    if places <= 32:
        return "srl"
    return "lutram" if places <= 128 else "bram"


def family_of(stream: str) -> Family:
    """The family of the stream of that name: of `packets_3` `packets`. Raises KeyError for a name
    that no kernel has."""
    return FAMILIES.get(stream) or FAMILIES[_ROW.sub("", stream)]


def base_family(stream: str) -> str | None:
    """The name of a numbered stream's family, None for what is no such stream."""
    name = _ROW.sub("", stream)
    return name if name != stream and name in FAMILIES else None


def default_depth(family: str, array: ArrayConfig, *, stationary: bool = True) -> int:
    """Places of a family's streams where the spec says nothing. Raises KeyError.

    stationary: with hardware for weight-stationary products.
    """
    return FAMILIES[family].depth(Build(array, stationary))


def depths(array: ArrayConfig, stationary: bool, given: Mapping[str, int]) -> dict[str, int]:
    """Places of every family's streams: those given, by the family's name, or else the default."""
    build = Build(array, stationary)
    return {name: given.get(name, each.depth(build)) for name, each in FAMILIES.items()}


def changed_depths(
    array: ArrayConfig, stationary: bool, given: Mapping[str, int]
) -> dict[str, int]:
    """Those of `depths` that are not the default."""
    usual = depths(array, stationary, {})
    found = depths(array, stationary, given)
    return {name: depth for name, depth in found.items() if depth != usual[name]}


def _row_places(build: Build) -> int:
    from sat_host.config import BATCH_TOKENS  # here, since the host package loads NumPy

    stages = PIPELINE.unit_stages(build.array.adder_latency)
    return max(2 * BATCH_TOKENS, BATCH_TOKENS + stages + 3)


def _panel_tokens(build: Build) -> int:
    array = build.array
    return max(_row_places(build), array.rows * -(-array.interleave // array.feed))


def _stored_sums(build: Build) -> int:
    array = build.array
    half = array.rows * array.interleave * array.memory_tile // 2
    return min(max(8, half), 512)


def _kernel(kernel: str, *found: tuple[str, str, int | Depth]) -> list[Family]:
    return [
        Family(name, kernel, token, depth if callable(depth) else _always(depth))
        for name, token, depth in found
    ]


def _always(depth: int) -> Depth:
    return lambda _: depth


_COMMANDS = ("activation", "hold", "arrange", "weight", "packet", "sum")
_UPDATES = (
    "weights", "velocity", "gradient", "mark", "update", "weights_write", "velocity_write",
    "ff", "ff_assemble", "ff_write", "bp", "bp_select", "bp_assemble", "bp_write",
)  # fmt: skip

_STCE = [
    *_kernel("sat_stce", *((f"{name}_commands", "StceCommand", 4) for name in _COMMANDS)),
    *_kernel(
        "sat_stce",
        ("tiles", "Tile", 8),
        ("placed_tiles", "OutputTile", lambda build: 4 + build.stationary * build.array.rows),
        ("stored_tiles", "OutputTile", 2),
        ("unit_places", "RowWalk", lambda build: build.array.rows),
        ("activation_words", "WordT", 64),
        ("weight_words", "WordT", 64),
        ("held_activations", "HeldT", 8),
    ),
    Family("sums_0", "sat_stce", "SumT", _stored_sums, lambda _: range(1)),
    Family("sums", "sat_stce", "SumT", _always(8), lambda rows: range(1, rows + 1)),
    Family("plans", "sat_stce", "PlanT", _always(16), range),
    Family("activations_0", "sat_stce", "ActivationsT", _panel_tokens, lambda _: range(1)),
    Family("activations", "sat_stce", "ActivationsT", _row_places, lambda rows: range(1, rows)),
    Family("packets", "sat_stce", "PacketT", _row_places, range),
]

_WUVE = [
    *_kernel("sat_wuve", *((f"{name}_commands", "WuveCommand", 2) for name in _UPDATES)),
    *_kernel(
        "sat_wuve",
        ("weight_rows", "BitsT", lambda build: 32 + build.array.group),
        ("velocity_rows", "BitsT", 32),
        ("gradient_rows", "BitsT", 32),
        ("new_weight_rows", "BitsT", 32),
        ("new_velocity_rows", "BitsT", 32),
        # Half of a group comes while the one before is marked.
        ("rows_to_mark", "WordT", lambda build: build.array.group // 2 + 1),
        ("old_masks", "MaskT", lambda build: build.array.group),
        ("ff_rows", "WordT", lambda build: 2 * build.array.lanes),
        ("bp_rows", "WordT", lambda build: 2 * build.array.lanes + build.array.group + 16),
        ("new_masks", "MaskT", lambda build: build.array.lanes),
        ("bp_columns", "WordT", 2),
        ("ff_selections", "SelectionT", 16),
        ("ff_words", "WordT", 64),
        ("bp_selections", "SelectionT", 16),
        ("bp_words", "WordT", 64),
    ),
]

FAMILIES: Mapping[str, Family] = {family.name: family for family in (*_STCE, *_WUVE)}
"""All families by name, in the order of the templates."""

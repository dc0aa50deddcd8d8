# SPDX-License-Identifier: Apache-2.0
"""The axes of a sweep: keys of a spec, each with the values to try."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ..errors import InputError
from ..faults import Fault, SpecError, shown
from ..spec import Spec
from ..spec_base import RULE
from ..specfault import findings
from ..yamlmarks import Document, parse_document

MOST_POINTS = 1_000_000

# By the first keys of a path, what the hardware or the schedule depends on.
_OF_HARDWARE = (
    "card", "clock_mhz", "array", "dataflows", "fifos", "sparsity.group", "sparsity.keep",
    "sparsity.method", "training.batch",
)  # fmt: skip
_OF_NETWORK = ("model", "data")


@dataclass(frozen=True)
class Axis:
    """key: dotted, as `array.rows`. values: plain, as YAML has them, no two of them equal."""

    key: str
    values: tuple[Any, ...]

    @property
    def path(self) -> tuple[str, ...]:
        """The key's steps."""
        return tuple(self.key.split("."))


def parse_axes(texts: Sequence[str]) -> tuple[Axis, ...]:
    """The axes of `KEY=VALUE,VALUE,…` each. Raises InputError for a text that is none, a key or a
    value that is given twice, and more than MOST_POINTS combinations."""
    axes: list[Axis] = []
    for text in texts:
        axis = _axis(text)
        for other in axes:
            if (
                axis.key == other.key
                or _within(axis.key, other.key)
                or _within(other.key, axis.key)
            ):
                raise InputError(
                    f"hlsgen sweep: --over {shown(axis.key)}: it meets --over {shown(other.key)}: "
                    "give each key once, with all its values"
                )
        axes.append(axis)
    if math.prod(len(axis.values) for axis in axes) > MOST_POINTS:
        raise InputError(
            f"hlsgen sweep: --over: more than {MOST_POINTS:,} combinations: give fewer values"
        )
    return tuple(axes)


def _within(key: str, other: str) -> bool:
    return key.startswith(other + ".")


def _axis(text: str) -> Axis:
    key, equals, rest = text.partition("=")
    name = f"hlsgen sweep: --over {shown(text, 80)}"
    key = key.strip()
    if not equals or not rest.strip() or not all(key.split(".")):
        raise InputError(f"{name}: write KEY=VALUE,VALUE, as array.rows=8,16,32")
    try:
        document = parse_document(f"[{rest}]", "--over")
    except SpecError as error:
        raise InputError(f"{name}: {error.faults[0].message}: write values as YAML has") from None
    values = document.value
    if document.faults or not isinstance(values, list):
        what = document.faults[0].message if document.faults else "not a list of values"
        raise InputError(f"{name}: {what}: write values as YAML has")
    written = [json.dumps(value, sort_keys=True, default=str) for value in values]
    if len(set(written)) < len(written):
        twice = next(each for n, each in enumerate(written) if each in written[:n])
        raise InputError(f"{name}: {shown(twice)} is there twice: give each value once")
    return Axis(key, tuple(values))


def check_axes(axes: Sequence[Axis], document: Document, file: str, *, network_given: bool) -> None:
    """Raises SpecError, whose faults name the option and the field, for keys that a spec has not or
    that change nothing that is modelled, and for values that are wrong whatever the others are.

    document: of the spec, which is valid. network_given: the products are those of a workload's
    table.
    """
    faults: list[Fault] = []
    for axis in axes:
        for value in axis.values:
            found = _own_faults(axis, value, document, file)
            faults += [fault for fault in found if fault not in faults]
        if not faults:
            faults += _useless(axis, network_given)
    if faults:
        raise SpecError(faults)


def _useless(axis: Axis, network_given: bool) -> list[Fault]:
    """The fault of an axis along which nothing changes."""
    first = axis.path[0]
    if first in _OF_NETWORK:
        if not network_given:
            return []
        what, mend = "a workload's table says the network", "leave out --workload, or this key"
    elif any(axis.key == known or _within(axis.key, known) for known in _OF_HARDWARE):
        return []
    else:
        what, mend = "changes neither the hardware nor the schedule", "leave it out"
    return [Fault(f"--over {axis.key}", None, None, axis.key, what, mend)]


def _own_faults(axis: Axis, value: Any, document: Document, file: str) -> list[Fault]:
    """Of one value, those that no other key could mend."""
    option = f"--over {shown(axis.key)}"
    try:
        changed = overridden(document.value, {axis.key: value})
    except KeyError as error:
        what = f"{error.args[0]} is no section"
        return [Fault(option, None, None, shown(axis.key), what, "check the key")]
    try:
        Spec.model_validate(changed)
    except ValidationError as error:
        there = Document(changed)
        return [
            Fault(option, None, None, found.fault.field, found.fault.message, found.fault.mend)
            for detail in error.errors(include_url=False)
            if _lasting(detail)
            for found in findings(detail, there, file)
        ]
    return []


def _lasting(detail: ErrorDetails) -> bool:
    """Whether an error is one of the value alone, not of a rule between fields."""
    if detail["type"] != RULE:
        return True
    return all(len(rule.fields) < 2 and not rule.also for rule in detail["ctx"]["broken"])


def overridden(value: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The plain value of a spec's document with other values at dotted keys; it stays as it is.
    Raises KeyError, with the key, where what should be a section is none."""
    result = copy.deepcopy(value)
    for key, changed in changes.items():
        *sections, last = key.split(".")
        place: Any = result
        for number, section in enumerate(sections):
            inner = place.get(section)
            if inner is None or inner == "default":  # the latter of `fifos`
                inner = place[section] = {}
            if not isinstance(inner, dict):
                raise KeyError(".".join(sections[: number + 1]))
            place = inner
        place[last] = changed
    return result

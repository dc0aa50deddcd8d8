# SPDX-License-Identifier: Apache-2.0
"""The first difference of two runs, each a dump or live."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Protocol

from ..config import ArrayConfig
from ..errors import SettingsError
from .calls import START, TRAINING, Call, Place
from .compare import Compared, Divergence, compare_calls

Section = tuple[Place, list[Call]]


class Side(Protocol):
    """A `Dump` or a `LiveRun`."""

    @property
    def device(self) -> str:
        """Its name."""

    @property
    def config(self) -> ArrayConfig:
        """Of its array."""

    @property
    def run(self) -> Mapping[str, Any]:
        """All that decides its bits."""

    def sections(self) -> Generator[Section, None, None]:
        """Its calls by place, places in rising order."""


@dataclass(frozen=True)
class Answer:
    """divergence: None when all that both have is equal. skipped: places that one side alone has.
    unseen: the first step before the divergence that was not compared, where the first difference
    may lie; 0 is what comes before the first. steps: those in which all was equal, rising."""

    divergence: Divergence | None
    compared: Compared
    skipped: int
    unseen: int | None
    steps: tuple[int, ...] = ()


def diff(first: Side, second: Side, last: int | None = None) -> Answer:
    """Compare two runs up to step `last`, all of them by default. Raises SettingsError for runs
    that need not be equal or that have no step in common, HostError when one fails."""
    check_same_run(first, second)
    done, skipped, seen = Compared(), 0, set[int]()
    with closing(first.sections()) as left_calls, closing(second.sections()) as right_calls:
        for left, right in _aligned(left_calls, right_calls, last):
            if left is None or right is None:
                skipped += 1
                continue
            place = left[0]
            found = _compare(left, right, first.config, done)
            if found is not None:
                unseen = next((n for n in range(place.step) if n not in seen), None)
                return Answer(found, done, skipped, unseen, tuple(sorted(seen)))
            done.places += 1
            if place.phase in (START, TRAINING):
                seen.add(place.step)
    if not done.places:
        raise SettingsError(
            "A and B hold no step in common: record the same steps of both with --dump-steps"
        )
    return Answer(None, done, skipped, None, tuple(sorted(seen)))


def _compare(
    left: Section, right: Section, config: ArrayConfig, done: Compared
) -> Divergence | None:
    for one, other in zip_longest(left[1], right[1]):
        if one is None or other is None:
            return Divergence("end", left[0], one, other)
        found = compare_calls(one, other, config, done)
        if found is not None:
            return found
    return None


def _aligned(
    first: Iterator[Section], second: Iterator[Section], last: int | None
) -> Iterator[tuple[Section | None, Section | None]]:
    """Sections of one place side by side; None beside one that the other side has not, until one
    of the sides ends."""
    left, right = _next(first, last), _next(second, last)
    while left is not None and right is not None:
        if left[0] == right[0]:
            yield left, right
            left, right = _next(first, last), _next(second, last)
        elif left[0] < right[0]:
            yield left, None
            left = _next(first, last)
        else:
            yield None, right
            right = _next(second, last)


def _next(sections: Iterator[Section], last: int | None) -> Section | None:
    found = next(sections, None)
    return None if found is None or (last is not None and found[0].step > last) else found


def check_same_run(first: Side, second: Side) -> None:
    """Raise SettingsError, naming what differs, for runs whose calls can't be compared."""
    for name in ("lanes", "group"):
        values = [getattr(side.config, name) for side in (first, second)]
        if values[0] != values[1]:
            raise SettingsError(
                f"array.{name}: A has {values[0]}, B {values[1]}: their packed weights lie "
                "differently and can't be compared"
            )
    left, right = _flat(first.run), _flat(second.run)
    for name in sorted({*left, *right}):
        if left.get(name) != right.get(name):
            # As JSON, since a dump's may hold anything, also what moves a terminal's cursor.
            shown = [
                json.dumps(side[name])[:60] if name in side else "none" for side in (left, right)
            ]
            what = {"network": "another network", "data.fingerprint": "other data"}.get(name)
            raise SettingsError(
                f"{json.dumps(name)[1:-1]}: A has {shown[0]}, B {shown[1]}: {what or 'another run'}"
                ", whose bits need not be equal: compare two runs of the same"
            )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found

# SPDX-License-Identifier: Apache-2.0
"""Streams, row units and their processes that differ only in the number of their row, as one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .. import fifos
from .trace import StreamInfo

_ROW = re.compile(r"(.+)_(\d+)")


def base_of(name: str) -> str:
    """A name without the number of its row: of `row_3` `row`."""
    found = _ROW.fullmatch(name)
    return found[1] if found else name


def family_of(stream: str) -> str:
    """The name of a stream's family, as the spec's `fifos` takes it."""
    try:
        return fifos.family_of(stream).name
    except KeyError:
        return base_of(stream)


def stream_families(streams: Iterable[StreamInfo]) -> dict[str, tuple[int, ...]]:
    """The numbers of the streams of each family, in order of the first."""
    found: dict[str, list[int]] = {}
    for number, stream in enumerate(streams):
        found.setdefault(family_of(stream.name), []).append(number)
    return {name: tuple(numbers) for name, numbers in found.items()}


def depths_of(
    streams: Iterable[StreamInfo], given: Mapping[str, int | None]
) -> tuple[int | None, ...]:
    """The depth of each stream: that given for its name, else for its family, else its own. Names
    that no stream has are passed over."""
    return tuple(
        given[stream.name]
        if stream.name in given
        else given.get(family_of(stream.name), stream.depth)
        for stream in streams
    )


def span_name(names: Iterable[str]) -> str:
    """A family's members in one word: `row_0` to `row_31` are `row_0..31`."""
    listed = list(names)
    numbers = sorted(int(found[2]) for name in listed if (found := _ROW.fullmatch(name)))
    if len(listed) == 1 or len(numbers) != len(listed):
        return listed[0] if len(listed) == 1 else base_of(listed[0])
    return f"{base_of(listed[0])}_{numbers[0]}..{numbers[-1]}"

# SPDX-License-Identifier: Apache-2.0
"""What processes did and how full streams got: of one resolved trace, and of several together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..fifos import fifo_resource
from .resolve import MEMORY, READ, WRITE, Resolved
from .trace import StreamInfo, Trace

Wait = tuple[int, str]
"""A cause, and the name of the stream or port that is waited for."""


@dataclass(frozen=True)
class Activity:
    """Of one process, in cycles. waits: those of each wait; they add up to what it was blocked."""

    name: str
    busy: int
    read: int
    write: int
    memory: int
    idle: int
    waits: Mapping[Wait, int]

    @property
    def cycles(self) -> int:
        """All of them."""
        return self.busy + self.read + self.write + self.memory + self.idle

    def times(self, count: int) -> Activity:
        """Of that many equal runs."""
        waits = {wait: count * cycles for wait, cycles in self.waits.items()}
        amounts = {name: count * getattr(self, name) for name in _AMOUNTS}
        return Activity(self.name, waits=waits, **amounts)

    def __add__(self, other: Activity) -> Activity:
        waits = dict(self.waits)
        for wait, cycles in other.waits.items():
            waits[wait] = waits.get(wait, 0) + cycles
        amounts = {name: getattr(self, name) + getattr(other, name) for name in _AMOUNTS}
        return Activity(self.name, waits=waits, **amounts)


_AMOUNTS = ("busy", "read", "write", "memory", "idle")


@dataclass(frozen=True)
class Fill:
    """Of one stream. depth: as resolved, None for endless. fill: tokens in it at most; endless: the
    same were all FIFOs endless, None where that was not resolved. tokens: that passed. empty, full:
    cycles that its reader and its writer waited for it."""

    name: str
    depth: int | None
    resource: str
    fill: int
    endless: int | None
    tokens: int
    empty: int
    full: int

    def __add__(self, other: Fill) -> Fill:
        known = [each for each in (self.endless, other.endless) if each is not None]
        return replace(
            self,
            fill=max(self.fill, other.fill),
            endless=max(known) if known else None,
            tokens=self.tokens + other.tokens,
            empty=self.empty + other.empty,
            full=self.full + other.full,
        )

    def times(self, count: int) -> Fill:
        """Of that many equal runs."""
        return replace(
            self, tokens=count * self.tokens, empty=count * self.empty, full=count * self.full
        )


def activities(trace: Trace, resolved: Resolved) -> tuple[Activity, ...]:
    """Of each process. resolved: with detail."""
    waits: list[dict[Wait, int]] = [{} for _ in trace.processes]
    for process, cause, what, cycles in _waits(resolved):
        names = trace.ports if cause == MEMORY else trace.streams
        waits[process][(cause, names[what].name)] = cycles
    return tuple(
        Activity(
            name,
            busy=resolved.busy[number],
            read=resolved.blocked[number][READ],
            write=resolved.blocked[number][WRITE],
            memory=resolved.blocked[number][MEMORY],
            idle=resolved.idle[number],
            waits=waits[number],
        )
        for number, name in enumerate(trace.processes)
    )


def stream_fills(
    trace: Trace,
    resolved: Resolved,
    depths: Sequence[int | None],
    endless: Resolved | None = None,
) -> tuple[Fill, ...]:
    """Of each stream. resolved: with detail, at `depths`; endless: with all FIFOs endless."""
    empty, full = [0] * len(trace.streams), [0] * len(trace.streams)
    for _, cause, what, cycles in _waits(resolved):
        if cause != MEMORY:
            (empty if cause == READ else full)[what] += cycles
    return tuple(
        Fill(stream.name, depths[number], _resource(stream, depths[number]), resolved.fills[number],
             None if endless is None else endless.fills[number], resolved.tokens[number],
             empty[number], full[number])
        for number, stream in enumerate(trace.streams)
    )  # fmt: skip


def _resource(stream: StreamInfo, depth: int | None) -> str:
    """What it is made of at that depth; an endless one is as rendered."""
    return stream.resource if depth in (None, stream.depth) else fifo_resource(depth or 0)


def summed(found: Iterable[Iterable[Activity]]) -> tuple[Activity, ...]:
    """Of several runs together, by the processes' names."""
    total: dict[str, Activity] = {}
    for each in (activity for run in found for activity in run):
        total[each.name] = total[each.name] + each if each.name in total else each
    return tuple(total.values())


def fullest(found: Iterable[Iterable[Fill]]) -> tuple[Fill, ...]:
    """Of several runs together, by the streams' names."""
    total: dict[str, Fill] = {}
    for each in (fill for run in found for fill in run):
        total[each.name] = total[each.name] + each if each.name in total else each
    return tuple(total.values())


def _waits(resolved: Resolved) -> list[tuple[int, int, int, int]]:
    """Process, cause, object, and the cycles of all its stalls for that reason."""
    assert resolved.stalls is not None, "resolve with detail"
    keys, inverse = np.unique(resolved.stalls[:, (0, 3, 4)], axis=0, return_inverse=True)
    cycles = np.zeros(len(keys), np.int64)
    np.add.at(cycles, inverse.reshape(-1), resolved.stalls[:, 2])
    return [
        (int(process), int(cause), int(what), int(total))
        for (process, cause, what), total in zip(keys, cycles, strict=True)
    ]

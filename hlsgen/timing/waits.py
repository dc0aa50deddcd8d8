# SPDX-License-Identifier: Apache-2.0
"""Who waits for whom when processes can't go on, and the ring that they wait in."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Blocked:
    """One stream end that a stopped process waits for; a process may wait for several.

    process, stream: their numbers in the trace. reads: it waits to read, else to write. fill:
    tokens in the stream. depth: of the stream as resolved, None when endless.
    """

    process: int
    stream: int
    reads: bool
    fill: int
    depth: int | None


@dataclass(frozen=True)
class Deadlock:
    """Processes that have not ended while none can go on.

    blocked: every stream end that one of them waits for, by process and stream. cycle: those of
    `blocked` that wait for each other in a ring, each for the process of the next and the last for
    that of the first; empty when each waits, at last, for a process that has ended, that is, for a
    token or a place that never comes.
    """

    blocked: tuple[Blocked, ...]
    cycle: tuple[Blocked, ...]


def deadlock_of(blocked: Sequence[Blocked], waits_for: Sequence[int]) -> Deadlock | None:
    """The deadlock of these, or None when there are none. waits_for: the process at the other end
    of each one's stream."""
    if not blocked:
        return None
    return Deadlock(tuple(blocked), _ring(blocked, waits_for))


def _ring(blocked: Sequence[Blocked], waits_for: Sequence[int]) -> tuple[Blocked, ...]:
    """The shortest ring; of equals the one that the lowest process is in."""
    leaving: dict[int, list[int]] = {}
    for number, each in enumerate(blocked):
        leaving.setdefault(each.process, []).append(number)
    best: list[int] = []
    for start in sorted(leaving):
        found = _ring_through(start, leaving, waits_for)
        if found and (not best or len(found) < len(best)):
            best = found
    return tuple(blocked[number] for number in best)


def _ring_through(start: int, leaving: dict[int, list[int]], waits_for: Sequence[int]) -> list[int]:
    """The shortest way from a process back to itself, breadth first; empty when there is none."""
    paths: dict[int, list[int]] = {start: []}
    agenda = deque([start])
    while agenda:
        process = agenda.popleft()
        for number in leaving.get(process, ()):
            path = [*paths[process], number]
            if waits_for[number] == start:
                return path
            if waits_for[number] not in paths:
                paths[waits_for[number]] = path
                agenda.append(waits_for[number])
    return []

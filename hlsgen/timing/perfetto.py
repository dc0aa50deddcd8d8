# SPDX-License-Identifier: Apache-2.0
"""A resolved trace in the Trace Event Format, for ui.perfetto.dev and chrome://tracing.

The format's unit is the microsecond; here one stands for a cycle. Runs that follow each other are
put behind each other in one file. A stall is a slice with the cause's name, which is what Perfetto
makes its colour from (chrome://tracing takes `cname`), and in it one with the stream's or port's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from .resolve import MEMORY, READ, WRITE, Resolved
from .timeline import BUSY, CAUSES, Slices, joined, slices_of
from .trace import Trace

Event = dict[str, Any]

COLOURS = {
    BUSY: "thread_state_running",
    READ: "thread_state_runnable",
    WRITE: "thread_state_iowait",
    MEMORY: "detailed_memory_dump",
}
"""By cause, one of the viewer's reserved names: green, blue, orange, magenta."""

NAMES = {
    BUSY: "busy",
    READ: "blocked on read",
    WRITE: "blocked on write",
    MEMORY: "blocked on memory",
}
SEVERAL = "several"
"""The inner slice of one that joins others."""

MOST_SLICES = 100_000
MOST_LEVELS = 150_000
"""Of a file, of the processes' slices and of points of the FIFOs' fills: together about 45 MB."""

# The viewer's groups of tracks, "processes" to it; a track with its group's number stands first.
_RUNS, _PROCESSES, _STREAMS = 1001, 1002, 1003


@dataclass(frozen=True, eq=False)
class Part:
    """A trace, and what resolves it, with detail, when it is its turn. name: what ran."""

    name: str
    trace: Trace
    resolve: Callable[[], Resolved]


def write(parts: Sequence[Part], title: str, stream: IO[str]) -> None:
    """Write parts, one behind the other, as one JSON object. Raises OSError."""
    note = "Simulated. Times are cycles of the kernels' clock, shown as microseconds."
    head = {"title": title, "note": note, "colours": _legend()}
    stream.write('{"displayTimeUnit": "ms",\n"otherData": ')
    stream.write(json.dumps(head))
    stream.write(',\n"traceEvents": [\n')
    separator = ""
    for event in events(parts):
        stream.write(separator + json.dumps(event, separators=(",", ":")))
        separator = ",\n"
    stream.write("\n]}\n")


def events(parts: Sequence[Part]) -> Iterator[Event]:
    """The names of the tracks; then of each part its slices, and the fills of its FIFOs."""
    processes = _numbered(name for part in parts for name in part.trace.processes)
    yield from _names(processes)
    slices = MOST_SLICES // max(1, len(parts))
    levels = MOST_LEVELS // max(1, len(parts))
    start = 0
    for part in parts:
        resolved = part.resolve()
        yield _slice(part.name, "run", start, resolved.cycles, (_RUNS, 1))
        yield from _slices(part.trace, resolved, processes, start, slices)
        yield from _levels(part.trace, resolved, start, levels)
        start += resolved.cycles


def _legend() -> dict[str, str]:
    return {NAMES[cause]: colour for cause, colour in COLOURS.items()}


def _numbered(names: Iterator[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names), 1)}


def _names(processes: dict[str, int]) -> Iterator[Event]:
    groups = {_RUNS: "what runs", _PROCESSES: "processes", _STREAMS: "FIFO fills (tokens)"}
    for group, name in groups.items():
        yield _named("process_name", group, 0, {"name": name})
        yield _named("process_sort_index", group, 0, {"sort_index": group})
    yield _named("thread_name", _RUNS, 1, {"name": "product or update"})
    for name, number in processes.items():
        yield _named("thread_name", _PROCESSES, number, {"name": name})
        yield _named("thread_sort_index", _PROCESSES, number, {"sort_index": number})


def _named(what: str, group: int, track: int, args: Event) -> Event:
    return {"name": what, "ph": "M", "pid": group, "tid": track, "args": args}


def _slice(name: str, category: str, begin: int, cycles: int, track: tuple[int, int]) -> Event:
    return {"name": name, "cat": category, "ph": "X", "ts": begin, "dur": cycles,
            "pid": track[0], "tid": track[1]}  # fmt: skip


def _slices(
    trace: Trace, resolved: Resolved, processes: dict[str, int], start: int, most: int
) -> Iterator[Event]:
    """Slices of all processes, `most` or fewer: where there are more, the shortest are joined."""
    found = [slices_of(resolved, number) for number in range(len(trace.processes))]
    for name, slices in zip(trace.processes, _few(found, most), strict=True):
        for row in range(len(slices)):
            yield from _outer_and_inner(trace, slices, row, start, (_PROCESSES, processes[name]))


def _outer_and_inner(
    trace: Trace, slices: Slices, row: int, start: int, track: tuple[int, int]
) -> Iterator[Event]:
    cause, begin = int(slices.cause[row]), start + int(slices.begin[row])
    cycles, what = int(slices.cycles[row]), int(slices.object[row])
    outer = _slice(NAMES[cause], CAUSES[cause], begin, cycles, track)
    outer["cname"] = COLOURS[cause]
    several = slices.joins[row] > 1
    if several:
        shares = slices.shares[row]
        outer["args"] = {
            f"{NAMES[each]}, cycles": int(shares[each]) for each in CAUSES if shares[each]
        }
    yield outer
    if several or cause != BUSY:
        names = trace.ports if cause == MEMORY else trace.streams
        label = SEVERAL if several else names[what].name
        inner = _slice(label, CAUSES[cause], begin, cycles, track)
        inner["cname"] = COLOURS[cause]
        yield inner


def _few(found: list[Slices], most: int) -> list[Slices]:
    shortest = 1
    fewer = found
    while sum(map(len, fewer)) > most:
        shortest *= 2
        fewer = [joined(slices, shortest) for slices in found]
    return fewer


def _levels(trace: Trace, resolved: Resolved, start: int, most: int) -> Iterator[Event]:
    """The fill of each FIFO as a counter, wherever it changes."""
    levels = resolved.levels
    assert levels is not None, "resolve with detail"
    step = max(1, -(-levels.size // max(1, most)))
    points = range(0, levels.shape[1], step)
    for number, stream in enumerate(trace.streams):
        before = -1
        for point in points:
            fill = int(levels[number, point : point + step].max())
            if fill != before:
                time = start + point * resolved.bucket
                yield _counter(stream.name, time, fill)
                before = fill
        yield _counter(stream.name, start + resolved.cycles, 0)


def _counter(name: str, time: int, fill: int) -> Event:
    return {
        "name": name,
        "ph": "C",
        "ts": time,
        "pid": _STREAMS,
        "tid": 0,
        "args": {"tokens": fill},
    }

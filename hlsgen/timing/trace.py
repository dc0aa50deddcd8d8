# SPDX-License-Identifier: Apache-2.0
"""What a timed run records: each process's stream and port operations, at its own local ticks.

Operations that follow each other in equal steps make one run, so a trace stays small however long
the loops are. A trace knows no FIFO depths beyond the ones it was rendered with, and no memory:
hlsgen.timing.resolve adds these and finds the cycles.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..disk import disk_errors
from ..errors import InputError

END, FIRST, STRIDE, COUNT, ADDRESS, STEP = range(6)
"""Columns of Trace.runs."""

_FORMAT = "hlsgen-trace-1"
_LARGEST = 1 << 62  # of ticks and addresses, so that sums of two fit into 64 bits
_DAMAGES = (zipfile.BadZipFile, zlib.error, IndexError, NotImplementedError)  # beside ValueErrors
_AGAIN = "make it again with `hlsgen time`"

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class StreamInfo:
    """A stream: its rendered depth in tokens, what it is made of, and its processes' numbers."""

    name: str
    depth: int
    resource: str
    writer: int
    reader: int


@dataclass(frozen=True)
class PortInfo:
    """One direction of a memory port, used by one process.

    burst: words of the longest transaction. outstanding: transactions under way at most. latency:
    local ticks from a request to its data, or to the response of a write.
    """

    name: str
    bundle: str
    process: int
    writes: bool
    burst: int
    outstanding: int
    latency: int


@dataclass(frozen=True, eq=False)
class Trace:
    """The record of one timed run.

    ticks: local ticks of each process at its end. word_bytes: of a memory word.
    runs: int64 array [n, 6]. END names the end of a stream or the port: 2*s for the writer's end of
    stream s, 2*s + 1 for its reader's, 2*len(streams) + p for port p. A run is COUNT operations at
    ticks FIRST, FIRST + STRIDE, ...; those of a port are at word addresses ADDRESS, ADDRESS + STEP,
    ... (streams: 0). The runs of one end are in order of time, whatever runs of others stand
    between them, and its ticks never decrease; only operations of a port may share a tick.
    """

    processes: tuple[str, ...]
    streams: tuple[StreamInfo, ...]
    ports: tuple[PortInfo, ...]
    ticks: tuple[int, ...]
    word_bytes: int
    runs: Ints


@dataclass(frozen=True)
class Unbalanced:
    """A stream whose processes disagree: tokens written by `writer`, tokens read by `reader`."""

    stream: str
    written: int
    read: int
    writer: str
    reader: str


def missing(trace: Trace) -> list[Unbalanced]:
    """The streams that are written more often than read or the other way round, in order."""
    counts = operations(trace)
    return [
        Unbalanced(
            stream.name,
            counts[2 * number],
            counts[2 * number + 1],
            trace.processes[stream.writer],
            trace.processes[stream.reader],
        )
        for number, stream in enumerate(trace.streams)
        if counts[2 * number] != counts[2 * number + 1]
    ]


def operations(trace: Trace) -> list[int]:
    """How many operations each end has: ends of streams, then ports, numbered as in the runs."""
    counts = np.zeros(2 * len(trace.streams) + len(trace.ports), np.int64)
    np.add.at(counts, trace.runs[:, END], trace.runs[:, COUNT])
    return [int(count) for count in counts]


def by_end(trace: Trace) -> tuple[Ints, Ints]:
    """The runs sorted by end, those of one end in the order that they have, and where each end's
    begin: offsets [ends + 1]."""
    runs = np.ascontiguousarray(trace.runs[np.argsort(trace.runs[:, END], kind="stable")])
    ends = 2 * len(trace.streams) + len(trace.ports)
    offsets = np.searchsorted(runs[:, END], np.arange(ends + 1)).astype(np.int64)
    return runs, offsets


def fault(trace: Trace) -> str | None:
    """What is wrong with a trace, in a line, or None. All else here and in hlsgen.timing.resolve
    counts on a trace that has no fault."""
    return _fault_of_tables(trace) or _fault_of_runs(trace)


def save(trace: Trace, path: Path) -> None:
    """Write `trace` as a compressed .npz file to exactly `path`.

    Raises InputError or WorkError when the disk refuses.
    """
    head = {each.name: getattr(trace, each.name) for each in fields(Trace)[:-1]}
    head["streams"] = [asdict(stream) for stream in trace.streams]
    head["ports"] = [asdict(port) for port in trace.ports]
    text = json.dumps({"format": _FORMAT, **head}).encode()
    with disk_errors(path, "choose another file"), path.open("wb") as file:
        np.savez_compressed(file, head=np.frombuffer(text, np.uint8), runs=trace.runs)


def load(path: Path) -> Trace:
    """The trace that `save` wrote. Raises InputError, one line, for what is no whole trace."""
    try:
        # Opened here, as np.load leaves its own file open when it raises.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            trace = _parsed(json.loads(file["head"].tobytes()), file["runs"])
        wrong = fault(trace)
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, *_DAMAGES) as error:
        raise InputError(f"{path}: not a whole trace: {_AGAIN}") from error
    if wrong is not None:
        raise InputError(f"{path}: not a valid trace: {wrong}: {_AGAIN}")
    return trace


def _parsed(head: dict[str, Any], runs: Ints) -> Trace:
    if head.pop("format") != _FORMAT:
        raise ValueError("another format")
    return Trace(
        processes=tuple(head.pop("processes")),
        streams=tuple(StreamInfo(**each) for each in head.pop("streams")),
        ports=tuple(PortInfo(**each) for each in head.pop("ports")),
        ticks=tuple(head.pop("ticks")),
        runs=runs,
        **head,
    )


def _fault_of_tables(trace: Trace) -> str | None:
    processes = len(trace.processes)
    if len(trace.ticks) != processes:
        return f"ticks: {len(trace.ticks)} for {processes} processes"
    names = [*trace.processes, *(stream.name for stream in trace.streams)]
    names += [text for port in trace.ports for text in (port.name, port.bundle)]
    for text in names:
        if not isinstance(text, str):
            return f"a name that is no text: {text!r}"
    numbers: list[tuple[str, Any, int, int]] = [("word_bytes", trace.word_bytes, 1, _LARGEST)]
    for name, ticks in zip(trace.processes, trace.ticks, strict=True):
        numbers.append((f"ticks of {name}", ticks, 0, _LARGEST))
    for stream in trace.streams:
        name = f"stream {stream.name}"
        numbers.append((f"{name}: depth", stream.depth, 1, _LARGEST))
        numbers.append((f"{name}: writer", stream.writer, 0, processes - 1))
        numbers.append((f"{name}: reader", stream.reader, 0, processes - 1))
    for port in trace.ports:
        name = f"port {port.name}"
        numbers.append((f"{name}: process", port.process, 0, processes - 1))
        for field in ("burst", "outstanding", "latency"):
            numbers.append((f"{name}: {field}", getattr(port, field), 1, _LARGEST))
    for name, value, least, most in numbers:
        if type(value) is not int or not least <= value <= most:
            return f"{name}: {value!r} is not from {least} to {most}"
    return None


def _fault_of_runs(trace: Trace) -> str | None:
    runs = trace.runs
    if runs.dtype != np.int64 or runs.ndim != 2 or runs.shape[1] != STEP + 1:
        return "runs: not an int64 array [n, 6]"
    ends = 2 * len(trace.streams) + len(trace.ports)
    if ((runs[:, END] < 0) | (runs[:, END] >= ends)).any():
        return f"runs: an end that is not from 0 to {ends - 1}"
    return _fault_of_ticks(trace) or _fault_of_addresses(trace)


def _fault_of_ticks(trace: Trace) -> str | None:
    runs, streams = by_end(trace)[0], 2 * len(trace.streams)
    # A port's data comes a tick after its request or later.
    latest = [trace.ticks[process] for s in trace.streams for process in (s.writer, s.reader)]
    latest += [trace.ticks[port.process] - 1 for port in trace.ports]
    limit = np.array(latest, np.int64)[runs[:, END]]
    first, stride, count = runs[:, FIRST], runs[:, STRIDE], runs[:, COUNT]
    outside = (first < 0) | (first > limit) | (stride < 0) | (count < 1)
    steps = np.where(outside, 0, count - 1)
    # A division, as the product might leave 64 bits.
    outside |= (steps > 0) & (stride > (limit - first) // np.maximum(steps, 1))
    if outside.any():
        return f"{_end(trace, runs[outside])}: a run that is not within the ticks of its process"
    apart = runs[:, END] < streams  # each operation of a stream's end has a tick of its own
    if (shared := apart & (stride == 0) & (steps > 0)).any():
        return f"{_end(trace, runs[shared])}: two operations in one tick"
    last = first + stride * steps
    early = (runs[1:, END] == runs[:-1, END]) & (first[1:] < last[:-1] + apart[1:])
    if early.any():
        return f"{_end(trace, runs[1:][early])}: runs that are not in order of time"
    return None


def _fault_of_addresses(trace: Trace) -> str | None:
    runs = trace.runs[trace.runs[:, END] >= 2 * len(trace.streams)]
    address, step, steps = runs[:, ADDRESS], runs[:, STEP], runs[:, COUNT] - 1
    most = _LARGEST // np.maximum(steps, 1)
    outside = (address < 0) | (address > _LARGEST) | (step < -most) | (step > most)
    last = address + np.where(outside, 0, step) * steps
    outside |= (last < 0) | (last > _LARGEST)
    if outside.any():
        return f"{_end(trace, runs[outside])}: an address that is not from 0 to {_LARGEST}"
    return None


def _end(trace: Trace, runs: Ints) -> str:
    """The end that the first of some runs belongs to, by name."""
    end = int(runs[0, END])
    if end >= 2 * len(trace.streams):
        return f"port {trace.ports[end - 2 * len(trace.streams)].name}"
    return f"stream {trace.streams[end // 2].name}, {'reader' if end % 2 else 'writer'}"

# SPDX-License-Identifier: Apache-2.0
"""Replays a trace against FIFO depths and memory banks: the cycles that it takes, and why.

A process passes its local ticks one in a cycle, from tick 0 in cycle 0. All operations of a tick
happen together, in the first cycle in which each of them is ready; until then the whole process
stalls. An operation is ready

* to read a token: in the cycle after the one in which it was written, or later;
* to write into a stream of depth d: when less than d tokens are in it, where a token counts from
  the cycle in which it is written until the one in which it is read, that one included;
* to request a word: when its port takes the request (below). Requests of a tick don't wait for
  each other;
* to take a word's data, or a write's response, `latency` ticks after its request, or in the last
  tick of the process where that comes first: when the word has completed.

A stall counts for the operation that is ready last; of equals, reads come before writes before
memory, and the lowest number first. What is never ready is last of all.

A word joins the transaction of its port's word before when its address is the next one and the
transaction has less than `burst` words; else it begins another. With `outstanding` transactions
under way, a request that would begin another waits until all words of the oldest have completed.

A bank serves the words of its ports in the order of their requests; of those in one cycle, the
lowest port comes first. Service starts when the word is requested or the bank is free, whichever is
later, and takes word_bytes / bytes_per_cycle; where the address does not follow that of the port's
word before, or run_words words have followed each other, overhead_bytes / bytes_per_cycle more.
These times are exact fractions. A word completes `latency` cycles after the end of its service,
that end rounded up to a whole cycle.

A process ends when it has come to its last tick, and with it the operations there. It is a deadlock
when some have not ended and none can go on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .native import Problem, solve
from .trace import Ints, Trace, by_end, fault, operations
from .waits import Blocked, Deadlock, deadlock_of

__all__ = ["MEMORY", "READ", "WRITE", "BankTiming", "Blocked", "Deadlock", "Resolved", "resolve"]

READ, WRITE, MEMORY = range(3)
"""Causes of a stall: an empty stream, a full one, a port."""

_MOST = 1 << 62
_BANKS = 1 << 16


@dataclass(frozen=True)
class BankTiming:
    """Timing of each memory bank, in cycles of the kernels' clock.

    overhead_bytes: what the start of a run of consecutive words costs, as bytes that could have
    been moved. run_words: the longest run. latency: cycles from the end of a word's service to its
    completion.
    """

    bytes_per_cycle: Fraction
    overhead_bytes: int
    run_words: int
    latency: int

    def __post_init__(self) -> None:
        """Raises ValueError for a figure out of range."""
        if self.bytes_per_cycle <= 0:
            raise ValueError(f"bytes_per_cycle: {self.bytes_per_cycle} is not above 0")
        for name, least in (("overhead_bytes", 0), ("run_words", 1), ("latency", 0)):
            if not least <= getattr(self, name) <= _MOST:
                raise ValueError(f"{name}: {getattr(self, name)} is not from {least} to {_MOST}")


@dataclass(frozen=True, eq=False)
class Resolved:
    """The timing of one trace under given depths and banks; times and durations in cycles.

    ends: when each process ended or, in a deadlock, came to the tick that it can't pass.
    cycles: the last of `ends`.
    busy, blocked, idle: for each process; blocked by cause [READ], [WRITE], [MEMORY]; idle after
    its end. busy + sum(blocked) + idle = cycles.
    fills: the most tokens at once in each stream; tokens: how many the trace writes to it.
    deadlock: None when all processes have ended.
    stalls: int64 array [n, 5] of process, begin, cycles, cause, object (the stream, or the port
    when the cause is MEMORY), by process and begin; None without detail. Two of them never touch,
    as a tick lies between. The last one of a process that never goes on lasts until `cycles`.
    levels: int64 array [streams, points], the greatest fill in each `bucket` cycles, at most 2048
    points; None without detail.
    """

    cycles: int
    ends: tuple[int, ...]
    busy: tuple[int, ...]
    blocked: tuple[tuple[int, int, int], ...]
    idle: tuple[int, ...]
    fills: tuple[int, ...]
    tokens: tuple[int, ...]
    deadlock: Deadlock | None
    stalls: Ints | None = None
    levels: Ints | None = None
    bucket: int = 1


def resolve(
    trace: Trace,
    memory: BankTiming,
    places: Sequence[int],
    depths: Sequence[int | None] | None = None,
    *,
    detail: bool = False,
) -> Resolved:
    """Replay `trace` against `memory`.

    places: for each port the number of its bank, from 0. depths: for each stream its depth in
    tokens, or None for endless; by default the trace's own. detail: with stalls and levels.
    Raises ValueError for a trace that contradicts itself, for places or depths that don't fit it,
    and for times that would leave 64 bits; ToolMissingError without a compiler, WorkError when it
    or the disk refuses, and MemoryError.
    """
    wrong = fault(trace)
    if wrong is not None:
        raise ValueError(wrong)
    given = _given_depths(trace, depths)
    _check_places(trace, places)
    problem = _problem(trace, memory, places, given, detail)
    solution = solve(problem)
    blocked = [
        Blocked(process, stream, bool(reads), fill, given[stream])
        for process, stream, reads, fill in sorted(solution.waiting.tolist())
    ]
    stopped = {each.process for each in blocked}
    other = [
        trace.streams[each.stream].writer if each.reads else trace.streams[each.stream].reader
        for each in blocked
    ]
    return Resolved(
        cycles=solution.cycles,
        ends=tuple(solution.ends.tolist()),
        busy=tuple(solution.busy.tolist()),
        blocked=tuple((row[READ], row[WRITE], row[MEMORY]) for row in solution.blocked.tolist()),
        idle=tuple(
            0 if process in stopped else solution.cycles - end
            for process, end in enumerate(solution.ends.tolist())
        ),
        fills=tuple(solution.fills.tolist()),
        tokens=tuple(operations(trace)[: 2 * len(trace.streams) : 2]),
        deadlock=deadlock_of(blocked, other),
        stalls=solution.stalls if detail else None,
        levels=solution.levels if detail else None,
        bucket=solution.bucket,
    )


def _given_depths(trace: Trace, depths: Sequence[int | None] | None) -> list[int | None]:
    if depths is None:
        return [stream.depth for stream in trace.streams]
    if len(depths) != len(trace.streams):
        raise ValueError(f"depths: {len(depths)} for {len(trace.streams)} streams")
    for stream, depth in zip(trace.streams, depths, strict=True):
        if depth is not None and not 1 <= depth <= _MOST:
            raise ValueError(f"depth of {stream.name}: {depth} is not from 1 to {_MOST}, or None")
    return [None if depth is None else int(depth) for depth in depths]


def _check_places(trace: Trace, places: Sequence[int]) -> None:
    if len(places) != len(trace.ports):
        raise ValueError(f"places: {len(places)} for {len(trace.ports)} ports")
    for port, place in zip(trace.ports, places, strict=True):
        if not 0 <= place < _BANKS:
            raise ValueError(f"place of {port.name}: {place} is no number of a bank below {_BANKS}")


def _problem(
    trace: Trace,
    memory: BankTiming,
    places: Sequence[int],
    depths: Sequence[int | None],
    detail: bool,
) -> Problem:
    units = _units(memory, trace.word_bytes)
    _check_length(trace, memory, units)
    runs, offsets = by_end(trace)
    streams = [
        (stream.writer, stream.reader, depth or 0)
        for stream, depth in zip(trace.streams, depths, strict=True)
    ]
    ports = [
        (port.process, port.burst, port.outstanding, port.latency, place)
        for port, place in zip(trace.ports, places, strict=True)
    ]
    return Problem(
        ticks=np.array(trace.ticks, np.int64),
        streams=np.array(streams, np.int64).reshape(-1, 3),
        ports=np.array(ports, np.int64).reshape(-1, 5),
        banks=max(places, default=-1) + 1,
        runs=runs,
        offsets=offsets,
        cycle_units=units.cycle,
        word_units=units.word,
        overhead_units=units.overhead,
        run_words=memory.run_words,
        latency=memory.latency,
        detail=detail,
    )


@dataclass(frozen=True)
class _Units:
    """Integers in one unit of time: a cycle, the service of a word, the start of a run."""

    cycle: int
    word: int
    overhead: int


def _units(memory: BankTiming, word_bytes: int) -> _Units:
    """The largest unit in which all of them are whole."""
    cycle, bytes_ = memory.bytes_per_cycle.as_integer_ratio()
    word, overhead = word_bytes * bytes_, memory.overhead_bytes * bytes_
    common = math.gcd(cycle, word, overhead)
    return _Units(cycle // common, word // common, overhead // common)


def _check_length(trace: Trace, memory: BankTiming, units: _Units) -> None:
    """What bounds the time: in each cycle a process passes a tick, or is about to use what another
    did in its last one, or a word is under way."""
    words = sum(operations(trace)[2 * len(trace.streams) :])
    service = words * (units.word + units.overhead)
    cycles = sum(trace.ticks) + len(trace.ticks) + words * (memory.latency + 1)
    if cycles * units.cycle + service > _MOST:
        raise ValueError(
            "the trace or the times of the memory are too long: 64 bits don't hold them"
        )

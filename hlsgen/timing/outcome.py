# SPDX-License-Identifier: Apache-2.0
"""What a recording takes with some depths and memory: the cycles of each entry, and who waited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import WorkError
from ..fifos import fifo_resource
from .activity import Activity, Fill, activities, fullest, stream_fills, summed
from .deadlock import describe
from .families import depths_of, family_of, stream_families
from .recording import Record, Recording
from .resolve import BankTiming, Blocked, Resolved, resolve
from .sizing import Case, Remedy, remedy
from .trace import Trace, missing

NOTABLE_LOSS = 0.001
"""The part lost to the FIFOs' depths from which on it is asked which FIFOs lose it."""


@dataclass(frozen=True)
class Conditions:
    """What a recording is resolved with. depths: in place of the recorded ones, by the name of a
    stream or a family; endless: no FIFO is ever full, whatever depths say."""

    memory: BankTiming
    depths: Mapping[str, int | None]
    endless: bool = False

    def of(self, trace: Trace) -> tuple[int | None, ...]:
        """The depth of each stream."""
        if self.endless:
            return (None,) * len(trace.streams)
        return depths_of(trace.streams, self.depths)

    def applied(self, trace: Trace) -> Trace:
        """The trace as if it had been rendered with these depths."""
        depths = depths_of(trace.streams, self.depths)
        streams = tuple(
            stream
            if depth in (None, stream.depth)
            else replace(stream, depth=depth, resource=fifo_resource(depth))
            for stream, depth in zip(trace.streams, depths, strict=True)
        )
        return replace(trace, streams=streams)


@dataclass(frozen=True)
class Outcome:
    """Simulated cycles of an entry or of several: with these FIFOs, and with endless ones.

    last: the process that ends last, in the longest. regained: where the FIFOs' depths lose more
    than NOTABLE_LOSS, by family the cycles that come back when it alone is endless; only those
    above 0.
    """

    cycles: int
    endless: int
    activities: tuple[Activity, ...]
    fills: tuple[Fill, ...]
    last: str
    regained: Mapping[str, int]

    @property
    def loss(self) -> float:
        """The part by which the FIFOs' depths slow it down."""
        return self.cycles / self.endless - 1 if self.endless else 0.0


class Stuck(WorkError):
    """A design that can't go on. found: for programs, what blocks it."""

    def __init__(self, lines: Sequence[str], found: Mapping[str, Any]) -> None:
        super().__init__("\n".join(lines))
        self._found = dict(found)

    def details(self) -> list[dict[str, object]]:
        return [{"message": str(self), **self._found}]


@dataclass(frozen=True)
class Piece:
    """A trace of a recording. name: of its entry. record: its number."""

    name: str
    record: int
    case: Case

    def resolved(self, conditions: Conditions) -> Resolved:
        """With detail. Raises Stuck."""
        return _resolved(self.name, self.case, conditions)


def pieces(recorded: Recording, memory: BankTiming) -> list[Piece]:
    """All traces of a recording, each once, record by record."""
    names: dict[int, str] = {}
    for entry in recorded.entries:
        names.setdefault(entry.record, f"{entry.layer} {entry.stage}")
    return [
        each
        for number, record in enumerate(recorded.records)
        for each in record_pieces(names[number], number, record, memory, recorded.runs(number))
    ]


def record_pieces(
    name: str, number: int, record: Record, memory: BankTiming, runs: int = 1
) -> list[Piece]:
    """The traces of one record, which takes place `runs` times."""
    return [
        Piece(name, number, Case(trace, memory, places, runs))
        for trace, places in zip(record.traces, record.places, strict=True)
    ]


def outcomes(found: Iterable[Piece], conditions: Conditions) -> tuple[Outcome, ...]:
    """Of each record, of one run; found: all pieces of a recording. Raises Stuck for a deadlock,
    and for streams whose writer and reader disagree about how many tokens pass."""
    parts: dict[int, list[Piece]] = {}
    for piece in found:
        parts.setdefault(piece.record, []).append(piece)
    return tuple(outcome_of(each, conditions) for _, each in sorted(parts.items()))


def outcome_of(record: Sequence[Piece], conditions: Conditions) -> Outcome:
    """Of all pieces of one record, which follow each other. Raises as `outcomes`."""
    return together([_outcome(piece, conditions) for piece in record], [1] * len(record))


def together(found: Sequence[Outcome], runs: Sequence[int]) -> Outcome:
    """Of several that follow each other, each so many times."""
    pairs = list(zip(found, runs, strict=True))
    regained: dict[str, int] = {}
    for each, count in pairs:
        for family, cycles in each.regained.items():
            regained[family] = regained.get(family, 0) + count * cycles
    return Outcome(
        sum(count * each.cycles for each, count in pairs),
        sum(count * each.endless for each, count in pairs),
        summed([activity.times(count) for activity in each.activities] for each, count in pairs),
        fullest([fill.times(count) for fill in each.fills] for each, count in pairs),
        max(pairs, key=lambda pair: pair[0].cycles * pair[1])[0].last,
        regained,
    )


def _outcome(piece: Piece, conditions: Conditions) -> Outcome:
    trace = piece.case.trace
    found = piece.resolved(conditions)
    endless = found if conditions.endless else piece.case.resolved(None)
    depths = conditions.of(trace)
    fills = stream_fills(trace, found, depths, endless)
    last = trace.processes[found.ends.index(max(found.ends))]
    regained = _regained(piece.case, depths, found, endless, fills)
    return Outcome(found.cycles, endless.cycles, activities(trace, found), fills, last, regained)


def _regained(
    case: Case,
    depths: Sequence[int | None],
    found: Resolved,
    endless: Resolved,
    fills: Sequence[Fill],
) -> dict[str, int]:
    """By family that is ever full, what it alone loses. Empty for a loss that is not notable."""
    if found.cycles <= endless.cycles * (1 + NOTABLE_LOSS):
        return {}
    full = {family_of(fill.name) for fill in fills if fill.full}
    regained = {}
    for family, numbers in stream_families(case.trace.streams).items():
        if family in full:
            given = [None if n in numbers else depth for n, depth in enumerate(depths)]
            cycles = resolve(case.trace, case.memory, case.places, given).cycles
            regained[family] = found.cycles - cycles
    return {family: cycles for family, cycles in regained.items() if cycles > 0}


def _resolved(name: str, case: Case, conditions: Conditions) -> Resolved:
    trace, depths = case.trace, conditions.of(case.trace)
    wrong = missing(trace)
    if wrong:
        lines = [
            f"{name}: {each.stream}: {each.writer} writes {_tokens(each.written)}, {each.reader} "
            f"reads {each.read:,}: {_fault(each.written - each.read)}"
            for each in wrong
        ]
        raise Stuck(lines, {"streams": [vars(each) for each in wrong]})
    found = resolve(trace, case.memory, case.places, depths, detail=True)
    if found.deadlock is not None:
        raise _deadlocked(name, case, depths, found)
    return found


def _tokens(count: int) -> str:
    return f"{count:,} token{'' if count == 1 else 's'}"


def _fault(difference: int) -> str:
    count = _tokens(abs(difference))
    if difference > 0:
        return f"{count} left over: let the reader take them, or do not write them"
    return f"{count} missing: let the writer write them, or do not read them"


def _deadlocked(name: str, case: Case, depths: Sequence[int | None], found: Resolved) -> Stuck:
    """The deadlock in words, and the depths that would end it."""
    trace, deadlock = case.trace, found.deadlock
    assert deadlock is not None
    lines = [f"{name}: deadlock at simulated cycle {found.cycles:,}"]
    lines += describe(trace, deadlock)
    mend = remedy(case, found, depths)
    if mend is None:
        lines.append("no depth of one family of FIFOs ends it")
    else:
        lines.append(f"{mend.fifo} with depth {mend.depth} ends it{_in_spec(mend)}")
    detail = {
        "cycles": found.cycles,
        "cycle": [_blocked(trace, each) for each in deadlock.cycle],
        "blocked": [_blocked(trace, each) for each in deadlock.blocked],
        "remedy": None if mend is None else vars(mend),
    }
    return Stuck(lines, {"what": name, "deadlock": detail})


def _in_spec(mend: Remedy) -> str:
    """How a spec, which has depths by family, says it."""
    if mend.family_depth is None:
        return ""
    return f"; in the spec: `fifos: {{{mend.family}: {mend.family_depth}}}`"


def _blocked(trace: Trace, each: Blocked) -> dict[str, Any]:
    return {
        "process": trace.processes[each.process],
        "stream": trace.streams[each.stream].name,
        "waits_to": "read" if each.reads else "write",
        "fill": each.fill,
        "depth": each.depth,
    }

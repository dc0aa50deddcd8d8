# SPDX-License-Identifier: Apache-2.0
"""The least FIFO depths that keep a design's speed, and those that end a deadlock.

A design whose FIFOs are deeper is never slower, but for the order in which a bank of the memory
serves equally early requests; so each family's least depth is found by halving, and every answer is
a configuration that was resolved as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from .families import family_of, stream_families
from .resolve import BankTiming, Resolved, resolve
from .trace import StreamInfo, Trace

Weigh = Callable[[str, int], float]
"""What a family costs at a depth; where it costs most, it is made shallow first."""


@dataclass(frozen=True)
class Case:
    """A trace on a memory. places: the bank of each port. runs: how often it takes place."""

    trace: Trace
    memory: BankTiming
    places: Sequence[int]
    runs: int = 1

    def resolved(self, depths: Mapping[str, int | None] | None) -> Resolved:
        """With these depths by family (absent ones: the trace's own); None: all FIFOs endless."""
        streams = self.trace.streams
        if depths is None:
            return resolve(self.trace, self.memory, self.places, [None] * len(streams))
        families = stream_families(streams)
        given: list[int | None] = [stream.depth for stream in streams]
        for family, numbers in families.items():
            for number in numbers:
                given[number] = depths.get(family, streams[number].depth)
        return resolve(self.trace, self.memory, self.places, given)


@dataclass(frozen=True)
class Size:
    """A family of `streams` FIFOs. depth: what it has in the cases, of the deepest; shallowest: of
    the least deep one. fill: the greatest of any, were all endless. least: the depth found."""

    family: str
    streams: int
    resource: str
    depth: int
    shallowest: int
    fill: int
    least: int


@dataclass(frozen=True)
class Sizing:
    """Cycles of all cases together: with endless FIFOs, the most allowed, with the least depths,
    and with those that the cases have (None: they deadlock). resolves: how many it took."""

    sizes: tuple[Size, ...]
    endless: int
    allowed: int
    cycles: int
    given: int | None
    resolves: int


def _deepest(family: str, depth: int) -> float:
    return depth


def least(
    cases: Sequence[Case],
    within: Fraction,
    weigh: Weigh = _deepest,
    told: Callable[[str, int], None] = lambda family, left: None,
) -> Sizing:
    """The least depths by family, all together, with which the cases take at most (1 + within)
    times their cycles with endless FIFOs. None is larger than it must be beside the others.
    told: hears each family as its turn comes, and how many are left.

    Raises ValueError for a case that deadlocks with endless FIFOs: a token is missing.
    """
    search = _Search(cases)
    endless = [case.resolved(None) for case in cases]
    if any(found.deadlock is not None for found in endless):
        raise ValueError("a process waits for a token that nobody writes")
    total = sum(case.runs * found.cycles for case, found in zip(cases, endless, strict=True))
    allowed = total + int(total * within)
    fills = _fills(cases, endless)
    given = {family: max(s.depth for s in members) for family, members in search.families.items()}
    at_given = _together(cases)
    # From the depths as they are where they are fast enough: then no family is asked to grow.
    depths = {family: max(1, fill) for family, fill in fills.items()}
    if at_given is not None and at_given <= allowed:
        depths = {family: min(depth, given[family]) for family, depth in depths.items()}
        if (reached := search.cycles(depths)) is None or reached > allowed:
            depths = dict(given)
    order = sorted(depths, key=lambda name: (-weigh(name, depths[name]), name))
    for number, family in enumerate(order):
        told(family, len(order) - number)
        depths[family] = search.shallowest(depths, family, allowed)
    cycles = search.cycles(depths)
    assert cycles is not None
    sizes = tuple(
        Size(family, len(members), members[0].resource, given[family],
             min(stream.depth for stream in members), fills[family], depths[family])
        for family, members in search.families.items()
    )  # fmt: skip
    return Sizing(sizes, total, allowed, cycles, at_given, search.resolves + 2 * len(cases))


def _together(cases: Sequence[Case]) -> int | None:
    """Cycles of all with the depths that they have; None where one deadlocks."""
    found = [case.resolved({}) for case in cases]
    if any(each.deadlock is not None for each in found):
        return None
    return sum(case.runs * each.cycles for case, each in zip(cases, found, strict=True))


@dataclass(frozen=True)
class Remedy:
    """The name of a stream, or of a family of which no stream alone would do, and the least depth
    that ends a deadlock. family: its name, or that of the stream's; family_depth: the least depth
    of all its streams that ends it, None where none does."""

    fifo: str
    depth: int
    family: str
    family_depth: int | None


def remedy(case: Case, stuck: Resolved, depths: Sequence[int | None]) -> Remedy | None:
    """What ends a deadlock at the least depth: one of the full streams that processes wait to
    write, or else its family; None if none does. depths: those that deadlocked."""
    assert stuck.deadlock is not None
    streams = case.trace.streams
    full = {each.stream for each in stuck.deadlock.blocked if not each.reads}
    families = stream_families(streams)
    single = {streams[number].name: (number,) for number in sorted(full)}
    whole = {name: families[name] for name in map(family_of, single)}
    for candidates in (single, whole):
        found = []
        for name, numbers in candidates.items():
            most = max(stuck.tokens[number] for number in numbers)
            depth = _ends_with(case, depths, numbers, most)
            if depth is not None:
                found.append((depth, name))
        if found:
            depth, name = min(found)
            family = family_of(name)
            numbers = families[family]
            most = max(stuck.tokens[number] for number in numbers)
            return Remedy(name, depth, family, _ends_with(case, depths, numbers, most))
    return None


class _Search:
    """Resolves of all cases at depths by family, none of them twice."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases
        self._known: dict[tuple[int, tuple[int, ...]], int | None] = {}
        self._own = [stream_families(case.trace.streams) for case in cases]
        self.resolves = 0
        self.families: dict[str, list[StreamInfo]] = {}
        for case, own in zip(cases, self._own, strict=True):
            for family, numbers in own.items():
                members = [case.trace.streams[number] for number in numbers]
                self.families.setdefault(family, members)

    def cycles(self, depths: Mapping[str, int], most: int | None = None) -> int | None:
        """Of all cases; None where one deadlocks, or where they are known to be above `most`."""
        total = 0
        for number, case in enumerate(self._cases):
            key = (number, tuple(depths[family] for family in self._own[number]))
            if key not in self._known:
                self.resolves += 1
                found = case.resolved(depths)
                self._known[key] = None if found.deadlock is not None else found.cycles
            cycles = self._known[key]
            if cycles is None:
                return None
            total += case.runs * cycles
            if most is not None and total > most:
                return None
        return total

    def shallowest(self, depths: Mapping[str, int], family: str, allowed: int) -> int:
        """The least depth of one family beside the others as they are, which are fast enough."""
        low, high = 0, depths[family]
        while high - low > 1:
            # By ratios: most FIFOs can be far shallower than they are.
            middle = max(low + 1, isqrt(low * high)) if low else min(2, high - 1)
            if self.cycles({**depths, family: middle}, allowed) is None:
                low = middle
            else:
                high = middle
        return high


def _fills(cases: Sequence[Case], resolved: Sequence[Resolved]) -> dict[str, int]:
    """The greatest fill of any stream of each family."""
    fills: dict[str, int] = {}
    for case, found in zip(cases, resolved, strict=True):
        for family, numbers in stream_families(case.trace.streams).items():
            most = max(found.fills[number] for number in numbers)
            fills[family] = max(fills.get(family, 0), most)
    return fills


def _ends_with(
    case: Case, given: Sequence[int | None], numbers: Sequence[int], most: int
) -> int | None:
    """The least depth of those streams, the others as given, that ends a deadlock."""

    def ends(depth: int) -> bool:
        depths = [depth if n in numbers else old for n, old in enumerate(given)]
        return resolve(case.trace, case.memory, case.places, depths).deadlock is None

    # All as shallow as the shallowest is stuck all the more.
    low = min((given[number] or 0) for number in numbers)
    high = low + 1
    while not ends(high):
        if high > most:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if ends(middle) else (middle, high)
    return high

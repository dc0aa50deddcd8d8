# SPDX-License-Identifier: Apache-2.0
"""What we estimated and modelled beside what the vendor's tools reported, as data and as a table.

Estimated: our own resource model. C synthesis: the tool's estimate before placement. Linked: of the
placed and routed design. Modelled: our cycle model. None of it is measured on a card.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sat_host.kernels import KERNELS

from ..estimate import Estimate
from ..resources import RESOURCES, TITLES, Resources, total
from ..toolchain.reports.collect import Results
from ..toolchain.reports.csynth import CsynthReport
from ..toolchain.reports.loops import Pipelined, missed
from .loops import LoopInterval, loops_of
from .parts import estimated, synthesised

TOTAL = "all kernels"
_SHOWN = 10
HEADER = ("what", "resource", "estimated", "C synthesis", "linked", "difference")
NOTE = (
    "Estimated: our resource model; C synthesis: the tool's estimate before placement; linked: the "
    "placed and routed kernels, without the platform. Difference: of what the tools said last, "
    "from the estimate. Modelled times take the cycles modelled for the clock wanted; at a lower "
    "one memory needs fewer of them, so the time is at most that. Nothing here was measured on a "
    "card."
)


@dataclass(frozen=True)
class Amounts:
    """Resources of all kernels, of one, or of a part of one; None where nobody said."""

    name: str
    estimated: Resources | None
    csynth: Resources | None
    linked: Resources | None

    def change(self, resource: str) -> float | None:
        """By which fraction the tools' last word is above the estimate, None without both."""
        last = self.csynth if self.linked is None else self.linked
        if last is None or self.estimated is None:
            return None
        before = float(getattr(self.estimated, resource))
        return None if before == 0 else float(getattr(last, resource)) / before - 1


@dataclass(frozen=True)
class MissedLoop:
    """A loop whose II was not reached: wanted and got, cycles, and why in the tool's words."""

    kernel: str
    module: str
    loop: str
    wanted_ii: int
    ii: int
    reason: str


@dataclass(frozen=True)
class Clocks:
    """MHz. wanted: of the spec; csynth: what C synthesis believes in, by kernel; in_force: what the
    xclbin runs at, None before a link; wns_ns: worst slack of the link, None when not told."""

    wanted_mhz: float
    csynth_mhz: Mapping[str, float]
    in_force_mhz: float | None
    wns_ns: float | None


@dataclass(frozen=True)
class Differences:
    """The whole comparison. amounts: of all kernels, then each; parts: of each kernel, where
    C synthesis tells them apart; intervals: of every pipelined loop; loops: those that missed their
    II; over: what the kernels need more of, by C synthesis, than there is of `limit`, (needed,
    there) by resource; cycles: modelled, of a training step, None when not asked."""

    amounts: tuple[Amounts, ...]
    parts: tuple[Amounts, ...]
    clocks: Clocks
    intervals: tuple[LoopInterval, ...]
    loops: tuple[MissedLoop, ...]
    ignored_pragmas: tuple[str, ...]
    limit: str
    over: Mapping[str, tuple[float, float]]
    cycles: float | None

    @property
    def pipelined(self) -> int:
        """How many loops there are, whose II was reached or missed."""
        return len(self.intervals)

    @property
    def modelled_ms(self) -> dict[str, float]:
        """Modelled milliseconds of a training step, at the clock wanted and at that in force."""
        clocks = {"wanted": self.clocks.wanted_mhz, "in_force": self.clocks.in_force_mhz}
        cycles = self.cycles
        if cycles is None:
            return {}
        return {name: cycles / mhz / 1e3 for name, mhz in clocks.items() if mhz}


def compare(
    estimate: Estimate | None,
    results: Results,
    *,
    wanted_mhz: float,
    in_force_mhz: float | None = None,
    cycles: float | None = None,
    left: Resources | None = None,
) -> Differences:
    """Set the estimate beside `results`. cycles: modelled, of a training step. left: for kernels by
    the platform, None to judge by the whole part."""
    kernels = [_kernel(kernel.name, kernel.instance, estimate, results) for kernel in KERNELS]
    loops = [
        MissedLoop(kernel, loop.module, loop.name, loop.wanted_ii or 0, loop.ii, loop.reason)
        for kernel, pipelined in results.pipelined.items()
        for loop in _unique(missed(pipelined))
    ]
    clocks = Clocks(
        wanted_mhz,
        {name: mhz for name, report in results.csynth.items() if (mhz := report.estimated_mhz)},
        in_force_mhz,
        None if results.timing is None else results.timing.wns_ns,
    )
    return Differences(
        (_all(kernels), *kernels),
        tuple(_parts(estimate, results.csynth)),
        clocks,
        loops_of(results.pipelined),
        tuple(loops),
        tuple(
            f"{kernel}: {pragma.type} at {pragma.location}: {pragma.options}"
            for kernel, report in results.csynth.items()
            for pragma in report.pragmas
        ),
        "the part" if left is None else "what is left for kernels",
        _over(kernels, results.csynth.values(), left),
        cycles,
    )


def document(differences: Differences) -> dict[str, Any]:
    """The comparison for programs; resources by name, null where nobody said."""
    return {
        "figures": NOTE,
        "resources": [_plain(amounts) for amounts in differences.amounts],
        "parts": [_plain(amounts) for amounts in differences.parts],
        "clock": asdict(differences.clocks),
        "ii": {
            "pipelined": differences.pipelined,
            "missed": [asdict(loop) for loop in differences.loops],
            "loops": [asdict(loop) for loop in differences.intervals],
        },
        "ignored_pragmas": list(differences.ignored_pragmas),
        "over": {
            "limit": differences.limit,
            "resources": {
                name: {"needed": needed, "available": there}
                for name, (needed, there) in differences.over.items()
            },
        },
        "modelled_cycles": differences.cycles,
        "modelled_ms": differences.modelled_ms,
    }


def rows(differences: Differences, *, parts: bool = False) -> list[tuple[str, ...]]:
    """The cells under HEADER: every resource of all kernels and of each; `parts`: of these too."""
    shown = (*differences.amounts, *(differences.parts if parts else ()))
    return [_row(amounts, resource) for amounts in shown for resource in RESOURCES]


def lines(differences: Differences) -> list[str]:
    """What is no table: clocks, modelled time, and IIs that were missed; a line each."""
    clocks, told = differences.clocks, []
    told.append(f"clock wanted: {clocks.wanted_mhz:g} MHz")
    for kernel, mhz in clocks.csynth_mhz.items():
        below = " below what is wanted" if mhz < clocks.wanted_mhz else ""
        told.append(f"clock estimated by C synthesis: {mhz:.0f} MHz{below} ({kernel})")
    if clocks.in_force_mhz is not None:
        slack = "" if clocks.wns_ns is None else f", worst slack {clocks.wns_ns:g} ns"
        told.append(f"clock in force: {clocks.in_force_mhz:g} MHz{slack}")
    words = {"wanted": "wanted", "in_force": "in force"}
    for name, ms in differences.modelled_ms.items():
        told.append(f"modelled time of a step at the clock {words[name]}: {ms:,.2f} ms")
    late = len(differences.loops)
    if differences.pipelined:
        told.append(f"II reached: {differences.pipelined - late} of {differences.pipelined} loops")
    told += over_lines(differences)
    return (
        told
        + _shortened([_loop_line(loop) for loop in differences.loops])
        + _shortened([f"pragma not applied: {pragma}" for pragma in differences.ignored_pragmas])
    )


def over_lines(differences: Differences) -> list[str]:
    """What the kernels need more of than there is, a line each."""
    return [
        f"over {differences.limit} by C synthesis: {TITLES[name]} {_count(needed)} of "
        f"{_count(there)}: a link for hw fails"
        for name, (needed, there) in differences.over.items()
    ]


def _loop_line(loop: MissedLoop) -> str:
    place = f"{loop.kernel}, {loop.module}" if loop.module else loop.kernel
    reason = f": {loop.reason}" if loop.reason else ""
    return f"II missed: {loop.loop} ({place}): {loop.ii}, wanted {loop.wanted_ii}{reason}"


def _shortened(told: list[str]) -> list[str]:
    """The first lines, and how many more there are; a program finds all in the document."""
    more = len(told) - _SHOWN
    return told if more <= 0 else [*told[:_SHOWN], f"{told[0].partition(':')[0]}: {more} more"]


def _kernel(name: str, instance: str, estimate: Estimate | None, results: Results) -> Amounts:
    report, utilisation = results.csynth.get(name), results.utilisation
    return Amounts(
        name,
        None if estimate is None else estimate.of_kernel(name),
        None if report is None else report.resources,
        None if utilisation is None else utilisation.kernels.get(instance),
    )


def _all(kernels: Sequence[Amounts]) -> Amounts:
    """The sum; None where a kernel lacks its part of it."""

    def sum_of(parts: Iterable[Resources | None]) -> Resources | None:
        known = tuple(parts)
        present = tuple(part for part in known if part is not None)
        return total(present) if len(present) == len(known) else None

    return Amounts(
        TOTAL,
        sum_of(kernel.estimated for kernel in kernels),
        sum_of(kernel.csynth for kernel in kernels),
        sum_of(kernel.linked for kernel in kernels),
    )


def _over(
    kernels: Sequence[Amounts], reports: Iterable[CsynthReport], left: Resources | None
) -> dict[str, tuple[float, float]]:
    """C synthesis itself does not stop for it; the placer will, hours later."""
    parts = (report.available for report in reports if report.available is not None)
    there = next(parts, None) if left is None else left
    needed = total(tuple(kernel.csynth for kernel in kernels if kernel.csynth is not None))
    if there is None:
        return {}
    pairs = {name: (amount, float(getattr(there, name))) for name, amount in needed}
    return {name: pair for name, pair in pairs.items() if pair[0] > pair[1]}


def _parts(estimate: Estimate | None, csynth: Mapping[str, CsynthReport]) -> Iterable[Amounts]:
    """Each kernel's parts, where C synthesis tells its processes apart."""
    for kernel, report in csynth.items():
        ours = {} if estimate is None else estimated(estimate, kernel)
        for name, amount in synthesised(report, kernel).items():
            yield Amounts(f"{kernel}: {name}", ours.get(name), amount, None)


def _unique(loops: Iterable[Pipelined]) -> tuple[Pipelined, ...]:
    """Each loop once: a function that is instantiated for several callers is scheduled for each."""
    return tuple({(loop.module, loop.name): loop for loop in loops}.values())


def _plain(amounts: Amounts) -> dict[str, Any]:
    changes = {name: amounts.change(name) for name in RESOURCES}
    return {**asdict(amounts), "change": changes}


def _row(amounts: Amounts, resource: str) -> tuple[str, ...]:
    change = amounts.change(resource)
    return (
        amounts.name,
        TITLES[resource],
        *(_cell(each, resource) for each in (amounts.estimated, amounts.csynth, amounts.linked)),
        "-" if change is None else f"{100 * change:+.1f} %",
    )


def _cell(resources: Resources | None, resource: str) -> str:
    return "-" if resources is None else _count(getattr(resources, resource))


def _count(number: float) -> str:
    return f"{number:,.1f}".removesuffix(".0")

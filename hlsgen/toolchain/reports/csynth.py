# SPDX-License-Identifier: Apache-2.0
"""The report of a C synthesis, `<top>_csynth.xml` or `csynth.xml`, Vivado HLS to Vitis 2025.x."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import WorkError
from ...resources import Resources

_UNKNOWN = ("", "?", "-", "undef", "none", "n/a")


@dataclass(frozen=True)
class Loop:
    """A loop of a module. wanted_ii, ii, depth: cycles, None where the report does not say (a loop
    that is not pipelined has no II; `wanted_ii` stands in the log alone, reports.loops reads it);
    trip_count: the most iterations, None when unknown."""

    name: str
    wanted_ii: int | None
    ii: int | None
    depth: int | None
    trip_count: int | None
    module: str = ""


@dataclass(frozen=True)
class Pragma:
    """A pragma that the tool did not apply: its type, place (file:line) and options."""

    type: str
    location: str
    options: str
    status: str


@dataclass(frozen=True)
class Module:
    """One module of the hierarchy: its estimated resources, callees included. latency, interval:
    worst case in cycles, None when unknown; instances: how many of it the design holds, at least
    1."""

    name: str
    resources: Resources
    latency: int | None
    interval: int | None
    instances: int = 1


@dataclass(frozen=True)
class CsynthReport:
    """What C synthesis estimates of one top function.

    clock_ns, estimated_ns: target and estimated period; resources, available: of the top and of
    the whole part, None where absent; latency, interval: worst case in cycles, None when a trip
    count is unknown; loops: of all modules; pragmas: those ignored. All figures are the tool's
    estimates before placement, none is measured.
    """

    top: str
    version: str
    part: str
    clock_ns: float | None
    estimated_ns: float | None
    resources: Resources
    available: Resources | None
    latency: int | None
    interval: int | None
    loops: tuple[Loop, ...]
    modules: tuple[Module, ...]
    pragmas: tuple[Pragma, ...]

    @property
    def estimated_mhz(self) -> float | None:
        """The clock that C synthesis believes in, MHz."""
        return 1e3 / self.estimated_ns if self.estimated_ns else None


def read_csynth(text: str, file: str = "csynth.xml") -> CsynthReport:
    """Read a csynth report. Raises WorkError, one line that names `file`, when it is not one."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise WorkError(f"{file}: not a report of C synthesis ({error}): run it again") from None
    if root.find("UserAssignments") is None and root.find("AreaEstimates") is None:
        raise WorkError(f"{file}: not a report of C synthesis (<{root.tag}>): run it again")
    available = root.find("AreaEstimates/AvailableResources")
    return CsynthReport(
        _text(root, "UserAssignments/TopModelName"),
        _text(root, "ReportVersion/Version"),
        _text(root, "UserAssignments/Part"),
        _number(root, "UserAssignments/TargetClockPeriod"),
        _number(root, "PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod"),
        _resources(root.find("AreaEstimates/Resources")),
        None if available is None or not len(available) else _resources(available),
        _cycles(root, "PerformanceEstimates/SummaryOfOverallLatency/Worst-caseLatency"),
        _cycles(root, "PerformanceEstimates/SummaryOfOverallLatency/Interval-max"),
        tuple(_all_loops(root)),
        tuple(_modules(root)),
        tuple(_ignored(root)),
    )


def _all_loops(root: ET.Element) -> Iterator[Loop]:
    """The top's own loops, then those of each module that the top's list does not hold."""
    top = _text(root, "UserAssignments/TopModelName")
    seen = set()
    places = [(top, root), *((_text(m, "Name"), m) for m in root.iterfind(".//Module"))]
    for module, element in places:
        for entry in element.iterfind("PerformanceEstimates/SummaryOfLoopLatency/*"):
            for loop in _loop(module, entry):
                if (loop.module, loop.name) not in seen:
                    seen.add((loop.module, loop.name))
                    yield loop


def _loop(module: str, entry: ET.Element) -> Iterator[Loop]:
    """The loop and those nested in it, which older reports hold inside its element."""
    name = _text(entry, "Name") or entry.get("name") or entry.tag
    trips = _cycles(entry, "TripCount/range/max") or _cycles(entry, "TripCount")
    ii, depth = _cycles(entry, "PipelineII"), _cycles(entry, "PipelineDepth")
    yield Loop(name, None, ii, depth, trips, module)
    for child in entry:
        if child.find("TripCount") is not None:
            yield from _loop(module, child)


def _modules(root: ET.Element) -> Iterator[Module]:
    overall = "PerformanceEstimates/SummaryOfOverallLatency/"
    held = Counter(_text(each, "ModuleName") for each in root.iterfind(".//InstancesList/Instance"))
    for element in root.iterfind("ModuleInformation/Module"):
        name = _text(element, "Name")
        yield Module(
            name,
            _resources(element.find("AreaEstimates/Resources")),
            _cycles(element, overall + "Worst-caseLatency"),
            _cycles(element, overall + "PipelineInitiationInterval"),
            max(1, held[name]),
        )


def _ignored(root: ET.Element) -> Iterator[Pragma]:
    for pragma in root.iterfind("PragmaReport/Pragma"):
        status = pragma.get("status", "valid")
        if status.lower() != "valid":
            yield Pragma(
                pragma.get("type", ""),
                pragma.get("location", ""),
                pragma.get("options", ""),
                status,
            )


def _resources(element: ET.Element | None) -> Resources:
    """Counts; what the report leaves out is 0 (small families have no URAM)."""
    if element is None:
        return Resources()
    counts = {child.tag: _float(child.text) or 0.0 for child in element}
    dsp = next((counts[name] for name in ("DSP", "DSP48E", "DSP48E2") if name in counts), 0.0)
    return Resources(
        lut=int(counts.get("LUT", 0)),
        ff=int(counts.get("FF", 0)),
        dsp=int(dsp),
        bram36=counts.get("BRAM_18K", 0.0) / 2,
        uram=int(counts.get("URAM", 0)),
    )


def _text(element: ET.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _number(element: ET.Element, path: str) -> float | None:
    return _float(element.findtext(path))


def _cycles(element: ET.Element, path: str) -> int | None:
    """A count of cycles; of a range such as `30 ~ 541` the most."""
    text = (element.findtext(path) or "").rpartition("~")[2]
    number = _float(text)
    return None if number is None else int(number)


def _float(text: str | None) -> float | None:
    """The number, or None for the tool's ways to say that it does not know."""
    word = (text or "").strip()
    if word.lower() in _UNKNOWN:
        return None
    try:
        return float(word.replace(",", ""))
    except ValueError:
        return None

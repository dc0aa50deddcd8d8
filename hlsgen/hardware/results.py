# SPDX-License-Identifier: Apache-2.0
"""hardware.json: what the vendor's tools reported of a build, beside what was modelled.

* format; figures: what kind each figure is of
* name, target, card, platform, vitis: of the build
* clock: that was wanted, that the link asked for, that is in force, and why, in words; null in the
  one beside the steps as long as there is no xclbin
* differences: estimate, C synthesis and link side by side (hlsgen.hardware.differences)
* csynth (by kernel), timing, utilisation, xclbin: the reports, null where a step wrote none
* warnings: by step, each with kind, cause, mend, and the log relative to the step's folder

It holds no times of day, durations or folders of ours, so that equal reports make equal files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sat_host.manifest import Target

from ..bundle import HARDWARE
from ..disk import disk_errors
from ..estimate import estimate
from ..spec import Spec
from ..toolchain.engine import StepDone
from ..toolchain.platforms import FoundPlatform
from ..toolchain.reports.collect import Results, read_results
from ..toolchain.step_state import LOG
from .differences import Differences, compare
from .differences import document as differences_document

FORMAT = 1
_NEAR_MHZ = 0.5
_FIGURES = (
    "estimated and modelled: our own figures; csynth: estimated by C synthesis; timing, "
    "utilisation, xclbin: results of the link; nothing in here was measured on a card"
)


@dataclass(frozen=True)
class Origin:
    """What the steps were run for. vitis: the version."""

    spec: Spec
    target: Target
    platform: FoundPlatform
    vitis: str


@dataclass(frozen=True)
class ClockInForce:
    """Kernel clocks in MHz: of the spec, that the link asked for, and that holds; told: which one
    holds and why, in words."""

    wanted_mhz: float
    linked_mhz: float
    in_force_mhz: float
    told: str


def results_of(steps: Sequence[StepDone]) -> Results:
    """What the steps that are done reported."""
    return read_results({done.step.name: done.folder for done in steps}, LOG)


def clock_in_force(
    results: Results, target: Target, wanted_mhz: float, linked_mhz: float
) -> ClockInForce:
    """Which clock the kernels of a link run at.

    v++ lowers the clock by itself when a path misses it; what it settled on is in `xclbin.info`
    (UG1702), and in its log. Emulation takes what it is asked for.
    """
    if target == "hw_emu":
        told = f"{linked_mhz:g} MHz emulated, which says nothing of the timing"
        return ClockInForce(wanted_mhz, linked_mhz, linked_mhz, told)
    clock = None if results.info is None else results.info.kernel_clock
    achieved = None if clock is None else clock.achieved_mhz
    if achieved is None:
        achieved = results.scaled[0].mhz if results.scaled else linked_mhz
    told = f"{achieved:g} MHz in force"
    if abs(achieved - wanted_mhz) >= _NEAR_MHZ:
        told += f", {wanted_mhz:g} MHz wanted"
    if linked_mhz != wanted_mhz:
        told += f"; linked for {linked_mhz:g} MHz of hardware.clock_ladder, as timing was missed"
    if achieved <= linked_mhz - _NEAR_MHZ:
        told += f"; v++ lowered it from {linked_mhz:g} MHz to meet the timing"
    return ClockInForce(wanted_mhz, linked_mhz, achieved, told)


def differences_of(
    origin: Origin, results: Results, clock: ClockInForce | None, cycles: float | None
) -> Differences:
    """The estimate beside what the tools said. cycles: modelled, of a training step."""
    spec = origin.spec
    return compare(
        estimate(spec),
        results,
        wanted_mhz=spec.clock_mhz,
        in_force_mhz=None if clock is None else clock.in_force_mhz,
        cycles=cycles,
        left=origin.platform.card.kernels,
    )


def report_text(
    origin: Origin,
    steps: Sequence[StepDone],
    results: Results,
    differences: Differences,
    clock: ClockInForce | None = None,
) -> str:
    """The content of hardware.json, of the steps that are done."""
    document = {
        "format": FORMAT,
        "figures": _FIGURES,
        "name": origin.spec.name,
        "target": origin.target,
        "card": origin.spec.card,
        "platform": origin.platform.name,
        "vitis": origin.vitis,
        "clock": _plain(clock),
        "differences": differences_document(differences),
        "csynth": {kernel: asdict(report) for kernel, report in results.csynth.items()},
        "timing": _plain(results.timing),
        "utilisation": _plain(results.utilisation),
        "xclbin": _plain(results.info),
        "warnings": {each.step.name: asdict(each.trouble) for each in steps if each.trouble},
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def write_report(work: Path, text: str) -> Path:
    """Write hardware.json beside the steps, whole or not at all, and say where. Raises InputError
    or WorkError for a disk that refuses."""
    partial, report = work / f".{HARDWARE}.partial", work / HARDWARE
    with disk_errors(work):
        partial.write_text(text, encoding="utf-8")
        partial.replace(report)
    return report


def _plain(report: Any) -> dict[str, Any] | None:
    return None if report is None else asdict(report)

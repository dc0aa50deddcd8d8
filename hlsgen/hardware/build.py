# SPDX-License-Identifier: Apache-2.0
"""The part of a build that needs the vendor's tools: from the rendered project to an xclbin.

The steps of one target live in `<bundle>.vitis/<target>/` and go on where an earlier build stopped
(hlsgen.toolchain.engine). Where the timing of the link is missed, the clocks of the spec's
`hardware.clock_ladder` are tried in turn; the kernels are synthesised once, for clock_mhz.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sat_host.kernels import KERNELS
from sat_host.manifest import Target

from ..bundle import EMCONFIG, XCLBIN, CardFiles
from ..cards import CARDS
from ..cosim import cosim_files
from ..disk import bytes_text
from ..errors import ToolMissingError
from ..estimate import estimate
from ..project import Project
from ..spec import Spec
from ..toolchain.discover import Vitis, assumed_vitis, find_vitis, tool_environment
from ..toolchain.engine import (
    Choice,
    StepDone,
    StepError,
    Workspace,
    check_choice,
    run_steps,
    work_folder,
)
from ..toolchain.failure_signs import Kind
from ..toolchain.plan import HardwareJob, plan_hardware
from ..toolchain.platforms import FoundPlatform, assumed_platform, find_platform
from ..toolchain.progress import Watcher, duration_text, usual_text
from ..toolchain.steps import ToolStep
from .differences import Differences
from .judge import Judge
from .results import (
    ClockInForce,
    Origin,
    clock_in_force,
    differences_of,
    report_text,
    results_of,
    write_report,
)

_HLS_STEPS = ("csynth_", "cosim_")
NO_PLATFORM = "none"
"""In the place of a platform's name, for a build that ends before the link."""


@dataclass(frozen=True)
class HardwareRequest:
    """What the user asks for. vitis, platform: instead of the spec's. timeout: seconds of a step.
    cosim: co-simulate the kernels before the link."""

    target: Target
    vitis: Path | None = None
    platform: str | None = None
    choice: Choice = field(default_factory=Choice)
    cosim: bool = False
    timeout: float | None = None
    watcher: Watcher = field(default_factory=Watcher)


@dataclass(frozen=True)
class Rung:
    """A clock, MHz, to link for, and the steps of a build that does."""

    clock_mhz: int
    steps: tuple[ToolStep, ...]


@dataclass(frozen=True)
class Prepared:
    """A build that may start. rungs: one for each clock, the wanted one first. assumed: why Vitis
    and platform are only assumed; "" when both were found."""

    spec: Spec
    request: HardwareRequest
    vitis: Vitis
    platform: FoundPlatform
    rungs: tuple[Rung, ...]
    assumed: str = ""

    @property
    def origin(self) -> Origin:
        """What its reports are of."""
        return Origin(self.spec, self.request.target, self.platform, self.vitis.version)


@dataclass(frozen=True)
class HardwareResult:
    """What the tools did. work: the folder of the steps' folders. differences: the estimate beside
    what the tools reported so far, also in `report`, beside the steps. clock, card_files: None for
    a build that was asked to stop before the last step. notes: what the user must know, a line
    each."""

    target: Target
    vitis: str
    platform: str
    work: Path
    report: Path
    steps: tuple[StepDone, ...]
    notes: tuple[str, ...]
    differences: Differences
    clock: ClockInForce | None = None
    card_files: CardFiles | None = None


def work_of(bundle: Path, target: Target) -> Path:
    """Where the tool steps of a bundle are: beside it, since a build replaces the bundle."""
    return bundle.with_name(f"{bundle.name}.vitis") / target


def prepare(
    spec: Spec, project: Project, request: HardwareRequest, environ: Mapping[str, str]
) -> Prepared:
    """Find the tools and plan their steps; runs no step and writes nothing.

    Raises ToolMissingError without Vitis or an installed platform, InputError for a card without a
    platform or a choice of steps that can't be.
    """
    named = _absolute(spec.hardware.vitis)
    vitis = find_vitis(environ, argument=_absolute(request.vitis), named=named)
    platform = _platform(spec, request, vitis, environ)
    return _prepared(spec, project, request, vitis, platform)


def prepare_or_assume(
    spec: Spec, project: Project, request: HardwareRequest, environ: Mapping[str, str]
) -> Prepared:
    """As `prepare`, but with the newest Vitis known where one is missing: to look at, not to run.

    Raises InputError.
    """
    try:
        return prepare(spec, project, request, environ)
    except ToolMissingError as error:
        vitis = assumed_vitis()
        named = request.platform or spec.hardware.platform
        platform = assumed_platform(CARDS[spec.card], named)
        why = f"{error}; shown as for {vitis.title} and {platform.name}"
        return _prepared(spec, project, request, vitis, platform, why)


@contextmanager
def built_hardware(
    prepared: Prepared, bundle: Path, environ: Mapping[str, str], cycles: float | None = None
) -> Iterator[HardwareResult]:
    """Run what is left to do, and hold the lock of the work folder while its files are used.

    cycles: modelled, of a training step. Raises StepError for a step that fails, InputError or
    WorkError for a disk that refuses.
    """
    request = prepared.request
    watcher = _Notes(request.watcher)
    work = work_of(bundle, request.target)
    sourced = functools.cache(lambda settings: tool_environment(settings, environ))
    insists = request.choice.first == "link"
    judge = Judge(prepared.origin, work, watcher, insists=insists)
    workspace = Workspace(work, request.target, sourced, request.timeout, watcher, judge.before)
    with work_folder(work):
        if prepared.platform.remark:
            request.watcher.remark(prepared.platform.remark)
        linked_mhz, steps = _climb_down(prepared, workspace)
        yield _result(prepared, work, steps, linked_mhz, tuple(watcher.notes), cycles)


def step_rows(result: HardwareResult) -> list[tuple[str, float, bool, str]]:
    """Name, seconds of this build, whether kept, and a detail, of each step."""
    rows = []
    for done in result.steps:
        told = f"made in {duration_text(done.seconds)}" if done.kept else usual_text(done.step)
        told += f", peak memory {bytes_text(done.peak_memory_bytes)}"
        rows.append((done.step.name, 0.0 if done.kept else done.seconds, done.kept, told))
    return rows


class _Notes(Watcher):
    """Passes on what it hears, and keeps the notes, each once."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.notes: list[str] = []

    def started(self, step: ToolStep, number: int, count: int) -> None:
        self._watcher.started(step, number, count)

    def phase(self, text: str) -> None:
        self._watcher.phase(text)

    def waiting(self) -> None:
        self._watcher.waiting()

    def ended(self, name: str, seconds: float, kept: bool) -> None:
        self._watcher.ended(name, seconds, kept)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
        self._watcher.note(text)


def _absolute(folder: Path | str | None) -> str | None:
    """Tools run in folders of their own, where a path from here leads nowhere."""
    return None if folder is None else str(Path(folder).expanduser().absolute())


def _platform(
    spec: Spec, request: HardwareRequest, vitis: Vitis, environ: Mapping[str, str]
) -> FoundPlatform:
    card, named = CARDS[spec.card], request.platform or spec.hardware.platform
    last = request.choice.last
    if named is None and last is not None and last.startswith(_HLS_STEPS):
        return FoundPlatform(NO_PLATFORM, None, card)  # HLS needs the part alone
    return find_platform(card, vitis, environ, named=named)


def _prepared(
    spec: Spec,
    project: Project,
    request: HardwareRequest,
    vitis: Vitis,
    platform: FoundPlatform,
    assumed: str = "",
) -> Prepared:
    testbenches = _testbenches(spec) if request.cosim else None
    ladder = spec.hardware.clock_ladder if request.target == "hw" else ()
    slrs = estimate(spec).kernel_slrs
    rungs = []
    for clock_mhz in (spec.clock_mhz, *ladder):
        job = HardwareJob(
            name=spec.name,
            project=project,
            vitis=vitis,
            platform=platform,
            target=request.target,
            clock_mhz=spec.clock_mhz,
            link_clock_mhz=clock_mhz,
            slrs=slrs,
            jobs=spec.hardware.jobs,
            testbenches=testbenches,
        )
        rungs.append(Rung(clock_mhz, plan_hardware(job)))
    check_choice(rungs[0].steps, request.choice)
    return Prepared(spec, request, vitis, platform, tuple(rungs), assumed)


def _testbenches(spec: Spec) -> dict[str, Mapping[str, bytes]]:
    return {kernel.name: cosim_files(spec, kernel.name) for kernel in KERNELS}


def _climb_down(prepared: Prepared, workspace: Workspace) -> tuple[int, tuple[StepDone, ...]]:
    """Run the steps for the first clock whose timing is met, and say which that is."""
    choice = prepared.request.choice
    *upper, lowest = prepared.rungs
    for rung, below in zip(upper, prepared.rungs[1:], strict=True):
        tried = at_rung(workspace, rung, prepared)
        try:
            return rung.clock_mhz, run_steps(rung.steps, tried, choice)
        except StepError as error:
            if error.kind != "timing":
                raise
            workspace.watcher.note(
                f"{error}: not met at {rung.clock_mhz} MHz: linking for {below.clock_mhz} MHz, "
                "the next of hardware.clock_ladder"
            )
            choice = _from_link(choice, error.step, rung.steps)
    last = at_rung(workspace, lowest, prepared)
    return lowest.clock_mhz, run_steps(lowest.steps, last, choice)


def _from_link(choice: Choice, link: str, steps: Sequence[ToolStep]) -> Choice:
    """The choice for a lower clock, which no step before the link depends on: those that were asked
    for again have been run by now."""
    early = [step.name for step in steps[: [step.name for step in steps].index(link) + 1]]
    again = choice.force or choice.first in early
    return Choice(link if again else choice.first, choice.last)


def at_rung(workspace: Workspace, rung: Rung, prepared: Prepared) -> Workspace:
    """Where the steps of a rung are run. A missed timing is remembered as long as there is a lower
    clock to try instead."""
    variant = "" if rung is prepared.rungs[0] else f"{rung.clock_mhz}mhz"
    missed: frozenset[Kind] = frozenset({"timing"})
    remembered = frozenset() if rung is prepared.rungs[-1] else missed
    return replace(workspace, variant=variant, remembered=remembered)


def _result(
    prepared: Prepared,
    work: Path,
    steps: tuple[StepDone, ...],
    linked_mhz: int,
    notes: tuple[str, ...],
    cycles: float | None,
) -> HardwareResult:
    """What was made, with the reports read back, and as it goes into the bundle if it is whole."""
    spec, target = prepared.spec, prepared.request.target
    results, clock, card_files = results_of(steps), None, None
    whole = len(steps) == len(prepared.rungs[0].steps)
    if whole:
        clock = clock_in_force(results, target, spec.clock_mhz, linked_mhz)
    differences = differences_of(prepared.origin, results, clock, cycles)
    report = report_text(prepared.origin, steps, results, differences, clock)
    if clock is not None:
        settings, files = _xclbin(prepared, steps, clock)
        card_files = CardFiles(settings, files, report)
    return HardwareResult(
        target=target,
        vitis=prepared.vitis.version,
        platform=prepared.platform.name,
        work=work,
        report=write_report(work, report),
        steps=steps,
        notes=notes,
        differences=differences,
        clock=clock,
        card_files=card_files,
    )


def _xclbin(
    prepared: Prepared, steps: tuple[StepDone, ...], clock: ClockInForce
) -> tuple[dict[str, Any], dict[str, Path]]:
    """The manifest's "xclbin", and the files that go with it by their names in the bundle."""
    last, emconfig = steps[-1], None
    xclbin = last.step.outputs[0]
    files = {XCLBIN: last.folder / xclbin}
    for done in steps:
        if done.step.name == "emconfig":
            output = done.step.outputs[0]
            files[EMCONFIG] = done.folder / output
            emconfig = {"file": EMCONFIG, "sha256": done.outputs[output]}
    settings = {
        "file": XCLBIN,
        "sha256": last.outputs[xclbin],
        "target": prepared.request.target,
        "card": prepared.spec.card,
        "platform": prepared.platform.name,
        "vitis": prepared.vitis.version,
        "clock_mhz": clock.in_force_mhz,
        "emconfig": emconfig,
    }
    return settings, files

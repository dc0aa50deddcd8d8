# SPDX-License-Identifier: Apache-2.0
"""`hlsgen build` as a function: the steps from a spec file to a published bundle.

Each step is a function with typed input and output, run in the order of STEPS. Nothing reaches the
target before the last step has passed. For a card, or its emulation, the bundle for csim is
published first; then the vendor's tools run (hlsgen.hardware), and the bundle is published again,
whole, with what they made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sat_host.isa import machine_isa
from sat_host.selftest import Check

from .bundle import Parts, host_project, kept_card_files, left_out, write_bundle
from .cache import Cache, open_cache, peek_cache
from .disk import disk_errors
from .errors import ToolMissingError
from .estimate import Estimate, require_fit
from .hardware.build import (
    HardwareRequest,
    HardwareResult,
    Prepared,
    built_hardware,
    prepare,
    prepare_or_assume,
    step_rows,
    work_of,
)
from .hardware.folder import check_folder
from .hardware.planned import HardwarePlan, plan_of
from .hardware.publish import publish
from .hardware.sources import check_sources
from .lint.check import Report
from .project import Project
from .render import CSIM_UNITS, INCLUDE_DIRS, render
from .scheduled import Scheduled, program_text
from .selftest import self_test, selftest_command, selftest_key
from .spec import Spec
from .specfifos import self_contained
from .specfile import parse_spec, read_spec
from .staging import check_target, resolve_target, staged
from .toolchain.compiler import find_compiler
from .toolchain.gxx import CompiledLibrary, Plan, compile_library, plan_library
from .toolchain.run import command_text

STEPS = ("check", "render", "schedule", "compile", "bundle", "self-test")
"""The steps in order; the first three need no compiler and write nothing."""

_ELSEWHERE = "choose another folder with -o"

T = TypeVar("T")
OnStep = Callable[[str], None]


@dataclass(frozen=True)
class StepResult:
    """One step that was done. cached: its outcome was kept from an earlier build."""

    name: str
    seconds: float
    cached: bool
    detail: str


@dataclass(frozen=True)
class BuildResult:
    """A published bundle. Sizes: word_bytes of a memory word, tile_bytes of one memory tile of
    binary32 sums, of which the array holds two.

    xclbin: as in the manifest, None for a bundle of csim alone; a build for csim keeps that of the
    same accelerator. hardware: what the vendor's tools did, None when they were not asked for.
    remarks: what is estimated to be tight on the card, which the watcher of these tools has told.
    """

    bundle: Path
    spec: Spec
    digest: str
    library_sha256: str
    compiler: str
    isa: str
    word_bytes: int
    tile_bytes: int
    steps: tuple[StepResult, ...]
    checks: tuple[Check, ...]
    warnings: tuple[str, ...]
    xclbin: Mapping[str, Any] | None = None
    hardware: HardwareResult | None = None
    remarks: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Wall time of all steps together."""
        return sum(step.seconds for step in self.steps)


@dataclass(frozen=True)
class PlannedCommand:
    """A command that a build would run in a folder that holds the project, unless cached."""

    step: str
    command: str
    cached: bool


@dataclass(frozen=True)
class BuildPlan:
    """What a build would do; making it writes nothing. remarks: as of BuildResult."""

    bundle: Path
    digest: str
    compiler: str
    isa: str
    steps: tuple[str, ...]
    commands: tuple[PlannedCommand, ...]
    hardware: HardwarePlan | None = None
    remarks: tuple[str, ...] = ()


class _Ledger:
    """Runs steps, and keeps what each cost. `on_step` hears the name of each as it starts."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self.results: list[StepResult] = []

    def run(self, name: str, work: Callable[[], T], tell: Callable[[T], tuple[bool, str]]) -> T:
        self._on_step(name)
        start = time.monotonic()
        outcome = work()
        self.results.append(StepResult(name, time.monotonic() - start, *tell(outcome)))
        return outcome


def build(
    spec_file: Path,
    out: Path | None,
    environ: Mapping[str, str],
    on_step: OnStep = lambda name: None,
    *,
    text: bytes | None = None,
    hardware: HardwareRequest | None = None,
) -> BuildResult:
    """Build the bundle of `spec_file` at `out`, or at build/<name>.

    text: the content of `spec_file` when it has been read already; a pipe gives it only once.
    hardware: the target beside csim, None for csim alone.

    Raises InputError for a bad spec or target, ToolMissingError without a compiler, WorkError when
    a step fails; then the target is as it was before. With `hardware` also what hlsgen.hardware
    raises, and WorkError for a finding of hlsgen.lint, with the bundle for csim at the target;
    ToolMissingError names that bundle.
    """
    ledger = _Ledger(on_step)
    name, given = str(spec_file), read_spec(spec_file) if text is None else text
    spec, found = ledger.run("check", lambda: _checked(given, name), lambda _: (False, name))
    target = target_of(spec, out, hardware)
    compiler = find_compiler(environ)
    project = ledger.run("render", lambda: render(spec), _tell_project)
    prepared = None if hardware is None else _prepared_or_why(spec, project, hardware, environ)
    remarks = _tell_remarks(prepared, found)
    made = ledger.run("schedule", lambda: program_text(spec, name), _tell_program)
    plan = plan_library(project, CSIM_UNITS, INCLUDE_DIRS, compiler, machine_isa())
    lost = "" if hardware is not None else left_out(target, project.digest, spec.card)
    with open_cache(environ) as cache:
        library = ledger.run("compile", lambda: compile_library(plan, cache), _tell_library)
        parts = _parts(spec, self_contained(given, spec, name), project, library, made)
        parts, checks = _publish_csim(target, parts, cache, ledger)
        warnings = tuple(filter(None, (lost, cache.warning)))
    result = _result(target, parts, f"{compiler.kind} {compiler.version}", checks, ledger, warnings)
    if prepared is None:
        return result
    if isinstance(prepared, ToolMissingError):
        raise ToolMissingError(f"{prepared}; the bundle for csim is at {target}") from prepared
    with suppress(ToolMissingError):  # the extra hlsgen[lint] may be missing: the tools see it all
        ledger.run("lint", lambda: check_sources(target, environ), _tell_lint)
    with built_hardware(prepared, target, environ, float(made.cycles)) as done:
        ledger.results += [StepResult(*row) for row in step_rows(done)]
        if done.card_files is not None:
            parts = replace(parts, card_files=done.card_files)
            swap = partial(publish, target, parts, done.card_files, done.work)
            ledger.run("publish", swap, lambda told: (False, told))
    steps = tuple(ledger.results)
    return replace(result, steps=steps, remarks=remarks, xclbin=_xclbin(parts), hardware=done)


def _tell_remarks(prepared: Prepared | ToolMissingError | None, found: Estimate) -> tuple[str, ...]:
    """What is tight on the card, told before the vendor's tools spend hours on it; nothing to a
    build that runs none."""
    if not isinstance(prepared, Prepared):
        return ()
    remarks = _remarks(found)
    for remark in remarks:
        prepared.request.watcher.note(remark)
    return remarks


def _remarks(found: Estimate) -> tuple[str, ...]:
    return tuple(f"estimated: {remark}" for remark in found.remarks)


def _parts(
    spec: Spec, text: bytes, project: Project, library: CompiledLibrary, made: Scheduled
) -> Parts:
    return Parts(spec, text, project, library, host_project(), made.text)


def _publish_csim(
    target: Path, parts: Parts, cache: Cache, ledger: _Ledger
) -> tuple[Parts, tuple[Check, ...]]:
    """Publish the bundle for csim, tested; an xclbin of the same sources stays in it."""
    with staged(target) as folder:

        def bundle() -> Parts:
            kept = kept_card_files(target, parts.project.digest, parts.spec.card)
            whole = replace(parts, card_files=kept)
            with disk_errors(target.parent, _ELSEWHERE):
                write_bundle(folder, whole)
            return whole

        whole = ledger.run("bundle", bundle, lambda each: _tell_bundle(each, target))
        key = selftest_key(parts.spec, parts.library.sha256, parts.host)
        checks, _ = ledger.run("self-test", lambda: self_test(folder, key, cache), _tell_checks)
    return whole, checks


def _xclbin(parts: Parts) -> Mapping[str, Any] | None:
    return None if parts.card_files is None else parts.card_files.entry()


def _result(
    target: Path,
    parts: Parts,
    compiler: str,
    checks: tuple[Check, ...],
    ledger: _Ledger,
    warnings: tuple[str, ...],
) -> BuildResult:
    config = parts.spec.array
    return BuildResult(
        bundle=target,
        spec=parts.spec,
        digest=parts.project.digest,
        library_sha256=parts.library.sha256,
        compiler=compiler,
        isa=parts.library.isa,
        word_bytes=2 * config.lanes,
        tile_bytes=4 * config.rows * config.interleave * config.lanes * config.memory_tile,
        steps=tuple(ledger.results),
        checks=checks,
        warnings=warnings,
        xclbin=_xclbin(parts),
    )


def _checked(given: bytes, name: str) -> tuple[Spec, Estimate]:
    spec = parse_spec(given, name)
    return spec, require_fit(spec, name)


def _prepared_or_why(
    spec: Spec, project: Project, hardware: HardwareRequest, environ: Mapping[str, str]
) -> Prepared | ToolMissingError:
    """The tools and their steps; without tools csim is still built. Raises InputError."""
    try:
        return prepare(spec, project, hardware, environ)
    except ToolMissingError as error:
        return error


def plan_build(
    spec_file: Path,
    out: Path | None,
    environ: Mapping[str, str],
    hardware: HardwareRequest | None = None,
) -> BuildPlan:
    """What `build` would do, with its exact commands. Writes nothing; raises as `build`, but shows
    the steps of a Vitis that is missing."""
    spec, found = _checked(read_spec(spec_file), str(spec_file))
    target = target_of(spec, out, hardware)
    compiler = find_compiler(environ)
    project = render(spec)
    tools = None
    if hardware is not None:
        tools = plan_of(prepare_or_assume(spec, project, hardware, environ), target)
    plan = plan_library(project, CSIM_UNITS, INCLUDE_DIRS, compiler, machine_isa())
    program_text(spec, str(spec_file))  # refuses what does not fit the card, as `build` does
    cache = peek_cache(environ)
    commands = tuple(
        PlannedCommand(
            "compile", command_text(call.argv), cache.get(call.key, call.suffix) is not None
        )
        for call in plan.commands
    )
    test = PlannedCommand(
        "self-test",
        command_text(selftest_command(target)),
        _remembers_selftest(spec, plan, cache),
    )
    return BuildPlan(
        bundle=target,
        digest=plan.project.digest,
        compiler=f"{compiler.kind} {compiler.version}",
        isa=plan.isa,
        steps=STEPS,
        commands=(*commands, test),
        hardware=tools,
        remarks=() if hardware is None else _remarks(found),
    )


def target_of(spec: Spec, out: Path | None, hardware: HardwareRequest | None = None) -> Path:
    """The resolved bundle folder, checked early so that a bad one costs no compile."""
    target = resolve_target(Path("build", spec.name) if out is None else out)
    if hardware is not None:
        check_folder(work_of(target, hardware.target))
    check_target(target)
    return target


def _remembers_selftest(spec: Spec, plan: Plan, cache: Cache) -> bool:
    entry = cache.get(plan.link.key, plan.link.suffix)
    if entry is None:
        return False
    return cache.get(selftest_key(spec, entry.sha256, host_project()), ".json") is not None


# What the table says of each step ---------------------------------------------------------------


def _tell_project(project: Project) -> tuple[bool, str]:
    return False, f"{len(project.files)} files, digest {project.digest[:12]}"


def _tell_program(scheduled: Scheduled) -> tuple[bool, str]:
    return False, (
        f"{scheduled.products} products, {scheduled.cycles:,} modelled cycles a step, "
        "without the overlap of updates that `schedule` models"
    )


def _tell_library(library: CompiledLibrary) -> tuple[bool, str]:
    kept = sum(report.cached for report in library.objects)
    isa = f" for {library.isa}" if library.isa else ""
    return library.cached, f"{kept} of {len(library.objects)} objects from the cache{isa}"


def _tell_bundle(parts: Parts, target: Path) -> tuple[bool, str]:
    if parts.card_files is None:
        return False, str(target)
    settings = parts.card_files.settings
    clock = f"{settings['clock_mhz']:g} MHz"
    return False, f"{target}, with the {settings['target']} xclbin for {clock} that it had"


def _tell_lint(report: Report) -> tuple[bool, str]:
    return False, f"no findings in {report.files} files, {report.pragmas} pragmas"


def _tell_checks(outcome: tuple[tuple[Check, ...], bool]) -> tuple[bool, str]:
    checks, cached = outcome
    return cached, f"{len(checks)} of {len(checks)} checks equal the golden model, bit for bit"

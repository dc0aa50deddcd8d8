# SPDX-License-Identifier: Apache-2.0
"""`hlsgen build` as a function: the steps from a spec file to a published bundle.

Each step is a function with typed input and output, run in the order of STEPS. Nothing reaches the
target before the last step has passed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from sat_host.isa import machine_isa

from .bundle import host_project, write_bundle
from .cache import Cache, content_key, open_cache, peek_cache
from .disk import disk_errors, file_digest
from .errors import WorkError
from .paths import package_dir
from .project import Project
from .render import CSIM_UNITS, INCLUDE_DIRS, render
from .scheduled import Scheduled, program_text
from .selftest import Check
from .spec import Spec
from .specfile import load_spec, parse_spec, read_spec
from .staging import check_target, resolve_target, staged
from .toolchain.compiler import find_compiler
from .toolchain.gxx import CompiledLibrary, Plan, compile_library, plan_library
from .toolchain.run import CommandError, command_text, describe_status, run

STEPS = ("check", "render", "schedule", "compile", "bundle", "self-test")
"""The steps in order; the first three need no compiler and write nothing."""

_SELFTEST_SECONDS = 300.0

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
    binary32 sums, of which the array holds two."""

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
    """What a build would do; making it writes nothing."""

    bundle: Path
    digest: str
    compiler: str
    isa: str
    steps: tuple[str, ...]
    commands: tuple[PlannedCommand, ...]


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
) -> BuildResult:
    """Build the bundle of `spec_file` at `out`, or at build/<name>.

    text: the content of `spec_file` when it has been read already; a pipe gives it only once.

    Raises InputError for a bad spec or target, ToolMissingError without a compiler, WorkError when
    a step fails; then the target is as it was before.
    """
    ledger = _Ledger(on_step)
    name, given = str(spec_file), read_spec(spec_file) if text is None else text
    spec = ledger.run("check", lambda: parse_spec(given, name), lambda _: (False, name))
    target = target_of(spec, out)
    compiler = find_compiler(environ)
    project = ledger.run("render", lambda: render(spec), _tell_project)
    made = ledger.run("schedule", lambda: program_text(spec, name), _tell_program)
    plan = plan_library(project, CSIM_UNITS, INCLUDE_DIRS, compiler, machine_isa())
    with open_cache(environ) as cache:
        library = ledger.run("compile", lambda: compile_library(plan, cache), _tell_library)
        host = host_project()
        with staged(target) as folder:

            def bundle() -> None:
                with disk_errors(target.parent, "choose another folder with -o"):
                    write_bundle(folder, spec, given, project, library, host, made.text)

            ledger.run("bundle", bundle, lambda _: (False, str(target)))
            key = selftest_key(spec, library.sha256, host)
            checks, _ = ledger.run("self-test", lambda: selftest(folder, key, cache), _tell_checks)
    config = spec.array
    return BuildResult(
        bundle=target,
        spec=spec,
        digest=project.digest,
        library_sha256=library.sha256,
        compiler=f"{compiler.kind} {compiler.version}",
        isa=library.isa,
        word_bytes=2 * config.lanes,
        tile_bytes=4 * config.rows * config.interleave * config.lanes * config.memory_tile,
        steps=tuple(ledger.results),
        checks=checks,
        warnings=(cache.warning,) if cache.warning else (),
    )


def plan_build(spec_file: Path, out: Path | None, environ: Mapping[str, str]) -> BuildPlan:
    """What `build` would do, with its exact compiler calls. Writes nothing; raises as `build`."""
    spec = load_spec(spec_file)
    target = target_of(spec, out)
    compiler = find_compiler(environ)
    plan = plan_library(render(spec), CSIM_UNITS, INCLUDE_DIRS, compiler, machine_isa())
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
    )


def target_of(spec: Spec, out: Path | None) -> Path:
    """The resolved bundle folder, checked early so that a bad one costs no compile."""
    target = resolve_target(Path("build", spec.name) if out is None else out)
    check_target(target)
    return target


# Steps ------------------------------------------------------------------------------------------


def selftest(folder: Path, key: str, cache: Cache) -> tuple[tuple[Check, ...], bool]:
    """The checks of a staged bundle, all passed, and whether they are remembered from before.

    Raises WorkError when a check fails or the library crashes; that is never remembered.
    """
    entry = cache.get_or_make(key, ".json", lambda path: _run_selftest(folder, path))
    rows = json.loads(entry.path.read_text(encoding="utf-8"))
    return tuple(Check(**row) for row in rows), entry.cached


def selftest_key(spec: Spec, library_sha256: str, host: Project) -> str:
    """Cache key of a self-test: the library, the host package, the test, the array, the Python."""
    return content_key(
        library=library_sha256,
        host=host.digest,
        test=file_digest(package_dir() / "selftest.py"),
        array=asdict(spec.array_config()),
        python=sys.version,
        numpy=np.__version__,
    )


def selftest_command(folder: Path) -> tuple[str, ...]:
    """The self-test as a process of its own: a crash of the library must not end the build."""
    return (sys.executable, "-B", "-m", "hlsgen.selftest", str(folder))


def _run_selftest(folder: Path, report: Path) -> None:
    # The bundle's copy of sat_host comes first: it is what users will run.
    paths = [str(folder), str(package_dir().parent), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    try:
        done = run(selftest_command(folder), cwd=folder, env=env, timeout=_SELFTEST_SECONDS)
    except CommandError as error:
        reason = error.stderr.strip().splitlines()[-1:] or ["no output"]
        how = describe_status(error.status)
        raise WorkError(f"self-test {how}: {reason[0]}: nothing was published") from error
    rows = json.loads(done.stdout)
    failed = [row for row in rows if not row["passed"]]
    if failed:
        first = f"{failed[0]['name']}: {failed[0]['detail']}"
        count = f"{len(failed)} of {len(rows)} checks failed"
        raise WorkError(f"self-test: {count}, first {first}: nothing was published")
    report.write_text(json.dumps(rows), encoding="utf-8")


def _remembers_selftest(spec: Spec, plan: Plan, cache: Cache) -> bool:
    entry = cache.get(plan.link.key, plan.link.suffix)
    if entry is None:
        return False
    return cache.get(selftest_key(spec, entry.sha256, host_project()), ".json") is not None


# What the table says of each step ---------------------------------------------------------------


def _tell_project(project: Project) -> tuple[bool, str]:
    return False, f"{len(project.files)} files, digest {project.digest[:12]}"


def _tell_program(scheduled: Scheduled) -> tuple[bool, str]:
    return False, scheduled.detail


def _tell_library(library: CompiledLibrary) -> tuple[bool, str]:
    kept = sum(report.cached for report in library.objects)
    isa = f" for {library.isa}" if library.isa else ""
    return library.cached, f"{kept} of {len(library.objects)} objects from the cache{isa}"


def _tell_checks(outcome: tuple[tuple[Check, ...], bool]) -> tuple[bool, str]:
    checks, cached = outcome
    return cached, f"{len(checks)} of {len(checks)} checks equal the golden model, bit for bit"

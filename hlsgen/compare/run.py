# SPDX-License-Identifier: Apache-2.0
"""A comparison from a spec file to its published folder.

The folder gets compare.json, compare.png and compare.html, all of them or none. Beside it, in
`<folder>.work`, are the bundle, every finished run, which a later comparison takes from there, and
checkpoints of those that were stopped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sat_host.data import load_dataset

from ..build import BuildResult, build
from ..bundle import host_project
from ..disk import disk_errors, exclusive
from ..errors import HlsgenError, WorkError
from ..faults import shown
from ..hosterrors import host_errors
from ..specfile import parse_spec, read_spec
from ..staging import check_target, resolve_target, staged
from . import page, plot, results
from .kept import KeptRuns, Run
from .plan import Job, Request, data_stamp, make_jobs, make_settings, run_key
from .pool import Outcome, Record, run_jobs, worker_command, worker_environ

RESULT = "compare.json"
_KIND = "comparison"
_MEND = "choose another folder with -o"

RunJobs = Callable[..., Generator[Outcome, None, None]]


class Watcher:
    """Is told how the work goes; says nothing of it. The base of those that do."""

    def building(self, step: str) -> None:
        """A step of the build begins."""

    def begins(self, jobs: Sequence[Job], kept: int) -> None:
        """The build is done; of the runs `jobs`, `kept` are there already."""

    def record(self, job: Job, record: Record) -> None:
        """A run has made a record."""

    def ends(self, outcome: Outcome) -> None:
        """A run has ended."""


@dataclass(frozen=True)
class Comparison:
    """A published comparison. document: the content of compare.json."""

    folder: Path
    document: dict[str, Any]
    warnings: tuple[str, ...]


def compare(
    spec_file: Path,
    request: Request,
    out: Path | None,
    environ: Mapping[str, str],
    watcher: Watcher,
    *,
    processes: int | None = None,
    run: RunJobs = run_jobs,
) -> Comparison:
    """Train every method and seed of `request`, and publish at `out`, or build/<name>.compare.

    processes: runs at once; the machine's cores by default. Raises HlsgenError: InputError for what
    can't be run, ToolMissingError, and WorkError, a line a run, when runs failed; the others are
    kept, and what was published before stays.
    """
    text = read_spec(spec_file)
    spec = parse_spec(text, str(spec_file))
    settings = make_settings(spec.model_dump(mode="json"), request)
    jobs = make_jobs(settings, request)
    plot.require()
    target = resolve_target(Path("build", f"{spec.name}.compare") if out is None else out)
    check_target(target, RESULT, _KIND)
    source = shown(str(spec_file), 4096)
    with host_errors(source):
        data = data_stamp(load_dataset(settings["data"]))
    with _work_folder(target) as work:
        bundle = work / "bundle"
        with host_errors():
            built = build(spec_file, bundle, environ, watcher.building, text=text)
        trained = _Training(built, source, data, KeptRuns(work / "runs"), watcher, run)
        runs = trained.all(jobs, environ, processes or len(os.sched_getaffinity(0)))
        document = results.make_document(settings, request, built, runs)
        _publish(target, document)
    return Comparison(target, document, built.warnings)


@dataclass(frozen=True)
class _Training:
    built: BuildResult
    source: str
    data: str
    kept: KeptRuns
    watcher: Watcher
    run: RunJobs

    def all(self, jobs: Sequence[Job], environ: Mapping[str, str], processes: int) -> list[Run]:
        """The run of every job, trained or kept from before."""
        self.kept.prepare()
        host = host_project().digest
        library = self.built.library_sha256
        keys = {job.label: run_key(job, library, host, self.data) for job in jobs}
        runs = {job.label: self.kept.get(job, keys[job.label]) for job in jobs}
        missing = [job for job in jobs if runs[job.label] is None]
        self.watcher.begins(jobs, len(jobs) - len(missing))
        bundle, failed = self.built.bundle, []
        outcomes = self.run(
            missing,
            worker_command(
                bundle, self.source, lambda job: self.kept.checkpoints(job, keys[job.label])
            ),
            worker_environ(bundle, environ),
            processes,
            self.watcher.record,
        )
        with closing(outcomes):
            for outcome in outcomes:
                if outcome.error is None:
                    job = outcome.job
                    done = results.make_run(job, outcome.records)
                    self.kept.put(job, keys[job.label], done)
                    runs[job.label] = done
                self.watcher.ends(outcome)
                if outcome.error is not None:
                    failed.append(outcome)
                    if outcome.exit_code not in (0, 1):  # the user's to mend, the same for all runs
                        break
        if failed:
            raise _failure(failed)
        return [run for run in runs.values() if run is not None]


def _failure(failed: Sequence[Outcome]) -> HlsgenError:
    error = WorkError("\n".join(f"{outcome.job.label}: {outcome.error}" for outcome in failed))
    error.exit_code = failed[-1].exit_code or 1
    return error


@contextmanager
def _work_folder(target: Path) -> Iterator[Path]:
    """`<target>.work`, for one comparison at a time; what is empty at the end goes."""
    work = target.with_name(f"{target.name}.work")
    made = [folder for folder in (work, *work.parents) if not folder.exists()]
    try:
        with disk_errors(target.parent, _MEND):
            work.mkdir(parents=True, exist_ok=True)
        lock_file = target.with_name(f".{work.name}.lock")
        with exclusive(lock_file, f"another {_KIND} of {target}"):
            yield work
    finally:
        for folder in (work / "runs" / "checkpoints", work / "runs", *made):
            with suppress(OSError):
                folder.rmdir()


def _publish(target: Path, document: dict[str, Any]) -> None:
    picture, section = plot.png(document), page.section(document)
    with staged(target, RESULT, _KIND) as folder, disk_errors(target.parent, _MEND):
        (folder / "compare.png").write_bytes(picture)
        (folder / "compare.html").write_text(section, encoding="ascii")
        (folder / RESULT).write_text(results.to_text(document), encoding="utf-8")

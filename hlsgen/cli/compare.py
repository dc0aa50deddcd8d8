# SPDX-License-Identifier: Apache-2.0
"""`hlsgen compare`: train a spec with several methods and seeds, and set them side by side."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sat_host.settings import METHODS

from ..compare import table
from ..compare.plan import MAX_SEEDS, Job, Request, parse_methods
from ..compare.pool import Outcome, Record
from ..compare.run import Comparison, Watcher, compare
from ..disk import quietly
from .options import PATH
from .tables import print_table
from .training_options import training_options


@click.command("compare")
@click.argument("spec", type=PATH)
@click.option("--methods", metavar="A,B,…", default=",".join(METHODS), show_default=True,
              help="What to compare.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, MAX_SEEDS), metavar="N", default=5,
              show_default=True, help="Runs of each method, from the spec's seed on.")  # fmt: skip
@training_options("the spec's by default", "keep", "epochs", "batch")
@click.option("--jobs", type=click.IntRange(1, 1024), metavar="J",
              help="Runs at once, each on one core; all cores by default.")  # fmt: skip
@click.option("-o", "--out", type=PATH, metavar="DIR",
              help="Where compare.json, .png and .html go; build/<name>.compare by default. What "
                   "is finished is kept in DIR.work, from where the command goes on.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print compare.json instead of the table.")
@click.option("--markdown", is_flag=True, help="Print the table in Markdown.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    spec: Path,
    methods: str,
    jobs: int | None,
    out: Path | None,
    as_json: bool,
    markdown: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Train SPEC with each method and several seeds on the simulator, and compare the methods."""
    if as_json and markdown:
        raise click.UsageError("--json and --markdown exclude each other", ctx)
    request = Request(parse_methods(methods), **options)
    with quietly(quiet), _watcher(quiet) as watcher:
        result = compare(spec, request, out, os.environ, watcher, processes=jobs)
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps(result.document, indent=2))
    elif markdown:
        click.echo(table.markdown(result.document))
    else:
        _print_result(result)


def _print_result(result: Comparison) -> None:
    click.echo(table.title(result.document))
    print_table(table.HEADER, table.rows(result.document), right=table.HEADER[1:])
    click.echo(table.note(result.document))
    click.echo(f"written: {result.folder}")


@contextmanager
def _watcher(quiet: bool) -> Iterator[Watcher]:
    if quiet:
        yield Watcher()
    elif not sys.stderr.isatty():
        yield _Lines()
    else:
        with _bars() as bars:
            yield bars


class _Lines(Watcher):
    """One plain line a build step and a finished run."""

    def building(self, step: str) -> None:
        click.echo(f"build: {step}", err=True)

    def begins(self, jobs: Sequence[Job], kept: int) -> None:
        self._done, self._all = kept, len(jobs)
        click.echo(f"compare: {kept} of {self._all} runs are done", err=True)

    def ends(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            click.echo(f"compare: {outcome.job.label}: failed", err=True)
            return
        self._done += 1
        final = outcome.records[-1]
        click.echo(
            f"compare: {self._done} of {self._all} runs are done: {outcome.job.label}: "
            f"{_percent(final)}, {final['seconds']:.1f} s",
            err=True,
        )


class _Bars(Watcher):
    """A bar over all runs, and one for each that runs, with its last accuracy."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._whole = progress.add_task("build", total=None, state="")
        self._tasks: dict[str, Any] = {}

    def building(self, step: str) -> None:
        self._progress.update(self._whole, state=step)

    def begins(self, jobs: Sequence[Job], kept: int) -> None:
        self._progress.update(
            self._whole, description="runs", total=len(jobs), completed=kept, state=""
        )

    def record(self, job: Job, record: Record) -> None:
        task = self._tasks.get(job.label)
        if task is None:
            task = self._tasks[job.label] = self._progress.add_task(job.label, total=None, state="")
        if record["kind"] == "start":
            self._progress.update(task, total=record["steps"])
        elif record["kind"] == "step":
            self._progress.update(task, completed=record["step"])
        elif record["kind"] == "epoch":
            self._progress.update(task, state=_percent(record))

    def ends(self, outcome: Outcome) -> None:
        task = self._tasks.pop(outcome.job.label, None)
        if task is not None:
            self._progress.remove_task(task)
        self._progress.advance(self._whole, int(outcome.error is None))


@contextmanager
def _bars() -> Iterator[Watcher]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bars(progress)


def _percent(record: Record) -> str:
    return f"{100 * record['test_accuracy']:.2f} %"

# SPDX-License-Identifier: Apache-2.0
"""`hlsgen sweep`: every combination of some keys of a spec, the Pareto front and the best."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click
from sat_host.settings import LIMITS

from .. import workloads
from ..errors import InputError, WorkError
from ..faults import shown
from ..specfile import load_spec
from ..sweep import chosen, plot, report, results
from ..sweep.axes import Axis, check_axes, parse_axes
from ..sweep.columns import Row
from ..sweep.evaluate import Point, Request, spec_of
from ..sweep.front import OBJECTIVES, Budget, best, front, parse_budget
from ..sweep.pool import cores, require_dask
from ..sweep.run import counts, document_of, finished, sweep
from ..timing.output import check_target, replaced
from .options import PATH
from .schedule_input import NETWORKS, products_of
from .tables import print_table

LINES = 30
WIDTH = 100
"""Of paragraphs, at most."""

BATCH = "training.batch"
_BATCH = (int(LIMITS["batch"][0]), int(LIMITS["batch"][1]))


@dataclass(frozen=True)
class How:
    """The options that say nothing of the points, by their names."""

    jobs: int | None
    cluster: str | None
    resume: bool
    out: Path | None
    plot: Path | None
    objective: str | None
    budget: tuple[str, ...]
    best: Path | None
    top: int | None
    as_json: bool

    def check(self, inputs: dict[str, Path]) -> tuple[Budget, ...]:
        """The budgets. Raises InputError or ToolMissingError for what could not end well, before
        any work is done. inputs: the files that are read, by what names them."""
        if self.out is not None:
            check_target(self.out, "-o")
            results.check_suffix(self.out)
        elif self.resume:
            raise InputError("hlsgen sweep: --resume: name with -o the results to go on with")
        if self.plot is not None:
            check_target(self.plot, "--plot")
            plot.check(self.plot)
        if self.best is not None:
            check_target(self.best, "--best")
            if self.best.suffix not in (".yaml", ".yml"):
                mend = "name such a file with --best"
                raise InputError(f"{self.best}: specs are .yaml or .yml: {mend}")
        self._check_apart(inputs)
        if self.cluster is not None:
            if self.jobs is not None:
                raise InputError("hlsgen sweep: --jobs and --cluster: leave one of them out")
            require_dask()
        return tuple(parse_budget(text) for text in self.budget)

    def _check_apart(self, inputs: dict[str, Path]) -> None:
        """Raises InputError for a file that would take the place of another one."""
        seen = {os.path.realpath(file): option for option, file in inputs.items()}
        for option, file in (("-o", self.out), ("--plot", self.plot), ("--best", self.best)):
            if file is not None:
                other = seen.setdefault(os.path.realpath(file), option)
                if other != option:
                    what = f"{file}: is what {other} names"
                    raise InputError(f"{what} too: name another file with {option}")

    @property
    def wanted(self) -> str:
        """What the best point has least of, within what."""
        return report.sought(self.objective or "time", self.budget)

    @property
    def wants_best(self) -> bool:
        """Whether a best point is asked for."""
        return self.objective is not None or self.best is not None or bool(self.budget)


@click.command("sweep")
@click.argument("spec", type=PATH)
@click.option("--over", multiple=True, required=True, metavar="KEY=V,V,…",
              help="A key of the spec and the values to try, as array.rows=8,16,32; several make "
                   "every combination.")  # fmt: skip
@click.option("--workload", metavar="NAME|FILE.csv",
              help=f"{', '.join(workloads.NAMES)}, or a table of one's own; the spec's network by "
                   "default.")  # fmt: skip
@click.option("--model", type=click.Choice(NETWORKS),
              help="A built-in network, for images and classes of the spec's data, instead.",
              )  # fmt: skip
@click.option("--batch", type=click.IntRange(*_BATCH), metavar="B",
              help="Images in a step; the table's or the spec's by default.")  # fmt: skip
@click.option("--no-overlap", is_flag=True,
              help="Updates wait for the products, as with dynamic loss scaling.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 1024), metavar="J",
              help="Processes; all cores by default.")  # fmt: skip
@click.option("--cluster", metavar="ADDRESS",
              help="A Dask scheduler, as tcp://host:8786, whose workers do it instead.",
              )  # fmt: skip
@click.option("-o", "--out", type=PATH, metavar="FILE",
              help="All points, CSV or Parquet by the suffix. Rows are kept in FILE.rows as they "
                   "come, until all are there.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with an interrupted sweep's FILE.rows.")
@click.option("--plot", type=PATH, metavar="FILE.png", help="Draw the points and the front; .svg "
              "and .pdf too.")  # fmt: skip
@click.option("--objective", type=click.Choice(list(OBJECTIVES)),
              help="What the best point has least of; time by default.")  # fmt: skip
@click.option("--budget", multiple=True, metavar="FIGURE<=LIMIT",
              help="Of the best point: dsp<=0.8 is a share of what the card's platform leaves, "
                   "lut<=500000 an amount, time<=50 ms, energy<=9 J.")  # fmt: skip
@click.option("--best", type=PATH, metavar="FILE.yaml",
              help="Write the best point's spec, named after the file, ready to "
                   "build.")  # fmt: skip
@click.option("--top", type=click.IntRange(1, 100_000), metavar="N",
              help=f"Lines of the front to print, the fastest first; {LINES} by default.",
              )  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print front and best as a JSON object.")
def command(
    spec: Path,
    over: tuple[str, ...],
    workload: str | None,
    model: str | None,
    batch: int | None,
    no_overlap: bool,
    **options: Any,
) -> None:
    """Model and estimate every combination of some keys of SPEC, and find the best.

    A combination that breaks a rule of the spec or does not fit its card is a row with the reason.
    Figures are modelled and estimated: nothing is simulated or measured.
    """
    how = How(**{field.name: options[field.name] for field in fields(How)})
    inputs = {"SPEC": spec} | ({"--workload": Path(workload)} if workload else {})
    axes, budgets = parse_axes(over), how.check(inputs)
    loaded = load_spec(spec)
    document = document_of(spec)
    if batch is not None and any(axis.key == BATCH for axis in axes):
        raise InputError(f"hlsgen sweep: --batch and --over {BATCH}: leave one of them out")
    check_axes(axes, document, str(spec), network_given=workload is not None)
    network, rows = products_of(loaded, workload, model, batch)
    table = rows if workload is not None else None
    keys = tuple(axis.key for axis in axes)
    request = Request(document.value, str(spec), keys, table, model, batch, not no_overlap)
    if how.best is not None:
        chosen.check_batch(request)
    asked = Asked(request, network, rows[0].batch, how)
    _finish(_swept(request, axes, how), asked, f"{shown(loaded.name)}: {asked.step()}", budgets)


@dataclass(frozen=True)
class Asked:
    """What to sweep, and what to do with it. network, batch: of the points whose keys name no
    other."""

    request: Request
    network: str
    batch: int
    how: How

    def step(self, point: Row | None = None) -> str:
        """The network and the batch of a point, or of all as far as they have the same."""
        keys, batch = self.request.keys, self.batch
        network = self.network
        if point is not None and self.request.table is None and self.request.model is None:
            network = spec_of(self.request, _point(point, keys)).network().name
        if BATCH in keys:
            if point is None:
                return network
            batch = point[BATCH]
        return f"{network}, batch {batch}"


def _point(row: Row, keys: Sequence[str]) -> Point:
    return Point(row["point"], tuple(row[key] for key in keys))


def _swept(request: Request, axes: tuple[Axis, ...], how: How) -> list[Row]:
    def told(done: int, points: int) -> None:
        if sys.stderr.isatty():
            end = "" if done < points else "\r\x1b[K"
            click.echo(f"\r\x1b[K{done:,} of {points:,} points{end}", nl=False, err=True)

    try:
        return sweep(
            request, axes, how.out, told,
            jobs=how.jobs or cores(), cluster=how.cluster, resume=how.resume,
        )  # fmt: skip
    except KeyboardInterrupt:
        if how.out is not None:
            click.echo(f"what is done is kept in {how.out}.rows: go on with --resume", err=True)
        raise


def _finish(found: list[Row], asked: Asked, title: str, budgets: Sequence[Budget]) -> None:
    """Write and print; a file that can't be written leaves the rows where --resume finds them."""
    how, request = asked.how, asked.request
    pareto = front(found)
    winner = best(found, how.objective or "time", budgets) if how.wants_best else None
    if how.out is not None:
        with replaced(how.out, "-o") as unfinished:
            results.write(unfinished, found, request.keys, how.out.suffix)
        finished(how.out)
    if how.plot is not None:
        star = None if winner is None else (winner, how.wanted)
        with replaced(how.plot, "--plot") as unfinished:
            plot.draw(unfinished, title, found, pareto, star, how.plot.suffix)
    if how.best is not None and winner is not None:
        _write_best(how.best, winner, asked)
    failure = None
    if how.wants_best and winner is None:
        within = f" within {', '.join(how.budget)}" if how.budget else ""
        failure = f"hlsgen sweep: no point{within}: widen --over or the budgets"
    if how.as_json:
        document = _document(found, pareto, winner, asked, title)
        if failure is not None:  # in the same object, as it still holds the front
            click.echo(failure, err=True)
            document = {"ok": False, "errors": [{"message": failure}]} | document
        click.echo(json.dumps(document, indent=2))
        if failure is not None:
            click.get_current_context().exit(WorkError.exit_code)
        return
    _print(found, pareto, winner, asked, title)
    if failure is not None:
        raise WorkError(failure)


def _best_line(winner: Row, asked: Asked) -> str:
    return report.best_line(winner, asked.request.keys, asked.how.wanted, asked.step(winner))


def _write_best(file: Path, winner: Row, asked: Asked) -> None:
    request = asked.request
    comment = f"hlsgen sweep {request.file}: {_best_line(winner, asked)}"
    text = chosen.spec_text(request, _point(winner, request.keys), comment, file)
    with replaced(file, "--best") as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _document(
    found: list[Row], pareto: list[Row], winner: Row | None, asked: Asked, title: str
) -> dict[str, Any]:
    """For programs."""
    how, keys = asked.how, asked.request.keys
    result: dict[str, Any] = {
        "kind": "modelled and estimated",
        "title": title,
        "keys": list(keys),
        "points": len(found),
        "statuses": counts(found),
        "reasons": report.first_reasons(found, keys),
        "front": pareto,
    }
    if how.wants_best:
        result |= {"objective": how.objective or "time", "budgets": list(how.budget)}
        result["best"] = winner
    return result


def _print(
    found: list[Row], pareto: list[Row], winner: Row | None, asked: Asked, title: str
) -> None:
    how, keys = asked.how, asked.request.keys
    statuses = ", ".join(f"{count:,} {status}" for status, count in counts(found).items())
    _wrapped(f"{title}, {report.counted(len(found))}: {statuses}; modelled and estimated")
    reasons = report.first_reasons(found, keys)
    if reasons:
        click.echo("\nnot modelled, the first of each kind:")
        for status, first in reasons.items():
            _wrapped(shown(report.reason_line(status, first, keys), 600))
    if pareto:
        _print_front(pareto, keys, how.top or LINES)
    else:
        click.echo("\nno point is left\n")
    if winner is not None:
        _wrapped(_best_line(winner, asked))
        click.echo()
    _wrapped(report.NOTE)
    for path in (how.out, how.plot, how.best if winner is not None else None):
        if path is not None:
            click.echo(f"written: {path}")


def _print_front(pareto: list[Row], keys: Sequence[str], most: int) -> None:
    click.echo(f"\nPareto front, {report.counted(len(pareto))}")
    _wrapped(report.GROUPS)
    table = report.table(pareto[:most], keys, _terminal())
    print_table(table.header, table.rows, right=table.numbers)
    more = []
    if len(pareto) > most:
        more.append(f"{len(pareto) - most:,} more: --top {len(pareto)}, or -o for all points")
    if table.left_out:
        more.append(f"{', '.join(table.left_out)}: in a wider terminal, or with -o or --json")
    if more:
        _wrapped(f"({'; '.join(more)})")
    if more or not sys.stdout.isatty():  # a terminal's table ends with an empty line
        click.echo()


def _terminal() -> int | None:
    """Characters of its lines; None off a terminal, where lines may be of any length."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _wrapped(line: str) -> None:
    width = min(_terminal() or WIDTH, WIDTH)
    whole = line.replace(" %", "\xa0%")  # no line begins with it
    lines = textwrap.wrap(whole, width, break_on_hyphens=False)
    click.echo("\n".join(lines).replace("\xa0", " "))

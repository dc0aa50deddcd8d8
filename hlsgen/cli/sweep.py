# SPDX-License-Identifier: Apache-2.0
"""`hlsgen sweep`: every combination of some keys of a spec, the Pareto front and the best."""

from __future__ import annotations

import json
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
from ..sweep.evaluate import Point, Request
from ..sweep.front import OBJECTIVES, Budget, best, front, parse_budget
from ..sweep.pool import cores, require_dask
from ..sweep.run import counts, document_of, finished, sweep
from ..timing.output import check_target, replaced
from .options import PATH
from .schedule_input import NETWORKS, products_of
from .tables import print_table

LINES = 30
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

    def check(self) -> tuple[Budget, ...]:
        """The budgets. Raises InputError or ToolMissingError for what could not end well, before
        any work is done."""
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
        if self.cluster is not None:
            if self.jobs is not None:
                raise InputError("hlsgen sweep: --jobs and --cluster: leave one of them out")
            require_dask()
        return tuple(parse_budget(text) for text in self.budget)

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
              help="Write the best point's spec, ready to build.")  # fmt: skip
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
    axes, budgets = parse_axes(over), how.check()
    loaded = load_spec(spec)
    document = document_of(spec)
    if batch is not None and any(axis.key == "training.batch" for axis in axes):
        raise InputError("hlsgen sweep: --batch and --over training.batch: leave one of them out")
    check_axes(axes, document, str(spec), network_given=workload is not None)
    network, rows = products_of(loaded, workload, model, batch)
    table = rows if workload is not None else None
    keys = tuple(axis.key for axis in axes)
    request = Request(document.value, str(spec), keys, table, model, batch, not no_overlap)
    found = _swept(request, axes, how)
    title = f"{shown(loaded.name)}: {network}"
    _finish(found, request, title, how, budgets)


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


def _finish(
    found: list[Row], request: Request, title: str, how: How, budgets: Sequence[Budget]
) -> None:
    """Write and print; a file that can't be written leaves the rows where --resume finds them."""
    pareto = front(found)
    winner = best(found, how.objective or "time", budgets) if how.wants_best else None
    if how.out is not None:
        with replaced(how.out, "-o") as unfinished:
            results.write(unfinished, found, request.keys, how.out.suffix)
        finished(how.out)
    if how.plot is not None:
        with replaced(how.plot, "--plot") as unfinished:
            plot.draw(unfinished, title, found, pareto, winner, how.plot.suffix)
    if how.best is not None and winner is not None:
        _write_best(how.best, winner, request, how)
    if how.as_json:
        click.echo(json.dumps(_document(found, pareto, winner, request, title, how), indent=2))
    else:
        _print(found, pareto, winner, request, title, how)
    if how.wants_best and winner is None:
        within = f" within {', '.join(how.budget)}" if how.budget else ""
        raise WorkError(f"hlsgen sweep: no point{within}: widen --over or the budgets")


def _write_best(file: Path, winner: Row, request: Request, how: How) -> None:
    line = report.best_line(winner, request.keys, how.objective or "time", how.budget)
    point = Point(winner["point"], tuple(winner[key] for key in request.keys))
    text = chosen.spec_text(request, point, f"hlsgen sweep {request.file}: {line}", file)
    with replaced(file, "--best") as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _document(
    found: list[Row], pareto: list[Row], winner: Row | None, request: Request, title: str, how: How
) -> dict[str, Any]:
    """For programs."""
    result: dict[str, Any] = {
        "kind": "modelled and estimated",
        "title": title,
        "keys": list(request.keys),
        "points": len(found),
        "statuses": counts(found),
        "front": pareto,
    }
    if how.wants_best:
        result |= {"objective": how.objective or "time", "budgets": list(how.budget)}
        result["best"] = winner
    return result


def _print(
    found: list[Row], pareto: list[Row], winner: Row | None, request: Request, title: str, how: How
) -> None:
    statuses = ", ".join(f"{count:,} {status}" for status, count in counts(found).items())
    click.echo(f"{title}, {len(found):,} points: {statuses}; modelled and estimated")
    most = how.top or LINES
    if pareto:
        click.echo(f"\nPareto front, {len(pareto):,} points:")
        lines = report.cells(pareto[:most], request.keys)
        print_table(report.header(request.keys), lines, right=report.NUMBERS)
        if len(pareto) > most:
            click.echo(f"({len(pareto) - most:,} more: --top {len(pareto)}, or -o for all points)")
    else:
        reasons = [f"point {row['point']}: {row['status']}: {row['reason']}" for row in found[:3]]
        _wrapped(["no point is left, as of these:", *map(shown_line, reasons)])
    if winner is not None:
        line = report.best_line(winner, request.keys, how.objective or "time", how.budget)
        click.echo(f"\n{line}")
    click.echo()
    _wrapped([report.NOTE])
    for path in (how.out, how.plot, how.best if winner is not None else None):
        if path is not None:
            click.echo(f"written: {path}")


def shown_line(text: str) -> str:
    """On one line."""
    return shown(text, 400)


def _wrapped(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo("\n".join(textwrap.wrap(line, 100)))

# SPDX-License-Identifier: Apache-2.0
"""`hlsgen time`: the simulated cycles of the kernel sources, their stalls, FIFOs and deadlocks."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from sat_host.methods import METHODS
from sat_host.tiling import DATAFLOWS

from .. import workloads
from ..errors import InputError
from ..faults import shown
from ..scheduled import machine_of
from ..spec import Spec
from ..specfile import load_spec
from ..timing import perfetto, report, size_report
from ..timing.jobs import Job, different, require_effort
from ..timing.outcome import (
    Conditions,
    Outcome,
    outcome_of,
    outcomes,
    pieces,
    record_pieces,
    together,
)
from ..timing.output import check_target, replaced
from ..timing.recording import (
    Entry,
    Recording,
    entries_of,
    load_recording,
    made_for,
    record_of,
    save_recording,
)
from ..timing.run import bank_timing, record, timed_library
from ..timing.sizing import Sizing, least
from .options import PATH
from .schedule_input import NETWORKS
from .tables import print_table
from .time_input import (
    Asked,
    available_memory,
    check_made_for,
    depths_of_options,
    factor_of,
    jobs_of,
    part_of,
    titled,
)

T = TypeVar("T")

MOST_SECONDS = 600.0
MOST_OF_MEMORY = 0.5
"""Of a simulation that nobody forced; the latter of what the machine has available."""


@dataclass(frozen=True)
class How:
    """The other options, by their names."""

    depth: Sequence[str]
    endless: bool
    bandwidth: str | None
    latency: int | None
    size: bool
    within: str | None
    out: Path | None
    view: Path | None
    record: Path | None
    unfolded: bool
    top: int | None
    force: bool
    as_json: bool

    def check(self, asked: Asked) -> None:
        """Raises InputError for options that exclude each other and files that can't be written."""
        for name, given in (("--within", self.within), ("-o", self.out)):
            if given is not None and not self.size:
                raise InputError(f"hlsgen time: {name}: it is for --size: give that too")
        if self.endless and self.depth:
            raise InputError("hlsgen time: --endless and --depth: leave one of them out")
        if self.record is not None and asked.recorded is not None:
            raise InputError("hlsgen time: --record and --recorded: leave one of them out")
        for option, path in (("-o", self.out), ("--view", self.view), ("--record", self.record)):
            if path is not None:
                check_target(path, option)

    @property
    def keeps_traces(self) -> bool:
        """Whether something needs all that ran, at the end."""
        return self.size or self.view is not None or self.record is not None

    def conditions(self, spec: Spec, *, recorded: bool) -> Conditions:
        """What to resolve with. recorded: before, maybe with other depths than the spec has now;
        what runs now has the spec's."""
        memory = bank_timing(machine_of(spec).memory)
        if self.bandwidth is not None:
            rate = memory.bytes_per_cycle * factor_of(self.bandwidth)
            memory = replace(memory, bytes_per_cycle=rate)
        if self.latency is not None:
            memory = replace(memory, latency=self.latency)
        depths: dict[str, int | None] = {**spec.fifo_depths()} if recorded else {}
        return Conditions(memory, depths | depths_of_options(spec, self.depth), self.endless)


@click.command("time")
@click.argument("spec", type=PATH)
@click.option("--matmul", metavar="I,K,J", help="Simulate the product of I x K by K x J.")
@click.option("--layer", metavar="NAME[:STAGE]",
              help="Simulate a layer's products and update, or one stage: FF, BP, WU or update.",
              )  # fmt: skip
@click.option("--step", is_flag=True, help="Simulate a training step of the spec's network.")
@click.option("--recorded", type=PATH, metavar="FILE",
              help="Resolve what --record wrote again, without a new run.")  # fmt: skip
@click.option("--workload", metavar="NAME|FILE.csv",
              help=f"Of --layer: {', '.join(workloads.NAMES)}, or a table of one's own; the spec's "
                   "network by default.")  # fmt: skip
@click.option("--model", type=click.Choice(NETWORKS), help="Of --layer: a built-in network.")
@click.option("--method", type=click.Choice(METHODS),
              help="Which products of a network are pruned; the spec's by default.")  # fmt: skip
@click.option("--batch", type=click.IntRange(1, 65536), metavar="B",
              help="Images of a network's step; the spec's or the table's by default.")  # fmt: skip
@click.option("--keep", type=int, metavar="N",
              help="Weights kept of each group; --matmul: dense by default.")  # fmt: skip
@click.option("--dataflow", type=click.Choice(DATAFLOWS),
              help="Of --matmul; the faster one by the model by default.")  # fmt: skip
@click.option("--tile", metavar="T,Q", help="Of --matmul with --dataflow: activation rows of a row "
              "unit, column blocks.")  # fmt: skip
@click.option("--depth", multiple=True, metavar="NAME=N",
              help="Another depth for a FIFO or a family of FIFOs.")  # fmt: skip
@click.option("--endless", is_flag=True, help="FIFOs that are never full.")
@click.option("--bandwidth", metavar="FACTOR", help="Of every memory bank, times the card's.")
@click.option("--latency", type=click.IntRange(0, 100_000), metavar="CYCLES",
              help="Of the memory, in place of the card's.")  # fmt: skip
@click.option("--size", is_flag=True, help="Find the least depths that keep the speed.")
@click.option("--within", metavar="2%", help="Of --size: a part of the speed that may be lost.")
@click.option("-o", "--out", type=PATH, metavar="FILE.yaml",
              help="Of --size: write the depths, for the key `fifos` of a spec.")  # fmt: skip
@click.option("--view", type=PATH, metavar="FILE.json", help="Write a timeline for Perfetto.")
@click.option("--record", type=PATH, metavar="FILE.npz", help="Keep what ran, for --recorded.")
@click.option("--all", "unfolded", is_flag=True,
              help="A line for each row unit and each FIFO, also those that hold nothing.",
              )  # fmt: skip
@click.option("--top", type=click.IntRange(1, 10_000), metavar="N",
              help="The N lines of each table that take or wait longest, 10 of products and FIFOs "
              "by default.")  # fmt: skip
@click.option("--force", is_flag=True,
              help=f"Even if it takes over {MOST_SECONDS / 60:g} minutes or too much memory.",
              )  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
def command(spec: Path, **options: Any) -> None:
    """Simulate the cycles of SPEC's kernel sources, with their FIFOs and the card's memory.

    Prints who waits for whom; status 1 for a deadlock, which it names. Figures are simulated,
    beside those of the cycle model; nothing is measured.
    """
    asked = Asked(**{field.name: options[field.name] for field in fields(Asked)})
    how = How(**{field.name: options[field.name] for field in fields(How)})
    asked.check()
    within = part_of(how.within) if how.within is not None else Fraction(0)
    how.check(asked)
    chosen = load_spec(spec)
    conditions = how.conditions(chosen, recorded=asked.recorded is not None)
    if how.keeps_traces or asked.recorded is not None:
        recorded = _recording(chosen, spec, asked, how)
        result = _resolved(recorded, conditions)
        sizing = _sizing(chosen, recorded, conditions, within, how.out) if how.size else None
        if how.view is not None:
            _write_view(how.view, recorded, conditions)
    else:
        result, sizing = _simulated(chosen, spec, asked, how, conditions), None
    _answer(chosen, result, sizing, how, conditions)


@dataclass(frozen=True)
class Simulated:
    """title: of what was simulated. found: of each record, of one run."""

    title: str
    entries: tuple[Entry, ...]
    found: tuple[Outcome, ...]

    @property
    def total(self) -> Outcome:
        """Of all runs."""
        runs = [entry.runs for entry in self.entries]
        return together([self.found[entry.record] for entry in self.entries], runs)


def _planned(spec: Spec, file: Path, asked: Asked, how: How) -> tuple[str, list[Job]]:
    """What to call it, and its jobs, which are not too large to be simulated."""
    title, jobs = jobs_of(spec, str(file), asked)
    if not how.force:
        most_bytes = MOST_OF_MEMORY * available_memory()
        config = spec.array_config()
        require_effort(config, jobs, MOST_SECONDS, most_bytes, kept=how.keeps_traces)
    return title, jobs


def _simulated(spec: Spec, file: Path, asked: Asked, how: How, conditions: Conditions) -> Simulated:
    """Run now and resolved at once, so that no more than one recording is there."""
    title, jobs = _planned(spec, file, asked, how)
    library, entries = timed_library(spec, os.environ), entries_of(jobs)

    def outcome(number: int, job: Job) -> Outcome:
        kept = record_of(record(library, job))
        return outcome_of(record_pieces(job.name, number, kept, conditions.memory), conditions)

    with _shown(list(enumerate(different(jobs))), "simulating") as each:
        found = tuple(outcome(number, job) for number, job in each)
    return Simulated(title, entries, found)


def _recording(spec: Spec, file: Path, asked: Asked, how: How) -> Recording:
    """What was asked for: run now, and written where --record says, or recorded before."""
    if asked.recorded is not None:
        found = load_recording(asked.recorded)
        check_made_for(found, spec, asked.recorded, file)
        return found
    title, jobs = _planned(spec, file, asked, how)
    library = timed_library(spec, os.environ)
    with _shown(list(different(jobs)), "running") as each:
        records = tuple(record_of(record(library, job)) for job in each)
    found = Recording(title, made_for(spec), entries_of(jobs), records)
    if how.record is not None:
        save_recording(found, how.record)
    return found


def _resolved(recorded: Recording, conditions: Conditions) -> Simulated:
    with _shown(pieces(recorded, conditions.memory), "resolving") as each:
        found = outcomes(each, conditions)
    return Simulated(recorded.title, recorded.entries, found)


def _sizing(
    spec: Spec, recorded: Recording, conditions: Conditions, within: Fraction, out: Path | None
) -> Sizing:
    """The least depths, which go to `out` as well. On a terminal's stderr, what it is at."""

    def told(family: str, left: int) -> None:
        if sys.stderr.isatty():
            end = "" if left > 1 else "\r\x1b[K"
            click.echo(f"\r\x1b[Ksizing {family}, {left} FIFOs left{end}", nl=False, err=True)

    cases = [
        replace(each.case, trace=conditions.applied(each.case.trace))
        for each in pieces(recorded, conditions.memory)
    ]
    found = least(cases, within, size_report.weigher(spec), told)
    if out is not None:
        with replaced(out, "-o") as unfinished:
            text = size_report.depths_file(spec, recorded.title, found)
            unfinished.write_text(text, encoding="utf-8")
    return found


@contextmanager
def _shown(items: Sequence[T], what: str) -> Iterator[Iterable[T]]:
    """The items, with a bar on a terminal's stderr when there are several."""
    if len(items) < 2 or not sys.stderr.isatty():
        yield items
        return
    with click.progressbar(items, label=what, file=sys.stderr, show_pos=True) as bar:
        yield bar


def _write_view(path: Path, recorded: Recording, conditions: Conditions) -> None:
    parts = [
        perfetto.Part(each.name, each.case.trace, partial(each.resolved, conditions))
        for each in pieces(recorded, conditions.memory)
    ]
    with replaced(path, "--view") as unfinished, unfinished.open("w", encoding="utf-8") as stream:
        perfetto.write(parts, recorded.title, stream)


def _answer(
    spec: Spec, result: Simulated, sizing: Sizing | None, how: How, conditions: Conditions
) -> None:
    answer = titled(result.title, spec)
    if how.as_json:
        answer["memory"] = report.memory(conditions.memory)
        answer |= report.document(result.total, result.entries, result.found, spec.clock_mhz)
        if sizing is not None:
            answer["sizing"] = size_report.document(spec, sizing)
        click.echo(json.dumps(answer, indent=2))
        return
    answer["spec"], answer["simulated"] = shown(spec.name), shown(result.title, 4096)
    click.echo("{spec}: {simulated}, on a {rows}x{lanes} array, {card}, simulated".format(**answer))
    _print(result, spec, how)
    if sizing is not None:
        click.echo(f"\n{size_report.TITLE}")
        print_table(size_report.HEADER, size_report.rows(spec, sizing), right=size_report.NUMBERS)
        _wrapped(size_report.lines(spec, sizing))
    click.echo()
    _wrapped([report.NOTE])
    for path in (how.out, how.view, how.record):
        if path is not None:
            click.echo(f"written: {path}")


def _print(result: Simulated, spec: Spec, how: How) -> None:
    total = result.total
    modelled = sum(entry.runs * entry.modelled for entry in result.entries)
    other_memory = how.bandwidth is not None or how.latency is not None
    lines = report.total_lines(
        total, modelled, spec.clock_mhz, endless=how.endless, other_memory=other_memory
    )
    _wrapped(lines)
    most = how.top if how.top is not None or how.unfolded else report.LINES
    rows = report.product_rows(result.entries, result.found, most)
    _table("simulated cycles of all runs, beside the modelled:", report.PRODUCTS, rows)
    _more(len(rows), len(result.entries), "products")
    kernels = report.kernel_cycles(result.entries, result.found)
    title = f"simulated cycles of each process, in its kernel's runs ({_listed(kernels)}):"
    rows = report.process_rows(total.activities, unfolded=how.unfolded, top=how.top)
    _table(title, report.PROCESSES, rows)
    fills = [fill for fill in total.fills if fill.tokens or how.unfolded]
    rows = report.stream_rows(fills, unfolded=how.unfolded, top=most)
    title = (
        "simulated FIFOs, in tokens; empty, full: cycles that their reader, their writer waited:"
    )
    _table(title, report.STREAMS, rows)
    _more(len(rows), len(report.stream_rows(total.fills, unfolded=how.unfolded)), "lines")


def _listed(kernels: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {cycles:,}" for name, cycles in kernels.items())


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    click.echo()
    _wrapped([title])
    print_table(header, rows, report.NUMBERS)


def _more(shown_lines: int, lines: int, what: str) -> None:
    if shown_lines < lines:
        click.echo(f"({lines - shown_lines} more {what}: --all)")


def _wrapped(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo("\n".join(textwrap.wrap(line, 100)))

# SPDX-License-Identifier: Apache-2.0
"""`hlsgen schedule`: the modelled cycles of a training step, product by product."""

from __future__ import annotations

import difflib
import json
import sys
from dataclasses import replace
from pathlib import Path

import click
from sat_host.methods import METHODS
from sat_host.models.workload import Row, workload
from sat_host.settings import LIMITS

from .. import workloads
from ..cards import CARDS
from ..errors import InputError
from ..faults import shown
from ..schedule import report
from ..schedule.choose import schedule
from ..schedule.memory import ASSUMED_BURST_OVERHEAD_BYTES, Memory
from ..schedule.work import works
from ..spec import Spec
from ..specfile import load_spec
from ..workloads.table import read
from .options import PATH

_SPEC = "the spec's by default"
_BATCH = (int(LIMITS["batch"][0]), int(LIMITS["batch"][1]))


@click.command("schedule")
@click.argument("spec", type=PATH)
@click.option("--workload", "name", metavar="NAME|FILE.csv",
              help=f"{', '.join(workloads.NAMES)}, or a table of one's own; the spec's network by "
                   "default.")  # fmt: skip
@click.option("--method", type=click.Choice(METHODS),
              help=f"Which products are pruned; {_SPEC}.")  # fmt: skip
@click.option("--keep", type=int, metavar="N",
              help=f"Weights kept of each group, 1 to the group's size; {_SPEC}.")  # fmt: skip
@click.option("--batch", type=click.IntRange(*_BATCH), metavar="B",
              help="Images in a step, {} to {}; the table's or the spec's by default."
              .format(*_BATCH))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
def command(
    spec: Path,
    name: str | None,
    method: str | None,
    keep: int | None,
    batch: int | None,
    as_json: bool,
) -> None:
    """Model the cycles of a training step on SPEC's array, with the fastest tile of each product.

    All figures are modelled: nothing is simulated or measured.
    """
    chosen = load_spec(spec)
    method = method or chosen.sparsity.method
    keep = _keep(chosen, keep)
    rows = _rows(chosen, name, batch)
    config, memory = chosen.array_config(), _memory(chosen, spec)
    step = report.Step(
        schedule(works(rows, config, method, keep), config, memory),
        schedule(works(rows, config, "dense", config.group), config, memory),
        config,
        chosen.clock_mhz,
        rows[0].batch,
    )
    if as_json:
        click.echo(json.dumps(report.document(step), indent=2))
        return
    pruning = method if method == "dense" else f"{method} {keep}:{config.group}"
    click.echo(
        f"{chosen.name}: {shown(name or chosen.network().name, 4096)}, {pruning}, batch "
        f"{step.batch}, {config.rows}x{config.lanes} array, {chosen.card} at "
        f"{chosen.clock_mhz} MHz, modelled"
    )
    _print_table(step)
    click.echo("\n".join([*report.totals(step), report.lost(step), report.NOTE]))


def _keep(spec: Spec, keep: int | None) -> int:
    group = spec.sparsity.group
    if keep is not None and not 1 <= keep <= group:
        raise InputError(
            f"hlsgen schedule: --keep {keep}: the group has {group} weights: "
            f"give a number from 1 to {group}"
        )
    return spec.sparsity.keep if keep is None else keep


def _memory(spec: Spec, file: Path) -> Memory:
    """The card's memory, as seen at the spec's clock."""
    if spec.card not in CARDS:
        raise InputError(
            f"{shown(str(file), 4096)}: card: the memory of {spec.card} is not modelled: "
            f"write {' or '.join(CARDS)}"
        )
    card = CARDS[spec.card]
    per_cycle = card.bank_bandwidth / (spec.clock_mhz * 1e6)
    return Memory(card.banks, per_cycle, ASSUMED_BURST_OVERHEAD_BYTES)


def _rows(spec: Spec, name: str | None, batch: int | None) -> tuple[Row, ...]:
    """The products of a table, or of the spec's network, at `batch` images."""
    if name is None:
        return workload(spec.network(), batch or spec.training.batch)
    if name in workloads.NAMES:
        rows = workloads.load(name)
    elif name.endswith(".csv") or Path(name).is_file():
        rows = read(Path(name))
    else:
        close = difflib.get_close_matches(name[:60], workloads.NAMES, 1)
        known = close[0] if close else f"one of {', '.join(workloads.NAMES)}"
        raise InputError(
            f"hlsgen schedule: --workload {shown(name)}: no such workload: "
            f"give {known}, or a CSV file"
        )
    given = rows[0].batch
    return tuple(replace(row, batch=row.batch // given * (batch or given)) for row in rows)


def _print_table(step: report.Step) -> None:
    """The table; without colours or box lines off a terminal, where lines may be of any length."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    grid = Table(box=box.SIMPLE if console.is_terminal else None, pad_edge=False)
    for name in report.HEADER:
        text = name in ("layer", "stage", "dataflow", "modelled bound")
        grid.add_column(name, justify="left" if text else "right")
    for cells in report.rows(step):
        grid.add_row(*cells)
    with console.capture() as capture:
        console.print(grid)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))

# SPDX-License-Identifier: Apache-2.0
"""`hlsgen schedule`: the modelled cycles of a training step, product by product."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from sat_host.settings import LIMITS

from .. import workloads
from ..errors import InputError
from ..schedule import ablation, paper, report
from ..schedule.options import Options
from ..schedule.step import Hardware, Pruning, model_step
from ..scheduled import hardware_of
from ..spec import Spec
from ..specfile import load_spec
from .options import PATH
from .schedule_input import (
    NETWORKS,
    PAPER,
    check_memory,
    paper_tables,
    products_of,
    pruning_of,
)
from .tables import print_table
from .training_options import training_options

# A header, rows of cells, and the lines below, the last of which may be a paragraph.
_Table = tuple[Sequence[str], Sequence[Sequence[str]], Sequence[str]]

_BATCH = (int(LIMITS["batch"][0]), int(LIMITS["batch"][1]))


@click.command("schedule")
@click.argument("spec", type=PATH)
@click.option("--workload", "name", metavar="NAME|FILE.csv",
              help=f"{', '.join(workloads.NAMES)}, or a table of one's own; {PAPER}: the SAT "
                   "paper's five side by side; the spec's network by default.")  # fmt: skip
@click.option("--model", type=click.Choice(NETWORKS),
              help="A built-in network, for images and classes of the spec's data, instead.",
              )  # fmt: skip
@training_options("the spec's by default", "method", "keep")
@click.option("--batch", type=click.IntRange(*_BATCH), metavar="B",
              help="Images in a step, {} to {}; the table's or the spec's by default."
              .format(*_BATCH))  # fmt: skip
@click.option("--no-overlap", is_flag=True,
              help="Updates wait for the products, as with dynamic loss scaling.")  # fmt: skip
@click.option("--ablate", is_flag=True,
              help="Add what each optimisation brings, alone and with the others, and what other "
                   "memories and array sizes would.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
def command(
    spec: Path,
    name: str | None,
    model: str | None,
    method: str | None,
    keep: int | None,
    batch: int | None,
    no_overlap: bool,
    ablate: bool,
    as_json: bool,
) -> None:
    """Model the cycles of a training step on SPEC's array, with the fastest tile of each product.

    All figures are modelled: nothing is simulated or measured.
    """
    chosen = load_spec(spec)
    pruning = pruning_of(chosen, method, keep)
    options = Options(dataflows=chosen.dataflows, overlap=not no_overlap)
    if name == PAPER:
        if ablate or model is not None:
            other = "--ablate" if ablate else "--model"
            raise InputError(
                f"hlsgen schedule: --workload {PAPER} and {other}: {PAPER} stands for several "
                f"networks: leave one of the two options out"
            )
        hardware = hardware_of(chosen)
        _answer(as_json, *_paper(chosen, hardware, pruning, options, batch))
        return
    network, rows = products_of(chosen, name, model, batch, (PAPER,))
    hardware = hardware_of(chosen)
    check_memory(chosen, network, rows, pruning)
    step = model_step(rows, hardware, pruning, options)
    result = _heading(chosen, network, hardware, pruning, step.batch) | report.document(step)
    lines = [*report.totals(step), report.lost(step), report.NOTE]
    tables: list[_Table] = [(report.HEADER, report.rows(step), lines)]
    if ablate:
        found = ablation.ablate(rows, hardware, pruning, options)
        result["ablation"] = ablation.document(found)
        tables.append((ablation.HEADER, ablation.rows_of(found), [ablation.NOTE]))
    _answer(as_json, result, tables)


def _paper(
    spec: Spec, hardware: Hardware, pruning: Pruning, options: Options, batch: int | None
) -> tuple[dict[str, Any], list[_Table]]:
    """The paper's workloads, for programs and as a table."""
    tables = paper_tables(batch)
    for name, rows in tables.items():
        check_memory(spec, name, rows, pruning)
    compared = paper.compare(tables, hardware, pruning, options)
    images = next(iter(tables.values()))[0].batch
    result = _heading(spec, PAPER, hardware, pruning, images) | paper.document(compared)
    return result, [(paper.HEADER, paper.rows(compared), [paper.NOTE])]


def _heading(
    spec: Spec, network: str, hardware: Hardware, pruning: Pruning, batch: int
) -> dict[str, Any]:
    """What is modelled, for programs and for the title."""
    config = hardware.config
    return {
        "kind": "modelled",
        "spec": spec.name,
        "card": spec.card,
        "clock_mhz": spec.clock_mhz,
        "network": network,
        "method": pruning.method,
        "keep": config.group if pruning.method == "dense" else pruning.keep,
        "group": config.group,
        "batch": batch,
        "rows": config.rows,
        "lanes": config.lanes,
    }


def _answer(as_json: bool, result: dict[str, Any], tables: list[_Table]) -> None:
    """Print the result, or a title and each table with the lines below it."""
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    pruned = "" if result["method"] == "dense" else " {keep}:{group}".format(**result)
    click.echo(
        "{spec}: {network}, {method}{pruned}, batch {batch}, {rows}x{lanes} array, {card} at "
        "{clock_mhz} MHz, modelled".format(pruned=pruned, **result)
    )
    for number, (header, rows, lines) in enumerate(tables):
        if number:
            click.echo("")
        modelled = {name for name in header if name.startswith("modelled")}
        print_table(header, rows, right={"T", "Q", *modelled} - {"modelled bound"})
        click.echo("\n".join([*lines[:-1], *textwrap.wrap(lines[-1], 100)]))

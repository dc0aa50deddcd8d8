# SPDX-License-Identifier: Apache-2.0
"""`hlsgen estimate`: what an accelerator would take of its card."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..estimate import estimate, largest_array, refusal, report
from ..estimate.result import Estimate
from ..faults import shown
from ..resources import TITLES
from ..spec import Spec
from ..specfile import load_spec
from .options import PATH
from .tables import print_table


@click.command("estimate")
@click.argument("spec", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print the estimate as a JSON object.")
@click.pass_context
def command(ctx: click.Context, spec: Path, as_json: bool) -> None:
    """Estimate the LUT, FF, DSP, BRAM and URAM of SPEC's accelerator, module by module and SLR by
    SLR; status 2 when its card has not as much.

    All figures are estimated: no tool of the vendor's runs.
    """
    chosen = load_spec(spec)
    found = estimate(chosen)
    fault = refusal(chosen, spec, found)
    if as_json:
        errors = [] if fault is None else [{"message": str(fault)}]
        result = {"ok": fault is None, "errors": errors, "spec": chosen.name}
        result |= report.document(found)
        result["largest_planned"] = _size(_largest_planned(chosen, found))
        result["notes"] = report.notes(chosen)
        click.echo(json.dumps(result, indent=2))
    else:
        _print(chosen, found)
    if fault is not None:
        click.echo(str(fault), err=True)
        ctx.exit(fault.exit_code)


def _print(spec: Spec, found: Estimate) -> None:
    array = spec.array
    click.echo(
        f"{shown(spec.name)}: {array.rows}x{array.lanes} array, group {spec.sparsity.group}, on "
        f"{found.card}: estimated\n"
    )
    numbers = {"count", *TITLES.values()}
    print_table(report.MODULES_HEADER, report.module_rows(found), right=numbers)
    click.echo()
    print_table(report.SLRS_HEADER, report.slr_rows(found), right=numbers)
    click.echo()
    for remark in found.remarks:
        click.echo(f"estimated: {remark}")
    if not found.within_plan:
        planned = _largest_planned(spec, found)
        size = "none" if planned is None else f"{planned[0]}x{planned[1]}"
        click.echo(f"estimated: the largest array within the planned share: {size}")
    for note in report.notes(spec):
        click.echo(note)


def _largest_planned(spec: Spec, found: Estimate) -> tuple[int, int] | None:
    """Rows and lanes of the largest array within the planned share, no larger than the spec's."""
    if found.within_plan:
        return spec.array.rows, spec.array.lanes
    return largest_array(spec, within_plan=True)


def _size(array: tuple[int, int] | None) -> dict[str, int] | None:
    return None if array is None else dict(zip(("rows", "lanes"), array, strict=True))

# SPDX-License-Identifier: Apache-2.0
"""`hlsgen report`: a bundle in one HTML page."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..report.data import document
from ..report.inputs import read_inputs
from ..report.kinds import KINDS, listed
from ..report.page import page
from ..timing.output import check_target, replaced
from .options import PATH

_FILE = "report.html"
_HELP = f"""Show BUNDLE, a folder that `hlsgen build` made, in one page that needs no network: what
it is, where its cycles go, what it takes of its card, and how its training runs went.

Each figure says what it is: {listed(KINDS)}."""


@click.command("report", help=_HELP)
@click.argument("bundle", type=PATH)
@click.option("-o", "--out", type=PATH, metavar="FILE.html",
              help=f"Where the page goes; BUNDLE/{_FILE} by default.")  # fmt: skip
@click.option("--recorded", type=PATH, metavar="FILE.npz",
              help="What `hlsgen time --record` wrote, for simulated figures; the newest in "
                   "BUNDLE or BUNDLE.runs by default.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True,
              help="Print the figures as a JSON object; write a page only with -o.")  # fmt: skip
def command(bundle: Path, out: Path | None, recorded: Path | None, as_json: bool) -> None:
    """The page or the figures of a bundle; what was passed over goes to stderr."""
    if out is not None:
        check_target(out, "-o")
    inputs = read_inputs(bundle, recorded)
    target = bundle / _FILE if out is None and not as_json else out
    if target is not None:
        check_target(target, "-o")
    told = document(inputs)
    if target is not None:
        text = page(told)
        with replaced(target, "-o") as unfinished:
            unfinished.write_text(text, encoding="utf-8", errors="replace")
    for remark in told["remarks"]:
        click.echo(f"warning: {remark}", err=True)
    if as_json:
        click.echo(json.dumps(told, indent=2, allow_nan=False))
        return
    click.echo(f"written: {target}")

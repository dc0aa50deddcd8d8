# SPDX-License-Identifier: Apache-2.0
"""`hlsgen doctor`: what of the toolchain is here, and what each missing part stops."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Sequence

import click

from ..doctor import Finding, can_build_csim, examine
from ..errors import ToolMissingError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON object.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """List the parts of the toolchain; status 3 when csim cannot be built."""
    findings = examine(os.environ)
    ready = can_build_csim(findings)
    if as_json:
        rows = [dataclasses.asdict(finding) for finding in findings]
        click.echo(json.dumps({"ok": ready, "findings": rows}, indent=2))
    else:
        print_table(findings)
        for finding in findings:
            if not finding.found:
                what = f"{finding.name} (optional)" if finding.optional else finding.name
                click.echo(f"\n{what}: stops {finding.stops}\n  {finding.mend}")
        click.echo("\ncsim can be built" if ready else "\ncsim cannot be built: see above")
    if not ready:
        ctx.exit(ToolMissingError.exit_code)


def print_table(findings: Sequence[Finding]) -> None:
    """The parts, one a line off a terminal, without box lines."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    table = Table(box=box.SIMPLE if console.is_terminal else None, pad_edge=False)
    for name in ("", "part", "version", "where"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        cells = (finding.mark, finding.name, finding.version, finding.where)
        table.add_row(*map(Text, cells))
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))

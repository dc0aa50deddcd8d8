# SPDX-License-Identifier: Apache-2.0
"""`hlsgen doctor`: what of the toolchain is here, and what each missing part stops."""

from __future__ import annotations

import dataclasses
import json
import os

import click

from ..doctor import can_build_csim, examine
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
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = "ok" if finding.found else "--"
            click.echo(f"{mark}  {finding.name:<{width}}  {finding.detail}")
            if not finding.found:
                click.echo(f"    {'':<{width}}  stops: {finding.stops}")
        click.echo("csim can be built" if ready else "csim cannot be built: see above")
    if not ready:
        ctx.exit(ToolMissingError.exit_code)

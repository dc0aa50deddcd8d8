# SPDX-License-Identifier: Apache-2.0
"""`hlsgen check`: validate a spec, or print the JSON Schema of specs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from hlsgen.faults import SpecError, shown
from hlsgen.spec import json_schema
from hlsgen.specfile import load_spec


@click.command()
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of specs; needs no SPEC.")
@click.pass_context
def check(ctx: click.Context, spec: Path | None, as_json: bool, schema: bool) -> None:
    """Validate SPEC and print it in one line, or every fault with its line and column."""
    if schema:
        click.echo(json_schema(), nl=False)
        return
    if spec is None:
        raise click.UsageError("Missing argument 'SPEC'", ctx)
    try:
        result = load_spec(spec)
    except SpecError as error:
        if not as_json:
            raise
        faults = [dataclasses.asdict(fault) for fault in error.faults]
        click.echo(json.dumps({"ok": False, "errors": faults, "spec": None}, indent=2))
        ctx.exit(error.exit_code)
    if as_json:
        fields = result.model_dump(mode="json")
        click.echo(json.dumps({"ok": True, "errors": [], "spec": fields}, indent=2))
    else:
        click.echo(f"{shown(str(spec), 4096)}: ok: {result.summary()}")

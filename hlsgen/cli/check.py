# SPDX-License-Identifier: Apache-2.0
"""`hlsgen check`: validate a spec, or print the JSON Schema of specs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..faults import shown
from ..spec import json_schema
from ..specfile import load_spec
from .options import PATH


@click.command()
@click.argument("spec", type=PATH, required=False)
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
    result = load_spec(spec)
    if as_json:
        fields = result.model_dump(mode="json")
        click.echo(json.dumps({"ok": True, "errors": [], "spec": fields}, indent=2))
    else:
        click.echo(f"{shown(str(spec), 4096)}: ok: {result.summary()}")

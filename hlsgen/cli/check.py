# SPDX-License-Identifier: Apache-2.0
"""`hlsgen check`: validate a spec, or print the JSON Schema of specs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..estimate import require_fit
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
    """Validate SPEC and print it in one line, or every fault with its line and column, or what its
    card has not enough of (estimated). What is tight on its card is a line more each."""
    if schema:
        click.echo(json_schema(), nl=False)
        return
    if spec is None:
        raise click.UsageError("Missing argument 'SPEC'", ctx)
    result = load_spec(spec)
    remarks = require_fit(result, spec).remarks
    if as_json:
        fields = result.model_dump(mode="json")
        answer = {"ok": True, "errors": [], "spec": fields, "remarks": remarks}
        click.echo(json.dumps(answer, indent=2))
        return
    file = shown(str(spec), 4096)
    click.echo(f"{file}: ok: {result.summary()}")
    for remark in remarks:
        click.echo(f"{file}: estimated: {remark}")

# SPDX-License-Identifier: Apache-2.0
"""`hlsgen package`: a bundle as one archive for the machine that runs it."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path

import click

from ..disk import bytes_text
from ..package import package
from .options import PATH


@click.command("package")
@click.argument("bundle", type=PATH)
@click.option("-o", "--out", type=PATH, metavar="FILE.tar.gz",
              help="The archive; BUNDLE.tar.gz by default.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
def command(bundle: Path, out: Path | None, as_json: bool) -> None:
    """Pack BUNDLE into one archive, with a manifest of digests, versions and licences.

    On the other machine, which needs NumPy alone: unpack it, and call python3 -m sat_host in it.
    """
    made = package(bundle, out)
    if as_json:
        values = {**dataclasses.asdict(made), "archive": str(made.archive)}
        click.echo(json.dumps(values, indent=2))
        return
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{made.archive}: {made.files} files, {bytes_text(made.bytes)}")
    click.echo(f"sha256 {made.sha256}")
    archive = shlex.quote(made.archive.name)
    click.echo(f"there: tar xf {archive} && cd {made.name} && python3 -m sat_host deploy")

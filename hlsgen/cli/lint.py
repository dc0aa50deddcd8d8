# SPDX-License-Identifier: Apache-2.0
"""`hlsgen lint`: whether Vitis HLS would take the C++ of a build."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from ..errors import WorkError
from ..faults import shown
from ..lint.check import Report, lint
from ..lint.findings import RULES, Finding
from .options import PATH


@click.command("lint")
@click.argument("build", type=PATH, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON object.")
@click.option("--rules", is_flag=True, help="List the rules; needs no BUILD.")
@click.pass_context
def command(ctx: click.Context, build: Path | None, as_json: bool, rules: bool) -> None:
    """Check the HLS C++ of BUILD, a bundle or a rendered project, without any vendor tool.

    Its pragmas, dataflow regions, streams and loops, and that all of it can be synthesized. Status
    1 when something is found. Needs the extra hlsgen[lint].
    """
    if rules:
        _print_rules(as_json)
        return
    if build is None:
        raise click.UsageError("Missing argument 'BUILD'", ctx)
    report = lint(build, os.environ)
    if as_json:
        click.echo(json.dumps(_document(report), indent=2))
    else:
        for finding in report.findings:
            click.echo(_line(report, finding))
        click.echo(_summary(build, report))
    if report.findings:
        ctx.exit(WorkError.exit_code)


def _print_rules(as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"ok": True, "rules": RULES}, indent=2))
        return
    width = max(map(len, RULES))
    for name, meaning in RULES.items():
        click.echo(f"{name:<{width}}  {meaning}")


def _document(report: Report) -> dict[str, object]:
    return {
        "ok": not report.findings,
        "folder": str(report.folder),
        "units": list(report.units),
        "files": report.files,
        "lines": report.lines,
        "pragmas": report.pragmas,
        "findings": [asdict(finding) for finding in report.findings],
    }


def _line(report: Report, finding: Finding) -> str:
    place = shown(str(report.folder / finding.file), 4096)
    return f"{place}:{finding.line}: {finding.rule}: {shown(finding.message, 300)}: {finding.mend}"


def _summary(build: Path, report: Report) -> str:
    count = len(report.findings)
    found = "no findings" if count == 0 else _counted(count, "finding")
    return (
        f"{shown(str(build), 4096)}: {found} in {_counted(report.files, 'file')}: "
        f"{_counted(report.pragmas, 'pragma')}, {_counted(report.lines, 'line')}"
    )


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"

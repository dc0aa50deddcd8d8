# SPDX-License-Identifier: Apache-2.0
"""`hlsgen build`: render, compile, bundle and self-test an accelerator."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..build import BuildPlan, BuildResult, OnStep, plan_build
from ..build import build as build_bundle
from ..disk import bytes_text
from .options import PATH

COMPILE_FOLDER = "a scratch folder that holds the rendered project"


@click.command()
@click.argument("spec", type=PATH)
@click.option("-o", "--out", "out", type=PATH, metavar="DIR",
              help="The bundle folder; build/<name> by default.")  # fmt: skip
@click.option("--target", type=click.Choice(["csim"]), default="csim", show_default=True,
              help="csim, the simulator, is the only target.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="List the steps and commands; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
def build(spec: Path, out: Path | None, target: str, dry_run: bool, as_json: bool) -> None:
    """Build the accelerator of SPEC into a bundle folder, and test it against the golden model."""
    if dry_run:
        plan = plan_build(spec, out, os.environ)
        click.echo(json.dumps(plan_json(plan), indent=2) if as_json else plan_text(plan))
        return
    with _progress(quiet=as_json) as on_step:
        result = build_bundle(spec, out, os.environ, on_step)
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps(result_json(result), indent=2))
    else:
        print_table(result)


def result_json(result: BuildResult) -> dict[str, Any]:
    """The answer of `build --json`."""
    return {
        "bundle": str(result.bundle),
        "name": result.spec.name,
        "array": result.spec.array.model_dump(mode="json"),
        "word_bits": 8 * result.word_bytes,
        "tile_bytes": result.tile_bytes,
        "digest": result.digest,
        "library_sha256": result.library_sha256,
        "compiler": result.compiler,
        "isa": result.isa,
        "steps": [dataclasses.asdict(step) for step in result.steps],
        "selftest": [dataclasses.asdict(check) for check in result.checks],
        "warnings": list(result.warnings),
        "seconds": result.seconds,
    }


def plan_json(plan: BuildPlan) -> dict[str, Any]:
    """The answer of `build --dry-run --json`."""
    return {
        **dataclasses.asdict(plan),
        "bundle": str(plan.bundle),
        "compile_folder": COMPILE_FOLDER,
    }


def plan_text(plan: BuildPlan) -> str:
    """The steps with their commands, each with whether the cache already has its outcome."""
    lines = [f"bundle {plan.bundle}, digest {plan.digest[:12]}, {plan.compiler}, nothing written"]
    lines.append(f"compile commands run in {COMPILE_FOLDER}")
    for number, step in enumerate(plan.steps, 1):
        lines.append(f"{number}. {step}")
        for command in plan.commands:
            if command.step == step:
                state = "cached" if command.cached else "to run"
                lines.append(f"   [{state}] {command.command}")
    return "\n".join(lines)


def print_table(result: BuildResult) -> None:
    """A short table: sizes, then each step; without colours or box lines off a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    # Off a terminal lines are as long as they need to be: a program may read them.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    array = result.spec.array
    console.print(
        f"{result.spec.name}: {array.rows} x {array.lanes} array, "
        f"word {8 * result.word_bytes} bits, memory tile 2 x {bytes_text(result.tile_bytes)}",
        markup=False,
    )
    table = Table(box=box.SIMPLE if console.is_terminal else None, pad_edge=False)
    table.add_column("step")
    table.add_column("seconds", justify="right")
    table.add_column("cached")
    table.add_column("detail", overflow="fold")
    for step in result.steps:
        cached = "yes" if step.cached else "no"
        table.add_row(step.name, f"{step.seconds:.2f}", cached, step.detail)
    table.add_row("all", f"{result.seconds:.2f}", "", "")
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


@contextmanager
def _progress(*, quiet: bool) -> Iterator[OnStep]:
    """Tell the running step on a terminal's stderr; say nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield lambda name: status.update(name)

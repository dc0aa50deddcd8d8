# SPDX-License-Identifier: Apache-2.0
"""`hlsgen build`: render, compile, bundle and self-test an accelerator; run the vendor's tools."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from pathlib import Path
from typing import Any, cast

import click
from sat_host.manifest import TARGETS, Target

from ..build import BuildResult, plan_build
from ..build import build as build_bundle
from ..bundle import HARDWARE
from ..disk import bytes_text
from ..hardware.build import HardwareRequest, HardwareResult
from ..hardware.differences import HEADER, NOTE, document, lines, over_lines, rows
from ..hardware.loops import LOOPS_HEADER, loop_rows
from ..toolchain.engine import Choice, StepDone
from ..toolchain.progress import Watcher
from .build_plan import plan_json, plan_text
from .build_progress import build_progress, told_where_interrupted
from .options import PATH
from .tables import print_table

_DAY_HOURS = 24.0


def finite(ctx: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """Refuse nan and inf, which no range refuses, and with which no time would ever be up."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a number of hours", ctx, option)
    return value


@click.command()
@click.argument("spec", type=PATH)
@click.option("-o", "--out", "out", type=PATH, metavar="DIR",
              help="The bundle folder; build/<name> by default.")  # fmt: skip
@click.option("--target", type=click.Choice(("csim", *TARGETS)), default="csim", show_default=True,
              help="csim, the simulator, which every bundle has; hw, also the card's bitstream; "
                   "hw_emu, also what runs in the vendor's emulation. hw and hw_emu need Vitis.",
              )  # fmt: skip
@click.option("--vitis", type=PATH, metavar="DIR",
              help="The Vitis installation; hardware.vitis, else found by default.")  # fmt: skip
@click.option("--platform", metavar="NAME",
              help="The card's platform, or its .xpfm file; hardware.platform, else the card's own "
                   "by default.")  # fmt: skip
@click.option("--from", "first", metavar="STEP",
              help="Run this step of the vendor's tools and those after it again.")  # fmt: skip
@click.option("--until", "last", metavar="STEP",
              help="Stop after this step of the vendor's tools.")  # fmt: skip
@click.option("--force", is_flag=True, help="Run all steps of the vendor's tools again.")
@click.option(
    "--cosim", is_flag=True, help="Also simulate the RTL of each kernel, before the link."
)
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), callback=finite,
              metavar="HOURS", help="Of each step of the vendor's tools; 24 by default.",
              )  # fmt: skip
@click.option("--dry-run", is_flag=True, help="List the steps and commands; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
@click.pass_context
def build(
    ctx: click.Context,
    /,
    spec: Path,
    out: Path | None,
    target: str,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Build the accelerator of SPEC into a bundle folder, and test it against the golden model.

    For --target hw and hw_emu the bundle for csim is published first. Then the vendor's tools run,
    in DIR.vitis, and go on from where an earlier build stopped.
    """
    if target == "csim":
        refuse_tool_options(ctx, options)
    if dry_run:
        plan = plan_build(spec, out, os.environ, request_of(target, options, Watcher()))
        click.echo(json.dumps(plan_json(plan), indent=2) if as_json else plan_text(plan))
        return
    with build_progress(quiet=as_json) as (on_step, watcher):
        request = request_of(target, options, watcher)
        with told_where_interrupted(watcher, options):
            result = build_bundle(spec, out, os.environ, on_step, hardware=request)
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps(result_json(result), indent=2))
    else:
        print_result(result)


def refuse_tool_options(ctx: click.Context, options: dict[str, Any]) -> None:
    """Raise UsageError for an option that says nothing to a build for csim."""
    names = {"first": "--from", "last": "--until"}
    for name, value in options.items():
        if value:
            option = names.get(name, f"--{name}")
            raise click.UsageError(f"{option} is for the vendor's tools: add --target hw", ctx)


def request_of(target: str, options: dict[str, Any], watcher: Watcher) -> HardwareRequest | None:
    """What is asked of the vendor's tools; None for csim."""
    if target == "csim":
        return None
    hours = options["timeout"]
    return HardwareRequest(
        target=cast(Target, target),
        vitis=options["vitis"],
        platform=options["platform"],
        choice=Choice(options["first"], options["last"], options["force"]),
        cosim=options["cosim"],
        timeout=3600 * (_DAY_HOURS if hours is None else hours),
        watcher=watcher,
    )


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
        "warnings": warnings_of(result),
        "seconds": result.seconds,
        "xclbin": None if result.xclbin is None else dict(result.xclbin),
        "hardware": None if result.hardware is None else hardware_json(result.hardware),
    }


def warnings_of(result: BuildResult) -> list[str]:
    """All that was warned of, each once; also of the tools' steps that an earlier build ran."""
    told = [*result.warnings, *result.remarks]
    if (tools := result.hardware) is not None:
        told += tools.notes
        told += () if tools.clock is not None else over_lines(tools.differences)
        told += (f"{done.step.name}: {done.warning}" for done in tools.steps if done.warning)
    return list(dict.fromkeys(told))


def hardware_json(result: HardwareResult) -> dict[str, Any]:
    """What the vendor's tools did. seconds and peak_memory_bytes of a kept step are of the run that
    made it; clock is null for a build that was stopped before its last step."""
    return {
        "target": result.target,
        "vitis": result.vitis,
        "platform": result.platform,
        "folder": str(result.work),
        "report": str(result.report),
        "clock": None if result.clock is None else dataclasses.asdict(result.clock),
        "differences": document(result.differences),
        "notes": list(result.notes),
        "steps": [step_json(done) for done in result.steps],
    }


def step_json(done: StepDone) -> dict[str, Any]:
    """One step of the vendor's tools."""
    return {
        "name": done.step.name,
        "kept": done.kept,
        "seconds": done.seconds,
        "usual_seconds": done.step.usual_seconds,
        "usual_source": done.step.usual_source,
        "peak_memory_bytes": done.peak_memory_bytes,
        "folder": str(done.folder),
        "log": str(done.log),
        "outputs": dict(done.outputs),
        "reports": [path.relative_to(done.folder).as_posix() for path in done.reports()],
        "warning": done.warning or None,
    }


def print_result(result: BuildResult) -> None:
    """A short table: sizes, then each step; and what the vendor's tools reported."""
    array = result.spec.array
    click.echo(
        f"{result.spec.name}: {array.rows} x {array.lanes} array, "
        f"word {8 * result.word_bytes} bits, memory tile 2 x {bytes_text(result.tile_bytes)}"
    )
    cells = [
        (step.name, f"{step.seconds:.2f}", "yes" if step.cached else "no", step.detail)
        for step in result.steps
    ]
    cells.append(("all", f"{result.seconds:.2f}", "", ""))
    print_table(("step", "seconds", "cached", "detail"), cells, right={"seconds"}, fold={"detail"})
    if result.hardware is not None:
        _print_hardware(result, result.hardware)


def _print_hardware(result: BuildResult, hardware: HardwareResult) -> None:
    differences = hardware.differences
    print_table(HEADER, rows(differences), right=HEADER[2:])
    if loops := loop_rows(differences.intervals):
        click.echo("pipelined loops of the row units, and all that missed their II:")
        print_table(LOOPS_HEADER, loops, right=LOOPS_HEADER[3:])
    for line in lines(differences):
        click.echo(line)
    click.echo(NOTE)
    if hardware.clock is None:
        last = hardware.steps[-1].step.name
        click.echo(
            f"{hardware.target}: stopped after {last} as asked; it is in {hardware.work}, with "
            f"{HARDWARE}, until another spec is built there"
        )
        return
    click.echo(
        f"{hardware.target}: {hardware.clock.told}; platform {hardware.platform}, "
        f"Vitis {hardware.vitis}; reports in {result.bundle / HARDWARE}"
    )

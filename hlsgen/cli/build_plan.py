# SPDX-License-Identifier: Apache-2.0
"""What `hlsgen build --dry-run` prints."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from ..build import BuildPlan
from ..hardware.planned import HardwarePlan

COMPILE_FOLDER = "a scratch folder that holds the rendered project"


def plan_json(plan: BuildPlan) -> dict[str, Any]:
    """The answer of `build --dry-run --json`."""
    hardware = None
    if plan.hardware is not None:
        hardware = {
            **dataclasses.asdict(plan.hardware),
            "work": str(plan.hardware.work),
            "assumed": plan.hardware.assumed or None,
            "steps": [
                {**dataclasses.asdict(step), "folder": str(step.folder), "kept": step.kept}
                for step in plan.hardware.steps
            ],
        }
    return {
        **_fields(plan),
        "bundle": str(plan.bundle),
        "compile_folder": COMPILE_FOLDER,
        "hardware": hardware,
        "warnings": list(plan.remarks),
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
    lines += (f"warning: {remark}" for remark in plan.remarks)
    if plan.hardware is not None:
        lines += hardware_plan_lines(plan.hardware, len(plan.steps) + 1)
    return "\n".join(lines)


def hardware_plan_lines(plan: HardwarePlan, number: int) -> list[str]:
    """The steps of the vendor's tools, each with its folder and command."""
    lines = [f"then for {plan.target}, platform {plan.platform}, Vitis {plan.vitis}:"]
    if plan.assumed:
        lines[0] = f"then for {plan.target}, not possible here yet: {plan.assumed}:"
    words = {"done": "done", "to run": "to run", "failed": "timing missed"}
    for offset, step in enumerate(plan.steps):
        clock = f" at {step.clock_mhz} MHz" if step.name == "link" else ""
        usual = f", {step.usual}" if step.usual else ""
        lines.append(f"{number + offset}. {step.name}{clock}{usual}")
        folder = shlex.quote(str(step.folder))
        lines.append(f"   [{words[step.outlook]}] cd {folder} && {step.command}")
    if plan.ladder:
        clocks = ", then ".join(f"{mhz} MHz" for mhz in plan.ladder)
        lines.append(f"where its timing is missed: the link again at {clocks}")
    return lines


def _fields(plan: BuildPlan) -> dict[str, Any]:
    fields = dataclasses.asdict(dataclasses.replace(plan, hardware=None))
    del fields["remarks"]
    return fields

# SPDX-License-Identifier: Apache-2.0
"""A small accelerator and its tool steps, and a plain way to run them one after the other."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sat_host.kernels import KERNELS

from hlsgen.cards import CARDS
from hlsgen.project import Project
from hlsgen.render import render
from hlsgen.spec import Spec
from hlsgen.toolchain.discover import assumed_vitis, tool_environment
from hlsgen.toolchain.plan import HardwareJob
from hlsgen.toolchain.platforms import assumed_platform
from hlsgen.toolchain.steps import ToolStep

DATA = {kernel.name: {f"{kernel.name}.dat": b"1"} for kernel in KERNELS}


@functools.cache
def small_project() -> Project:
    """The sources of a small array."""
    spec = {"name": "small", "array": {"rows": 4, "lanes": 8, "interleave": 2}}
    return render(Spec.model_validate(spec))


def job(version: str = "2023.2", card: str = "u200", **changes: Any) -> HardwareJob:
    """A build with tools that nobody has looked for."""
    settings: dict[str, Any] = {
        "name": "small",
        "project": small_project(),
        "vitis": assumed_vitis(version),
        "platform": assumed_platform(CARDS[card]),
        "target": "hw",
        "clock_mhz": 200,
    }
    return HardwareJob(**{**settings, **changes})


def run_step(
    step: ToolStep, folder: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run one step in `folder`/<its name>, beside the folders of the steps before it."""
    place = folder / step.name
    for name, content in step.files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    place.mkdir(parents=True, exist_ok=True)
    for each in step.inputs:
        shutil.copyfile(folder / each.step / each.output, place / each.name)
    variables = {**tool_environment(step.settings, environ), **step.environment}
    return subprocess.run(
        step.argv, cwd=place, env=variables, capture_output=True, text=True, check=False
    )


def run_all(steps: Sequence[ToolStep], folder: Path, environ: Mapping[str, str]) -> str:
    """Run all steps; "" when all went well and made what they should, else what went wrong."""
    for step in steps:
        done = run_step(step, folder, environ)
        missing = [name for name in step.outputs if not (folder / step.name / name).is_file()]
        if done.returncode or missing:
            return f"{step.name}: {done.returncode}, missing {missing}: {done.stdout}{done.stderr}"
    return ""

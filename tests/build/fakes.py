# SPDX-License-Identifier: Apache-2.0
"""A tiny accelerator that stands for the real one: one function, and a self-test that is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import hlsgen.build
import hlsgen.selftest
from hlsgen.build import BuildResult
from hlsgen.errors import WorkError
from hlsgen.hardware.build import HardwareRequest
from hlsgen.lint.check import Report
from hlsgen.project import Project
from hlsgen.render import render
from hlsgen.spec import Spec
from hlsgen.toolchain.gxx import Unit

HW_SPEC = "name: tiny\ncard: u200\narray: {rows: 4, lanes: 8, interleave: 2}\n"
HW, HW_EMU = HardwareRequest("hw"), HardwareRequest("hw_emu")
STEPS = ("csynth_sat_stce", "csynth_sat_wuve", "link", "package")
EMULATION = (*STEPS[:3], "emconfig", "package")
NO_FINDINGS = Report(Path("src"), units=(), files=0, lines=0, pragmas=0, findings=())
Make = Callable[..., BuildResult]

PASSED = [{"name": "dense", "detail": "1 values", "passed": True}]
FAILED = [*PASSED, {"name": "keep 2:8", "detail": "1 of 9 values differ", "passed": False}]


def fake_project(spec: Spec) -> Project:
    """One source whose function returns the number of rows."""
    attribute = '__attribute__((visibility("default")))'
    text = f'extern "C" {attribute} int rows() {{ return {spec.array.rows}; }}\n'
    return Project({"sat.cpp": text, "kernels/note.h": "#pragma once\n"})


def whole_project(spec: Spec) -> Project:
    """The real sources, for the vendor's tools, beside the one that is compiled for csim."""
    return Project({**render(spec).files, **fake_project(spec).files})


def install(
    patch: pytest.MonkeyPatch,
    rows: list[dict[str, object]] | None = None,
    project: Callable[[Spec], Project] = fake_project,
) -> list[Path]:
    """Put the tiny accelerator in the place of the real one; returns the folders tested."""
    tested: list[Path] = []

    def run_selftest(folder: Path, report: Path) -> None:
        tested.append(folder)
        failed = [row for row in rows or PASSED if not row["passed"]]
        if failed:
            raise WorkError(f"self-test: {failed[0]['name']}")
        report.write_text(json.dumps(rows or PASSED), encoding="utf-8")

    patch.setattr(hlsgen.build, "CSIM_UNITS", (Unit("sat.cpp"),))
    patch.setattr(hlsgen.build, "render", project)
    patch.setattr(hlsgen.build, "check_sources", lambda bundle, environ: NO_FINDINGS)
    patch.setattr(hlsgen.selftest, "_run_selftest", run_selftest)
    return tested


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, with the bytes of files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }

# SPDX-License-Identifier: Apache-2.0
"""A tiny accelerator that stands for the real one: one function, and a self-test that is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hlsgen.build
from hlsgen.errors import WorkError
from hlsgen.project import Project
from hlsgen.spec import Spec
from hlsgen.toolchain.gxx import Unit

PASSED = [{"name": "dense", "detail": "1 values", "passed": True}]
FAILED = [*PASSED, {"name": "keep 2:8", "detail": "1 of 9 values differ", "passed": False}]


def fake_project(spec: Spec) -> Project:
    """One source whose function returns the number of rows."""
    attribute = '__attribute__((visibility("default")))'
    text = f'extern "C" {attribute} int rows() {{ return {spec.array.rows}; }}\n'
    return Project({"sat.cpp": text, "kernels/note.h": "#pragma once\n"})


def install(patch: pytest.MonkeyPatch, rows: list[dict[str, object]] | None = None) -> list[Path]:
    """Put the tiny accelerator in the place of the real one; returns the folders tested."""
    tested: list[Path] = []

    def run_selftest(folder: Path, report: Path) -> None:
        tested.append(folder)
        failed = [row for row in rows or PASSED if not row["passed"]]
        if failed:
            raise WorkError(f"self-test: {failed[0]['name']}")
        report.write_text(json.dumps(rows or PASSED), encoding="utf-8")

    patch.setattr(hlsgen.build, "CSIM_UNITS", (Unit("sat.cpp"),))
    patch.setattr(hlsgen.build, "render", fake_project)
    patch.setattr(hlsgen.build, "_run_selftest", run_selftest)
    return tested


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, with the bytes of files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }

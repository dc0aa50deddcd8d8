# SPDX-License-Identifier: Apache-2.0
"""A library that passes its self-test is published; one that fails it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import hlsgen.build
import hlsgen.render
from hlsgen.build import build
from hlsgen.errors import WorkError
from hlsgen.project import Project
from hlsgen.spec import Spec


@pytest.fixture
def small_spec(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(
        "name: small\narray: {rows: 4, lanes: 8, interleave: 2, memory_tile: 2, adder_latency: 4}\n"
    )
    return path


def test_the_real_library_passes_and_a_wrong_one_is_not_published(
    tmp_path: Path,
    small_spec: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = build(small_spec, tmp_path / "right", os.environ)
    assert all(check.passed for check in result.checks)
    assert "keep 8:8" in [check.name for check in result.checks]
    assert not list((tmp_path / "right").rglob("__pycache__"))
    assert {
        step.name for step in build(small_spec, tmp_path / "right", os.environ).steps if step.cached
    } == {
        "compile",
        "self-test",
    }
    render = hlsgen.render.render

    def render_late_ties(spec: Spec) -> Project:
        files = dict(render(spec).files)
        right = "(value[earlier][c] & kHalfMagnitude) <"
        assert right in files["kernels/group_ranking.h"]
        files["kernels/group_ranking.h"] = files["kernels/group_ranking.h"].replace(
            right, right + "="
        )
        return Project(files)

    monkeypatch.setattr(hlsgen.build, "render", render_late_ties)
    with pytest.raises(WorkError, match="self-test: .* nothing was published"):
        build(small_spec, tmp_path / "wrong", os.environ)
    assert not (tmp_path / "wrong").exists()
    assert os.listdir(tmp_path / "right")

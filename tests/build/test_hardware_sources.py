# SPDX-License-Identifier: Apache-2.0
"""The sources are looked at before the vendor's tools are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import fakes
import pytest
from standins import Installation

import hlsgen.build
from hlsgen.cli.main import main
from hlsgen.hardware.sources import check_sources
from hlsgen.project import write
from hlsgen.render import render
from hlsgen.specfile import parse_spec


@pytest.fixture
def looking(hw_spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function that stands for the accelerator in csim has no interface, which is found."""
    monkeypatch.setattr(hlsgen.build, "check_sources", check_sources)


@pytest.mark.slow
@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize("target", ["hw", "hw_emu"])
def test_a_finding_stops_the_build_before_any_tool(
    hw_spec: Path,
    place: Installation,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    target: str,
) -> None:
    monkeypatch.setenv("PLATFORM_REPO_PATHS", str(place.platforms))
    out = tmp_path / "out"
    given = ("build", hw_spec, "-o", out, "--target", target, "--vitis", place.root)
    status = main([*map(str, given)])
    *_, line = capsys.readouterr().err.splitlines()
    assert status == 1
    assert line.startswith("lint: sat.cpp:1: interface-port: rows has no s_axilite ")
    assert f"(the first of 2: `hlsgen lint {out}` shows all; no vendor's tool was run)" in line
    assert place.tools_called() == [] and not (tmp_path / "out.vitis").exists()
    assert (out / "bundle.json").is_file()


@pytest.mark.usefixtures("looking")
def test_without_the_parser_nothing_is_said(
    make: fakes.Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter_cpp", None)
    result = make()
    assert result.xclbin is not None
    assert "lint" not in [step.name for step in result.steps]
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_what_is_rendered_has_no_finding(tmp_path: Path) -> None:
    write(render(parse_spec(fakes.HW_SPEC.encode(), "tiny.yaml")), tmp_path / "src")
    report = check_sources(tmp_path, os.environ)
    assert report.files > 10 and report.findings == ()

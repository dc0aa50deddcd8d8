# SPDX-License-Identifier: Apache-2.0
"""A spec file, an environment with a cache of its own, and builds with stand-in vendor's tools."""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from pathlib import Path

import fakes
import pytest
from standins import Installation, install_vitis

import hlsgen.hardware.build
from hlsgen.build import BuildResult, build
from hlsgen.hardware.build import HardwareRequest
from hlsgen.toolchain.discover import find_vitis
from hlsgen.toolchain.engine import Workspace


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text("name: tiny\narray: {rows: 4, lanes: 8, interleave: 2}\n", encoding="utf-8")
    return path


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("HLSGEN_CACHE", str(tmp_path / "cache"))
    return dict(os.environ)


@pytest.fixture
def hw_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec for a card, with a library that compiles at once and no Vitis on the machine."""
    fakes.install(monkeypatch, project=fakes.whole_project)
    monkeypatch.setenv("HLSGEN_CACHE", str(tmp_path / "cache"))
    found = functools.partial(find_vitis, roots=())
    monkeypatch.setattr(hlsgen.hardware.build, "find_vitis", found)
    for name in [name for name in os.environ if name.startswith("XILINX")]:
        monkeypatch.delenv(name)
    path = tmp_path / "tiny.yaml"
    path.write_text(fakes.HW_SPEC, encoding="utf-8")
    return path


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    return install_vitis(tmp_path / "tools", "2023.2")


@pytest.fixture
def make(place: Installation, hw_spec: Path, tmp_path: Path) -> fakes.Make:
    """Build `hw_spec` into out/, for hw unless told otherwise. more: environment variables."""

    def run(request: HardwareRequest | None = fakes.HW, **more: str) -> BuildResult:
        if request is not None and request.vitis is None:
            request = replace(request, vitis=place.root)
        return build(hw_spec, tmp_path / "out", place.environ(**more), hardware=request)

    return run


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "out.vitis" / "hw"
    folder.mkdir(parents=True)
    environ = {"PATH": os.environ["PATH"]}
    return Workspace(folder, "hw", lambda settings: environ)

# SPDX-License-Identifier: Apache-2.0
"""A machine with a card, and bundles that can be loaded on it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyxrt_standin import Machine, make_module
from sat_host.xrt import environment
from xrt_bundles import add_xclbin

from hlsgen.build import build

SPEC = """
name: carried
card: u200
array: {rows: 4, lanes: 32, interleave: 4, memory_tile: 2}
sparsity: {group: 8, keep: 2}
model:
  name: layers
  layers:
  - {type: conv, name: conv1, filters: 12, kernel: 3, stride: 2, padding: 1}
  - {type: relu}
  - {type: conv, name: conv2, filters: 20, kernel: 3, stride: 2, padding: 1, bias: true}
  - {type: relu}
  - {type: flatten}
  - {type: linear, name: fc, units: 10}
training: {epochs: 1, batch: 200}
"""

Plug = Callable[..., Machine]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A csim bundle of a small network, by way of the ordinary cache."""
    folder = tmp_path_factory.mktemp("carried")
    spec = folder / "spec.yaml"
    spec.write_text(SPEC)
    return build(spec, folder / "carried", os.environ).bundle


@pytest.fixture
def bundle(built: Path, tmp_path: Path) -> Path:
    """A copy with an xclbin for a card."""
    copy = tmp_path / "bundle"
    shutil.copytree(built, copy)
    add_xclbin(copy)
    return copy


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Makes a machine, whose `pyxrt` is then imported; in a process that has not used XRT."""

    def put(**given: object) -> Machine:
        machine = Machine(**given)  # type: ignore[arg-type]
        monkeypatch.setitem(sys.modules, "pyxrt", make_module(machine))
        return machine

    monkeypatch.setattr(environment, "_used_mode", None)
    monkeypatch.delenv("XCL_EMULATION_MODE", raising=False)
    return put

# SPDX-License-Identifier: Apache-2.0
"""A small bundle, built once, and its archive."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from sat_host.archive.unpack import unpack

from hlsgen.build import build
from hlsgen.package import package

SPEC = """\
name: small
array: {rows: 4, lanes: 8, interleave: 2, memory_tile: 2, adder_latency: 4}
sparsity: {group: 8, keep: 1}
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, which no test changes."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "small.yaml").write_text(SPEC, encoding="utf-8")
    return build(folder / "small.yaml", folder / "small", os.environ).bundle


@pytest.fixture(scope="session")
def packed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, which no test changes."""
    return package(built, tmp_path_factory.mktemp("packed") / "small.tar.gz").archive


@pytest.fixture
def bundle(built: Path, tmp_path: Path) -> Path:
    """A copy of the bundle."""
    return Path(shutil.copytree(built, tmp_path / "small"))


@pytest.fixture
def unpacked(packed: Path, tmp_path: Path) -> Path:
    """The bundle as it comes out of the archive."""
    unpack(packed, tmp_path / "there")
    return tmp_path / "there"

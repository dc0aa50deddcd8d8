# SPDX-License-Identifier: Apache-2.0
"""Two small bundles, built once, and dumps of their runs: layers that fill no tile, a last batch
that is smaller, and attention."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from diff_plants import CNN, record

from hlsgen.build import build

VIT = """\
name: tiny_vit
array: {rows: 4, lanes: 8, interleave: 2, memory_tile: 2, adder_latency: 4}
model: {name: vit, patch: 4, dim: 12, depth: 1, heads: 2, mlp: 20}
data: {name: digits, test_fraction: 0.9}
training: {epochs: 1, batch: 90, micro_batch: 45}
"""


def _built(tmp_path_factory: pytest.TempPathFactory, name: str, text: str) -> Path:
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp(name)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return build(folder / f"{name}.yaml", folder / name, os.environ).bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolutional network's, which no test changes."""
    return _built(tmp_path_factory, "tiny", CNN)


@pytest.fixture(scope="session")
def vit_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformer's, which no test changes."""
    return _built(tmp_path_factory, "tiny_vit", VIT)


@pytest.fixture(scope="session")
def recorded(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Dumps that no test changes: of the golden model and of csim, and digests alone."""
    folder = tmp_path_factory.mktemp("dumps")
    return {
        "golden": record(bundle, folder / "golden", "0:2", "golden", digests=True),
        "csim": record(bundle, folder / "csim", "0:2", "csim"),
        "digests": record(bundle, folder / "digests", "0", "csim", digests=True),
        "late": record(bundle, folder / "late", "4", "csim"),
    }


@pytest.fixture
def dumps(recorded: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """Copies of the dumps."""
    return {name: Path(shutil.copytree(path, tmp_path / name)) for name, path in recorded.items()}

# SPDX-License-Identifier: Apache-2.0
"""A spec file and an environment with a cache of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text("name: tiny\narray: {rows: 4, lanes: 8, interleave: 2}\n", encoding="utf-8")
    return path


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("HLSGEN_CACHE", str(tmp_path / "cache"))
    return dict(os.environ)

# SPDX-License-Identifier: Apache-2.0
"""`hlsgen time` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hlsgen.cli.main import main

SPECS = Path(__file__).parents[2] / "specs"
SMALL = str(SPECS / "small.yaml")
MATMUL = ("--matmul", "40,30,50")
Said = pytest.CaptureFixture[str]


def time(said: Said, *arguments: str, status: int = 0) -> tuple[str, str]:
    assert main(["time", *arguments]) == status
    return said.readouterr()


def answer(said: Said, *arguments: str) -> dict[str, Any]:
    out, err = time(said, *arguments, "--json")
    assert err == ""
    result = json.loads(out)
    assert isinstance(result, dict)
    return result


def refusal(said: Said, *arguments: str) -> str:
    out, err = time(said, *arguments, status=2)
    assert out == "" and err.count("\n") == 1
    return err[:-1]


@pytest.fixture
def kept(tmp_path: Path, capsys: Said) -> Path:
    """A recording of a product, long enough to fill FIFOs."""
    path = tmp_path / "kept.npz"
    time(capsys, SMALL, "--matmul", "64,64,64", "--record", str(path))
    return path

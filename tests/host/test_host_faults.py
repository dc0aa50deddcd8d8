# SPDX-License-Identifier: Apache-2.0
"""Faults of `python -m sat_host`: with --json on stdout too, and what is taken for a bundle."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from sat_host.__main__ import main
from test_host_command_line import bare_bundle, run


@pytest.fixture(autouse=True)
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bare_bundle(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["train", "--epochs", "0"], 2, "--epochs: training.epochs: expected an integer"),
        (["train", "--epochs", "x"], 2, "python -m sat_host train: error: argument --epochs"),
        (["train", "--device", "gpu"], 2, "python -m sat_host train: error: argument --device"),
        (["train", "--device", "xrt:0"], 2, "{bundle}: has no xclbin for xrt:0"),
        (["selftest", "--device", "xrt:9"], 2, "{bundle}: has no xclbin for xrt:9"),
        (["selftest", "--device", "fpga"], 2, "--device: expected csim, or number"),
        (["deploy", "--device", "fpga"], 2, "--device: expected csim, or number"),
        (["compile"], 2, "bundle: was not packaged"),
        (["selftest"], 2, "{bundle}/libsat.so: No such file or directory"),
    ],
)
def test_json_tells_faults_on_stdout_too(
    arguments: list[str], status: int, says: str, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *options = arguments
    assert main([command, "bundle", *options, "--json"]) == status
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["ok"] is False and len(answer["errors"]) == 1
    message = answer["errors"][0]["message"]
    assert message.startswith(says.format(bundle=bundle.resolve()))
    assert err in (f"sat_host: {message}\n", f"{message}\n")
    for command in ("train", "info", "deploy", "selftest", "compile"):
        assert main([command, "nope", "--json"]) == 2
        assert "nope: no bundle here" in json.loads(capsys.readouterr().out)["errors"][0]["message"]


def test_json_on_a_full_disk_is_its_status_alone() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    status, lines = run("info", "nope", "--json", stdout="/dev/full")
    assert status == 2 and len(lines) == 1


def test_an_archive_is_told_from_a_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.tar.gz").touch()
    assert main(["train", "x.tar.gz"]) == 2
    assert "x.tar.gz: is an archive, no bundle folder: unpack it" in capsys.readouterr().err

# SPDX-License-Identifier: Apache-2.0
"""`--device` on both command lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pyxrt_standin import Machine
from sat_host.__main__ import main as host_main

from hlsgen.cli.main import main

Plug = Callable[..., Machine]
Capture = pytest.CaptureFixture[str]


def test_a_run_on_a_card_has_files_of_its_own(bundle: Path, plug: Plug, capsys: Capture) -> None:
    pytest.importorskip("safetensors")
    pytest.importorskip("sklearn")
    plug()
    finals = []
    for device in ("xrt:0", "csim"):
        assert main(["train", str(bundle), "--device", device, "--json", "--quiet"]) == 0
        finals.append(json.loads(capsys.readouterr().out))
    assert [final["already_complete"] for final in finals] == [False, False]
    assert finals[0]["test_accuracy"] == finals[1]["test_accuracy"]
    runs = {path.name for path in bundle.with_name("bundle.runs").iterdir()}
    assert {f"bdwp-2of8-seed0-epochs1-{name}.jsonl" for name in ("csim", "xrt-0")} <= runs


def test_faults_are_one_line(
    bundle: Path, built: Path, plug: Plug, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(hang=True)
    monkeypatch.setenv("SAT_LAUNCH_SECONDS", "0.05")
    cases = [
        (host_main, str(bundle), "xrt:0", 1, "taken to hang"),
        (main, str(bundle), "xrt:0", 1, "taken to hang"),
        (host_main, str(bundle), "xrt:7", 3, "xrt:7: can't be opened"),
        (main, str(built), "xrt:0", 2, "has no xclbin for xrt:0"),
        (main, str(bundle), "xrt", 2, "Invalid value for '--device': expected csim, golden or"),
    ]
    for command, folder, device, status, text in cases:
        assert command(["train", folder, "--device", device, "--quiet"]) == status
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1) and text in err, err
    assert host_main(["train", str(bundle), "--device", "gpu"]) == 2
    assert "argument --device: expected csim, golden or xrt:N" in capsys.readouterr().err

# SPDX-License-Identifier: Apache-2.0
"""`python -m sat_host`, its metrics file and its progress, on a stand-in for a bundle."""

from __future__ import annotations

import io
import json
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sat_host import session
from sat_host.__main__ import main
from sat_host.config import ArrayConfig
from sat_host.errors import SettingsError
from sat_host.golden_device import GoldenDevice
from sat_host.metrics import to_json
from sat_host.progress import BarProgress, LineProgress, make_progress
from test_settings_and_data import SETTINGS

CONFIG = ArrayConfig(4, 16, 8, 4, 2, 8)


@dataclass(frozen=True)
class StandInBundle:
    config: ArrayConfig
    settings: dict[str, Any]


@pytest.fixture(autouse=True)
def bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    module = types.ModuleType("sat_host.bundle")

    def load_bundle(path: Path) -> StandInBundle:
        if path.name == "none":
            raise SettingsError(f"{path}: no bundle here")
        return StandInBundle(CONFIG, {"name": "digits", "dataflows": ["os"], **SETTINGS})

    module.load_bundle = load_bundle  # type: ignore[attr-defined]
    module.open_device = lambda path: GoldenDevice(CONFIG)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sat_host.bundle", module)


def test_train_prints_json_and_writes_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = tmp_path / "metrics.jsonl"
    options = ["--method", "dense", "--epochs", "1", "--seed", "5", "--json", "--quiet"]
    assert main(["train", "bundle", "--metrics", str(metrics), *options]) == 0
    out, err = capsys.readouterr()
    final = json.loads(out)
    assert err == ""
    assert (final["kind"], final["method"], final["seed"]) == ("final", "dense", 5)
    assert (final["epochs"], final["steps"], final["device"]) == (1, 23, "csim")
    assert {"test_accuracy", "keep", "group", "seconds", "skipped_steps"} <= set(final)
    records = [json.loads(line) for line in metrics.read_text().splitlines()]
    kinds = [record["kind"] for record in records]
    assert kinds == ["start"] + ["step"] * 23 + ["epoch", "final"]
    assert records[-1] == final
    assert {"epoch", "step", "loss", "loss_scale", "skipped"} <= set(records[1])


def test_train_shows_plain_lines_when_stderr_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", "bundle", "--epochs", "1", "--device", "golden"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("test accuracy ")
    assert "bdwp 2:8" in out
    lines = err.splitlines()
    assert (
        lines[0] == "bdwp, seed 0: 64x32 FF dense BP none, 32x16 FF 2:8 BP 2:8, 16x10 FF 2:8 BP 2:8"
    )
    assert lines[1].startswith("epoch 1/1: loss ")
    assert len(lines) == 2
    assert not any(ord(character) < 32 for line in lines for character in line)


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "bundle"]) == 0
    assert "sparsity     group 8, keep 2, method bdwp" in capsys.readouterr().out
    assert main(["info", "bundle", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "digits"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "none"], "sat_host: none: no bundle here"),
        (["train", "bundle", "--keep", "9"], "sat_host: sparsity.keep: expected an integer"),
        (["train", "bundle", "--epochs", "0"], "sat_host: training.epochs: expected an integer"),
        (
            ["train", "bundle", "--epochs", "x"],
            "python -m sat_host train: error: argument --epochs",
        ),
        (
            ["train", "bundle", "--method", "x"],
            "python -m sat_host train: error: argument --method",
        ),
        (["info", "none"], "sat_host: none: no bundle here"),
        ([], "python -m sat_host: error: the following arguments are required"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: object = main(arguments)
    except SystemExit as stop:
        status = stop.code
    err = capsys.readouterr().err
    assert status == 2
    assert err.startswith(message)
    assert len(err.splitlines()) == 1


def test_unwritable_metrics_fail_with_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "bundle", "--metrics", str(tmp_path / "no" / "file")]) == 1
    assert "cannot write metrics" in capsys.readouterr().err


def test_interrupt_is_one_line_and_status_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "run_trainer", interrupted)
    assert main(["train", "bundle", "--quiet"]) == 130
    assert capsys.readouterr().err == "sat_host: interrupted\n"


def test_unknown_device_is_refused() -> None:
    with pytest.raises(SettingsError, match="device: expected one of csim, golden, got 'gpu'"):
        session.train_bundle(Path("bundle"), device="gpu")


def test_json_is_strict() -> None:
    assert json.loads(to_json({"loss": float("nan"), "step": 1})) == {"loss": None, "step": 1}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_only_with_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    assert type(make_progress(False, io.StringIO())) is LineProgress
    assert type(make_progress(False, Terminal())) is BarProgress
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert type(make_progress(False, Terminal())) is LineProgress


def test_bar_takes_a_whole_run() -> None:
    pytest.importorskip("tqdm")
    stream = Terminal()
    progress = make_progress(False, stream)
    epoch = {"loss": 0.5, "test_accuracy": 0.75, "skipped_steps": 0, "seconds": 1.0}
    start = {"epochs": 1, "steps": 1, "method": "dense", "seed": 0, "group": 8, "layers": []}
    for record in ({"kind": "start", **start}, {"kind": "step"}, {"kind": "epoch", **epoch}):
        progress.show(record)
    progress.close()
    assert "test accuracy 75.00 %" in stream.getvalue()

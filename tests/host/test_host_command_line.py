# SPDX-License-Identifier: Apache-2.0
"""`python -m sat_host`, on a bundle without its library."""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sat_host import session
from sat_host.__main__ import main
from sat_host.bundle import FORMAT
from sat_host.errors import ArgumentError, DeviceError, SettingsError
from sat_host.golden_device import GoldenDevice
from sat_host.training import Trainer
from test_settings import SETTINGS

MANIFEST = {
    "format": FORMAT,
    "name": "digits",
    "array": {
        "rows": 4,
        "lanes": 16,
        "interleave": 4,
        "memory_tile": 2,
        "adder_latency": 8,
        "feed": 2,
        "strip_words": 8192,
    },
    "dataflows": ["os", "ws"],
    "program": None,
    "hlsgen": "1.0",
    "digest": "",
    "host": "",
    "clock_mhz": 200,
    "memory": {"banks": [["DDR[0]"]]},
    "kernels": {},
    "xclbin": None,
    "library": {"file": "libsat.so", "sha256": "", "machine": platform.machine(), "isa": ""},
    **SETTINGS,
}
GOLDEN = ["train", "bundle", "--device", "golden"]


@pytest.fixture(autouse=True)
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bare_bundle(tmp_path, monkeypatch)


def bare_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`bundle` in the working directory, without its library: enough for the golden device."""
    pytest.importorskip("sklearn")
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "bundle.json").write_text(json.dumps(MANIFEST))
    monkeypatch.chdir(tmp_path)
    return folder


def run(*arguments: str, stdout: str = os.devnull) -> tuple[int, list[str]]:
    """Exit status and lines of stderr of a process of its own, its stdout going to a file."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with open(stdout, "w") as file:
        done = subprocess.run(
            [sys.executable, "-m", "sat_host", *arguments],
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
        )
    return done.returncode, done.stderr.splitlines()


def test_train_prints_json_and_writes_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = tmp_path / "metrics.jsonl"
    options = ["--method", "dense", "--epochs", "1", "--seed", "5", "--json", "--quiet"]
    assert main([*GOLDEN, "--metrics", str(metrics), *options]) == 0
    out, err = capsys.readouterr()
    final = json.loads(out)
    assert err == ""
    assert (final["kind"], final["method"], final["seed"]) == ("final", "dense", 5)
    assert (final["epochs"], final["steps"], final["device"]) == (1, 23, "golden")
    assert {"test_accuracy", "keep", "group", "seconds", "skipped_steps", "macs"} <= set(final)
    records = [json.loads(line) for line in metrics.read_text().splitlines()]
    kinds = [record["kind"] for record in records]
    assert kinds == ["start"] + ["step"] * 23 + ["epoch", "final"]
    assert records[-1] == final
    assert {"epoch", "step", "loss", "loss_scale", "skipped"} <= set(records[1])


def test_train_shows_plain_lines_when_stderr_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*GOLDEN, "--epochs", "1"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("test accuracy ")
    assert "bdwp 2:8" in out
    lines = err.splitlines()
    assert lines[0] == "bdwp, seed 0: mlp, 3 layers, 2:8 in FF of 2 and in BP of 2"
    assert lines[1].startswith("epoch 1/1: loss ")
    assert lines[2].split() == ["stage", "time", "share", "memory", "at", "its", "end"]
    table = lines[3:-1]
    assert {"FF", "BP", "WU", "update", "loader"} <= {line.split()[0] for line in table}
    assert all(line.endswith(" MiB") for line in table)
    assert lines[-1].startswith("peak memory ") and lines[-1].endswith(" MiB")
    assert not any(ord(character) < 32 for line in lines for character in line)


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "bundle"]) == 0
    out = capsys.readouterr().out
    assert "sparsity     group 8, keep 2, method bdwp" in out
    assert 'schedule {"name": "cosine"' in out
    assert main(["info", "bundle", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "digits"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "none"], "sat_host: none: no bundle here"),
        (
            ["train", "bundle", "--keep", "9"],
            "sat_host: --keep: sparsity.keep: expected an integer",
        ),
        (["train", "bundle", "--epochs", "0"], "sat_host: --epochs: training.epochs: expected an"),
        (
            ["train", "bundle", "--epochs", "x"],
            "python -m sat_host train: error: argument --epochs",
        ),
        (
            ["train", "bundle", "--method", "x"],
            "python -m sat_host train: error: argument --method",
        ),
        (["train", "bundle", "--resume"], "sat_host: resume: needs a folder of checkpoints"),
        (
            ["train", "bundle", "--batch", "0"],
            "sat_host: --batch: training.batch: expected an integer",
        ),
        (["train", "bundle"], "sat_host: {bundle}/libsat.so: No such file or directory"),
        (["info", "none"], "sat_host: none: no bundle here"),
        (
            [],
            "python -m sat_host: error: no command: expected one of train, info, deploy, "
            "selftest, compile; ",
        ),
    ],
)
def test_bad_usage_is_one_line_and_status_2(
    arguments: list[str], message: str, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: object = main(arguments)
    except SystemExit as stop:
        status = stop.code
    err = capsys.readouterr().err
    assert status == 2
    assert err.startswith(message.format(bundle=bundle.resolve()))
    assert len(err.splitlines()) == 1


def test_a_wrong_setting_of_the_bundle_is_not_blamed_on_an_option(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = {**SETTINGS["training"], "epochs": 0}
    (bundle / "bundle.json").write_text(json.dumps({**MANIFEST, "training": training}))
    assert main([*GOLDEN, "--seed", "1"]) == 2
    assert capsys.readouterr().err.startswith("sat_host: training.epochs: expected an integer")


def test_metrics_that_cannot_be_opened_are_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path / "no" / "file", tmp_path):
        assert main([*GOLDEN, "--metrics", str(path)]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"sat_host: {path}: cannot write metrics: ")
        assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line_and_status_1() -> None:
    space = "No space left on device"
    for arguments in (["--help"], ["info", "bundle"], [*GOLDEN, "--epochs", "1", "--quiet"]):
        assert run(*arguments, stdout="/dev/full") == (1, [f"sat_host: output: {space}"])
    full = run(*GOLDEN, "--quiet", "--metrics", "/dev/full")
    mend = "make room, or give another file by --metrics"
    assert full == (1, [f"sat_host: /dev/full: cannot write metrics: {space}: {mend}"])


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_closed_streams(closed: str, tmp_path: Path) -> None:
    def shell(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" "$@" {closed}', sys.executable, "-m", "sat_host", *arguments],
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    status, out, err = shell(*GOLDEN, "--epochs", "1")
    assert status == 0
    assert out.startswith("test accuracy") == (closed == "2>&-")
    assert err.startswith("bdwp, seed 0") == (closed == ">&-")
    assert "Traceback" not in err
    for arguments in (["info", "none"], ["nonsense"]):
        status, out, err = shell(*arguments)
        assert (status, out) == (2, "")
        assert err.count("\n") == (closed == ">&-")
    status, out, err = shell("--help")
    assert status == 0
    assert err == ""


@pytest.mark.parametrize(
    ("stop", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "sat_host: interrupted\n"),
        (MemoryError(), 1, "sat_host: out of memory: use a smaller network or batch\n"),
        (BrokenPipeError(), 1, ""),
        (OSError(errno.EIO, "Bad disk", "f"), 1, "sat_host: f: Bad disk\n"),
        (DeviceError("csim: no"), 1, "sat_host: csim: no\n"),
        (ArgumentError("w: no"), 2, "sat_host: w: no\n"),
    ],
)
def test_what_stops_a_run_is_one_line(
    stop: BaseException,
    status: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stopped(*_: object) -> None:
        raise stop

    monkeypatch.setattr(session, "run_trainer", stopped)
    assert main([*GOLDEN, "--quiet"]) == status
    assert capsys.readouterr().err == line


def test_unknown_device_is_refused() -> None:
    with pytest.raises(SettingsError, match="device: expected csim, golden or .* got 'gpu'"):
        session.train_bundle(Path("bundle"), device="gpu")


def test_a_dry_run_needs_no_data_and_does_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    before = sorted(tmp_path.rglob("*"))
    assert main(["train", "bundle", "--dry-run", "--method", "sdgp", "--keep", "4"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "sdgp 4:8" in out.splitlines()[0]
    assert "dY 4:8" in out and "first layer" in out
    assert main(["train", "bundle", "--dry-run", "--json", "--batch", "32"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in report["layers"]] == ["fc1", "fc2", "fc3"]
    assert report["batch"] == 32
    assert sorted(tmp_path.rglob("*")) == before


def test_checkpoints_and_going_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("safetensors")
    command = [*GOLDEN, "--checkpoints", "kept", "--json"]
    assert main([*command, "--quiet", "--metrics", "whole.jsonl"]) == 0
    whole = json.loads(capsys.readouterr().out)
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == ["lock", "step-0000000023", "step-0000000046"]
    shutil.rmtree(tmp_path / "kept" / "step-0000000046")
    assert main(command) == 2  # of a run that is not finished
    assert "go on with it by --resume" in capsys.readouterr().err
    assert main([*command, "--resume", "--seed", "1"]) == 2
    assert "of another run: training.seed was 0, is 1 now" in capsys.readouterr().err
    assert main([*command, "--resume", "--metrics", "second.jsonl"]) == 0
    out, err = capsys.readouterr()
    assert "resumed after step 23 of 46" in err
    assert json.loads(out)["test_accuracy"] == whole["test_accuracy"]
    records = [
        [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("whole.jsonl", "second.jsonl")
    ]
    kinds = [record["kind"] for record in records[1]]
    assert kinds == ["start", "epoch"] + ["step"] * 23 + ["epoch", "final"]
    first, second = ([r for r in found if r["kind"] == "epoch"] for found in records)
    assert [r | {"seconds": 0} for r in first] == [r | {"seconds": 0} for r in second]
    assert first[0] == second[0]


def test_a_finished_run_s_result_is_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("safetensors")
    command = [*GOLDEN, "--checkpoints", "kept", "--json", "--quiet", "--epochs", "1"]
    finals = []
    for options in ([], ["--resume"], []):  # the last one trains anew
        assert main([*command, *options]) == 0
        finals.append(json.loads(capsys.readouterr().out))
    assert [final["already_complete"] for final in finals] == [False, True, False]
    assert {"FF", "checkpoint"} <= set(finals[0]["stage_memory_bytes"])
    assert len({final["test_accuracy"] for final in finals}) == 1
    assert len({final["steps"] for final in finals}) == 1


def test_devices_that_did_the_work_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("safetensors")
    monkeypatch.setattr(session, "open_device", lambda bundle, _: GoldenDevice(bundle.config))
    options = ["--checkpoints", "kept", "--resume"]
    complete = "it was complete already: nothing was left to train"
    for device, expected in (("csim", "csim"), ("golden", "csim")):
        assert main(["train", "bundle", "--device", device, *options]) == 0
        out, err = capsys.readouterr()
        assert out.endswith(f" s on {expected})\n") == (device == "csim")
        assert out.endswith(f" s on {expected}); {complete}\n") == (device == "golden")
        assert "resumed after" not in err
    shutil.rmtree("kept/step-0000000046")
    assert main([*GOLDEN, *options]) == 0
    out, err = capsys.readouterr()
    assert out.endswith(" s on csim and golden)\n") and "resumed after step 23 of 46" in err
    assert "memory at its end" in err


def test_faults_of_the_data_name_the_file_that_asks(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"name": "cifar10", "path": str(tmp_path / "none")}
    (bundle / "bundle.json").write_text(json.dumps({**MANIFEST, "data": data}))
    assert main([*GOLDEN, "--quiet"]) == 2
    expected = f"bundle/bundle.json: data.path: {tmp_path}/none: no such folder\n"
    assert capsys.readouterr().err == f"sat_host: {expected}"
    with pytest.raises(SettingsError, match=r"^my\.yaml: data\.path: "):
        session.train_bundle(bundle, device="golden", source="my.yaml")


def test_a_fault_of_a_later_image_names_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise SettingsError("data.path: /d/1.png: not an image")

    monkeypatch.setattr(Trainer, "_train_step", damaged)
    with pytest.raises(SettingsError, match=r"^bundle/bundle\.json: data\.path: /d/1\.png: not"):
        session.train_bundle(Path("bundle"), device="golden", quiet=True)


def test_a_run_that_fails_leaves_no_empty_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("safetensors")
    assert main(["train", "bundle", "--checkpoints", "kept", "--quiet"]) == 2
    assert "libsat.so" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()


def test_a_checkpoint_of_other_tensors_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another version of the program may have written under the same settings."""
    pytest.importorskip("safetensors")
    command = [*GOLDEN, "--checkpoints", "kept", "--quiet"]
    with monkeypatch.context() as patched:
        snapshot = Trainer.snapshot
        patched.setattr(Trainer, "snapshot", lambda run: ({}, snapshot(run)[1]))
        assert main(command) == 0
    capsys.readouterr()
    assert main([*command, "--resume"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("sat_host: kept/step-0000000046: state: ")
    assert err.endswith(": give another folder for checkpoints\n")
    assert len(err.splitlines()) == 1

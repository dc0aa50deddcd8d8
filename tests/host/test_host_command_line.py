# SPDX-License-Identifier: Apache-2.0
"""`python -m sat_host`, its metrics file and its progress, on a bundle without its library."""

from __future__ import annotations

import errno
import io
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from sat_host import session
from sat_host.__main__ import main
from sat_host.errors import ArgumentError, DeviceError, HostError, SettingsError
from sat_host.metrics import MetricsWriter, to_json
from sat_host.progress import BarProgress, LineProgress, Progress, make_progress
from test_settings_and_data import SETTINGS

MANIFEST = {
    "format": 1,
    "name": "digits",
    "array": {"rows": 4, "lanes": 16, "interleave": 4, "memory_tile": 2, "adder_latency": 8},
    "dataflows": ["os"],
    "library": {"file": "libsat.so", "sha256": "", "machine": platform.machine(), "isa": ""},
    **SETTINGS,
}
GOLDEN = ["train", "bundle", "--device", "golden"]


@pytest.fixture(autouse=True)
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
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
    assert {"test_accuracy", "keep", "group", "seconds", "skipped_steps"} <= set(final)
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
        (["train", "bundle"], "sat_host: {bundle}/libsat.so: No such file or directory"),
        (["info", "none"], "sat_host: none: no bundle here"),
        ([], "python -m sat_host: error: the following arguments are required"),
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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line_and_status_1() -> None:
    space = "No space left on device"
    for arguments in (["--help"], ["info", "bundle"], [*GOLDEN, "--epochs", "1", "--quiet"]):
        assert run(*arguments, stdout="/dev/full") == (1, [f"sat_host: output: {space}"])
    full = run(*GOLDEN, "--quiet", "--metrics", "/dev/full")
    assert full == (1, [f"sat_host: /dev/full: cannot write metrics: {space}"])


START, FINAL = {"kind": "start"}, {"kind": "final"}


def test_metrics_are_beside_the_file_until_the_run_is_complete(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    file.write_text("old\n")
    writer = MetricsWriter(file)
    writer.write(START)
    (partial,) = tmp_path.glob("m.jsonl.*.partial")
    assert str(os.getpid()) in partial.name
    assert partial.read_text() == to_json(START) + "\n"  # to be followed
    assert file.read_text() == "old\n"
    writer.write(FINAL)
    writer.close()
    assert file.read_text().splitlines() == [to_json(START), to_json(FINAL)]
    assert not partial.exists()


def test_an_interrupted_run_leaves_the_complete_record(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    for records in ([START, FINAL], [START]):
        writer = MetricsWriter(file)
        for record in records:
            writer.write(record)
        writer.close()
    assert file.read_text().splitlines() == [to_json(START), to_json(FINAL)]
    (partial,) = tmp_path.glob("m.jsonl.*.partial")
    assert partial.read_text() == to_json(START) + "\n"


def test_metrics_through_a_link_or_into_a_pipe_keep_it(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for path in (link, pipe):
        writer = MetricsWriter(path)
        writer.write(FINAL)
        writer.close()
    assert link.is_symlink()
    assert target.read_text() == to_json(FINAL) + "\n"
    assert pipe.is_fifo()
    assert os.read(reader, 100).decode() == to_json(FINAL) + "\n"
    os.close(reader)
    assert not list(tmp_path.glob("*.partial"))


def test_metrics_that_may_not_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.jsonl"
    file.write_text("old\n")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SettingsError, match="m.jsonl: cannot write metrics: Permission denied"):
        MetricsWriter(file)
    assert [path.name for path in tmp_path.glob("m*")] == ["m.jsonl"]


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


def test_metrics_on_a_disk_without_room_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(HostError, match="cannot write metrics: No space") as caught:
        MetricsWriter(Path("metrics"))
    assert caught.value.exit_code == 1


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


def test_no_stderr_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert type(make_progress(False)) is Progress


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

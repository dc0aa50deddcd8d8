# SPDX-License-Identifier: Apache-2.0
"""`hlsgen compare`: what it prints and refuses; and real runs, killed ones too."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import hlsgen.cli.compare as command_module
from hlsgen.cli.main import main
from hlsgen.compare.plan import Request
from hlsgen.compare.pool import Outcome
from hlsgen.compare.run import Comparison, Watcher

SPEC = """\
name: tiny
array: {rows: 4, lanes: 8, interleave: 2, memory_tile: 2, adder_latency: 4}
model: {name: mlp, hidden: [16]}
data: {name: digits, test_fraction: 0.9}
training: {epochs: 1, batch: 64}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def document_of(methods: tuple[str, ...]) -> dict[str, Any]:
    """As much of compare.json as the table shows."""
    accuracy = {"mean": 0.975, "std": 0.005, "min": 0.97, "max": 0.98}
    macs = {"FF": 1, "BP": 1, "WU": 1, "total": 3, "dense": 6, "fraction": 0.5}
    common = {"keep": 2, "group": 8, "accuracy": accuracy, "macs": macs, "seconds": 2.0}
    return {
        "spec": {"name": "tiny"},
        "settings": {
            "model": {"name": "mlp"},
            "data": {"name": "digits"},
            "training": {"epochs": 1, "batch": 64},
        },
        "seeds": [0, 1],
        "summary": [{"method": m, "difference_points": -0.25, **common} for m in methods],
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the command asks of `compare`, which trains nothing but tells of one run."""
    calls: list[dict[str, Any]] = []

    def compare(
        spec: Path, request: Request, out: Path | None, _: object, watcher: Watcher, **rest: Any
    ) -> Comparison:
        calls.append({"request": request, "out": out, **rest})
        logging.getLogger("hlsgen.disk").warning("waiting for another comparison")
        watcher.building("compile")
        job: Any = type("Job", (), {"label": "bdwp, seed 1"})
        watcher.begins([job, job], 1)
        final = {"kind": "final", "test_accuracy": 0.9725, "seconds": 3.25}
        for record in (
            {"kind": "start", "steps": 9},
            {"kind": "step", "step": 4},
            {"kind": "epoch", "test_accuracy": 0.5},
            final,
        ):
            watcher.record(job, record)
        watcher.ends(Outcome(job, (final,)))
        watcher.ends(Outcome(job, (), "it diverged", 1))
        return Comparison(Path("here"), document_of(request.methods), ("slow cache",))

    monkeypatch.setattr(command_module, "compare", compare)
    return calls


def test_table_progress_and_warnings(
    spec: Path,
    asked: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = ["--methods", "dense,bdwp", "--seeds", "2", "--jobs", "3", "-o", "place"]
    assert main(["compare", str(spec), *options]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("tiny: mlp on digits, 1 epoch of batch 64, 2 seeds")
    header = "method test accuracy against dense MACs a step of dense seconds a run"
    assert " ".join(lines[1].split()) == header
    assert " ".join(lines[3].split()) == "bdwp 2:8 97.50 ± 0.50 % -0.25 3 50.0 % 2.0"
    assert lines[-1] == "written: here"
    assert caplog.messages == ["waiting for another comparison"]
    assert err.splitlines() == [
        "build: compile",
        "compare: 1 of 2 runs are done",
        "compare: 2 of 2 runs are done: bdwp, seed 1: 97.25 %, 3.2 s",
        "compare: bdwp, seed 1: failed",
        "warning: slow cache",
    ]
    assert asked == [
        {"request": Request(("dense", "bdwp"), 2), "out": Path("place"), "processes": 3}
    ]


def test_json_is_the_document_and_quiet_is_quiet(
    spec: Path,
    asked: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = ["--json", "--quiet", "--keep", "1", "--epochs", "7", "--batch", "8"]
    assert main(["compare", str(spec), "--methods", "bdwp", *options]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == document_of(("bdwp",))
    assert err == "warning: slow cache\n" and caplog.messages == []
    assert asked[0]["request"] == Request(("bdwp",), 5, keep=1, epochs=7, batch=8)
    assert asked[0]["processes"] is None


@pytest.mark.usefixtures("asked")
def test_markdown(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(spec), "--methods", "bdwp", "--markdown"]) == 0
    assert "| bdwp 2:8 | 97.50 ± 0.50 % | -0.25 |" in capsys.readouterr().out


@pytest.mark.usefixtures("asked")
def test_bars_on_a_terminal(
    spec: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert main(["compare", str(spec)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("tiny: ") and "runs" in err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--methods", "dense,bdw"], "--methods: 'bdw' is no method"),
        (["--methods", "dense,dense"], "--methods: dense is there twice"),
        (["--methods", ""], "--methods: '' is no method"),
        (["--seeds", "0"], "hlsgen compare: Invalid value for '--seeds'"),
        (["--seeds", "many"], "hlsgen compare: Invalid value for '--seeds'"),
        (["--jobs", "0"], "hlsgen compare: Invalid value for '--jobs'"),
        (["--keep", "9"], "sparsity.keep: "),
        (["--epochs", "0"], "training.epochs: "),
        (["--batch", "99999"], "training.batch: "),
        (["--json", "--markdown"], "hlsgen compare: --json and --markdown exclude each other"),
        (["-o", ""], "hlsgen compare: Invalid value for '-o'"),
    ],
)
def test_bad_options_are_one_line_before_any_work(
    spec: Path,
    options: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(spec.parent)
    assert main(["compare", str(spec), *options]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(expected) and err.count("\n") == 1
    assert "--json" in options or out == ""
    assert list(spec.parent.iterdir()) == [spec]


def test_missing_spec_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# Real runs ---------------------------------------------------------------------------------------


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_seconds(item) for key, item in value.items() if key != "seconds"}
    return [without_seconds(item) for item in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_two_methods_with_two_seeds_twice(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    out = spec.parent / "out"
    command = ["compare", str(spec), "--methods", "dense,bdwp", "--seeds", "2", "--json"]
    assert main([*command, "--jobs", "2", "-o", str(out)]) == 0
    first, progress = capsys.readouterr()
    assert "compare: 4 of 4 runs are done: " in progress
    assert sorted(path.name for path in out.iterdir()) == [
        "compare.html", "compare.json", "compare.png",
    ]  # fmt: skip
    document = json.loads(first)
    assert document == json.loads((out / "compare.json").read_text())
    assert len({run["test_accuracy"] for run in document["runs"]}) > 1
    for run in document["runs"]:
        assert 0.0 < run["test_accuracy"] < 1.0 and len(run["epochs"]) == 1
        assert run["epochs"][-1]["test_accuracy"] == run["test_accuracy"]
    # Again, from what is kept; then elsewhere, one run after the other: the same bits.
    assert main([*command, "-o", str(out)]) == 0
    second, progress = capsys.readouterr()
    assert second == first and progress.endswith("compare: 4 of 4 runs are done\n")
    assert main([*command, "--jobs", "1", "-o", str(spec.parent / "other")]) == 0
    assert without_seconds(json.loads(capsys.readouterr().out)) == without_seconds(document)


@pytest.mark.slow
def test_method_and_seed_of_a_failing_run_are_told(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    spec.write_text(SPEC + "optimizer: {learning_rate: 10, momentum: 0.99, weight_decay: 1}\n")
    command = ["compare", str(spec), "--methods", "dense,bdwp", "--seeds", "1", "--epochs", "50"]
    assert main([*command, "-o", str(spec.parent / "out"), "--quiet"]) == 1
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and len(lines) == 2
    for method, line in zip(("bdwp", "dense"), sorted(lines), strict=True):
        assert line.startswith(f"{method}, seed 0: training diverged at step ")
    assert not (spec.parent / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_command_takes_its_workers_along_and_goes_on(spec: Path, number: int) -> None:
    pytest.importorskip("sklearn")
    out = spec.parent / "out"
    command = [sys.executable, "-m", "hlsgen", "compare", str(spec), "-o", str(out)]
    command += ["--methods", "bdwp", "--jobs", "1", "--seeds", "40", "--epochs", "2"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=spec.parent
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("compare: 1 of 40"):
                break
        process.send_signal(number)
        rest = process.stderr.read()
        status = process.wait(timeout=30)
    assert status == (130 if number == signal.SIGINT else -signal.SIGKILL), rest
    assert "Traceback" not in rest
    assert not workers_of(spec.parent)
    assert not out.exists()
    kept = sorted((spec.parent / "out.work" / "runs").glob("*.json"))
    assert kept and len(kept) < 40
    command[command.index("40")] = "1"
    done = subprocess.run(command, capture_output=True, text=True, cwd=spec.parent, check=True)
    assert done.stderr.splitlines()[-1] == "compare: 1 of 1 runs are done"
    assert (out / "compare.json").is_file()


def workers_of(folder: Path) -> list[int]:
    """Processes whose command line names a file below `folder`, after a moment to end."""
    found: list[int] = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                text = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in text:
                found.append(int(process.name))
        if not found:
            break
        time.sleep(0.05)
    return found

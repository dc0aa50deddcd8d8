# SPDX-License-Identifier: Apache-2.0
"""Recording: wrong options, runs that fail or go on, and disks that have no room."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from diff_plants import answered, lines_of, refused
from sat_host import session
from sat_host.errors import DeviceError
from sat_host.golden_device import GoldenDevice
from sat_host.recording.dump import DumpOptions, Steps
from sat_host.recording.read import load_dump
from sat_host.session import train_bundle

from hlsgen.cli.main import main

Dumps = dict[str, Path]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--dump-steps", "0:2"], "--dump-steps: needs a folder"),
        (["--dump-digests"], "--dump-digests: needs a folder"),
        (["--dump", "d", "--dump-steps", "3:1"], "--dump-steps: expected FIRST:LAST"),
        (["--dump", "d", "--dump-steps", "-1"], "--dump-steps: expected FIRST:LAST"),
        (["--dump", "full"], "full: is not empty"),
        (["--dump", "full/file"], "full/file: is a file"),
    ],
)
def test_faults_of_recording(
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert refused(capsys, "train", bundle, "--device", "golden", *options).startswith(text)
    assert not (tmp_path / "d").exists()


class Failing(GoldenDevice):
    """Fails at its fifth gradient, in step 2."""

    calls = 0

    def convolve_gradient(self, *arguments: Any, **named: Any) -> int:
        self.calls += 1
        if self.calls == 5:
            raise DeviceError("the card hangs")
        return super().convolve_gradient(*arguments, **named)


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let runs fail; `undo` ends that."""
    monkeypatch.setattr(session, "open_device", lambda opened, _: Failing(opened.config))
    return monkeypatch


@pytest.mark.usefixtures("hangs")
def test_failed_run_leaves_what_it_recorded(
    bundle: Path, tmp_path: Path, dumps: Dumps, capsys: pytest.CaptureFixture[str]
) -> None:
    """The dump of what it did before is whole."""
    folder = tmp_path / "failed"
    options = ["--device", "golden", "--dump", str(folder), "--no-checkpoints", "--quiet"]
    options += ["--metrics", str(tmp_path / "m.jsonl")]
    assert main(["train", str(bundle), *options]) == 1
    assert capsys.readouterr().err == "the card hangs\n"
    assert load_dump(folder).ended == "early"
    answer = answered(capsys, 1, folder, dumps["golden"])
    assert answer["a"]["ended"] == "early"
    found = answer["divergence"]
    assert (found["kind"], found["step"], found["a"]) == ("end", 2, None)
    assert found["operation"] == "convolve_gradient"


def test_resumed_run_beside_one_that_was_not_interrupted(
    bundle: Path, tmp_path: Path, dumps: Dumps, hangs: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    settings: dict[str, Any] = {"checkpoints": tmp_path / "c", "checkpoint_every": 1}
    with pytest.raises(DeviceError):
        train_bundle(bundle, device="golden", quiet=True, **settings)
    hangs.undo()
    record = DumpOptions(tmp_path / "resumed", Steps.parse("0:4"), False)
    train_bundle(bundle, device="csim", quiet=True, resume=True, dump=record, **settings)
    resumed = lines_of(tmp_path / "resumed")
    assert sorted({(call["step"], call["phase"]) for call in resumed}) == [
        (0, "start"), (2, "training"), (3, "training"), (4, "training"),
    ]  # fmt: skip
    answer = answered(capsys, 0, tmp_path / "resumed", dumps["golden"])
    assert answer["compared"]["places"] == 4


def test_dump_that_would_fill_the_disk_ends_after_a_step(
    bundle: Path, dumps: Dumps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Steps of 384 kB, and 5 kB where digests alone are kept; each sees what the rest takes."""
    sizes = [(dumps["csim"] / f"step-{step:06d}.bin").stat().st_size for step in (1, 2)]
    free: list[int] = []

    def usage(folder: Path) -> SimpleNamespace:
        assert folder.is_dir()
        free.append(len(free))
        return SimpleNamespace(free=room)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    options = ["--device", "golden", "--quiet", "--no-checkpoints"]
    options += ["--metrics", tmp_path / "m", "--dump", tmp_path / "d"]
    for steps, room, begun in (("0:3", 2 * sizes[0] - 20_000, 2), ("0:9", 3 * sizes[0] - 1, 2)):
        free.clear()
        err = refused(capsys, "train", bundle, *options, "--dump-steps", steps)
        last = min(int(steps[2:]), 4)
        found = re.match(rf"{tmp_path}/d: steps 2 to 4 take another ([\d.]+) MB, (.*) MB are ", err)
        assert found is not None and f"{room / 1e6:.1f}" == found[2]
        assert float(found[1]) == pytest.approx((last - 1) * sizes[0] / 1e6, abs=0.1)
        assert (
            len(free) == begun
            and not (tmp_path / "d").exists()
            and list(tmp_path.glob("d.*")) == []
        )
    free.clear()
    room = 3 * sizes[0] + 20_000  # another 3 steps' calls are 13 kB
    assert main(["train", str(bundle), *map(str, options), "--dump-steps", "0:9"]) == 0
    assert len(free) == 4 and (tmp_path / "d" / "step-000004.bin").is_file()


@pytest.mark.slow
def test_bad_input_and_a_full_disk_leave_nothing(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "there" / "dump"
    options = ["--device", "golden", "--no-checkpoints", "--quiet", "--dump", str(folder)]
    nowhere = str(tmp_path / "none" / "m.jsonl")
    refused(capsys, "train", bundle, *options, "--metrics", nowhere)
    assert list(folder.parent.iterdir()) == []
    script = 'ulimit -f 100; exec "$@"'
    command = [sys.executable, "-m", "sat_host", "train", str(bundle), "--device", "golden"]
    done = subprocess.run(
        ["bash", "-c", script, "bash", *command, "--quiet", "--dump", str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"sat_host: {folder}: cannot write a dump: File too large: ")
    assert list(folder.parent.iterdir()) == []

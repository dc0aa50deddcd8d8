# SPDX-License-Identifier: Apache-2.0
"""A training process that is killed, again and again, ends with the bits of one that was not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sat_host.bundle import FORMAT
from sat_host.checkpoint import TENSORS
from test_host_command_line import MANIFEST
from test_settings import SETTINGS

pytest.importorskip("sklearn")
pytest.importorskip("safetensors")

pytestmark = pytest.mark.slow

KILLS = 6
MODEL = {"name": "cnn", "channels": [4, 8]}
TRAINING = {**SETTINGS["training"], "epochs": 8, "batch": 64, "micro_batch": 40}
DATA = {"name": "digits", "test_fraction": 0.8}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle for the golden device, with a checkpoint after every step."""
    training = {**TRAINING, "checkpoint_every": 1, "augment": {"crop": 1, "flip": True}}
    changes = {"format": FORMAT, "model": MODEL, "data": DATA, "training": training}
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "bundle.json").write_text(json.dumps({**MANIFEST, **changes}))
    return tmp_path / "bundle"


def start(bundle: Path, checkpoints: Path, metrics: Path) -> subprocess.Popen[str]:
    options = ["--checkpoints", str(checkpoints), "--metrics", str(metrics), "--resume", "--quiet"]
    command = [sys.executable, "-m", "sat_host", "train", str(bundle), "--device", "golden"]
    return subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def result(checkpoints: Path) -> bytes:
    """The tensors of the last checkpoint."""
    return (sorted(checkpoints.glob("step-*"))[-1] / TENSORS).read_bytes()


def epochs(metrics: Path) -> list[dict[str, Any]]:
    records = map(json.loads, metrics.read_text().splitlines())
    return [record | {"seconds": 0} for record in records if record["kind"] == "epoch"]


def seen(folder: Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() else set()


def test_kill_9_at_any_moment(bundle: Path, tmp_path: Path) -> None:
    """Some kills come at a random time, others while a checkpoint is being written."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(bundle, whole, tmp_path / "whole.jsonl")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    rng = random.Random(1)
    kills = 0
    for number in range(KILLS):
        before = seen(killed)
        process = start(bundle, killed, tmp_path / f"{number}.jsonl")
        prefix = ("step", ".step")[number % 2]
        while process.poll() is None:
            if any(name.startswith(prefix) for name in seen(killed) - before):
                break
        if prefix == "step":
            time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills > KILLS // 2  # a fast machine may be done before the last ones
    last = tmp_path / "last.jsonl"
    process = start(bundle, killed, last)
    again, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert again.split("(")[0] == out.split("(")[0]
    assert result(killed) == result(whole)
    assert epochs(last) == epochs(tmp_path / "whole.jsonl")
    assert not any(name.startswith(".") for name in seen(killed))

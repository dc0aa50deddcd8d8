# SPDX-License-Identifier: Apache-2.0
"""Checkpoint folders: whole or absent whatever happens, and refused in one line when not right."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sat_host import checkpoint
from sat_host.checkpoint import CheckpointStore
from sat_host.errors import CheckpointError, HostError, MissingPackageError

pytest.importorskip("safetensors")

RUN = {"optimizer": {"learning_rate": 0.1, "schedule": {"name": "step"}}, "network": "ab"}
NAMES = ["step-0000000001", "step-0000000002"]


def tensors(step: int) -> dict[str, np.ndarray]:
    return {
        "conv.weight": np.full((2, 3), step, np.float32).T,  # not in C order
        "bn.count": np.asarray(step, np.int64),
        "bn.mean": np.array([-0.0, np.nan, 1e-45], np.float32),
    }


def save(folder: Path, *steps: int, resume: bool = True, finished: bool = False) -> None:
    with closing(CheckpointStore(folder, resume=resume)) as store:
        for step in steps:
            store.save(step, tensors(step), {"loss": step / 3}, RUN, finished=finished)


def load(folder: Path, run: dict[str, Any] = RUN) -> checkpoint.Checkpoint:
    with closing(CheckpointStore(folder, resume=True)) as store:
        found = store.load(run)
    assert found is not None
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def test_what_was_saved_comes_back_to_the_bit(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    found = load(tmp_path)
    assert (found.step, found.finished, found.identity) == (2, False, RUN)
    assert found.state == {"loss": 2 / 3}
    assert found.tensors.keys() == tensors(2).keys()
    for name, value in tensors(2).items():
        assert found.tensors[name].dtype == value.dtype
        assert found.tensors[name].shape == value.shape
        assert found.tensors[name].tobytes() == value.tobytes()


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    save(tmp_path, 5)
    assert names(tmp_path) == ["step-0000000005"]
    save(tmp_path, 10, 11, 200)
    assert names(tmp_path) == ["step-0000000011", "step-0000000200"]
    assert load(tmp_path).step == 200


def test_a_folder_without_checkpoints_is_a_new_run_and_goes_again(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for resume in (True, False):
        with closing(CheckpointStore(folder, resume=resume)) as store:
            assert store.load(RUN) is None
            assert folder.is_dir()
        assert not folder.exists()
    folder.mkdir()
    (folder / "mine.txt").write_text("")
    save(folder, resume=True)
    assert names(folder) == ["mine.txt"]


def test_a_new_run_takes_the_place_of_a_finished_one_with_its_first_checkpoint(
    tmp_path: Path,
) -> None:
    save(tmp_path, 7, 9, finished=True)
    with closing(CheckpointStore(tmp_path)) as store:
        assert store.load(RUN) is None
        assert names(tmp_path) == ["step-0000000007", "step-0000000009"]
        store.save(2, tensors(2), {}, RUN, finished=False)
        assert names(tmp_path) == ["step-0000000002"]
    assert load(tmp_path).step == 2


def test_an_unfinished_run_is_not_written_over(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    before = content(tmp_path)
    with pytest.raises(CheckpointError, match="not finished: go on with it by --resume, delete"):
        CheckpointStore(tmp_path)
    assert content(tmp_path) == before
    save(tmp_path, 3)  # the lock was let go


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {**RUN, "optimizer": {"learning_rate": 0.2, "schedule": {"name": "step"}}},
            "optimizer.learning_rate was 0.1, is 0.2 now",
        ),
        (
            {**RUN, "optimizer": {"learning_rate": 0.1, "schedule": {"name": "cosine"}}},
            'optimizer.schedule.name was "step", is "cosine" now',
        ),
        ({**RUN, "network": "cd"}, 'network was "ab", is "cd" now'),
        ({**RUN, "data": "digits"}, 'data was null, is "digits" now'),
        ({"optimizer": RUN["optimizer"]}, 'network was "ab", is absent now'),
    ],
)
def test_another_run_s_checkpoint_is_refused(
    tmp_path: Path, other: dict[str, Any], message: str
) -> None:
    save(tmp_path, 1, 2)
    before = content(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path, other)
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / NAMES[1] / 'state.json'}: of another run: {message}: ")
    assert "\n" not in text
    assert content(tmp_path) == before


Damage = Callable[[Path], object]
DAMAGES: dict[str, tuple[str, Damage]] = {
    "no tensors": ("tensors.safetensors", lambda folder: (folder / checkpoint.TENSORS).unlink()),
    "no state": ("state.json", lambda folder: (folder / checkpoint.STATE).unlink()),
    "short tensors": (
        "tensors.safetensors",
        lambda folder: os.truncate(folder / checkpoint.TENSORS, 30),
    ),
    "empty tensors": (
        "tensors.safetensors",
        lambda folder: os.truncate(folder / checkpoint.TENSORS, 0),
    ),
    "short state": ("state.json", lambda folder: os.truncate(folder / checkpoint.STATE, 30)),
    "no JSON": ("state.json", lambda folder: (folder / checkpoint.STATE).write_text("{")),
    "no object": ("state.json", lambda folder: (folder / checkpoint.STATE).write_text("[]\n")),
    "no text": ("state.json", lambda folder: (folder / checkpoint.STATE).write_bytes(b"\xff")),
    "deep": ("state.json", lambda folder: (folder / checkpoint.STATE).write_text("[" * 100_000)),
    "other step": ("state.json", lambda folder: folder.rename(folder.with_name("step-0000000009"))),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_checkpoint_is_refused_and_the_one_before_kept(tmp_path: Path, kind: str) -> None:
    named, damage = DAMAGES[kind]
    save(tmp_path, 1, 2)
    damage(tmp_path / NAMES[1])
    before = content(tmp_path)
    newest = tmp_path / names(tmp_path)[-1]
    for resume in (True, False):
        with (
            pytest.raises(CheckpointError) as caught,
            closing(CheckpointStore(tmp_path, resume=resume)) as store,
        ):
            store.load(RUN)
        text = str(caught.value)
        assert text.startswith(f"{newest / named}: damaged (")
        assert text.endswith(f"): delete {newest} to resume from {NAMES[0]}")
        assert "\n" not in text
    assert content(tmp_path) == before
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    assert load(tmp_path).step == 1


@pytest.mark.parametrize("file", [checkpoint.STATE, checkpoint.TENSORS])
def test_any_changed_byte_is_noticed(tmp_path: Path, file: str) -> None:
    save(tmp_path, 1)
    path = tmp_path / NAMES[0] / file
    good = path.read_bytes()
    rng = random.Random(3)
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= rng.randrange(1, 256)
        path.write_bytes(bad)
        with pytest.raises(CheckpointError, match=f"{file}: (damaged|of format)"):
            load(tmp_path)
    path.write_bytes(good)
    assert load(tmp_path).step == 1


def test_another_format_is_said(tmp_path: Path) -> None:
    save(tmp_path, 1)
    path = tmp_path / NAMES[0] / checkpoint.STATE
    body = json.loads(path.read_text())
    del body["digest"]
    body["format"] = checkpoint.FORMAT + 1
    body["digest"] = checkpoint._digest(body)
    path.write_text(checkpoint._canonical(body))
    with pytest.raises(CheckpointError, match=r"of format 3, this program reads format 2: resume"):
        load(tmp_path)


DYING = """
import os, shutil, signal, sys
from pathlib import Path
import numpy as np
from sat_host import checkpoint

class Dying:
    def __init__(self, calls): self.left = calls
    def due(self):
        self.left -= 1
        return self.left < 0
    def __getattr__(self, name):
        value = getattr(os, name)
        if name not in ("mkdir", "rename", "fsync", "open", "unlink", "rmdir", "close"):
            return value
        def call(*given, **named):
            if self.due():
                os.kill(os.getpid(), signal.SIGKILL)
            return value(*given, **named)
        return call

def train(folder, dying):
    write = checkpoint._write
    def halting(path, content):
        if dying.due():
            path.write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, content)
    checkpoint.os = shutil.os = dying
    checkpoint._write = halting
    store = checkpoint.CheckpointStore(folder)
    for step in (1, 2, 3):
        tensors = {"w": np.full((2, 3), step, np.float32)}
        store.save(step, tensors, {}, {}, finished=False)
        (folder.parent / f"{folder.name}.saved").write_text(str(step))
    store.close()

for calls in range(1000):
    folder = Path(sys.argv[1]) / str(calls)
    store = checkpoint.CheckpointStore(folder)
    for step in (90, 91):
        store.save(step, {"w": np.zeros(3, np.float32)}, {}, {}, finished=True)
    store.close()
    child = os.fork()
    if not child:
        train(folder, Dying(calls))
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        print(calls)
        break
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_whole_checkpoints(tmp_path: Path) -> None:
    """Before each system call of three saves, and in the midst of each file; the first save is in
    place of a finished run's."""
    command = [sys.executable, "-W", "ignore", "-c", DYING, str(tmp_path)]
    calls = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert calls > 50
    reached = set()
    for call in range(calls):
        folder, saved = tmp_path / str(call), tmp_path / f"{call}.saved"
        done = int(saved.read_text()) if saved.exists() else 0
        with closing(CheckpointStore(folder, resume=True)) as store:
            found = store.load({})
        assert found is not None
        assert all(name.startswith("step-") for name in names(folder))
        assert len(names(folder)) <= 3
        assert found.step in ((91, 1) if done == 0 else (done, done + 1)), call
        assert found.tensors["w"].max() == (0 if found.step == 91 else found.step)
        reached.add(found.step)
    assert reached == {91, 1, 2, 3}


def test_what_a_killed_process_left_is_cleaned_up(tmp_path: Path) -> None:
    save(tmp_path, 1)
    for name in (".step-0000000002.new", ".step-0000000000.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / checkpoint.STATE).write_text("{")
    assert load(tmp_path).step == 1
    assert names(tmp_path) == NAMES[:1]


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sat_host.checkpoint import CheckpointStore\n"
        "try: CheckpointStore(Path(sys.argv[1]), resume=True)\n"
        "except Exception as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with closing(CheckpointStore(tmp_path, resume=True)) as store:
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert out.startswith(f"{tmp_path}: another process trains with these checkpoints: wait")
        assert out.count("\n") == 1
        store.save(1, tensors(1), {}, RUN, finished=False)
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "No space left on device: make room"),
        (errno.EFBIG, "File too large: raise the limit on the size of files (ulimit -f)"),
    ],
)
def test_a_full_disk_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, text: str
) -> None:
    save(tmp_path, 1)

    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with closing(CheckpointStore(tmp_path, resume=True)) as store:
        monkeypatch.setattr(checkpoint, "_write", full)
        with pytest.raises(HostError) as caught:
            store.save(2, tensors(2), {}, RUN, finished=False)
    place = tmp_path / NAMES[1]
    other = "or give another folder for checkpoints"
    assert str(caught.value) == f"{place}: cannot write the checkpoint: {text}, {other}"
    assert caught.value.exit_code == 1
    assert load(tmp_path).step == 1
    assert names(tmp_path) == NAMES[:1]


def test_a_place_for_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="file: cannot keep checkpoints here: ") as caught:
        CheckpointStore(tmp_path / "file")
    assert caught.value.exit_code == 2


def test_a_folder_in_the_place_of_the_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(CheckpointError) as caught:
        CheckpointStore(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/lock: cannot keep checkpoints here: Is a directory: "
        "give another folder for checkpoints"
    )


def test_missing_safetensors_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(MissingPackageError, match="safetensors`.* --no-checkpoints"):
        CheckpointStore(tmp_path / "new")
    assert not (tmp_path / "new").exists()

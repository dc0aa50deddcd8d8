# SPDX-License-Identifier: Apache-2.0
"""Publishing a bundle folder: whole or not at all, whatever interrupts it."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fakes import snapshot

from hlsgen.disk import disk_errors, exclusive, quietly
from hlsgen.errors import Cancelled, InputError, WorkError
from hlsgen.staging import check_target, resolve_target, staged


def publish(target: Path, words: str) -> None:
    with staged(target) as folder:
        (folder / "bundle.json").write_text(words)
        (folder / "src").mkdir()


def test_publishes_into_new_parents(tmp_path: Path) -> None:
    target = tmp_path / "build" / "tiny"
    publish(target, "one")
    assert snapshot(tmp_path) == {
        "build": None,
        "build/tiny": None,
        "build/tiny/bundle.json": b"one",
        "build/tiny/src": None,
    }
    assert target.stat().st_mode & 0o777 == 0o777 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_replaces_a_bundle_whole(tmp_path: Path) -> None:
    target = tmp_path / "tiny"
    publish(target, "one")
    (target / "extra").write_text("old")
    publish(target, "two")
    assert snapshot(tmp_path) == {
        "tiny": None,
        "tiny/bundle.json": b"two",
        "tiny/src": None,
    }


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_interrupted_build_changes_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    publish(tmp_path / "tiny", "one")
    before = snapshot(tmp_path)
    with pytest.raises(error), staged(tmp_path / "tiny") as folder:
        (folder / "bundle.json").write_text("two")
        raise error
    assert snapshot(tmp_path) == before
    with pytest.raises(error), staged(tmp_path / "new" / "tiny"):
        raise error
    assert snapshot(tmp_path) == before


def test_a_failed_rename_puts_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path / "tiny", "one")
    before = snapshot(tmp_path)
    rename = os.rename

    def fail_once(source: Path, target: Path) -> None:
        if source.suffix == ".partial":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_once)
    with pytest.raises(WorkError, match="No space left on device"):
        publish(tmp_path / "tiny", "two")
    assert snapshot(tmp_path) == before


CHILD = """
import sys, time
from pathlib import Path
from hlsgen.staging import staged
with staged(Path(sys.argv[1])) as folder:
    (folder / "bundle.json").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_killed_build_leaves_the_old_one_and_the_next_cleans_up(tmp_path: Path) -> None:
    target = tmp_path / "tiny"
    publish(target, "one")
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(target)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert (target / "bundle.json").read_text() == "one"
    assert list(tmp_path.glob(".tiny.*.partial"))
    publish(target, "two")
    assert sorted(os.listdir(tmp_path)) == ["tiny"]
    assert (target / "bundle.json").read_text() == "two"


KILLED_BETWEEN_RENAMES = """
import os, signal, sys
from pathlib import Path
from hlsgen.staging import staged
rename = os.rename
def killed(source, target):
    rename(source, target)
    os.kill(os.getpid(), signal.SIGKILL)
os.rename = killed
with staged(Path(sys.argv[1])) as folder:
    (folder / "bundle.json").write_text("two")
"""


def test_a_build_killed_between_renames_is_mended(tmp_path: Path) -> None:
    target = tmp_path / "tiny"
    publish(target, "one")
    before = snapshot(tmp_path)
    child = subprocess.run([sys.executable, "-c", KILLED_BETWEEN_RENAMES, str(target)])
    assert child.returncode == -signal.SIGKILL and not target.exists()
    with pytest.raises(ValueError, match="stop"), staged(target):
        assert (target / "bundle.json").read_text() == "one"
        raise ValueError("stop")
    assert snapshot(tmp_path) == before


def test_what_cannot_be_put_back_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = tmp_path / ".tiny.abcd1234.old"
    publish(aside, "one")

    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(WorkError, match="Input/output error"):
        publish(tmp_path / "tiny", "two")
    assert (aside / "bundle.json").read_text() == "one"


def test_leftovers_of_other_targets_stay(tmp_path: Path) -> None:
    names = [".tiny.two.abcd1234.partial", ".other.abcd1234.partial", ".tiny.ab.partial"]
    for name in names:
        (tmp_path / name).mkdir()
    publish(tmp_path / "tiny", "one")
    assert sorted(os.listdir(tmp_path)) == sorted([*names, "tiny"])


def test_two_builds_of_one_target_wait_for_each_other(tmp_path: Path) -> None:
    inside: list[str] = []
    entered, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with staged(tmp_path / "tiny") as folder:
            entered.set()
            go_on.wait(10)
            inside.append("first")
            (folder / "bundle.json").write_text("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(10)
    threading.Timer(0.2, go_on.set).start()
    with staged(tmp_path / "tiny") as folder:
        inside.append("second")
        (folder / "bundle.json").write_text("second")
    thread.join()
    assert inside == ["first", "second"]
    assert snapshot(tmp_path) == {"tiny": None, "tiny/bundle.json": b"second"}


def test_folders_that_are_no_bundle_are_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")
    for refuse in (check_target, lambda target: publish(target, "x")):
        with pytest.raises(InputError, match="is not empty and has no bundle.json"):
            refuse(home)
    assert (home / "thesis.txt").read_text() == "years of work"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        check_target(tmp_path / "file")
    with pytest.raises(InputError, match="is a file"):
        check_target(tmp_path / "file" / "x")
    with pytest.raises(InputError, match="is a file"):
        check_target(tmp_path / "file" / "x" / "y")
    publish(tmp_path / "bundle", "one")
    monkeypatch.chdir(tmp_path / "bundle" / "src")
    with pytest.raises(InputError, match="current folder"):
        check_target(tmp_path / "bundle")


def test_an_empty_folder_and_a_link_may_be_targets(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    publish(tmp_path / "link", "one")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty/bundle.json").read_text() == "one"
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError):
        check_target(resolve_target(tmp_path / "loop"))


def test_unwritable_parent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="-o"), staged(tmp_path / "file" / "x" / "y"):
        pass


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the system has no /proc")
def test_a_folder_where_no_file_can_be_made_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="^/proc: .*-o"), staged(Path("/proc/foo")):
        pass


@pytest.mark.parametrize("quiet", [False, True])
def test_a_long_wait_is_told_once(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    quiet: bool,
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])  # pytest's
    waits = iter([False] * 6)
    lock, what = tmp_path / "lock", "another comparison of a/tiny"
    second = exclusive(lock, what, lambda: next(waits, True))
    with quietly(quiet), exclusive(lock, what), pytest.raises(Cancelled, match=what), second:
        pass
    told = "" if quiet else "waiting for another comparison of a/tiny\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, WorkError, r"^/tmp: No space left on device \(.* free\): make room, or "),
        (errno.EIO, WorkError, "^/tmp: Input/output error$"),
        (errno.EROFS, InputError, "^/tmp: Read-only file system: choose another folder$"),
    ],
)
def test_disk_faults_are_one_line(number: int, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words), disk_errors(Path("/tmp")):
        raise OSError(number, os.strerror(number))

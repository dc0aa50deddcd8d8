# SPDX-License-Identifier: Apache-2.0
"""The content cache: made once, checked when read, whole or absent."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from hlsgen.cache import Cache, Make, cache_folder, content_key, open_cache
from hlsgen.disk import exclusive
from hlsgen.errors import Cancelled, InputError, WorkError

KEY = content_key(part="x")


def text(words: str) -> Make:
    def make(path: Path) -> None:
        path.write_text(words, encoding="utf-8")

    return make


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_made_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.get(KEY, ".o") is None
    first = cache.get_or_make(KEY, ".o", text("one"))
    again = cache.get_or_make(KEY, ".o", text("two"))
    assert (first.cached, again.cached) == (False, True)
    assert again.path.read_text() == "one"
    assert files(tmp_path) == [f"{KEY}.o", f"{KEY}.o.sha256"]


@pytest.mark.parametrize("damage", ["truncate", "flip", "no record", "empty record", "no payload"])
def test_damaged_entries_are_made_again(tmp_path: Path, damage: str) -> None:
    cache = Cache(tmp_path)
    path = cache.get_or_make(KEY, ".o", text("one")).path
    record = path.with_name(f"{path.name}.sha256")
    match damage:
        case "truncate":
            path.write_text("on")
        case "flip":
            path.write_text("onf")
        case "no record":
            record.unlink()
        case "empty record":
            record.write_text("")
        case _:
            path.unlink()
    assert cache.get(KEY, ".o") is None
    again = cache.get_or_make(KEY, ".o", text("one"))
    assert (again.cached, again.path.read_text()) == (False, "one")


def test_a_maker_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Cache(tmp_path).get_or_make(KEY, ".o", fail)
    assert files(tmp_path) == []


def test_leftovers_of_a_killed_maker_go(tmp_path: Path) -> None:
    stale = tmp_path / KEY[:2] / f"{KEY}.o.123.partial"
    stale.parent.mkdir()
    stale.write_text("half")
    Cache(tmp_path).get_or_make(KEY, ".o", text("one"))
    assert not stale.exists()


def _make_slowly(folder: Path, log: Path, start: Barrier) -> None:
    def make(path: Path) -> None:
        with log.open("a") as stream:
            stream.write("made\n")
        time.sleep(0.3)
        path.write_text("one")

    start.wait(20)
    assert Cache(folder).get_or_make(KEY, ".o", make).path.read_text() == "one"


def test_processes_that_race_make_it_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    arguments = (tmp_path / "cache", log, context.Barrier(3))
    racers = [context.Process(target=_make_slowly, args=arguments) for _ in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(20)
    assert [racer.exitcode for racer in racers] == [0, 0, 0]
    assert log.read_text() == "made\n"


def test_waiting_can_be_cancelled(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    with exclusive(lock, "x"), pytest.raises(Cancelled), exclusive(lock, "x", lambda: True):
        pass
    assert not lock.exists()


def test_a_lock_file_that_its_holder_removed_is_not_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "x.lock"
    flock = fcntl.flock

    def holder_ends_first(fd: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        lock.unlink()
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", holder_ends_first)
    with exclusive(lock, "x"):
        assert lock.exists()


def test_full_disk_names_the_folder_and_the_space(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(WorkError, match=r"No space left on device \([\d.]+ \w+ free\)") as caught:
        Cache(tmp_path).get_or_make(KEY, ".o", fail)
    assert str(caught.value).startswith(str(tmp_path))


def test_folder_below_a_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="set HLSGEN_CACHE"):
        Cache(tmp_path / "file" / "x").get_or_make(KEY, ".o", text("one"))


def test_where_the_cache_is() -> None:
    home = {"HOME": "/home/u"}
    assert cache_folder(home) == Path("/home/u/.cache/hlsgen")
    assert cache_folder({**home, "XDG_CACHE_HOME": "/x"}) == Path("/x/hlsgen")
    assert cache_folder({"XDG_CACHE_HOME": "/x", "HLSGEN_CACHE": "/c"}) == Path("/c")


@pytest.mark.parametrize("name", ["HLSGEN_CACHE", "XDG_CACHE_HOME"])
def test_a_home_of_nobody_is_named(name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: ~no such user/x: "):
        cache_folder({name: "~no such user/x"})


def test_unwritable_folder_falls_back_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with open_cache({"HLSGEN_CACHE": str(tmp_path / "file" / "x")}) as cache:
        assert cache.warning is not None
        assert str(tmp_path / "file" / "x") in cache.warning
        cache.get_or_make(KEY, ".o", text("one"))
        makeshift = cache.folder
    assert not makeshift.exists()
    with open_cache({"HLSGEN_CACHE": str(tmp_path / "good")}) as cache:
        assert (cache.warning, cache.folder) == (None, tmp_path / "good")

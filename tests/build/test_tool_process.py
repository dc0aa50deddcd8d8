# SPDX-License-Identifier: Apache-2.0
"""Tools that take long: their output, time limit, memory, and the end of all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import hlsgen.toolchain.process
from hlsgen.errors import ToolMissingError
from hlsgen.toolchain.process import Ended, end_orphans, identity_of, run_logged


def run(folder: Path, script: str, **options: object) -> Ended:
    return run_logged(
        ("/bin/sh", "-c", script),
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        log=folder / "log.txt",
        **options,  # type: ignore[arg-type]
    )


def pid_in(file: Path) -> int:
    for _ in range(200):
        if file.exists() and (text := file.read_text().strip()):
            return int(text)
        time.sleep(0.02)
    pytest.fail(f"{file.name} was never written")


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.02)
    return False


def test_output_goes_to_the_log_and_its_lines_are_told(tmp_path: Path) -> None:
    told: list[str] = []
    ended = run(tmp_path, "echo one; echo two >&2; printf three; exit 5", on_line=told.append)
    assert (tmp_path / "log.txt").read_text() == "one\ntwo\nthree"
    assert told == ["one", "two", "three"]
    assert ended.status == 5 and ended.seconds < 5


def test_lines_are_told_while_the_tool_runs(tmp_path: Path) -> None:
    """The tool waits for an answer to its line."""

    def answer(line: str) -> None:
        (tmp_path / "answer").write_text(line)

    script = "echo asked; while [ ! -s answer ]; do sleep 0.02; done"
    assert run(tmp_path, script, on_line=answer, timeout=20).status == 0


def test_peak_memory_is_that_of_all_processes(tmp_path: Path) -> None:
    """A parent and a child, each with some 60 MB, for longer than a sample takes."""
    hold = "import time; b = bytearray(60 << 20); time.sleep(1.5)"
    script = f"{sys.executable} -c '{hold}' & {sys.executable} -c '{hold}'; wait"
    ended = run(tmp_path, script)
    assert ended.status == 0
    assert 120 << 20 <= ended.peak_memory_bytes < 400 << 20


def test_a_tool_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError, match="^/no/v\\+\\+: cannot be run: No such file"):
        run_logged(("/no/v++",), cwd=tmp_path, env={}, log=tmp_path / "log.txt")


BACKGROUND = {
    "child": "sleep 60 & echo $! > pid",
    "grandchild": "sh -c 'sleep 60 & echo $! > pid; wait' &",
    "session of its own": "setsid sh -c 'echo $$ > pid; exec sleep 60' &",
}


@pytest.mark.parametrize("start", BACKGROUND.values(), ids=BACKGROUND.keys())
def test_a_timeout_ends_all(tmp_path: Path, start: str) -> None:
    ended = run(tmp_path, f"{start}\nsleep 60", timeout=1.3)
    assert ended.status is None and 1.3 <= ended.seconds < 8
    assert gone(pid_in(tmp_path / "pid"))


def test_ctrl_c_ends_all(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    script = f"{BACKGROUND['grandchild']}\nwhile [ ! -s pid ]; do sleep 0.02; done; echo x; wait"
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, script, on_line=interrupt)
    assert gone(pid_in(tmp_path / "pid"))


def test_a_good_end_leaves_nothing_behind(tmp_path: Path) -> None:
    script = "sleep 60 & echo $! > pid; echo done"
    assert run(tmp_path, script).status == 0
    assert gone(pid_in(tmp_path / "pid"))


def test_the_stubborn_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hlsgen.toolchain.process, "_GRACE_SECONDS", 0.3)
    script = "trap '' TERM; echo $$ > pid; while true; do sleep 0.05; done"
    assert run(tmp_path, script, timeout=0.5).status is None
    assert gone(pid_in(tmp_path / "pid"))


def test_tools_may_tidy_up_when_asked_to_end(tmp_path: Path) -> None:
    script = "trap 'echo tidied; exit 1' TERM; while true; do sleep 0.05; done"
    run(tmp_path, script, timeout=0.5)
    assert (tmp_path / "log.txt").read_text().endswith("tidied\n")


def test_orphans_of_a_killed_build_are_ended(tmp_path: Path) -> None:
    script = "sleep 60 & exec sleep 61"
    leader = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True, cwd=tmp_path)
    try:
        time.sleep(0.2)
        identity = identity_of(leader.pid)
        assert identity.pid == leader.pid and identity.started > 0
        assert not end_orphans(replace(identity, boot="another boot"), tmp_path)
        for apart in (10**9, -5000):
            other = replace(identity, started=identity.started + apart)
            assert not end_orphans(other, tmp_path)
        assert not end_orphans(identity, tmp_path / "other")
        assert leader.poll() is None
        assert end_orphans(identity, tmp_path)
        assert leader.wait(5) == -signal.SIGTERM
        assert not end_orphans(identity, tmp_path)
    finally:
        leader.kill()
        leader.wait()


def test_orphans_without_their_leader(tmp_path: Path) -> None:
    """The number of a session whose leader is gone may be another session's by now."""
    script = "sleep 60 & echo $! > pid; (cd / && exec sleep 61) & echo $! > stranger"
    leader = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True, cwd=tmp_path)
    identity = identity_of(leader.pid)
    assert leader.wait(5) == 0
    orphan, stranger = pid_in(tmp_path / "pid"), pid_in(tmp_path / "stranger")
    try:
        assert end_orphans(replace(identity, started=identity.started - 5000), tmp_path)
        assert gone(orphan)
        os.kill(stranger, 0)
    finally:
        os.kill(stranger, signal.SIGKILL)

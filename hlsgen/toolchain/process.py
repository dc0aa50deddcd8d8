# SPDX-License-Identifier: Apache-2.0
"""Run a tool that takes hours: output into a log file, live lines, time limit, its whole process
tree ended when it is stopped, and the peak of its memory.

Where `run` (hlsgen.toolchain.run) suits compilers, this suits tools that start tools of their own.
What a tool started is found in /proc: its session, its descendants, and what was seen among these
before, since a tool may leave its session and lose its parent.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import ToolMissingError

_POLL_SECONDS = 0.1
_SAMPLE_SECONDS = 1.0
_GRACE_SECONDS = 10.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Ended:
    """How a tool ended. status: exit status, negative for a signal, None when it ran out of time.

    peak_memory_bytes: the largest sum of the resident memory of all its processes, sampled once a
    second (memory that they share counts for each), or of a single one, whichever is more.
    """

    status: int | None
    seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Identity:
    """A process for good: a number alone is used again. started: clock ticks since boot."""

    pid: int
    started: int
    boot: str


@dataclass(frozen=True)
class _Stat:
    state: str
    parent: int
    group: int
    session: int
    started: int
    resident_bytes: int


def run_logged(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    timeout: float | None = None,
    on_line: Callable[[str], None] = lambda line: None,
    on_start: Callable[[Identity], None] = lambda identity: None,
    on_wait: Callable[[], None] = lambda: None,
) -> Ended:
    """Run `argv` in a session of its own, with its output and errors in `log`, until it ends.

    timeout: seconds. on_line hears each line of the log soon after it was written; on_start who
    runs; on_wait, about once a second, that it still does. All that the tool started is ended with
    it, be it done, late or interrupted (Ctrl-C).
    Raises ToolMissingError when it cannot be started, and OSError.
    """
    with log.open("wb") as output, log.open("rb") as follow:
        start = time.monotonic()
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolMissingError(f"{argv[0]}: cannot be run: {error.strerror}") from error
        tree = _Tree(process.pid)
        try:
            on_start(identity_of(process.pid))
            lines = _Lines(follow, on_line)
            status, peak = _wait(process, tree, lines, start, timeout, on_wait)
            seconds = time.monotonic() - start
        finally:
            # Also after a good end: what a tool forgot would write into the next step's time.
            _end(process, tree)
        lines.read(last=True)
        return Ended(status, seconds, max(peak, tree.peak_bytes))


def identity_of(pid: int) -> Identity:
    """Of a process that runs; `started` is 0 where there is no /proc."""
    stat = _stats().get(pid)
    boot = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Identity(pid, stat.started if stat else 0, boot)


def end_orphans(leader: Identity, folder: Path) -> bool:
    """End what is left of a tool that ran in `folder`, its build being killed; whether there was
    anything.

    leader: the session's. The system gives its number away again, so nothing is ended while another
    process has it, and only what has its home or its working directory in `folder`.
    """
    if not leader.boot or identity_of(os.getpid()).boot != leader.boot:
        return False
    there = _stats().get(leader.pid)
    if there is not None and there.started != leader.started:
        return False
    tree = _Tree(leader.pid, folder)
    if not tree.alive():
        return False
    _end_tree(tree)
    return True


def _wait(
    process: subprocess.Popen[bytes],
    tree: _Tree,
    lines: _Lines,
    start: float,
    timeout: float | None,
    on_wait: Callable[[], None],
) -> tuple[int | None, int]:
    """Exit status, None for a late tool, and the peak of a single process of it."""
    sampled = -_SAMPLE_SECONDS
    while True:
        # Not `process.wait`: only wait4 tells the memory.
        pid, code, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(code)
            return process.returncode, usage.ru_maxrss * 1024
        now = time.monotonic() - start
        if now - sampled >= _SAMPLE_SECONDS:
            sampled = now
            tree.alive()
            on_wait()
        lines.read()
        if timeout is not None and now > timeout:
            return None, 0
        time.sleep(_POLL_SECONDS if now > 1 else _POLL_SECONDS / 10)


class _Lines:
    """The lines of a growing file, each told once."""

    def __init__(self, stream: BinaryIO, tell: Callable[[str], None]) -> None:
        self._stream = stream
        self._tell = tell
        self._rest = b""

    def read(self, *, last: bool = False) -> None:
        """Tell what is new; also a line without an end when it is the last time."""
        *whole, self._rest = (self._rest + self._stream.read()).split(b"\n")
        for line in [*whole, self._rest] if last and self._rest else whole:
            self._tell(line.decode("utf-8", "replace"))


class _Tree:
    """All processes that one session's leader started; of these, those at home in `folder` alone,
    where one is given."""

    def __init__(self, leader: int, folder: Path | None = None) -> None:
        self._leader = leader
        self._folder = folder
        self._seen: set[tuple[int, int]] = set()
        self.peak_bytes = 0

    def alive(self, but_group: int | None = None) -> list[int]:
        """The numbers of those that still run, but for one group's; keeps the peak of memory."""
        stats = _stats()
        found = {
            pid
            for pid, stat in stats.items()
            if stat.session == self._leader or (pid, stat.started) in self._seen
        }
        size = -1
        while size != len(found):
            size = len(found)
            found |= {pid for pid, stat in stats.items() if stat.parent in found}
        if self._folder is not None:
            found = {pid for pid in found if _is_at_home(pid, self._folder)}
        self._seen |= {(pid, stats[pid].started) for pid in found}
        self.peak_bytes = max(self.peak_bytes, sum(stats[pid].resident_bytes for pid in found))
        return sorted(
            pid for pid in found if stats[pid].state not in "ZX" and stats[pid].group != but_group
        )


def _end(process: subprocess.Popen[bytes], tree: _Tree) -> None:
    try:
        if process.poll() is None or tree.alive():
            _end_tree(tree, process)
    finally:
        process.wait()


def _end_tree(tree: _Tree, process: subprocess.Popen[bytes] | None = None) -> None:
    """Ask all to end, so that tools remove their temporary files, then insist."""
    try:
        _signal(tree, process, signal.SIGTERM)
        until = time.monotonic() + _GRACE_SECONDS
        while _lives(tree, process) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS / 2)
    finally:  # A second Ctrl-C ends the patience.
        if _lives(tree, process):
            _signal(tree, process, signal.SIGKILL)


def _lives(tree: _Tree, process: subprocess.Popen[bytes] | None) -> bool:
    return bool((process is not None and process.poll() is None) or tree.alive())


def _signal(tree: _Tree, process: subprocess.Popen[bytes] | None, number: signal.Signals) -> None:
    group = process.pid if process is not None and process.poll() is None else None
    if group is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
    for pid in tree.alive(but_group=group):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _is_at_home(pid: int, folder: Path) -> bool:
    """Whether a process works in `folder`, or was started with its HOME there (proc(5)). Not so for
    one that may not be looked at."""
    places: list[str] = []
    with suppress(OSError):
        places.append(os.readlink(f"/proc/{pid}/cwd"))
    with suppress(OSError):
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        places += [os.fsdecode(each[5:]) for each in variables if each.startswith(b"HOME=")]
    folders = {folder, Path(os.path.realpath(folder))}
    return any(Path(place).is_relative_to(each) for place in places for each in folders)


def _stats() -> dict[int, _Stat]:
    """Of every process of this machine; empty where there is no /proc."""
    found: dict[int, _Stat] = {}
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdecimal():
                with suppress(OSError, ValueError, IndexError):
                    found[int(name)] = _stat(Path("/proc", name, "stat").read_bytes())
    return found


def _stat(text: bytes) -> _Stat:
    """From /proc/N/stat (proc(5)); the second field, a name, may hold blanks and brackets."""
    fields = text[text.rindex(b")") + 2 :].split()
    return _Stat(
        state=fields[0].decode(),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        started=int(fields[19]),
        resident_bytes=int(fields[21]) * _PAGE_BYTES,
    )

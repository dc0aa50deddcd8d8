# SPDX-License-Identifier: Apache-2.0
"""Runs in worker processes, several at once: their records as they come, their outcomes."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ..errors import ToolMissingError
from ..paths import package_dir
from ..toolchain.run import describe_status
from .plan import Job

Record = dict[str, Any]
Command = Callable[[Job], Sequence[str]]
OnRecord = Callable[[Job, Record], None]

# NumPy's libraries: each run has one core, and sums in one order.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "SAT_HOST_THREADS",
)
_KEPT_KINDS = ("epoch", "final", "error")


@dataclass(frozen=True)
class Outcome:
    """A run that ended. records: of its epochs, then the final one; error: one line, None when it
    went well; exit_code: what the error would end `hlsgen train` with."""

    job: Job
    records: tuple[Record, ...]
    error: str | None = None
    exit_code: int = 0


def worker_command(bundle: Path, source: str, checkpoints: Callable[[Job], Path]) -> Command:
    """What trains a job on `bundle`, or goes on with it from its checkpoints. source: the spec's
    name in messages."""
    python = (sys.executable, "-B", "-m", "hlsgen.compare.worker", str(bundle), source)
    return lambda job: (*python, str(checkpoints(job)), json.dumps(job.overrides))


def worker_environ(bundle: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """One thread a process, and the bundle's own copy of the host package first: changing the
    installed one while runs last changes no run."""
    paths = [str(bundle), str(package_dir().parent), environ.get("PYTHONPATH", "")]
    return {
        **environ,
        **dict.fromkeys(_THREADS, "1"),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def run_jobs(
    jobs: Sequence[Job],
    command: Command,
    environ: Mapping[str, str],
    processes: int,
    on_record: OnRecord,
) -> Generator[Outcome, None, None]:
    """Run all, at most `processes` at once; yields each outcome when its process has ended.

    `on_record` gets every record as it comes. Closing the iterator (`contextlib.closing`), like any
    exception, ends the processes that still run.
    """
    waiting = deque(jobs)
    running: set[_Worker] = set()
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while waiting and len(running) < processes:
                    worker = _Worker(waiting.popleft(), command, environ)
                    running.add(worker)
                    selector.register(worker.output, selectors.EVENT_READ, worker)
                for key, _ in selector.select():
                    worker = key.data
                    for record in worker.read():
                        on_record(worker.job, record)
                    if worker.ended:
                        selector.unregister(worker.output)
                        running.remove(worker)
                        yield worker.outcome()
        finally:
            for worker in running:
                worker.kill()


@dataclass(eq=False)
class _Worker:
    """One process. Made by its job; then `read` until it has `ended`, then `outcome`."""

    job: Job
    command: Command
    environ: Mapping[str, str]
    ended: bool = False
    _rest: bytes = b""
    _kept: list[Record] = field(default_factory=list)
    _garbled: bool = False

    def __post_init__(self) -> None:
        argv = list(self.command(self.job))
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            # A session of its own: Ctrl-C is for the parent, which ends its workers.
            self._process = subprocess.Popen(
                argv,
                env=dict(self.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise ToolMissingError(f"{argv[0]}: cannot be run: {error.strerror}") from error
        assert self._process.stdout is not None
        self.output: IO[bytes] = self._process.stdout

    def read(self) -> list[Record]:
        """The records that came since; waits for some. Sets `ended` when no more can come."""
        chunk = os.read(self.output.fileno(), 1 << 16)
        self.ended = not chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        records = []
        for line in lines:
            try:
                record = json.loads(line)
                kind = record["kind"]
            except (ValueError, TypeError, KeyError):
                self._garbled = True
                continue
            records.append(record)
            if kind in _KEPT_KINDS:
                self._kept.append(record)
        return records

    def outcome(self) -> Outcome:
        """How it went, once ended."""
        status = self._process.wait()
        error, code = self._failure(status)
        self._close()
        return Outcome(self.job, tuple(self._kept), error, code)

    def kill(self) -> None:
        """End it, now."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close()

    def _failure(self, status: int) -> tuple[str | None, int]:
        last = self._kept[-1] if self._kept else {"kind": "none"}
        if last["kind"] == "error":
            return str(last["text"]), int(last["exit_code"])
        if status == -signal.SIGKILL:
            return "was ended by SIGKILL, perhaps for want of memory: use fewer --jobs", 1
        if status != 0:
            return f"{describe_status(status)}: {self._last_error()}", 1
        if last["kind"] != "final" or self._garbled:
            return "its records are not whole", 1
        return None, 0

    def _last_error(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 4096))
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        texts = [line.strip() for line in lines if line.strip()]
        return texts[-1][:300] if texts else "no output"

    def _close(self) -> None:
        assert self._process.stdin is not None
        for stream in (self._process.stdin, self.output, self._errors):
            with suppress(OSError):
                stream.close()

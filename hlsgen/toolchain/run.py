# SPDX-License-Identifier: Apache-2.0
"""The one way to run another program: argument list, time limit, checked exit, captured output."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import Cancelled, ToolMissingError, WorkError

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class Completed:
    """A command that ended with status 0."""

    stdout: str
    stderr: str


class CommandError(WorkError):
    """A command failed; `str(error)` is one line, the whole output is in `stdout` and `stderr`.

    status: exit status, negative for a signal, None when the command ran out of time.
    """

    def __init__(self, argv: Sequence[str], status: int | None, stdout: str, stderr: str) -> None:
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        super().__init__(f"{argv[0]} {describe_status(status)}: {first_error_line(stderr, stdout)}")


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    cancel: threading.Event | None = None,
) -> Completed:
    """Run `argv` in its own process group, without a shell, and return its output.

    timeout: seconds. cancel: set by another thread to stop the command. The whole group is ended
    on a timeout, on `cancel`, and on Ctrl-C. Raises CommandError for a non-zero exit or a timeout,
    Cancelled, and ToolMissingError when the program cannot be started.
    """
    try:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ToolMissingError(f"{argv[0]}: cannot be run: {error.strerror}") from error
    try:
        stdout, stderr = _communicate(process, argv, timeout, cancel)
    except BaseException:
        _end_group(process)
        raise
    if process.returncode != 0:
        raise CommandError(argv, process.returncode, stdout, stderr)
    return Completed(stdout, stderr)


def first_error_line(*outputs: str) -> str:
    """The first line that reports an error, else the first line with text, else a fixed word."""
    lines = [line.strip() for output in outputs for line in output.splitlines() if line.strip()]
    for line in lines:
        if "error:" in line.lower() or "undefined reference" in line:
            return line
    return lines[0] if lines else "no output"


def describe_status(status: int | None) -> str:
    """How a command ended, in words."""
    if status is None:
        return "ran out of time"
    if status < 0:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-status).name}"
        return f"was ended by signal {-status}"
    return f"exited with status {status}"


def command_text(argv: Sequence[str]) -> str:
    """The command as one line that a shell would read back."""
    return shlex.join(argv)


def _communicate(
    process: subprocess.Popen[str],
    argv: Sequence[str],
    timeout: float | None,
    cancel: threading.Event | None,
) -> tuple[str, str]:
    start = time.monotonic()
    while True:
        try:
            return process.communicate(timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if cancel is not None and cancel.is_set():
                raise Cancelled(f"{argv[0]} was stopped") from None
            if timeout is not None and time.monotonic() - start > timeout:
                raise CommandError(argv, None, "", f"more than {timeout:g} seconds") from None


def _end_group(process: subprocess.Popen[str]) -> None:
    """Ask the group to end, so that compilers remove their temporary files, then insist."""
    for number, grace in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=grace)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()

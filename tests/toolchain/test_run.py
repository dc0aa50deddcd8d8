# SPDX-License-Identifier: Apache-2.0
"""The subprocess helper: output, status, time limit, cancelling, the whole process group."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from hlsgen.errors import Cancelled, ToolMissingError
from hlsgen.toolchain.run import CommandError, describe_status, first_error_line, run


def gone(pid: int) -> bool:
    """Whether a process has ended, given a moment for it."""
    for _ in range(50):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.1)
    return False


def test_output_is_captured() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2"])
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_arguments_are_not_read_by_a_shell() -> None:
    assert run(["echo", "$HOME; false"]).stdout == "$HOME; false\n"


def test_failure_is_one_line_with_the_first_error() -> None:
    script = "echo note; echo 'a.cpp:1:2: error: bad' >&2; echo 'error: more' >&2; exit 4"
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", script])
    assert str(caught.value) == "sh exited with status 4: a.cpp:1:2: error: bad"
    assert caught.value.status == 4


def test_missing_program() -> None:
    with pytest.raises(ToolMissingError, match=r"^/no/such: cannot be run: No such file"):
        run(["/no/such"])


def test_timeout_ends_the_whole_group(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    start = time.monotonic()
    with pytest.raises(CommandError, match="ran out of time"):
        run(["sh", "-c", f"sleep 60 & echo $! > {note}; wait"], timeout=0.3)
    assert time.monotonic() - start < 10
    assert gone(int(note.read_text()))


def test_cancel_from_another_thread() -> None:
    cancel = threading.Event()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    with pytest.raises(Cancelled):
        run([sys.executable, "-c", "import time; time.sleep(60)"], cancel=cancel)
    timer.join()


def test_signal_is_named() -> None:
    with pytest.raises(CommandError, match="was ended by SIGSEGV"):
        run(["sh", "-c", "kill -SEGV $$"])
    assert describe_status(-250) == "was ended by signal 250"


def test_first_error_line() -> None:
    assert first_error_line("In file\n  x: fatal error: y\n") == "x: fatal error: y"
    assert first_error_line("a.o: undefined reference to `f'\nld returned 1") == (
        "a.o: undefined reference to `f'"
    )
    assert first_error_line("\nfirst\nsecond", "") == "first"
    assert first_error_line("", " ") == "no output"

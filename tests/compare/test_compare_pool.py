# SPDX-License-Identifier: Apache-2.0
"""Worker processes: how many at once, what they say, how they fail, and that they end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from compare_samples import jobs_of

from hlsgen.compare.plan import Job, Request
from hlsgen.compare.pool import Outcome, Record, run_jobs, worker_command, worker_environ
from hlsgen.errors import ToolMissingError

JOBS = jobs_of(Request(("dense", "bdwp"), 3))
GOOD = """\
print('{"kind": "start", "steps": 1}', flush=True)
print('{"kind": "epoch", "epoch": 1}', flush=True)
print('{"kind": "final", "test_accuracy": 0.5}', flush=True)
"""
ERROR = """\
print('{"kind": "error", "text": "%s", "exit_code": %d}')
raise SystemExit(%d)
"""


def python(text: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", text]


def run_all(
    command: Callable[[Job], Sequence[str]],
    jobs: Sequence[Job] = JOBS,
    processes: int = 2,
    heard: list[tuple[str, Record]] | None = None,
) -> Generator[Outcome, None, None]:
    def on_record(job: Job, record: Record) -> None:
        if heard is not None:
            heard.append((job.label, record))

    return run_jobs(jobs, command, os.environ, processes, on_record)


def outcome_of(text: str) -> Outcome:
    """What comes of one worker that runs `text`."""
    (outcome,) = run_all(lambda job: python(text), JOBS[:1])
    return outcome


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody waited for counts as ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def test_every_job_has_its_outcome_and_its_records_are_heard() -> None:
    heard: list[tuple[str, Record]] = []
    outcomes = list(run_all(lambda job: python(GOOD), heard=heard))
    assert sorted(outcome.job.label for outcome in outcomes) == sorted(job.label for job in JOBS)
    for outcome in outcomes:
        assert outcome.error is None
        assert [record["kind"] for record in outcome.records] == ["epoch", "final"]
        own = [record["kind"] for label, record in heard if label == outcome.job.label]
        assert own == ["start", "epoch", "final"]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2, 4])
def test_never_more_processes_than_allowed(tmp_path: Path, processes: int) -> None:
    text = f"""
import os, sys, time
place = {str(tmp_path)!r}
mine = os.path.join(place, str(os.getpid()))
open(mine, "w").close()
time.sleep(0.15)
count = len(os.listdir(place))
os.remove(mine)
{GOOD}
print('{{"kind": "count", "count": %d}}' % count, flush=True)
"""
    heard: list[tuple[str, Record]] = []
    assert len(list(run_all(lambda job: python(text), JOBS, processes, heard))) == len(JOBS)
    counts = [record["count"] for _, record in heard if record["kind"] == "count"]
    assert len(counts) == len(JOBS) and max(counts) == processes


@pytest.mark.parametrize(
    ("text", "expected", "code"),
    [
        (ERROR % ("it diverged", 1, 1), "it diverged", 1),
        (ERROR % ("no such file", 2, 2), "no such file", 2),
        (f"{GOOD}\nraise ValueError('a bug')", "exited with status 1: ValueError: a bug", 1),
        ("raise SystemExit(7)", "exited with status 7: no output", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
         "was ended by SIGSEGV: no output", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "use fewer --jobs", 1),
        ("", "its records are not whole", 1),
        (GOOD + "print('[1')", "its records are not whole", 1),
        (GOOD + "print('[1]')", "its records are not whole", 1),
        ("print('x' * 100_000)", "its records are not whole", 1),
    ],
)  # fmt: skip
def test_failures_are_one_line(text: str, expected: str, code: int) -> None:
    outcome = outcome_of(text)
    assert outcome.error is not None and expected in outcome.error
    assert "\n" not in outcome.error and len(outcome.error) < 400
    assert outcome.exit_code == code


def test_much_on_stderr_blocks_nothing() -> None:
    text = "import sys\nfor _ in range(5000): print('x' * 99, file=sys.stderr)\n" + GOOD
    assert outcome_of(text).error is None


def test_record_in_pieces_is_one_record() -> None:
    text = """
import os, time
for piece in (b'{"kind": "fin', b'al", "test_accur', b'acy": 0.25}\\n{"kind"', b': "late"}\\n'):
    os.write(1, piece)
    time.sleep(0.02)
"""
    outcome = outcome_of(text)
    assert outcome.error is None and outcome.records[0]["test_accuracy"] == 0.25


def test_program_that_cannot_start() -> None:
    with pytest.raises(ToolMissingError, match="/no/such/python: cannot be run"):
        list(run_all(lambda job: ["/no/such/python"]))


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, None])
def test_whatever_ends_the_loop_ends_the_workers(error: type[BaseException] | None) -> None:
    """Also what a worker has started itself, and at once, though it sleeps."""
    sleeper = "import subprocess, sys, time\n"
    sleeper += "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    sleeper += "import os\n"
    sleeper += 'print(\'{"kind": "pids", "pids": [%d, %d]}\' % (os.getpid(), child.pid),'
    sleeper += " flush=True)\ntime.sleep(60)\n"
    pids: list[int] = []

    def on_record(job: Job, record: dict[str, Any]) -> None:
        pids.extend(record.get("pids", ()))
        if error is not None and len(pids) == 4:
            raise error

    def command(job: Job) -> list[str]:
        return python(GOOD if error is None and job is JOBS[0] else sleeper)

    outcomes = run_jobs(JOBS, command, os.environ, 2, on_record)
    started = time.monotonic()
    if error is None:
        with closing(outcomes):
            next(outcomes)
            # The other worker sleeps by now, or has yet to say so.
    else:
        with pytest.raises(error):
            list(outcomes)
        assert len(pids) == 4
    assert time.monotonic() - started < 30
    deadline = time.monotonic() + 5
    while not all(map(gone, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert all(map(gone, pids))


def test_worker_ends_with_its_parent() -> None:
    code = "import hlsgen.compare.worker as worker, sys; print('up', flush=True)\n"
    code += "worker._end_with_stdin()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"up\n"
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=10) == 1


def test_environment_and_command_of_the_real_worker(tmp_path: Path) -> None:
    environ = worker_environ(tmp_path, {"PYTHONPATH": "/elsewhere", "OMP_NUM_THREADS": "8"})
    paths = environ["PYTHONPATH"].split(os.pathsep)
    assert paths[0] == str(tmp_path) and paths[-1] == "/elsewhere"
    assert environ["OMP_NUM_THREADS"] == environ["OPENBLAS_NUM_THREADS"] == "1"
    argv = worker_command(tmp_path, "tiny.yaml", lambda job: tmp_path / job.method)(JOBS[-1])
    assert argv[0] == sys.executable and '"seed": 2' in argv[-1]
    assert list(argv[-4:-1]) == [str(tmp_path), "tiny.yaml", str(tmp_path / "bdwp")]

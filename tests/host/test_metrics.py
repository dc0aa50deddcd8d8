# SPDX-License-Identifier: Apache-2.0
"""The metrics file, whole or beside its place, and what is shown of a run."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sat_host.errors import HostError, SettingsError
from sat_host.metrics import MetricsWriter, to_json
from sat_host.nn.clock import LONG, StageClock
from sat_host.progress import BarProgress, LineProgress, Progress, make_progress
from sat_host.usage import describe_usage

START, FINAL = {"kind": "start"}, {"kind": "final"}


def test_metrics_are_beside_the_file_until_the_run_is_complete(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    file.write_text("old\n")
    writer = MetricsWriter(file)
    writer.write(START)
    (partial,) = tmp_path.glob("m.jsonl.*.partial")
    assert str(os.getpid()) in partial.name
    assert partial.read_text() == to_json(START) + "\n"  # to be followed
    assert file.read_text() == "old\n"
    writer.write(FINAL)
    writer.close()
    assert file.read_text().splitlines() == [to_json(START), to_json(FINAL)]
    assert not partial.exists()


def test_an_interrupted_run_leaves_the_complete_record(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    for records in ([START, FINAL], [START]):
        writer = MetricsWriter(file)
        for record in records:
            writer.write(record)
        writer.close()
    assert file.read_text().splitlines() == [to_json(START), to_json(FINAL)]
    (partial,) = tmp_path.glob("m.jsonl.*.partial")
    assert partial.read_text() == to_json(START) + "\n"


def test_a_run_without_a_record_leaves_no_file(tmp_path: Path) -> None:
    MetricsWriter(tmp_path / "m.jsonl").close()
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_s_end_takes_what_its_predecessors_left(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    for name in (
        "m.jsonl.7.partial",
        "m.jsonl.8.partial",
        "other.jsonl.7.partial",
        "m.jsonl.partial",
    ):
        (tmp_path / name).write_text("{}\n")
    kept = {"m.jsonl", "m.jsonl.8.partial", "other.jsonl.7.partial", "m.jsonl.partial"}
    with (tmp_path / "m.jsonl.8.partial").open() as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        for resumed, records in ((False, [START, FINAL]), (True, [START]), (True, [FINAL])):
            writer = MetricsWriter(file, resumed=resumed)
            for record in records:
                writer.write(record)
            assert (tmp_path / "m.jsonl.7.partial").exists()
            writer.close()
    assert {path.name for path in tmp_path.iterdir()} == kept
    assert file.read_text() == to_json(FINAL) + "\n"


def test_a_run_s_partial_file_is_no_other_s_to_take(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from sat_host.metrics import MetricsWriter; "
        "w = MetricsWriter(pathlib.Path(sys.argv[1])); w.write({'kind': 'start'}); "
        "print('made', flush=True); sys.stdin.read()"
    )
    file = tmp_path / "m.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"made\n"
        for alive in (True, False):
            writer = MetricsWriter(file, resumed=True)
            writer.write(FINAL)
            writer.close()
            assert (tmp_path / f"m.jsonl.{process.pid}.partial").exists() == alive
            process.kill()
            process.wait()


def test_metrics_through_a_link_or_into_a_pipe_keep_it(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for path in (link, pipe):
        writer = MetricsWriter(path)
        writer.write(FINAL)
        writer.close()
    assert link.is_symlink()
    assert target.read_text() == to_json(FINAL) + "\n"
    assert pipe.is_fifo()
    assert os.read(reader, 100).decode() == to_json(FINAL) + "\n"
    os.close(reader)
    assert not list(tmp_path.glob("*.partial"))


def test_metrics_that_may_not_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.jsonl"
    file.write_text("old\n")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(
        SettingsError, match=r"m\.jsonl: cannot write metrics: Permission denied: give"
    ):
        MetricsWriter(file)
    assert [path.name for path in tmp_path.glob("m*")] == ["m.jsonl"]


def test_metrics_on_a_disk_without_room_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(HostError, match="metrics: No space left on device: make room") as caught:
        MetricsWriter(Path("metrics"))
    assert caught.value.exit_code == 1


def test_json_is_strict() -> None:
    assert json.loads(to_json({"loss": float("nan"), "step": 1})) == {"loss": None, "step": 1}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_only_with_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    assert type(make_progress(False, io.StringIO())) is LineProgress
    assert type(make_progress(False, Terminal())) is BarProgress
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert type(make_progress(False, Terminal())) is LineProgress


def test_no_stderr_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert type(make_progress(False)) is Progress


def test_bar_takes_a_whole_run() -> None:
    pytest.importorskip("tqdm")
    stream = Terminal()
    progress = make_progress(False, stream)
    epoch = {"loss": 0.5, "test_accuracy": 0.75, "skipped_steps": 0, "seconds": 1.0}
    start = {"epochs": 1, "steps": 5, "method": "dense", "seed": 0, "group": 8, "layers": []}
    start |= {"network": "mlp", "resumed_step": 4, "already_complete": False}
    final = {"stages": {"FF": 3.0, "loader": 1.0}, "peak_memory_bytes": 3 << 20}
    final |= {"stage_memory_bytes": {"FF": 2 << 20, "loader": 1 << 20}}
    for record in (
        {"kind": "start", **start},
        {"kind": "step"},
        {"kind": "epoch", **epoch},
        {"kind": "final", **final},
    ):
        progress.show(record)
    progress.close()
    text = stream.getvalue()
    assert "resumed after step 4 of 5" in text
    assert "5/5" in text and "test accuracy 75.00 %" in text
    assert text[text.index("stage ") :].splitlines() == [
        "stage          time   share    memory at its end",
        "FF           3.00 s  75.0 %                2 MiB",
        "loader       1.00 s  25.0 %                1 MiB",
        "peak memory 3 MiB",
    ]


def test_usage_without_memory_has_no_column_for_it() -> None:
    assert describe_usage({"FF": 3.0, "loader": 1.0}, {}, 0) == [
        "stage          time   share",
        "FF           3.00 s  75.0 %",
        "loader       1.00 s  25.0 %",
        "peak memory not known",
    ]


def test_a_stage_s_memory_is_the_most_at_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, seen = StageClock(), iter([5, 9, 3, 0])
    monkeypatch.setattr("sat_host.nn.clock.resident_memory", lambda: next(seen))
    monkeypatch.setattr("sat_host.nn.clock.LONG", 0.0)
    for stage in ("FF", "BP", "FF", "loss"):
        with clock(stage):
            pass
    assert clock.memory() == {"FF": 5, "BP": 9}
    assert set(clock.summary()) == {"FF", "BP", "loss"}


def test_a_short_stage_s_memory_is_that_at_its_first_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, seen = StageClock(), iter([5, 9, 7])
    now = [0.0]
    monkeypatch.setattr("sat_host.nn.clock.resident_memory", lambda: next(seen))
    monkeypatch.setattr("sat_host.nn.clock.time.perf_counter", lambda: now[0])
    for seconds in (0.0, 0.0, 0.5 * LONG, 2 * LONG, 0.0, 2 * LONG):
        with clock("FF"):
            now[0] += seconds
    assert clock.memory() == {"FF": 9} and next(seen, None) is None


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_resident_memory_follows_what_is_held() -> None:
    """In a child too, whose figures are not its parent's; a process of its own, to fork safely."""
    code = (
        "import os; from sat_host.nn.clock import resident_memory as now\n"
        "for _ in range(2):\n"
        "    before = now(); held = b'x' * (64 << 20)\n"
        "    print((now() - before) >> 20, flush=True); del held\n"
        "    if os.fork(): os.wait(); break\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [60 < int(line) < 70 for line in done.stdout.split()] == [True, True]

# SPDX-License-Identifier: Apache-2.0
"""`build` from a spec file to a bundle, with a tiny accelerator in the real one's place."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import fakes
import numpy as np
import pytest
from fakes import snapshot
from sat_host.digests import file_digest

import hlsgen.build
import hlsgen.selftest
from hlsgen.build import STEPS, build, plan_build
from hlsgen.cli.train import prepare
from hlsgen.errors import HlsgenError, InputError, ToolMissingError, WorkError

Environ = dict[str, str]


def test_a_bundle_is_whole(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.install(monkeypatch)
    out = tmp_path / "out"
    result = build(spec_file, out, environ)
    assert tuple(step.name for step in result.steps) == STEPS
    assert (result.word_bytes, result.tile_bytes) == (16, 4 * 4 * 2 * 8 * 8)
    names = ["bundle.json", "libsat.so", "program.json", "sat_host", "spec.yaml", "src"]
    assert sorted(os.listdir(out)) == names
    assert (out / "spec.yaml").read_bytes() == spec_file.read_bytes()
    assert (out / "src/kernels/note.h").is_file()
    assert (out / "sat_host/config.py").is_file()
    assert not list(out.rglob("__pycache__"))
    manifest = json.loads((out / "bundle.json").read_text())
    assert manifest["library"] == {
        "file": "libsat.so",
        "sha256": file_digest(out / "libsat.so"),
        "machine": platform.machine(),
        "isa": result.isa,
    }
    assert manifest["program"] == {
        "file": "program.json",
        "sha256": file_digest(out / "program.json"),
    }
    assert manifest["dataflows"] == ["os", "ws"]
    assert manifest["digest"] == result.digest
    assert manifest["array"]["lanes"] == 8
    assert {"card", "clock_mhz", "sparsity", "optimizer", "model", "data", "training"} <= set(
        manifest
    )
    assert ctypes.CDLL(str(out / "libsat.so")).rows() == 4


def test_the_default_target_is_named_after_the_spec(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.install(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert build(spec_file, None, environ).bundle == tmp_path / "build" / "tiny"


def test_nothing_changed_is_cached_and_the_same(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = fakes.install(monkeypatch)
    build(spec_file, tmp_path / "out", environ)
    before = snapshot(tmp_path / "out")
    again = build(spec_file, tmp_path / "out", environ)
    assert snapshot(tmp_path / "out") == before
    assert len(tested) == 1
    assert {step.name for step in again.steps if step.cached} == {"compile", "self-test"}
    assert [check.name for check in again.checks] == ["dense"]


def test_a_failed_self_test_publishes_nothing_and_is_not_remembered(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = fakes.install(monkeypatch, fakes.FAILED)
    for count in (1, 2):
        with pytest.raises(WorkError, match="self-test: keep 2:8"):
            build(spec_file, tmp_path / "new" / "out", environ)
        assert len(tested) == count
    assert not (tmp_path / "new").exists()


def test_self_test_process_failures_are_one_line(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_selftest = hlsgen.selftest._run_selftest
    fakes.install(monkeypatch)
    monkeypatch.setattr(hlsgen.selftest, "_run_selftest", run_selftest)
    answer = json.dumps({"ok": False, "device": "csim", "checks": fakes.FAILED})
    for script, words in [
        ("import os; os.kill(os.getpid(), 11)", "self-test was ended by SIGSEGV: no output"),
        ("raise OSError('bad library')", "exited with status 1: OSError: bad library"),
        (f"print({answer!r}); raise SystemExit(1)", "1 of 2 checks failed, first keep 2:8"),
        ("print('{}')", "self-test: its answer can't be read"),
    ]:
        command = (sys.executable, "-c", script)
        monkeypatch.setattr(hlsgen.selftest, "selftest_command", lambda folder, c=command: c)
        with pytest.raises(WorkError, match=words) as caught:
            build(spec_file, tmp_path / "out", environ)
        assert str(caught.value).endswith("nothing was published")
        assert not (tmp_path / "out").exists()


def test_dry_run_writes_nothing_and_tells_cache_hits(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.install(monkeypatch)
    before = snapshot(tmp_path)
    plan = plan_build(spec_file, tmp_path / "out", environ)
    assert snapshot(tmp_path) == before
    assert plan.steps == STEPS
    assert [(c.step, c.cached) for c in plan.commands] == [
        ("compile", False),
        ("compile", False),
        ("self-test", False),
    ]
    assert " -c sat.cpp -o sat.o" in plan.commands[0].command
    build(spec_file, tmp_path / "out", environ)
    assert all(c.cached for c in plan_build(spec_file, tmp_path / "out", environ).commands)
    bundled = subprocess.run(
        plan.commands[0].command, shell=True, cwd=tmp_path / "out" / "src", check=False
    )
    assert bundled.returncode == 0, "a listed command works as it stands in the bundle's src/"


@pytest.mark.parametrize("place", ["file", "file/x", "file/x/y", "home"])
def test_bad_targets_cost_no_compile(
    tmp_path: Path,
    spec_file: Path,
    environ: Environ,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    fakes.install(monkeypatch)
    (tmp_path / "file").write_text("")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("")
    before = snapshot(tmp_path)
    for attempt in (build, plan_build):
        with pytest.raises(InputError, match="-o"):
            attempt(spec_file, tmp_path / place, environ)
        assert snapshot(tmp_path) == before


def test_a_network_too_large_for_the_card_costs_no_compile(
    tmp_path: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.install(monkeypatch)
    spec = tmp_path / "large.yaml"
    spec.write_text(
        "name: large\ndata: {name: image_folder, path: x, size: 1024}\n"
        "model: {name: resnet50, classes: 10}\ntraining: {batch: 2048}\narray: {rows: 16}\n"
    )
    before = snapshot(tmp_path)
    for attempt in (build, plan_build):
        with pytest.raises(InputError, match="large.yaml: conv1.* bytes do not fit bank"):
            attempt(spec, tmp_path / "out", environ)
        assert snapshot(tmp_path) == before


def test_full_disk_while_bundling(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.install(monkeypatch)
    build(spec_file, tmp_path / "out", environ)
    before = snapshot(tmp_path / "out")

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(hlsgen.build, "write_bundle", full)
    with pytest.raises(WorkError, match="No space left on device"):
        build(spec_file, tmp_path / "out", environ)
    assert snapshot(tmp_path / "out") == before
    assert not list(tmp_path.glob(".out.*"))


def test_no_compiler(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.install(monkeypatch)
    bare = {"PATH": str(tmp_path), "HLSGEN_CACHE": environ["HLSGEN_CACHE"]}
    for attempt in (build, plan_build):
        with pytest.raises(ToolMissingError, match="apt-get install"):
            attempt(spec_file, tmp_path / "out", bare)
    assert sorted(os.listdir(tmp_path)) == ["tiny.yaml"]


@pytest.mark.parametrize("attempt", ["build", "train"])
def test_a_spec_may_come_from_a_pipe(
    tmp_path: Path,
    spec_file: Path,
    environ: Environ,
    monkeypatch: pytest.MonkeyPatch,
    attempt: str,
) -> None:
    """It is read once, so what was checked is what is built."""
    fakes.install(monkeypatch)
    end, start = os.pipe()
    with os.fdopen(start, "wb") as stream:
        stream.write(spec_file.read_bytes())
    try:
        if attempt == "build":
            build(Path(f"/dev/fd/{end}"), tmp_path / "out", environ)
        else:
            prepare(Path(f"/dev/fd/{end}"), tmp_path / "out", {}, quiet=True)
    finally:
        os.close(end)
    assert (tmp_path / "out/spec.yaml").read_bytes() == spec_file.read_bytes()


def test_another_numpy_is_tested_anew(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = fakes.install(monkeypatch)
    build(spec_file, tmp_path / "out", environ)
    monkeypatch.setattr(np, "__version__", "99.0")
    build(spec_file, tmp_path / "out", environ)
    assert len(tested) == 2


def test_missing_spec(tmp_path: Path, environ: Environ) -> None:
    with pytest.raises(InputError) as caught:
        build(tmp_path / "no.yaml", tmp_path / "out", environ)
    assert isinstance(caught.value, HlsgenError)


DRIVER = """
import sys
import pytest
import fakes
from hlsgen.cli.main import main
fakes.install(pytest.MonkeyPatch())
sys.exit(main(sys.argv[1:]))
"""


def start_slow_build(
    folder: Path, environ: Environ, arguments: list[object], compiling: str = "exec sleep 60"
) -> tuple[subprocess.Popen[str], int]:
    """A command whose compiler has just started, and the process id of that compiler."""
    slow = folder / "slow++"
    slow.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo "g++ (stub) 99.0.0"; exit 0; }\n'
        f"echo $$ > {folder}/compiling\n{compiling}\n"
    )
    slow.chmod(0o755)
    (folder / "scratch").mkdir()
    paths = [str(Path(__file__).parent), *sys.path]
    child = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *map(str, arguments)],
        env={
            **environ,
            "CXX": str(slow),
            "PYTHONPATH": os.pathsep.join(paths),
            "TMPDIR": str(folder / "scratch"),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    note = folder / "compiling"
    wait_until(lambda: note.exists() and bool(note.read_text().strip()))
    return child, int(note.read_text())


@pytest.mark.parametrize("command", [("build",), ("train", "--quiet")], ids=lambda words: words[0])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_in_mid_compile_the_old_bundle_stays(
    tmp_path: Path,
    spec_file: Path,
    environ: Environ,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    command: tuple[str, ...],
) -> None:
    fakes.install(monkeypatch)
    out = tmp_path / "out"
    build(spec_file, out, environ)
    before = snapshot(out)
    child, compiler = start_slow_build(tmp_path, environ, [*command, spec_file, "-o", out])
    child.send_signal(number)
    _, stderr = child.communicate(timeout=20)
    assert (child.returncode, stderr.split()) == (130, ["interrupted"])
    assert snapshot(out) == before
    assert not list(tmp_path.glob(".out.*"))
    assert not list((tmp_path / "scratch").iterdir())
    wait_until(lambda: not Path("/proc", str(compiler)).exists())


def test_a_signal_that_is_ignored_stays_so(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nohup does: children inherit that SIGHUP is ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        arguments = ["build", spec_file, "-o", tmp_path / "out"]
        child, _ = start_slow_build(tmp_path, environ, arguments, "sleep 0.5; exit 7")
    finally:
        signal.signal(signal.SIGHUP, before)
    child.send_signal(signal.SIGHUP)
    _, stderr = child.communicate(timeout=20)
    assert child.returncode == 1 and "compiling sat.cpp failed" in stderr


def wait_until(holds: object) -> None:
    assert callable(holds)
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("waited in vain")

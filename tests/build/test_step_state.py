# SPDX-License-Identifier: Apache-2.0
"""What a step leaves for the next build: read with care, and of builds that were stopped."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from chains import chain, heard
from fakes import snapshot
from sat_host.digests import file_digest

from hlsgen.toolchain.engine import Choice, Workspace, run_steps
from hlsgen.toolchain.process import identity_of
from hlsgen.toolchain.progress import Watcher
from hlsgen.toolchain.step_state import State, read_state, write_state
from hlsgen.toolchain.steps import ToolStep

STATES = [
    "[]",
    "null",
    "[" * 100_000,
    "{}",
    '{"key": "k", "status": "done", "runs": 3}',
    '{"key": "k", "status": "done", "outputs": ["out"]}',
    '{"key": "k", "status": "done", "outputs": {"out": 3}}',
    '{"key": "k", "status": "done", "seconds": 1e999}',
    '{"key": "k", "status": "over"}',
    '{"key": "k", "status": "running", "runs": {"pid": "1", "started": 0, "boot": ""}}',
    '{"key": "k", "status": "failed", "trouble": {"kind": "x"}}',
]


@pytest.mark.parametrize("text", STATES, ids=range(len(STATES)))
def test_a_state_that_is_none_is_no_state(workspace: Workspace, text: str) -> None:
    run_steps(chain(), workspace)
    (workspace.folder / "2-second" / "state.json").write_text(text)
    assert read_state(workspace.folder / "2-second") is None
    assert heard(workspace, chain()).ran == ["second"]


@pytest.mark.parametrize("outputs", [{}, {"log.txt": ""}, {"out": "", "log.txt": ""}])
def test_a_step_is_done_with_its_own_outputs_only(
    workspace: Workspace, outputs: dict[str, str]
) -> None:
    run_steps(chain(), workspace)
    folder = workspace.folder / "2-second"
    state = read_state(folder)
    assert state is not None
    found = {path: file_digest(folder / path) for path in outputs}
    write_state(folder, replace(state, outputs=found))
    assert heard(workspace, chain()).ran == ["second"]


@pytest.mark.parametrize("at", ["first", "second", "third"])
def test_interrupted_and_resumed_is_as_if_never_stopped(workspace: Workspace, at: str) -> None:
    run_steps(chain(), workspace)
    outcome = {
        path: data for path, data in snapshot(workspace.folder).items() if path.endswith("out")
    }

    class Interrupt(Watcher):
        def started(self, step: ToolStep, number: int, count: int) -> None:
            if step.name == at:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_steps(chain(), replace(workspace, watcher=Interrupt()), Choice(force=True))
    names = ["first", "second", "third"]
    watcher = heard(workspace, chain())
    assert watcher.ran == []  # stopped before the step was touched
    folder = workspace.folder / f"{names.index(at) + 1}-{at}"
    write_state(folder, State("some key", "running", runs=identity_of(os.getpid())))
    (folder / "half").write_text("written")
    assert heard(workspace, chain()).ran == [at]
    assert not (folder / "half").exists()
    again = {
        path: data for path, data in snapshot(workspace.folder).items() if path.endswith("out")
    }
    assert again == outcome


def left_running(cwd: Path, **more: str) -> subprocess.Popen[bytes]:
    environ = {"PATH": os.environ["PATH"], **more}
    left = subprocess.Popen(["sleep", "60"], start_new_session=True, cwd=cwd, env=environ)
    while not Path(f"/proc/{left.pid}/environ").read_bytes():  # the kernel is not done with exec
        time.sleep(0.01)
    return left


@pytest.mark.parametrize("tie", ["folder", "home"])
def test_what_a_killed_build_left_running_is_ended(workspace: Workspace, tie: str) -> None:
    folder = workspace.folder / "1-first"
    folder.mkdir()
    if tie == "folder":
        left = left_running(folder)
    else:
        left = left_running(Path("/"), HOME=str(folder / "home"))
    try:
        write_state(folder, State("key", "running", runs=identity_of(left.pid)))
        watcher = heard(workspace, chain())
        assert left.wait(5) != 0
        assert watcher.notes == ["first: ended what a killed build had left running"]
    finally:
        left.kill()
        left.wait()


def test_a_stranger_with_a_number_that_was_used_again_is_left_alone(workspace: Workspace) -> None:
    folder = workspace.folder / "1-first"
    folder.mkdir()
    stranger = left_running(Path("/"), HOME=f"{folder}-of-another")
    try:
        now = identity_of(stranger.pid)
        for runs in (now, replace(now, started=now.started - 5000)):
            write_state(folder, State("key", "running", runs=runs))
            assert heard(workspace, chain(), Choice(force=True)).notes == []
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_step_has_nobody_that_runs_it(workspace: Workspace) -> None:
    class Interrupt(Watcher):
        def phase(self, text: str) -> None:
            raise KeyboardInterrupt

    script = "echo 'INFO: [HLS 1-1] part'; sleep 60"
    with pytest.raises(KeyboardInterrupt):
        run_steps(chain(script), replace(workspace, watcher=Interrupt()))
    state = json.loads((workspace.folder / "2-second" / "state.json").read_text())
    assert (state["status"], state["runs"]) == ("interrupted", None)
    assert heard(workspace, chain()).ran == ["second", "third"]

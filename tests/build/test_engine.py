# SPDX-License-Identifier: Apache-2.0
"""Steps are run once, kept while all that they depend on holds, and told of when they fail."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from chains import Heard, chain, heard, shell
from fakes import snapshot

from hlsgen.errors import HlsgenError, InputError
from hlsgen.toolchain.engine import (
    Choice,
    StepDone,
    StepError,
    Workspace,
    peek_steps,
    run_steps,
    work_folder,
)
from hlsgen.toolchain.progress import duration_text, phase_of


def test_steps_run_in_order_and_are_kept(workspace: Workspace) -> None:
    watcher = Heard()
    done = run_steps(chain(), replace(workspace, watcher=watcher))
    assert watcher.ran == ["first", "second", "third"]
    assert (done[2].folder / "sub/out").read_text() == "WORDS\nWORDS\n"
    assert [each.folder.name for each in done] == ["1-first", "2-second", "3-third"]
    assert all(each.log.is_file() and not each.kept for each in done)
    before = snapshot(workspace.folder)
    again = run_steps(chain(), workspace)
    assert snapshot(workspace.folder) == before
    assert all(each.kept for each in again)
    assert [each.outputs for each in again] == [each.outputs for each in done]
    assert [each.seconds for each in again] == [each.seconds for each in done]


CHANGES = {
    "command": {"argv": ("/bin/sh", "-c", "tr a-z A-Z < in > out ")},
    "tool": {"tool": "sh 2"},
    "file": {"files": {"extra": "x"}},
    "environment": {"environment": {"X": "1"}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_runs_its_step_again_but_not_those_it_does_not_reach(
    workspace: Workspace, change: dict[str, object]
) -> None:
    """The outcome of the second step is the same, so the third is kept."""
    run_steps(chain(), workspace)
    first, second, third = chain()
    changed = (first, replace(second, **change), third)  # type: ignore[arg-type]
    assert heard(workspace, changed).ran == ["second"]


def test_a_new_outcome_reaches_the_steps_after_it(workspace: Workspace) -> None:
    run_steps(chain(), workspace)
    assert heard(workspace, chain("rev < in > out")).ran == ["second", "third"]


def test_another_target_keeps_nothing(workspace: Workspace) -> None:
    run_steps(chain(), workspace)
    assert len(heard(replace(workspace, target="hw_emu"), chain()).ran) == 3


@pytest.mark.parametrize("damage", ["changed", "removed", "state removed", "state cut"])
def test_a_damaged_outcome_is_made_again(workspace: Workspace, damage: str) -> None:
    run_steps(chain(), workspace)
    folder = workspace.folder / "2-second"
    if damage == "changed":
        (folder / "out").write_text("WORDz\n")
    elif damage == "removed":
        (folder / "out").unlink()
    elif damage == "state removed":
        (folder / "state.json").unlink()
    else:
        (folder / "state.json").write_text('{"key": "')
    assert heard(workspace, chain()).ran == ["second"]


@pytest.mark.parametrize(
    ("choice", "ran", "count"),
    [
        (Choice(first="second"), ["second", "third"], 3),
        (Choice(last="second"), [], 2),
        (Choice(first="second", last="second"), ["second"], 2),
        (Choice(force=True), ["first", "second", "third"], 3),
        (Choice(force=True, last="first"), ["first"], 1),
    ],
)
def test_choices(workspace: Workspace, choice: Choice, ran: list[str], count: int) -> None:
    run_steps(chain(), workspace)
    assert heard(workspace, chain(), choice).ran == ran
    assert len(run_steps(chain(), workspace, choice)) == count


def test_a_choice_of_no_step_is_refused(workspace: Workspace) -> None:
    for choice in (Choice(first="fourth"), Choice(last="fourth")):
        with pytest.raises(InputError, match="no step is named fourth: .* first, second, third"):
            run_steps(chain(), workspace, choice)
    with pytest.raises(InputError, match="--from third comes after --until second"):
        run_steps(chain(), workspace, Choice(first="third", last="second"))
    assert not list(workspace.folder.iterdir())


FAILURES = {
    "exit 3": "exited with status 3",
    "echo done > out; echo 'ERROR: [HLS 200-70] Compilation errors found'": "HLS 200-70",
    "printf 'ERROR: [HLS 1-1] \\033[31mred\\n'; exit 1": "[31mred",
    "true": "without out",
    ": > out": "without out",
}


@pytest.mark.parametrize("script", FAILURES)
def test_a_failed_step_is_told_and_run_again(workspace: Workspace, script: str) -> None:
    watcher = Heard()
    with pytest.raises(StepError) as caught:
        run_steps(chain(script), replace(workspace, watcher=watcher))
    text = str(caught.value)
    assert text.startswith("second: ") and FAILURES[script] in text and text.isprintable()
    assert str(workspace.folder / "2-second" / "log.txt") in text
    assert caught.value.exit_code == 1
    assert watcher.ran == ["first", "second"]
    assert heard(workspace, chain()).ran == ["second", "third"]


def test_a_step_must_say_that_it_passed(workspace: Workspace) -> None:
    for script in ("echo done", "echo PASSED > tool.log"):
        with pytest.raises(StepError, match='ended well without the words "PASSED" and wrote no e'):
            run_steps((shell("first", script, passed="PASSED"),), workspace)
    for script in ("echo all PASSED here", "echo PASSED > tool.log"):
        (done,) = run_steps((shell("first", script, passed="PASSED", logs=("*.log",)),), workspace)
        assert not done.kept
    assert run_steps((done.step,), workspace)[0].kept
    with pytest.raises(StepError, match='without the words "ALL PASSED"'):
        run_steps((replace(done.step, passed="ALL PASSED"),), workspace)


def test_a_step_without_time_left(workspace: Workspace) -> None:
    with pytest.raises(StepError, match="^second: timeout: "):
        run_steps(chain("sleep 60"), replace(workspace, timeout=0.3))


def test_a_missing_tool_is_status_3(workspace: Workspace) -> None:
    step = replace(shell("first", ""), argv=("/no/v++",))
    with pytest.raises(HlsgenError) as caught:
        run_steps((step,), workspace)
    assert caught.value.exit_code == 3 and "/no/v++" in str(caught.value)


@pytest.mark.parametrize("times", [1, 2])
def test_a_tool_that_stumbles_is_run_again_once(
    workspace: Workspace, times: int, tmp_path: Path
) -> None:
    """As C synthesis is known to: no error, but `Pre-synthesis failed.`"""
    count = tmp_path / "count"
    script = (
        f"echo x >> {count}; [ $(wc -l < {count}) -gt {times} ] && cp in out && exit; "
        "echo 'Pre-synthesis failed.'; exit 1"
    )
    watcher = Heard()
    if times == 1:
        run_steps(chain(script), replace(workspace, watcher=watcher))
        assert watcher.notes == ["second: the tool stumbled without an error, as it may: run "
                                 "again, once"]  # fmt: skip
    else:
        with pytest.raises(StepError):
            run_steps(chain(script), workspace)
        assert len(count.read_text().split()) == 2


def test_the_true_error_may_be_in_the_tools_own_log(workspace: Workspace) -> None:
    script = (
        "echo 'ERROR: [VPL 30-99] Placer failed with error: no site' > runme.log; "
        "echo 'ERROR: [v++ 60-661] v++ link run run_link failed'; exit 1"
    )
    step = shell("link", script, logs=("*.log",))
    with pytest.raises(StepError, match=r"^link: placement: .*runme\.log:1"):
        run_steps((step,), workspace)


def test_an_ii_that_was_missed_is_a_warning(workspace: Workspace) -> None:
    line = "INFO: [HLS 200-1470] Pipelining result : Target II = 1, Final II = 2, Depth = 9"
    step = shell("csynth_k", f"""echo "{line}, loop 'SUMS'" | tee out""", outputs=("out",))
    for _ in range(2):
        watcher = Heard()
        (done,) = run_steps((step,), replace(workspace, watcher=watcher))
        assert "SUMS has II 2, wanted 1" in done.warning
    assert watcher.kept == ["csynth_k"]


def test_two_builds_at_once_run_each_step_once(workspace: Workspace, tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"echo x >> {count}; sleep 0.3; cp in out"
    results: list[tuple[StepDone, ...]] = []

    def build() -> None:
        with work_folder(workspace.folder):
            results.append(run_steps(chain(script), workspace))

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert count.read_text() == "x\n"
    assert [each.outputs for each in results[0]] == [each.outputs for each in results[1]]
    assert not list(tmp_path.glob("**/*.lock"))


def test_a_step_has_a_home_of_its_own_with_the_users_licences(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".Xilinx").mkdir(parents=True)
    (home / ".Xilinx" / "Xilinx.lic").write_text("INCREMENT x\n")
    monkeypatch.setenv("HOME", str(home))
    script = 'cat "$HOME/.Xilinx/Xilinx.lic" > out; pwd > here; echo x > "$HOME/.Xilinx/cache"'
    (done,) = run_steps((shell("first", script, outputs=("out", "here")),), workspace)
    assert (done.folder / "out").read_text() == "INCREMENT x\n"
    assert (done.folder / "here").read_text().strip() == str(done.folder)
    assert os.listdir(home / ".Xilinx") == ["Xilinx.lic"]


def test_a_variant_leaves_the_first_outcome_and_remembers_why(workspace: Workspace) -> None:
    """As when a link misses its timing and is tried at a lower clock."""
    line = "ERROR: [VPL 101-3] design did not meet timing. WNS = -0.412"
    fails = chain(f"echo '{line}'; exit 1")
    for _ in range(2):
        watcher = Heard()
        tried = replace(workspace, watcher=watcher, remembered=frozenset({"timing"}))
        with pytest.raises(StepError) as caught:
            run_steps(fails, tried)
        assert caught.value.kind == "timing"
    assert watcher.ran == [] and watcher.kept == ["first"]
    done = run_steps(chain(), replace(workspace, variant="180mhz"))
    names = ["1-first", "2-second-180mhz", "3-third-180mhz"]
    assert [each.folder.name for each in done] == names
    assert done[0].kept
    assert (workspace.folder / "2-second" / "log.txt").read_text() == f"{line}\n"
    assert all(each.kept for each in run_steps(chain(), replace(workspace, variant="180mhz")))


def test_a_step_under_another_number_is_kept(workspace: Workspace) -> None:
    run_steps(chain(), workspace)
    extra = shell("extra", "true")
    first, *rest = chain()
    watcher = heard(workspace, (first, extra, *rest))
    assert watcher.ran == ["extra"]


def test_looking_writes_nothing(workspace: Workspace) -> None:
    assert peek_steps(chain(), workspace) == ["to run"] * 3
    run_steps(chain(), workspace)
    (workspace.folder / "2-second" / "out").unlink()
    before = snapshot(workspace.folder)
    assert peek_steps(chain(), workspace) == ["done", "to run", "to run"]
    again = Choice(first="first", last="second")
    assert peek_steps(chain(), workspace, again) == ["to run", "to run"]
    assert snapshot(workspace.folder) == before


def test_reports_are_those_that_the_patterns_name(workspace: Workspace) -> None:
    script = "mkdir -p a/b; echo 1 > a/b/x.rpt; echo 2 > y.rpt; echo 3 > z.txt"
    (done,) = run_steps((shell("first", script, reports=("**/*.rpt", "*.rpt")),), workspace)
    assert [path.name for path in done.reports()] == ["x.rpt", "y.rpt"]


def test_the_state_tells_what_the_step_took(workspace: Workspace) -> None:
    run_steps(chain(), workspace)
    state = json.loads((workspace.folder / "1-first" / "state.json").read_text())
    assert state["status"] == "done" and state["peak_memory_bytes"] > 0
    assert set(state["outputs"]) == {"out"} and state["seconds"] > 0


@pytest.mark.parametrize(
    ("line", "phase"),
    [
        ("INFO: [v++ 60-586] Created a.xo", "Created a.xo"),
        ("Phase 3.1 Collect Logic", "Phase 3.1 Collect Logic"),
        ("[10:11:12] Run vpl: Step impl: Started", "[10:11:12] Run vpl: Step impl: Started"),
        ("ERROR: [HLS 200-70] no", None),
        ("some words", None),
        ("INFO: [x 1-1] " + "y" * 100, "y" * 59 + "…"),
    ],
)
def test_phases(line: str, phase: str | None) -> None:
    assert phase_of(line) == phase


def test_phases_are_told_once_each(workspace: Workspace) -> None:
    script = 'for i in 1 1 2; do echo "INFO: [HLS 1-1] part $i"; done; echo x > out'
    assert heard(workspace, chain(f"{script}; true")).phases == ["part 1", "part 2"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (61, "1 min"), (3600, "1 h"), (3900, "1 h 05 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text

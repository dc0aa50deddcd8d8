# SPDX-License-Identifier: Apache-2.0
"""`hlsgen build --target hw` as a command: what it prints, returns and refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes import STEPS
from standins import Installation, install_vitis

from hlsgen.cli.main import main


@pytest.fixture
def newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    found = install_vitis(tmp_path / "tools", "2025.2")
    monkeypatch.setenv("PLATFORM_REPO_PATHS", str(found.platforms))
    return found


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["build", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize("target", ["hw", "hw_emu"])
def test_without_vitis_one_line_and_status_3(
    hw_spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    out = tmp_path / "out"
    status, text, err = run(capsys, hw_spec, "-o", out, "--target", target)
    assert (status, text) == (3, "")
    (line,) = err.splitlines()
    assert line.startswith("Vitis not found: ") and f"the bundle for csim is at {out}" in line
    assert json.loads((out / "bundle.json").read_text())["xclbin"] is None
    status, text, _ = run(capsys, hw_spec, "-o", out, "--target", target, "--json")
    assert status == 3 and json.loads(text)["errors"] == [{"message": line}]


@pytest.mark.slow
def test_the_table_and_the_steps(
    hw_spec: Path, newest: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (hw_spec, "-o", tmp_path / "out", "--target", "hw", "--vitis", newest.root)
    status, out, err = run(capsys, *arguments)
    assert status == 0
    chosen, *told = [line.split(":")[0] for line in err.splitlines()]
    assert chosen.startswith("platform xilinx_u200_gen3x16_xdma_2_202110_1 is taken; xilinx_u200_")
    assert told == [name for name in STEPS for _ in range(2)]
    assert "csynth_sat_stce: step 1 of 4, usually about 30 min (assumed" in err
    lines = out.splitlines()
    assert all(line == line.rstrip() for line in lines)
    names = [line.split()[0] for line in lines if line]
    assert [name for name in names if name in STEPS] == list(STEPS)
    assert "..." not in out and out.count("not measured), peak memory ") == len(STEPS)
    assert any(line.startswith("sat_stce ") and "DSP" in line for line in lines)
    assert "Nothing here was measured on a card." in out
    assert lines[-1] == (
        "hw: 200 MHz in force; platform xilinx_u200_gen3x16_xdma_2_202110_1, Vitis 2025.2; "
        f"reports in {tmp_path / 'out' / 'hardware.json'}"
    )
    _, _, err = run(capsys, *arguments)
    assert err.splitlines()[1:] == [f"{name}: done before" for name in STEPS]


def test_json(
    hw_spec: Path,
    newest: Installation,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_FAIL", "link:scaled to 143")
    place = ("-o", tmp_path / "out", "--target", "hw", "--vitis", newest.root)
    status, out, err = run(capsys, hw_spec, *place, "--json")
    assert (status, err) == (0, "")
    answer = json.loads(out)
    assert answer["xclbin"]["clock_mhz"] == 143
    hardware = answer["hardware"]
    assert hardware["target"] == "hw" and hardware["vitis"] == "2025.2"
    assert "v++ lowered it" in hardware["clock"]["told"]
    assert [step["name"] for step in hardware["steps"]] == list(STEPS)
    for step in hardware["steps"]:
        assert Path(step["log"]).is_file() and step["peak_memory_bytes"] > 0
        assert step["usual_seconds"] > 0 and step["usual_source"]
    assert any(path.endswith("csynth.xml") for path in hardware["steps"][0]["reports"])
    assert hardware["differences"]["clock"]["in_force_mhz"] == 143


def test_what_is_tight_is_told_before_the_tools_run(
    hw_spec: Path, newest: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hw_spec.write_text("name: tiny\ncard: u200\narray: {rows: 32}\n", encoding="utf-8")
    place = (hw_spec, "-o", tmp_path / "out")
    status, out, err = run(capsys, *place, "--json")
    assert (status, err, json.loads(out)["warnings"]) == (0, "", [])
    status, _, err = run(capsys, *place, "--target", "hw_emu", "--vitis", tmp_path)
    assert status == 3 and "is tight" not in err, "no tool would run"
    tools = ("--vitis", newest.root, "--until", "csynth_sat_stce")
    status, _, err = run(capsys, *place, "--target", "hw", *tools)
    *warnings, started, done = err.splitlines()
    assert status == 0 and len(warnings) == 3
    status, out, _ = run(capsys, *place, "--target", "hw", *tools, "--dry-run")
    assert status == 0 and [line for line in out.splitlines() if "is tight" in line] == warnings
    status, out, _ = run(capsys, *place, "--target", "hw", *tools, "--dry-run", "--json")
    assert [f"warning: {each}" for each in json.loads(out)["warnings"]] == warnings
    for number, warning in enumerate(warnings):
        assert warning.startswith(f"warning: estimated: SLR{number} is tight: LUT ")
    assert started.startswith("csynth_sat_stce: step 1") and done.startswith("csynth_sat_stce: ")
    for target in ("hw", "hw_emu"):
        status, out, err = run(capsys, *place, "--target", target, *tools, "--json")
        assert status == 0 and err.splitlines() == warnings
        assert [f"warning: {each}" for each in json.loads(out)["warnings"]] == warnings


def test_json_of_csim_has_no_hardware(
    hw_spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, hw_spec, "-o", tmp_path / "out", "--json")
    answer = json.loads(out)
    assert answer["hardware"] is None and answer["xclbin"] is None


def test_json_of_a_failed_step(
    hw_spec: Path,
    newest: Installation,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_FAIL", "csynth_sat_stce:error")
    place = ("-o", tmp_path / "out", "--target", "hw", "--vitis", newest.root)
    status, out, err = run(capsys, hw_spec, *place, "--json")
    (error,) = json.loads(out)["errors"]
    assert status == 1 and error["message"] == err.rstrip("\n")
    assert (error["step"], error["kind"]) == ("csynth_sat_stce", "HLS error")
    assert Path(error["log"]).is_file()


def test_stopped_as_asked(
    hw_spec: Path, newest: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until = ("--target", "hw", "--vitis", newest.root, "--until", "csynth_sat_stce")
    status, out, _ = run(capsys, hw_spec, "-o", tmp_path / "out", *until)
    work = tmp_path / "out.vitis" / "hw"
    assert status == 0
    assert out.splitlines()[-1] == (
        f"hw: stopped after csynth_sat_stce as asked; it is in {work}, with hardware.json, until "
        "another spec is built there"
    )
    assert sorted(os.listdir(work)) == ["1-csynth_sat_stce", "hardware.json"]
    (row,) = [line.split() for line in out.splitlines() if line.startswith("sat_stce  row_unit")]
    assert row == ["sat_stce", "row_unit", "STEPS", "1", "1", "1", "18"]


@pytest.mark.parametrize(
    "option",
    [
        ["--vitis", "/x"],
        ["--platform", "x"],
        ["--from", "link"],
        ["--until", "link"],
        ["--force"],
        ["--cosim"],
        ["--timeout", "1"],
    ],
    ids=lambda option: option[0],
)
def test_options_of_the_tools_need_a_target(
    hw_spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    status, _, err = run(capsys, hw_spec, "-o", tmp_path / "out", *option)
    assert status == 2 and f"{option[0]} is for the vendor's tools: add --target hw" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("hours", ["nan", "inf", "0", "-1"])
def test_a_time_that_is_never_up_is_refused(
    hw_spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], hours: str
) -> None:
    given = ("-o", tmp_path / "out", "--target", "hw", "--timeout", hours)
    status, _, err = run(capsys, hw_spec, *given)
    assert status == 2 and "--timeout" in err and not (tmp_path / "out").exists()


def test_dry_run(
    hw_spec: Path, newest: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("-o", tmp_path / "out", "--target", "hw", "--dry-run")
    status, out, _ = run(capsys, hw_spec, *given, "--vitis", newest.root)
    assert status == 0
    assert "then for hw, platform xilinx_u200_gen3x16_xdma_2_202110_1, Vitis 2025.2:" in out
    place_of_link = tmp_path / "out.vitis" / "hw" / "3-link"
    assert f"[to run] cd {place_of_link} && {newest.root}/bin/v++ -l -t hw " in out
    status, out, _ = run(capsys, hw_spec, *given)
    assert status == 0 and "then for hw, not possible here yet: Vitis not found: " in out
    assert "[to run] cd " in out and " && v++ -l -t hw --platform xilinx_u200_" in out
    status, out, _ = run(capsys, hw_spec, *given, "--json")
    answer = json.loads(out)["hardware"]
    assert answer["assumed"].startswith("Vitis not found")
    assert [step["name"] for step in answer["steps"]] == list(STEPS)
    assert sorted(os.listdir(tmp_path)) == ["tiny.yaml", "tools"]


DRIVER = """
import sys
import pytest
import fakes
from hlsgen.cli.main import main
fakes.install(pytest.MonkeyPatch(), project=fakes.whole_project)
sys.exit(main(sys.argv[1:]))
"""


def start_slow_build(
    hw_spec: Path, newest: Installation, tmp_path: Path
) -> tuple[subprocess.Popen[str], int]:
    """A build whose first tool runs for a minute, and the process id of that tool."""
    paths = [str(Path(__file__).parent), *sys.path]
    given = ["build", hw_spec, "-o", tmp_path / "out", "--target", "hw", "--vitis", newest.root]
    child = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *map(str, given)],
        env={
            **newest.environ(STANDIN_SLOW="csynth_sat_stce:60"),
            "HLSGEN_CACHE": str(tmp_path / "cache"),
            "PYTHONPATH": os.pathsep.join(paths),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    state = tmp_path / "out.vitis" / "hw" / "1-csynth_sat_stce" / "state.json"
    for _ in range(600):
        if state.exists():
            break
        time.sleep(0.05)
    return child, json.loads(state.read_text())["runs"]["pid"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_tool_and_leaves_csim(
    hw_spec: Path, newest: Installation, tmp_path: Path, number: signal.Signals
) -> None:
    child, tool = start_slow_build(hw_spec, newest, tmp_path)
    child.send_signal(number)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130 and err.splitlines()[-1] == (
        "interrupted in csynth_sat_stce: the same command goes on from here"
    )
    assert not Path(f"/proc/{tool}").exists()
    state = tmp_path / "out.vitis" / "hw" / "1-csynth_sat_stce" / "state.json"
    left = json.loads(state.read_text())
    assert (left["status"], left["runs"]) == ("interrupted", None)
    assert json.loads((tmp_path / "out" / "bundle.json").read_text())["xclbin"] is None
    assert not list(tmp_path.glob("out.vitis/.*"))


@pytest.mark.slow
def test_a_killed_build_leaves_a_tool_that_the_next_one_ends(
    hw_spec: Path, newest: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    child, tool = start_slow_build(hw_spec, newest, tmp_path)
    child.kill()
    child.communicate(timeout=30)
    assert Path(f"/proc/{tool}").exists()
    given = (hw_spec, "-o", tmp_path / "out", "--target", "hw", "--vitis", newest.root)
    status, _, err = run(capsys, *given)
    assert status == 0
    assert "warning: csynth_sat_stce: ended what a killed build had left running\n" in err
    stat = Path(f"/proc/{tool}/stat")  # of a zombie, where nobody asks how it ended
    assert not stat.exists() or stat.read_text().rpartition(") ")[2].startswith("Z")
    assert json.loads((tmp_path / "out" / "bundle.json").read_text())["xclbin"] is not None

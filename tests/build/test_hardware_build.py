# SPDX-License-Identifier: Apache-2.0
"""`build` for a card and for its emulation, with stand-ins in the place of the vendor's tools."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import EMULATION, HW, HW_EMU, STEPS, Make, snapshot
from sat_host.bundle import load_bundle
from sat_host.digests import file_digest
from standins import Installation

from hlsgen.build import BuildResult, build
from hlsgen.errors import HlsgenError, ToolMissingError
from hlsgen.toolchain.engine import StepError
from hlsgen.toolchain.progress import Watcher
from hlsgen.toolchain.steps import ToolStep


def test_a_bundle_with_an_xclbin(make: Make, tmp_path: Path, place: Installation) -> None:
    result = make()
    out = tmp_path / "out"
    names = ["bundle.json", "hardware.json", "libsat.so", "program.json", "sat.xclbin"]
    assert sorted(os.listdir(out)) == [*names, "sat_host", "spec.yaml", "src"]
    manifest = json.loads((out / "bundle.json").read_text())
    assert manifest["xclbin"] == {
        "file": "sat.xclbin",
        "sha256": file_digest(out / "sat.xclbin"),
        "target": "hw",
        "card": "u200",
        "platform": "xilinx_u200_gen3x16_xdma_2_202110_1",
        "vitis": "2023.2",
        "clock_mhz": 200.0,
        "emconfig": None,
        "report": {"file": "hardware.json", "sha256": file_digest(out / "hardware.json")},
    }
    assert (out / "sat.xclbin").read_bytes().startswith(b"xclbin2\0")
    assert load_bundle(out).xclbin is not None
    assert result.xclbin == manifest["xclbin"]
    tail = [step.name for step in result.steps][-len(STEPS) - 3 :]
    assert tail == ["self-test", "lint", *STEPS, "publish"]
    report = json.loads((out / "hardware.json").read_text())
    assert set(report["csynth"]) == {"sat_stce", "sat_wuve"}
    assert report["clock"]["told"] == "200 MHz in force"
    assert "measured on a card" in report["figures"]
    assert report["differences"]["resources"][0]["estimated"]["dsp"] > 0
    homes = [call["home"] for call in place.calls() if call["tool"] != "tcl"]
    assert len(set(homes)) == len(homes) and os.environ["HOME"] not in homes


def test_a_bundle_for_emulation(
    make: Make, tmp_path: Path, place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tools run elsewhere, but the way to them may be given from here."""
    monkeypatch.chdir(tmp_path)
    result = make(replace(HW_EMU, vitis=place.root.relative_to(tmp_path)))
    out = tmp_path / "out"
    manifest = json.loads((out / "bundle.json").read_text())
    assert manifest["xclbin"]["target"] == "hw_emu"
    assert manifest["xclbin"]["emconfig"] == {
        "file": "emconfig.json",
        "sha256": file_digest(out / "emconfig.json"),
    }
    assert result.hardware is not None
    assert tuple(done.step.name for done in result.hardware.steps) == EMULATION
    assert result.hardware.clock is not None
    assert result.hardware.clock.told.startswith("200 MHz emulated")


def test_the_manifest_knows_memory_and_kernels(make: Make, tmp_path: Path) -> None:
    make(None)
    manifest = json.loads((tmp_path / "out" / "bundle.json").read_text())
    assert manifest["xclbin"] is None
    assert manifest["memory"]["banks"] == [["DDR[0]"], ["DDR[1]"], ["DDR[2]"], ["DDR[3]"]]
    assert manifest["kernels"]["sat_stce"][:3] == ["count", "commands", "a"]


def test_nothing_changed_runs_no_tool_again(
    make: Make, tmp_path: Path, place: Installation
) -> None:
    make()
    before, called = snapshot(tmp_path / "out"), place.tools_called()
    result = make()
    assert place.tools_called() == called
    assert snapshot(tmp_path / "out") == before
    assert {step.name for step in result.steps if step.cached} >= set(STEPS)


class CtrlC(Watcher):
    """What a user does while a step's tool runs."""

    def __init__(self, step: str, work: Path) -> None:
        self._step, self._work = step, work

    def started(self, step: ToolStep, number: int, count: int) -> None:
        if step.name == self._step:
            state = self._work / f"{number}-{step.name}" / "state.json"
            threading.Thread(target=self._press, args=(state,)).start()

    def _press(self, state: Path) -> None:
        while not state.exists() or '"running"' not in state.read_text():
            time.sleep(0.01)
        signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
# Ctrl-C may come between the opening of a file and its `with`.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("step", EMULATION)
def test_interrupted_at_each_step_and_resumed_gives_the_same_bundle(
    make: Make, tmp_path: Path, place: Installation, step: str
) -> None:
    make(HW_EMU)
    whole = snapshot(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "kept")
    (tmp_path / "out.vitis").rename(tmp_path / "kept.vitis")
    work = tmp_path / "out.vitis" / "hw_emu"
    interrupted = replace(HW_EMU, watcher=CtrlC(step, work))
    with pytest.raises(KeyboardInterrupt):
        make(interrupted, STANDIN_SLOW=f"{step}:60")
    csim = json.loads((tmp_path / "out" / "bundle.json").read_text())
    assert csim["xclbin"] is None
    called = len(place.tools_called())
    make(HW_EMU)
    assert len(place.tools_called()) - called == len(EMULATION) - EMULATION.index(step)
    assert snapshot(tmp_path / "out") == whole


@pytest.mark.slow
def test_two_builds_at_once(place: Installation, hw_spec: Path, tmp_path: Path, make: Make) -> None:
    results: list[BuildResult] = []

    def run() -> None:
        results.append(make(STANDIN_SLOW="link:1"))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 2 and results[0].xclbin == results[1].xclbin
    assert place.tools_called() == ["vitis_hls", "vitis_hls", "v++", "v++"]
    assert json.loads((tmp_path / "out" / "bundle.json").read_text())["xclbin"] is not None
    assert not list(tmp_path.glob(".out*")) and not list(tmp_path.glob("out.vitis/.*"))


def test_without_vitis_there_is_csim(hw_spec: Path, tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HLSGEN_CACHE": os.environ["HLSGEN_CACHE"]}
    with pytest.raises(ToolMissingError) as caught:
        build(hw_spec, tmp_path / "out", environ, hardware=HW)
    text = str(caught.value)
    assert caught.value.exit_code == 3 and "\n" not in text
    assert text.startswith("Vitis not found: ")
    assert text.endswith(f"; the bundle for csim is at {tmp_path / 'out'}")
    assert load_bundle(tmp_path / "out").xclbin is None
    assert not (tmp_path / "out.vitis").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "told", "status"),
    [
        ("csynth_sat_stce:error", "csynth_sat_stce: HLS error: ", 1),
        ("csynth:licence", "csynth_sat_stce: licence: ", 1),
        ("link:placement", "link: placement: ", 1),
        ("link:disk full", "link: disk full: ", 1),
        ("link:timing", "link: timing: ", 1),
        ("package:silent", "package: unknown: ", 1),
        ("link:killed", "link: killed: ", 1),
        ("link:error line", "link: ", 1),
    ],
)
def test_a_failed_step_leaves_the_bundle_for_csim(
    make: Make, tmp_path: Path, fault: str, told: str, status: int
) -> None:
    with pytest.raises(HlsgenError) as caught:
        make(STANDIN_FAIL=fault)
    text = str(caught.value)
    assert text.startswith(told) and "\n" not in text
    log = text.rpartition("(log: ")[2].rstrip(")").partition(":")[0]
    assert Path(log).is_file() and Path(log).suffix in (".txt", ".log")
    assert caught.value.exit_code == status
    assert load_bundle(tmp_path / "out").xclbin is None
    make()
    assert load_bundle(tmp_path / "out").xclbin is not None


@pytest.mark.slow
def test_a_step_that_hangs(make: Make) -> None:
    with pytest.raises(StepError, match="^link: timeout: "):
        make(replace(HW, timeout=2.0), STANDIN_FAIL="link:hang")


def test_a_missed_ii_is_a_warning(
    make: Make, hw_spec: Path, tmp_path: Path, place: Installation
) -> None:
    fault = "csynth_sat_stce:II missed"
    result = make(STANDIN_FAIL=fault)
    assert result.hardware is not None
    (note,) = result.hardware.notes
    assert note.startswith("csynth_sat_stce: II missed: ")
    assert f"(log: {result.hardware.steps[0].log}:" in note
    text = (tmp_path / "out" / "hardware.json").read_text()
    report = json.loads(text)
    warning = report["warnings"]["csynth_sat_stce"]
    assert set(warning) == {"kind", "cause", "mend", "log"} and warning["kind"] == "II missed"
    assert warning["log"].startswith("log.txt:")
    assert report["differences"]["ii"]["missed"]
    request = replace(HW, vitis=place.root)
    build(hw_spec, tmp_path / "elsewhere", place.environ(STANDIN_FAIL=fault), hardware=request)
    assert (tmp_path / "elsewhere" / "hardware.json").read_text() == text


def test_the_known_flake_is_tried_again(make: Make) -> None:
    result = make(STANDIN_FAIL="csynth_sat_stce:flake")
    assert result.hardware is not None
    (note,) = result.hardware.notes
    assert note.startswith("csynth_sat_stce: the tool stumbled without an error")

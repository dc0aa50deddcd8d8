# SPDX-License-Identifier: Apache-2.0
"""The planned steps under the stand-in tools: each release's own way, and every fault told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hardware_jobs import DATA, job, run_all, run_step
from standins import Installation, install_vitis, needs_tclsh

from hlsgen.cards import CARDS
from hlsgen.hardware.differences import compare
from hlsgen.resources import total
from hlsgen.toolchain.diagnose import diagnose
from hlsgen.toolchain.discover import find_vitis
from hlsgen.toolchain.plan import plan_hardware
from hlsgen.toolchain.platforms import find_platform
from hlsgen.toolchain.reports.collect import read_results
from hlsgen.toolchain.reports.csynth import read_csynth
from hlsgen.toolchain.reports.timing import read_scaled_clocks
from hlsgen.toolchain.reports.xclbin_info import read_xclbin_info
from hlsgen.toolchain.steps import ToolStep

pytestmark = [needs_tclsh, pytest.mark.slow]

CLASSIC, UNIFIED = "2022.2", "2025.2"


def steps_of(place: Installation, card: str = "u200", **changes: object) -> list[ToolStep]:
    """The steps with the tools and the platform that are found."""
    vitis = find_vitis(place.environ(), argument=place.root)
    platform = find_platform(CARDS[card], vitis, place.environ())
    return list(plan_hardware(job(vitis=vitis, platform=platform, **changes)))


@pytest.fixture(scope="module", params=[CLASSIC, "2024.1", "2024.2", UNIFIED])
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Installation, Path, list[ToolStep]]:
    """All steps run, with every optional one, in one release's way."""
    folder = tmp_path_factory.mktemp("built")
    place = install_vitis(folder / "tools", request.param)
    steps = steps_of(place, "u280", target="hw_emu", testbenches=DATA, slrs={"sat_wuve": "SLR0"})
    assert run_all(steps, folder, place.environ()) == ""
    return place, folder, steps


@pytest.mark.slow
def test_the_xclbin_is_of_both_kernels(
    built: tuple[Installation, Path, list[ToolStep]],
) -> None:
    _, folder, _ = built
    data = (folder / "package" / "sat.xclbin").read_bytes()
    assert data.startswith(b"xclbin2\0")
    content = json.loads(data[8:])
    assert (content["target"], content["clock_mhz"]) == ("hw_emu", 200.0)
    ports = content["kernels"]["sat_stce"]["arguments"]
    assert [port.get("memory") for port in ports][:3] == [None, "HBM[0]", "HBM[0:31]"]
    assert "kLanes = 8" in content["config"]


def test_reports_are_where_the_patterns_look(
    built: tuple[Installation, Path, list[ToolStep]],
) -> None:
    _, folder, steps = built
    found = {
        step.name: [path for each in step.reports for path in (folder / step.name).glob(each)]
        for step in steps
    }
    tops = [path for path in found["csynth_sat_wuve"] if path.name == "sat_wuve_csynth.xml"]
    report = read_csynth(tops[0].read_text(encoding="utf-8"))
    assert (report.top, report.part) == ("sat_wuve", CARDS["u280"].part)
    assert report.clock_ns == 5.0
    infos = [path for path in found["link"] if path.suffix == ".info"]
    info = read_xclbin_info(infos[0].read_text(encoding="utf-8"))
    assert info.platform == CARDS["u280"].default_platform
    assert any(path.name == "sat_stce_cosim.rpt" for path in found["cosim_sat_stce"])


def test_each_step_leaves_a_log_of_the_tool(
    built: tuple[Installation, Path, list[ToolStep]],
) -> None:
    _, folder, steps = built
    for step in steps:
        if step.name.startswith(("csynth", "cosim")) or step.name == "link":
            assert any(path for each in step.logs for path in (folder / step.name).glob(each))


def test_each_release_goes_its_own_way(
    built: tuple[Installation, Path, list[ToolStep]],
) -> None:
    place, _, _ = built
    synthesis, simulation = place.tools_called()[0], place.tools_called()[2]
    assert place.tools_called()[4:] == ["v++", "emconfigutil", "v++"]
    assert (synthesis, simulation) == {
        CLASSIC: ("vitis_hls", "vitis_hls"),
        "2024.1": ("v++", "vitis_hls"),
        "2024.2": ("v++", "vitis-run"),
        UNIFIED: ("v++", "vitis-run"),
    }[place.version]
    calls = {call["call"] for call in place.calls() if call["tool"] == "tcl"}
    new = place.version in {"2024.2", UNIFIED}
    assert ("open_component" in calls, "open_project" in calls) == (new, not new)


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Path]:
    """Kernel objects for the U200, where later steps find them."""
    folder = tmp_path_factory.mktemp("synthesised")
    place = install_vitis(folder / "tools", "2023.2")
    assert run_all(steps_of(place)[:2], folder, place.environ()) == ""
    return place, folder


@pytest.mark.slow
@pytest.mark.parametrize("card", [name for name, card in CARDS.items() if card.default_platform])
def test_every_card_links(card: str, tmp_path: Path) -> None:
    place = install_vitis(tmp_path / "tools", "2023.2")
    assert run_all(steps_of(place, card), tmp_path, place.environ()) == ""


@pytest.mark.parametrize(
    ("step", "kind", "told"),
    [
        ("csynth", "error", "use of undeclared identifier"),
        ("csynth", "licence", "license was not found"),
        ("csynth_sat_stce", "silent", "missing ['sat_stce.xo']"),
        ("cosim_sat_stce", "error", "simulation finished: FAIL"),
    ],
)
def test_a_fault_ends_a_synthesis(step: str, kind: str, told: str, tmp_path: Path) -> None:
    place = install_vitis(tmp_path / "tools", "2023.2")
    steps = [each for each in steps_of(place, testbenches=DATA) if each.name.startswith(step)]
    text = run_all(steps, tmp_path, place.environ(STANDIN_FAIL=f"{step}:{kind}"))
    assert text.startswith(step) and told in text


@pytest.mark.parametrize("version", ["2023.2", "2025.1"])
def test_a_simulation_says_that_it_passed(version: str, tmp_path: Path) -> None:
    place = install_vitis(tmp_path / "tools", version)
    steps = {step.name: step for step in steps_of(place, testbenches=DATA)}
    step = steps["cosim_sat_wuve"]
    assert step.passed in run_step(step, tmp_path, place.environ()).stdout
    silent = run_step(step, tmp_path, place.environ(STANDIN_FAIL="cosim:silent"))
    assert silent.returncode == 0 and step.passed not in silent.stdout


@pytest.mark.parametrize(
    ("step", "kind", "diagnosed"),
    [
        ("link", "error", "connectivity"),
        ("link", "resources over", "resources over"),
        ("link", "placement", "placement"),
        ("link", "routing", "routing"),
        ("link", "timing", "timing"),
        ("link", "timing above 150", "timing"),
        ("link", "hold", "hold"),
        ("link", "licence", "licence"),
        ("link", "out of memory", "out of memory"),
        ("link", "disk full", "disk full"),
        ("link", "silent", "unknown"),
        ("emconfig", "error", "unknown"),
        ("package", "error", "unknown"),
    ],
)
def test_a_fault_ends_a_link(
    step: str, kind: str, diagnosed: str, synthesised: tuple[Installation, Path]
) -> None:
    place, folder = synthesised
    for left in folder.glob("*/sat.*xclbin"):
        left.unlink()
    steps = steps_of(place, target="hw_emu")[2:]
    text = run_all(steps, folder, place.environ(STANDIN_FAIL=f"{step}:{kind}"))
    assert text.startswith(f"{step}: ")
    assert diagnose(step, text, status=1, log_file="log.txt").kind == diagnosed


def test_a_lower_clock_may_meet_the_timing(synthesised: tuple[Installation, Path]) -> None:
    place, folder = synthesised
    environ = place.environ(STANDIN_FAIL="link:timing above 150")
    assert run_all(steps_of(place, link_clock_mhz=150)[2:], folder, environ) == ""


def test_a_clock_that_the_tools_lowered_is_told(synthesised: tuple[Installation, Path]) -> None:
    place, folder = synthesised
    environ = place.environ(STANDIN_FAIL="link:scaled to 143")
    assert run_all(steps_of(place)[2:], folder, environ) == ""
    text = (folder / "link" / "sat.link.xclbin.info").read_text(encoding="utf-8")
    assert "Requested Freq: 200 MHz" in text and "Achieved Freq:  143 MHz" in text
    log = (folder / "link" / "logs" / "link" / "v++.log").read_text(encoding="utf-8")
    assert [(clock.wanted_mhz, clock.mhz) for clock in read_scaled_clocks(log)] == [(200, 143)]


def test_a_link_tells_what_each_kernel_uses(synthesised: tuple[Installation, Path]) -> None:
    place, folder = synthesised
    steps = steps_of(place)
    assert run_all(steps[2:], folder, place.environ()) == ""
    results = read_results({step.name: folder / step.name for step in steps})
    found = compare(None, results, wanted_mhz=200)
    assert [amounts.name for amounts in found.amounts] == ["all kernels", "sat_stce", "sat_wuve"]
    linked = [amounts.linked for amounts in found.amounts]
    assert None not in linked and linked[0] == total(linked[1:])


def test_settings_must_be_sourced(tmp_path: Path) -> None:
    place = install_vitis(tmp_path / "tools", "2023.2")
    done = run_step(replace(steps_of(place)[0], settings=None), tmp_path, place.environ())
    assert done.returncode and "XILINX_VITIS is not set" in done.stdout


def test_kernels_of_another_part_do_not_link(synthesised: tuple[Installation, Path]) -> None:
    place, folder = synthesised
    text = run_all(steps_of(place, "u250")[2:], folder, place.environ())
    assert text.startswith("link: 1") and "was made for xcu200" in text


def test_slowness_can_be_asked_for_and_a_flake_comes_once(tmp_path: Path) -> None:
    place = install_vitis(tmp_path / "tools", "2023.2")
    step = steps_of(place)[0]
    environ = place.environ(STANDIN_FAIL="csynth:flake", STANDIN_SLOW="csynth:0.01;link:9")
    assert run_step(step, tmp_path / "a", environ).returncode == 1
    assert run_step(step, tmp_path / "b", environ).returncode == 0

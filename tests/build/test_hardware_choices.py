# SPDX-License-Identifier: Apache-2.0
"""What a build for a card may be asked for, and what one for csim keeps of it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import EMULATION, HW, HW_EMU, HW_SPEC, STEPS, Make, snapshot
from sat_host.bundle import load_bundle
from sat_host.digests import file_digest
from standins import Installation

from hlsgen.build import plan_build
from hlsgen.cli.build_plan import plan_text
from hlsgen.errors import InputError, WorkError
from hlsgen.toolchain.engine import Choice, StepError
from hlsgen.toolchain.progress import Watcher


@pytest.fixture
def ladder(hw_spec: Path) -> None:
    hw_spec.write_text(f"{HW_SPEC}hardware: {{clock_ladder: [180, 150]}}\n")


@pytest.mark.slow
@pytest.mark.usefixtures("ladder")
def test_the_clock_ladder(make: Make, place: Installation, tmp_path: Path) -> None:
    result = make(STANDIN_FAIL="link:timing above 150")
    assert result.hardware is not None and result.hardware.clock is not None
    clock = result.hardware.clock
    assert (clock.wanted_mhz, clock.linked_mhz, clock.in_force_mhz) == (200, 150, 150)
    assert clock.told == (
        "150 MHz in force, 200 MHz wanted; linked for 150 MHz of hardware.clock_ladder, as timing "
        "was missed"
    )
    first, second = result.hardware.notes
    assert "about 170 MHz would be met" in first and "about 155 MHz would be met" in second
    assert "not met at 200 MHz: linking for 180 MHz" in first
    assert "not met at 180 MHz: linking for 150 MHz" in second
    manifest = json.loads((tmp_path / "out" / "bundle.json").read_text())
    assert (manifest["clock_mhz"], manifest["xclbin"]["clock_mhz"]) == (200, 150.0)
    whole, called = snapshot(tmp_path / "out"), place.tools_called()
    assert called.count("vitis_hls") == 2
    make(STANDIN_FAIL="link:timing above 150")
    assert place.tools_called() == called
    assert snapshot(tmp_path / "out") == whole


@pytest.mark.slow
@pytest.mark.usefixtures("ladder")
def test_dry_run_shows_what_is_left_of_a_ladder(
    make: Make, place: Installation, hw_spec: Path, tmp_path: Path
) -> None:
    def planned(choice: Choice = Choice()) -> tuple[list[tuple[str, str, int]], tuple[int, ...]]:  # noqa: B008
        request = replace(HW, vitis=place.root, choice=choice)
        plan = plan_build(hw_spec, tmp_path / "out", place.environ(), request).hardware
        assert plan is not None
        assert all(step.folder.is_dir() for step in plan.steps if step.outlook != "to run")
        return [(step.name, step.outlook, step.clock_mhz) for step in plan.steps], plan.ladder

    new = [(name, "to run", 200) for name in STEPS]
    assert planned() == (new, (180, 150))
    fault = "link:timing above 150"
    make(STANDIN_FAIL=fault)
    synthesised = [(name, "done", 200) for name in STEPS[:2]]
    missed = [*synthesised, ("link", "failed", 200), ("link", "failed", 180)]
    assert planned() == ([*missed, ("link", "done", 150), ("package", "done", 150)], ())
    again = [*missed, ("link", "done", 150), ("package", "to run", 150)]
    assert planned(Choice(first="package")) == (again, ())
    assert planned(Choice(force=True)) == (new, (180, 150))
    assert planned(Choice(last="csynth_sat_wuve")) == (synthesised, ())
    (tmp_path / "out.vitis" / "hw" / "3-link-180mhz" / "state.json").unlink()
    assert planned() == ([*synthesised, ("link", "failed", 200), ("link", "to run", 180),
                          ("package", "to run", 180)], (150,))  # fmt: skip
    text = plan_text(plan_build(hw_spec, tmp_path / "out", place.environ(),
                                replace(HW, vitis=place.root)))  # fmt: skip
    assert "\n9. link at 200 MHz\n   [timing missed] cd " in text
    assert "\n10. link at 180 MHz, usually about 6 h" in text
    assert text.endswith("\nwhere its timing is missed: the link again at 150 MHz")


@pytest.mark.slow
@pytest.mark.usefixtures("ladder")
def test_a_ladder_that_ends_too_high(make: Make, place: Installation) -> None:
    for _ in range(2):
        with pytest.raises(StepError, match="^link: timing: .* about 132 MHz would be met"):
            make(STANDIN_FAIL="link:timing above 100")
    # Only the lowest clock is tried again: of the others it is known.
    assert place.tools_called().count("v++") == 4


@pytest.mark.slow
@pytest.mark.usefixtures("ladder")
@pytest.mark.parametrize(
    ("choice", "synthesised", "linked"),
    [
        (Choice(force=True), 2, 3),
        (Choice(first="csynth_sat_stce"), 2, 3),
        (Choice(first="csynth_sat_wuve"), 1, 3),
        (Choice(first="link"), 0, 3),
        (Choice(first="package"), 0, 0),
    ],
    ids=lambda value: str(value),
)
def test_a_ladder_does_again_what_was_asked_for_once(
    make: Make, place: Installation, choice: Choice, synthesised: int, linked: int
) -> None:
    """The kernels do not depend on the clock of the link; each link does."""
    make(STANDIN_FAIL="link:timing above 150")
    before = place.tools_called()
    result = make(replace(HW, choice=choice), STANDIN_FAIL="link:timing above 150")
    called = place.tools_called()[len(before) :]
    assert called.count("vitis_hls") == synthesised
    assert called.count("v++") == linked + 1, "and a package"
    assert result.hardware is not None and result.hardware.clock is not None
    assert result.hardware.clock.linked_mhz == 150


def test_a_clock_that_the_tool_lowered_is_told(make: Make, tmp_path: Path) -> None:
    result = make(STANDIN_FAIL="link:scaled to 143")
    assert result.hardware is not None and result.hardware.clock is not None
    assert result.hardware.clock.told == (
        "143 MHz in force, 200 MHz wanted; v++ lowered it from 200 MHz to meet the timing"
    )
    assert load_bundle(tmp_path / "out").settings["xclbin"]["clock_mhz"] == 143


@pytest.mark.slow
def test_until_stops_and_the_rest_goes_on(make: Make, place: Installation, tmp_path: Path) -> None:
    result = make(replace(HW, choice=Choice(last="csynth_sat_wuve")))
    assert place.tools_called() == ["vitis_hls", "vitis_hls"]
    assert result.hardware is not None and result.hardware.card_files is None
    assert result.hardware.differences.amounts[0].csynth is not None
    assert load_bundle(tmp_path / "out").xclbin is None
    make()
    assert place.tools_called() == ["vitis_hls", "vitis_hls", "v++", "v++"]
    make(replace(HW, choice=Choice(first="link")))
    assert place.tools_called()[4:] == ["v++", "v++"]
    make(replace(HW, choice=Choice(force=True)))
    assert len(place.tools_called()) == 10


def test_a_wrong_step_costs_no_compile(make: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--until: no step is named lnk"):
        make(replace(HW, choice=Choice(last="lnk")))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_card_of_the_default_has_no_platform(
    make: Make, hw_spec: Path, tmp_path: Path, place: Installation
) -> None:
    hw_spec.write_text(HW_SPEC.replace("u200", "vcu1525"))
    with pytest.raises(InputError, match="no Vitis has a platform .* xilinx_u200_"):
        make()
    assert not (tmp_path / "out").exists()
    make(replace(HW, choice=Choice(last="csynth_sat_wuve")))  # needs the part alone
    make(replace(HW, platform="xilinx_u200_gen3x16_xdma_2_202110_1"))
    assert load_bundle(tmp_path / "out").settings["xclbin"]["card"] == "vcu1525"
    # The platform's card decides the part, so the kernels are synthesised anew.
    assert place.tools_called().count("vitis_hls") == 4


@pytest.mark.slow
def test_a_build_for_csim_keeps_the_xclbin_of_the_same_hardware(
    make: Make, hw_spec: Path, tmp_path: Path
) -> None:
    made = make()
    hw_spec.write_text(f"{HW_SPEC}training: {{epochs: 3}}\n")
    result = make(None)
    assert result.xclbin == made.xclbin and result.warnings == ()
    assert "200 MHz" in next(step.detail for step in result.steps if step.name == "bundle")
    manifest = json.loads((tmp_path / "out" / "bundle.json").read_text())
    assert manifest["training"]["epochs"] == 3
    assert file_digest(tmp_path / "out" / "sat.xclbin") == manifest["xclbin"]["sha256"]
    hw_spec.write_text(HW_SPEC.replace("rows: 4", "rows: 8"))
    changed = make(None)
    assert changed.xclbin is None and changed.warnings == (
        "the xclbin for hw at 200 MHz is of other kernels and is left out: build with --target hw "
        "for a new one",
    )
    assert not (tmp_path / "out" / "sat.xclbin").exists()
    assert make(None).warnings == ()


@pytest.mark.slow
def test_a_damaged_xclbin_is_not_kept(make: Make, tmp_path: Path) -> None:
    make()
    (tmp_path / "out" / "sat.xclbin").write_bytes(b"xclbin2\0")
    (told,) = make(None).warnings
    assert "is damaged and is left out" in told
    assert make().xclbin is not None


def test_dry_run_writes_nothing(
    make: Make, place: Installation, hw_spec: Path, tmp_path: Path
) -> None:
    before = snapshot(tmp_path)
    request = replace(HW, vitis=place.root)
    plan = plan_build(hw_spec, tmp_path / "out", place.environ(), request)
    assert snapshot(tmp_path) == before
    assert plan.hardware is not None and plan.hardware.assumed == ""
    assert [step.name for step in plan.hardware.steps] == list(STEPS)
    assert not any(step.kept for step in plan.hardware.steps)
    make()
    plan = plan_build(hw_spec, tmp_path / "out", place.environ(), request)
    assert plan.hardware is not None and all(step.kept for step in plan.hardware.steps)


def test_dry_run_without_vitis_shows_the_newest(hw_spec: Path, tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HLSGEN_CACHE": os.environ["HLSGEN_CACHE"]}
    plan = plan_build(hw_spec, tmp_path / "out", environ, HW_EMU)
    assert plan.hardware is not None
    assert plan.hardware.assumed.startswith("Vitis not found: ")
    assert plan.hardware.assumed.endswith(
        f"shown as for Vitis {plan.hardware.vitis} and xilinx_u200_gen3x16_xdma_2_202110_1"
    )
    assert tuple(step.name for step in plan.hardware.steps) == EMULATION


@pytest.mark.slow
def test_cosimulation_on_request(make: Make, place: Installation) -> None:
    make()
    result = make(replace(HW, cosim=True))
    assert result.hardware is not None
    names = [done.step.name for done in result.hardware.steps if not done.kept]
    assert names == ["cosim_sat_stce", "cosim_sat_wuve"]
    assert place.tools_called()[4:] == ["vitis_hls", "vitis_hls"]


def test_a_cosimulation_that_does_not_say_that_it_passed(make: Make, place: Installation) -> None:
    with pytest.raises(StepError, match="^cosim_sat_stce: .* without the words .*finished: PASS"):
        make(replace(HW, cosim=True), STANDIN_FAIL="cosim_sat_stce:silent")
    assert "v++" not in place.tools_called()


def test_the_platform_that_was_chosen_of_several_is_told(make: Make) -> None:
    remarks: list[str] = []

    class Remarks(Watcher):
        def remark(self, text: str) -> None:
            remarks.append(text)

    name = "xilinx_u200_gen3x16_xdma_2_202110_1"
    make(replace(HW, watcher=Remarks(), platform=name))
    assert remarks == []
    result = make(replace(HW, watcher=Remarks()))
    assert result.hardware is not None and result.hardware.notes == ()
    (told,) = remarks
    assert told.startswith(f"platform {name} is taken; xilinx_u200_gen3x16_xdma_1_202110_1, ")
    assert "xilinx_u200_qdma_201920_1" in told and "--platform" in told


def test_a_work_folder_that_cannot_be_made(make: Make, tmp_path: Path) -> None:
    (tmp_path / "out.vitis").write_text("")
    with pytest.raises((InputError, WorkError), match="out.vitis.*: "):
        make()

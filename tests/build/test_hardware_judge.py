# SPDX-License-Identifier: Apache-2.0
"""What C synthesis reported is judged before the vendor's tools spend hours on the link."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import HW, HW_EMU, STEPS, Make
from sat_host.bundle import load_bundle
from standins import Installation

from hlsgen.cards import CARDS
from hlsgen.cli.build import warnings_of
from hlsgen.hardware.loops import loop_rows, loops_of
from hlsgen.toolchain.engine import Choice, StepError
from hlsgen.toolchain.progress import Watcher
from hlsgen.toolchain.reports.loops import Pipelined

OVER = "csynth:DSP 3100"
"""Less than the whole part's 6,840, in both kernels, and more than what the platform leaves."""
PLATFORM = "xilinx_u200_gen3x16_xdma_2_202110_1"


class Notes(Watcher):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.parametrize("cosim", [False, True])
def test_what_is_over_is_not_linked(
    make: Make, tmp_path: Path, place: Installation, cosim: bool
) -> None:
    work = tmp_path / "out.vitis" / "hw"
    for _ in range(2):
        with pytest.raises(StepError) as caught:
            make(replace(HW, cosim=cosim), STANDIN_FAIL=OVER)
        assert (caught.value.kind, caught.value.exit_code) == ("resources over", 1)
        assert str(caught.value) == (
            "csynth_sat_wuve: resources over: by C synthesis the kernels need 6,200 DSP, and "
            f"{PLATFORM} leaves 5,871 DSP for them: lower array.rows to 3 or less, or link all the "
            f"same with --from link (log: {work / 'hardware.json'})"
        )
    assert CARDS["u200"].kernels.dsp == 5871
    assert place.tools_called() == ["vitis_hls", "vitis_hls"]
    report = json.loads((work / "hardware.json").read_text())
    assert report["differences"]["over"] == {
        "limit": "what is left for kernels",
        "resources": {"dsp": {"needed": 6200.0, "available": 5871.0}},
    }
    assert report["clock"] is None and set(report["csynth"]) == {"sat_stce", "sat_wuve"}
    assert load_bundle(tmp_path / "out").xclbin is None


def test_who_insists_gets_a_link(make: Make, tmp_path: Path) -> None:
    request = replace(HW, choice=Choice(first="link"))
    result = make(request, STANDIN_FAIL=OVER)
    assert result.hardware is not None and result.hardware.clock is not None
    assert any(note.startswith("resources over: ") for note in warnings_of(result))
    assert make(STANDIN_FAIL=OVER).xclbin == result.xclbin, "what is linked stays so"


def test_emulation_is_only_warned(make: Make) -> None:
    result = make(HW_EMU, STANDIN_FAIL=OVER)
    assert result.hardware is not None and result.xclbin is not None
    (told,) = [note for note in result.hardware.notes if note.startswith("resources over: ")]
    assert f"the kernels need 6,200 DSP, and {PLATFORM} leaves 5,871 DSP" in told


def test_what_fits_is_linked(make: Make) -> None:
    result = make(STANDIN_FAIL="csynth_sat_stce:DSP 5561")
    assert result.xclbin is not None and not result.hardware.differences.over  # type: ignore[union-attr]


def test_an_ii_that_was_missed_is_told_again_before_the_link(
    make: Make, place: Installation
) -> None:
    fault = "csynth_sat_stce:II missed"
    make(replace(HW, choice=Choice(last="csynth_sat_wuve")), STANDIN_FAIL=fault)
    heard = Notes()
    result = make(replace(HW, watcher=heard), STANDIN_FAIL=fault)
    (told,) = [note for note in heard.notes if "II missed" in note]
    assert told.startswith("csynth_sat_stce: II missed: ")
    assert told in warnings_of(result)
    heard = Notes()
    kept = make(replace(HW, watcher=heard), STANDIN_FAIL=fault)
    assert not any("II missed" in note for note in heard.notes), "nothing is linked"
    assert warnings_of(kept).count(told) == 1


def test_the_report_lies_beside_the_steps(make: Make, tmp_path: Path) -> None:
    work = tmp_path / "out.vitis" / "hw"
    result = make(
        replace(HW, choice=Choice(last="csynth_sat_wuve")), STANDIN_FAIL="csynth_sat_wuve:II missed"
    )
    assert result.hardware is not None and result.hardware.report == work / "hardware.json"
    report = json.loads(result.hardware.report.read_text())
    assert report["clock"] is None and report["xclbin"] is None
    loops = report["differences"]["ii"]["loops"]
    assert {"kernel": "sat_wuve", "module": "row_unit", "loop": "STEPS", "wanted_ii": 1,
            "ii": 2, "depth": 18} in loops  # fmt: skip
    make()
    whole = (tmp_path / "out" / "hardware.json").read_text()
    assert result.hardware.report.read_text() == whole
    assert not (work / ".hardware.json.partial").exists()
    assert len(list(work.iterdir())) == len(STEPS) + 1


def test_equal_loops_of_row_units_share_a_row() -> None:
    def loop(module: str, name: str, ii: int = 1) -> Pipelined:
        return Pipelined(name, 1, ii, 18, module)

    units = [loop(f"row_unit_{number}_s", "STEPS") for number in range(7)]
    stce = [*units, loop("last_row_unit_Pipeline_STEPS", "STEPS", 3), loop("store_tiles", "TILE")]
    wuve = [loop("update_blocks", "BLOCK", 2), loop("update_blocks", "BLOCK"), loop("row", "X")]
    rows = loop_rows(loops_of({"sat_stce": stce, "sat_wuve": wuve}))
    assert rows == [
        ("sat_stce", "row_unit", "STEPS", "7", "1", "1", "18"),
        ("sat_stce", "last_row_unit", "STEPS", "1", "1", "3", "18"),
        ("sat_wuve", "update_blocks", "BLOCK", "1", "1", "2", "18"),
    ]

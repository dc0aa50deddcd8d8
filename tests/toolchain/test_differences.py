# SPDX-License-Identifier: Apache-2.0
"""The comparison of an estimate with what the tools reported."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from samples import (
    LOOPS,
    SampleLoop,
    csynth_xml,
    hls_log,
    kernel_utilisation,
    timing_summary,
    with_miss,
)

from hlsgen.estimate import Estimate, Module, estimate
from hlsgen.hardware.differences import HEADER, TOTAL, compare, document, lines, rows
from hlsgen.hardware.parts import PARTS, REST, estimated
from hlsgen.paths import templates_dir
from hlsgen.resources import Resources
from hlsgen.specfile import load_spec
from hlsgen.toolchain.reports.collect import Results
from hlsgen.toolchain.reports.csynth import read_csynth
from hlsgen.toolchain.reports.loops import read_pipelined
from hlsgen.toolchain.reports.timing import read_timing
from hlsgen.toolchain.reports.utilisation import read_utilisation

SPECS = Path(__file__).parents[2] / "specs"
ROW = Resources(lut=20000, ff=30000, dsp=96, bram36=38.5, uram=10)
ESTIMATE = Estimate(
    modules=(
        Module("USPE", "sat_stce", 64, Resources(lut=300, ff=400, dsp=3)),
        Module("row unit", "sat_stce", 2, Resources(lut=10000, ff=15000, bram36=38.5)),
        Module("store_tiles", "sat_stce", 1, Resources(lut=2000)),
        Module("streams", "sat_stce", 1, Resources(lut=500, ff=900)),
        Module("update_blocks", "sat_wuve", 1, Resources(lut=4000, dsp=100)),
    ),
    card="u200",
    slrs=(),
    faults=(),
    remarks=(),
    kernel_slrs={},
)
STCE = csynth_xml(
    "sat_stce",
    resources=Resources(lut=80000, ff=90000, dsp=210, bram36=80, uram=20),
    modules={
        "row_unit_SatConfig_s": ROW,
        "row_unit_SatConfig_Pipeline_Steps": Resources(lut=9999),
        "last_row_unit_SatConfig_s": ROW,
        "store_tiles": Resources(lut=3000),
        "store": Resources(lut=77),
    },
    loops=(),
    instances={"row_unit_SatConfig_s": 2},
)
WUVE = csynth_xml("sat_wuve", resources=Resources(lut=5000, dsp=90), loops=(), estimated_ns=4.0)


def results(**more: object) -> Results:
    given = {
        "csynth": {"sat_stce": read_csynth(STCE), "sat_wuve": read_csynth(WUVE)},
        "pipelined": {"sat_stce": read_pipelined(hls_log(loops=with_miss()))},
    }
    return Results(**{**given, **more})  # type: ignore[arg-type]


def linked() -> Results:
    units = {
        "sat_stce_1": Resources(lut=70000, ff=88000, dsp=210, bram36=80, uram=20),
        "sat_wuve_1": Resources(lut=4400, ff=1000, dsp=90),
    }
    return results(
        utilisation=read_utilisation(kernel_utilisation(units)),
        timing=read_timing(timing_summary(-0.3)),
    )


def test_kernels_and_their_sum() -> None:
    both, stce, wuve = compare(ESTIMATE, linked(), wanted_mhz=200).amounts
    assert [each.name for each in (both, stce, wuve)] == [TOTAL, "sat_stce", "sat_wuve"]
    assert stce.estimated == ESTIMATE.of_kernel("sat_stce")
    assert stce.csynth is not None and stce.csynth.lut == 80000
    assert wuve.linked is not None and wuve.linked.lut == 4400
    assert both.estimated == ESTIMATE.total
    assert both.linked is not None and both.linked.lut == 74400
    assert wuve.change("lut") == pytest.approx(0.1), "of the link, which spoke last"
    assert wuve.change("uram") is None, "nothing was estimated"


def test_before_the_link_c_synthesis_spoke_last() -> None:
    both, _, wuve = compare(ESTIMATE, results(), wanted_mhz=200).amounts
    assert (both.linked, wuve.change("lut")) == (None, pytest.approx(0.25))


def test_a_sum_needs_all_its_kernels() -> None:
    one = results(csynth={"sat_stce": read_csynth(STCE)})
    assert compare(ESTIMATE, one, wanted_mhz=200).amounts[0].csynth is None


def test_parts() -> None:
    parts = {part.name: part for part in compare(ESTIMATE, results(), wanted_mhz=200).parts}
    units = parts["sat_stce: row units"]
    assert units.csynth == ROW * 3, "two instances and the last, their loops' modules within"
    assert units.estimated == Resources(lut=39200, ff=55600, dsp=192, bram36=77)
    assert parts["sat_stce: store"].csynth == Resources(lut=3000)
    rest = parts[f"sat_stce: {REST}"]
    assert rest.estimated == Resources(lut=500, ff=900)
    assert rest.csynth == Resources(lut=17000, ff=0, dsp=0, bram36=0, uram=0)
    assert not any(name.startswith("sat_wuve") for name in parts), "a report of the top alone"


def test_clocks_and_modelled_time() -> None:
    told = compare(ESTIMATE, linked(), wanted_mhz=200, in_force_mhz=160, cycles=4e6)
    assert told.modelled_ms == {"wanted": 20.0, "in_force": 25.0}
    assert told.clocks.csynth_mhz["sat_wuve"] == 250
    text = "\n".join(lines(told))
    assert "clock in force: 160 MHz, worst slack -0.3 ns" in text
    assert "modelled time of a step at the clock in force: 25.00 ms" in text
    assert compare(None, Results(), wanted_mhz=200).modelled_ms == {}


def test_ii_wanted_and_got() -> None:
    miss, *others = with_miss()
    twice = (miss, miss, *others, SampleLoop("AUTO", ii=3, wanted=None))
    stce = read_pipelined(hls_log(loops=twice))
    told = compare(ESTIMATE, results(pipelined={"sat_stce": stce}), wanted_mhz=200)
    (loop,) = told.loops
    assert (loop.kernel, loop.module, loop.loop) == ("sat_stce", "row_unit", "STEPS")
    assert (loop.wanted_ii, loop.ii, "carried" in loop.reason) == (1, 2, True)
    text = lines(told)
    assert "II reached: 2 of 3 loops" in text
    assert any(
        line.startswith("II missed: STEPS (sat_stce, row_unit): 2, wanted 1") for line in text
    )
    met = {"sat_stce": read_pipelined(hls_log(loops=LOOPS))}
    assert "II reached: 2 of 2 loops" in lines(compare(None, Results({}, met), wanted_mhz=200))


def test_long_lists_are_shortened_in_words_only() -> None:
    loops = tuple(replace(with_miss()[0], name=f"LOOP_{n}") for n in range(31))
    pipelined = {"sat_stce": read_pipelined(hls_log(loops=loops))}
    told = compare(ESTIMATE, results(pipelined=pipelined), wanted_mhz=200)
    text = [line for line in lines(told) if line.startswith("II missed")]
    assert (len(text), text[-1]) == (11, "II missed: 21 more")
    assert len(document(told)["ii"]["missed"]) == 31


def test_more_than_the_part_has_is_told_before_a_link() -> None:
    told = compare(ESTIMATE, results(), wanted_mhz=300)
    assert not told.over and not any("over the part" in line for line in lines(told))
    assert "clock estimated by C synthesis: 250 MHz below what is wanted (sat_wuve)" in lines(told)
    big = csynth_xml(resources=Resources(lut=1182240, bram36=2160.5))
    both = {"sat_stce": read_csynth(big), "sat_wuve": read_csynth(WUVE)}
    told = compare(ESTIMATE, results(csynth=both), wanted_mhz=200)
    assert told.over == {"lut": (1187240, 1182240), "bram36": (2160.5, 2160)}
    assert any("over the part by C synthesis: LUT 1,187,240 of" in line for line in lines(told))
    assert document(told)["over"]["resources"]["lut"]["needed"] == 1187240


def test_ignored_pragmas_are_told() -> None:
    report = read_csynth(csynth_xml(ignored=[("bind_op", "uspe.h:3", "variable=x")]))
    told = compare(None, Results({"sat_stce": report}), wanted_mhz=200)
    assert "pragma not applied: sat_stce: bind_op at uspe.h:3: variable=x" in lines(told)


def test_table() -> None:
    told = compare(ESTIMATE, linked(), wanted_mhz=200)
    cells = rows(told)
    assert all(len(row) == len(HEADER) for row in cells)
    assert ("sat_wuve", "LUT", "4,000", "5,000", "4,400", "+10.0 %") in cells
    assert ("sat_stce", "BRAM36", "77", "80", "80", "+3.9 %") in cells
    assert ("sat_wuve", "URAM", "0", "0", "0", "-") in cells
    assert len(rows(told, parts=True)) > len(cells) == 3 * 5
    blank = rows(compare(None, Results(), wanted_mhz=200))
    assert {row[2:] for row in blank} == {("-", "-", "-", "-")}


def test_document_is_json() -> None:
    told = compare(ESTIMATE, linked(), wanted_mhz=200, in_force_mhz=200, cycles=1000)
    loaded = json.loads(json.dumps(document(told), allow_nan=False))
    assert loaded["resources"][2]["change"]["lut"] == pytest.approx(0.1)
    assert loaded["ii"]["missed"][0]["loop"] == "STEPS"
    assert loaded["clock"]["in_force_mhz"] == 200
    assert loaded["modelled_ms"]["wanted"] == pytest.approx(0.005)
    empty = json.loads(json.dumps(document(compare(None, Results(), wanted_mhz=200))))
    assert empty["resources"][0]["estimated"] is None


def test_every_process_and_every_module_is_in_one_part() -> None:
    for kernel in ("sat_stce", "sat_wuve"):
        text = (templates_dir() / f"{kernel}.cpp.j2").read_text(encoding="utf-8")
        processes = set(re.findall(r"sat::([a-z_]+)<", text))
        functions = [f for part in PARTS if part.kernel == kernel for f in part.functions]
        assert (set(functions), len(set(functions))) == (processes, len(functions))
    whole = estimate(load_spec(SPECS / "digits.yaml"))
    modules = [(part.kernel, module) for part in PARTS for module in part.modules]
    left = {(each.kernel, each.name) for each in whole.modules} - set(modules)
    assert len(set(modules)) == len(modules)
    assert {name for _, name in left} == {"streams", "streams of a row unit", "m_axi adapters"}
    assert set(modules) <= {(each.kernel, each.name) for each in whole.modules}
    for kernel in ("sat_stce", "sat_wuve"):
        parts = estimated(whole, kernel).values()
        assert sum(parts, Resources()) == whole.of_kernel(kernel)


def test_scaled_reports_are_compared_with_a_whole_spec() -> None:
    whole = estimate(load_spec(SPECS / "digits.yaml"))
    report = read_csynth(STCE)
    same = replace(report, resources=whole.of_kernel("sat_stce"), modules=())
    told = compare(whole, Results({"sat_stce": same}), wanted_mhz=200)
    assert told.amounts[1].change("lut") == 0

# SPDX-License-Identifier: Apache-2.0
"""The readers get out of a report what its maker put in, in every form that versions give it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import (
    CARRIED,
    CLASSIC,
    LOOPS,
    U200,
    U200_PLATFORM,
    U200_TOTAL,
    UNIFIED,
    WORST,
    SampleLoop,
    csynth_xml,
    hls_log,
    kernel_utilisation,
    scaled_clock,
    slr_utilisation,
    timing_summary,
    utilisation,
    vpp_log,
    with_miss,
    xclbin_info,
)

from hlsgen.errors import WorkError
from hlsgen.resources import Resources
from hlsgen.toolchain.reports.collect import read_results
from hlsgen.toolchain.reports.csynth import read_csynth
from hlsgen.toolchain.reports.loops import missed, read_pipelined, with_wanted
from hlsgen.toolchain.reports.timing import (
    ScaledClock,
    module_of,
    reached_mhz,
    read_scaled_clocks,
    read_timing,
)
from hlsgen.toolchain.reports.utilisation import read_utilisation
from hlsgen.toolchain.reports.xclbin_info import read_xclbin_info

AMOUNTS = st.builds(
    Resources,
    lut=st.integers(1001, 10**7),
    ff=st.integers(1, 10**7),
    dsp=st.integers(1, 10**5),
    bram36=st.integers(1, 10**4).map(lambda n: n / 2),
    uram=st.integers(1, 10**4),
)

# --- csynth.xml ----------------------------------------------------------------------------------


@given(resources=AMOUNTS, available=st.none() | AMOUNTS, clock_ns=st.integers(2, 20))
def test_csynth(resources: Resources, available: Resources | None, clock_ns: int) -> None:
    text = csynth_xml("sat_wuve", clock_ns=clock_ns, resources=resources, available=available)
    report = read_csynth(text)
    assert (report.top, report.part, report.clock_ns) == ("sat_wuve", U200, clock_ns)
    assert (report.resources, report.available) == (resources, available)
    assert report.version == "2023.2"
    assert report.estimated_mhz == pytest.approx(1e3 / 3.65)


def test_csynth_loops_and_modules() -> None:
    area = Resources(lut=5000, ff=7000, dsp=96, bram36=38.5, uram=10)
    report = read_csynth(csynth_xml(modules={"row_unit": area}, instances={"row_unit": 31}))
    steps, fetch = report.loops
    assert (steps.name, steps.module, steps.ii, steps.depth) == ("STEPS", "row_unit", 1, 18)
    assert (steps.trip_count, fetch.trip_count) == (None, 64)
    modules = {module.name: module for module in report.modules}
    assert (modules["row_unit"].resources, modules["row_unit"].instances) == (area, 31)
    assert modules["fetch_words"].instances == 1


@pytest.mark.parametrize("unknown", ["?", "undef", "", "-", "NA", "n/a"])
def test_csynth_without_trip_counts(unknown: str) -> None:
    report = read_csynth(csynth_xml(unknown=unknown, estimated_ns=None))
    assert (report.latency, report.interval, report.estimated_ns) == (None, None, None)
    assert report.estimated_mhz is None
    assert report.modules[0].latency is None


def test_csynth_with_latency() -> None:
    report = read_csynth(csynth_xml(latency=73702))
    assert (report.latency, report.interval) == (73702, 73702)


def test_csynth_of_older_tools() -> None:
    dsp = Resources(lut=1, ff=1, dsp=220, bram36=1.5)
    assert read_csynth(csynth_xml(dsp_tag="DSP48E", resources=dsp)).resources == dsp


def test_csynth_nested_loops_and_ranges() -> None:
    text = """<profile><UserAssignments><TopModelName>t</TopModelName></UserAssignments>
      <PerformanceEstimates><SummaryOfOverallLatency><Worst-caseLatency>30 ~ 541</Worst-caseLatency>
      </SummaryOfOverallLatency><SummaryOfLoopLatency>
      <OUTER><TripCount><range><min>1</min><max>512</max></range></TripCount>
        <Latency>9</Latency><INNER><TripCount>4</TripCount><PipelineII>2</PipelineII></INNER></OUTER>
      </SummaryOfLoopLatency></PerformanceEstimates></profile>"""
    report = read_csynth(text)
    assert report.latency == 541
    outer, inner = report.loops
    assert (outer.name, outer.trip_count, outer.ii) == ("OUTER", 512, None)
    assert (inner.name, inner.trip_count, inner.ii) == ("INNER", 4, 2)
    assert (report.resources, report.available, report.part) == (Resources(), None, "")


def test_csynth_ignored_pragmas() -> None:
    report = read_csynth(csynth_xml(ignored=[("bind_op", "uspe.h:3", "variable=x op=mul")]))
    assert [(p.type, p.location, p.options) for p in report.pragmas] == [
        ("bind_op", "uspe.h:3", "variable=x op=mul")
    ]
    assert read_csynth(csynth_xml()).pragmas == ()


@pytest.mark.parametrize("text", ["", "<profile>", "<html/>", "no xml", csynth_xml()[:900]])
def test_csynth_that_is_none(text: str) -> None:
    with pytest.raises(WorkError, match="x.xml: not a report of C synthesis") as caught:
        read_csynth(text, "x.xml")
    assert len(str(caught.value).splitlines()) == 1


# --- pipelining results --------------------------------------------------------------------------


@pytest.mark.parametrize("launcher", [CLASSIC, UNIFIED])
def test_pipelined(launcher: str) -> None:
    loops = (*with_miss(ii=3), SampleLoop("AUTO", ii=7, wanted=None, depth=85))
    found = read_pipelined(hls_log(loops=loops, launcher=launcher))
    assert [(each.name, each.wanted_ii, each.ii, each.depth, each.module) for each in found] == [
        (each.name, each.wanted, each.ii, each.depth, each.module) for each in loops
    ]
    assert [loop.met for loop in found] == [False, True, True]
    assert [loop.reason for loop in found] == [CARRIED, "", ""]
    line = hls_log(loops=loops, launcher=launcher).splitlines()[found[0].line - 1]
    assert "Final II = 3" in line


def test_pipelined_as_older_tools_tell() -> None:
    log = (
        "INFO: [SCHED 204-61] Pipelining loop 'Loop 2.2'.\n"
        "WARNING: [SCHED 204-68] The II Violation in module 'compute' (Loop: Loop 2.2): Unable\n"
        "   between 'fadd' and 'fadd'.\n"
        "INFO: [SCHED 204-61] Pipelining result : Target II = 1, Final II = 5, Depth = 9.\n"
        "INFO: [SCHED 204-61] Pipelining function 'step'.\n"
        "WARNING: [HLS 200-885] The II Violation in module 'step': limited memory ports (II = 1).\n"
        "INFO: [HLS 200-1470] Pipelining result : Target II = 1, Final II = 2, Depth = 3, "
        "function 'step'\n"
    )
    log += (
        "INFO: [HLS 200-42] -- Implementing module 'top'\n"
        "INFO: [SCHED 204-61] Pipelining loop 'EXIT'.\n"
        "WARNING: [HLS 200-878] Unable to schedule the loop exit test (II = 1 cycles).\n"
        "WARNING: [HLS 200-878] Unable to schedule the loop exit test (II = 2 cycles).\n"
        "INFO: [HLS 200-1470] Pipelining result : Target II = 1, Final II = 3, Depth = 3, "
        "loop 'EXIT'\n"
    )
    loop, function, last = read_pipelined(log)
    assert (last.module, last.reason) == (
        "top",
        "Unable to schedule the loop exit test (II = 2 cycles).",
    )
    assert (loop.name, loop.ii, loop.module, loop.reason) == ("Loop 2.2", 5, "compute", "Unable")
    assert (function.name, function.module) == ("step", "step")
    assert function.reason == "limited memory ports (II = 1)."
    assert [each.name for each in missed((function, loop))] == ["Loop 2.2", "step"]


def test_report_takes_the_wanted_ii_from_the_log() -> None:
    loops = (replace(LOOPS[0], wanted=2), LOOPS[1])
    report = with_wanted(read_csynth(csynth_xml()), read_pipelined(hls_log(loops=loops)))
    assert [loop.wanted_ii for loop in report.loops] == [2, 1]


# --- timing --------------------------------------------------------------------------------------


@given(wns=st.integers(-9999, 9999), whs=st.integers(-999, 999))
def test_timing(wns: int, whs: int) -> None:
    timing = read_timing(timing_summary(wns / 1e3, whs=whs / 1e3, tns=-1.5))
    assert (timing.wns_ns, timing.whs_ns, timing.tns_ns) == (wns / 1e3, whs / 1e3, -1.5)
    assert timing.met == (wns >= 0 and whs >= 0)


def test_worst_setup_path() -> None:
    timing = read_timing(timing_summary(-0.883, whs=-2.0))
    assert timing.path is not None
    assert (timing.path.source, timing.path.destination) == WORST
    assert (timing.path.slack_ns, timing.path.levels) == (-0.883, 6)
    assert timing.reached_mhz == pytest.approx(1e3 / 5.883)
    assert read_timing(timing_summary(0.1)).reached_mhz is None
    assert timing.path.clock == "clk_kernel_00_unbuffered_net"
    assert timing.module == "sat_stce_1/row_unit_8_U0/regslice"
    assert timing.start == "sat_stce_1/row_unit_7_U0/grp_step_fu_120/fadd_U31"


def test_timing_without_paths_or_numbers() -> None:
    bare = read_timing(timing_summary(0.1, None))
    assert (bare.path, bare.module) == (None, "")
    short = "WNS(ns)      TNS(ns)\n-------  ------\n  -0.5  NA\n"
    assert read_timing(short).tns_ns is None
    for text in ("", "| Design Timing Summary\n", "WNS(ns)  TNS(ns)\n  -----  ----\n  NA  NA\n"):
        with pytest.raises(WorkError, match="t.rpt: no timing summary"):
            read_timing(text, "t.rpt")


def test_modules_and_clocks() -> None:
    assert module_of("level0_i/ulp/sat_wuve_1/inst/a_reg[3]/D") == "sat_wuve_1"
    assert module_of("bd_i/sat_stce_1/U0/row_unit_3_U0/x_reg/D") == "sat_stce_1/row_unit_3_U0"
    assert module_of("level0_i/blp/xdma/inst/x_reg/D") == "level0_i/blp/xdma"
    assert module_of("pin") == ""
    assert reached_mhz(200, -1.25) == pytest.approx(160)
    assert reached_mhz(200, 9) == float("inf")


def test_clocks_that_the_link_lowered() -> None:
    log = vpp_log(notes=[scaled_clock(200, 187.5), scaled_clock(200, 187.5)])
    assert read_scaled_clocks(log) == (ScaledClock("clk_kernel_in", 200, 187.5),)
    assert read_scaled_clocks(vpp_log()) == ()


# --- utilisation ---------------------------------------------------------------------------------


@given(used=AMOUNTS, prohibited=st.booleans())
def test_utilisation_of_the_device(used: Resources, prohibited: bool) -> None:
    found = read_utilisation(utilisation(used, prohibited=prohibited))
    assert (found.used, found.available) == (used, U200_TOTAL)


@given(used=AMOUNTS)
def test_utilisation_by_slr_and_kernel(used: Resources) -> None:
    slrs = {"SLR0": used, "SLR1": Resources(), "SLR2": used * 2}
    assert read_utilisation(slr_utilisation(slrs)).slrs == slrs
    units = {"sat_stce_1": used, "sat_wuve_1": used * 3}
    found = read_utilisation(kernel_utilisation(units))
    assert (found.kernels, found.used) == (units, None)


def test_utilisation_that_is_none() -> None:
    for text in ("", "| a | b |\n| 1 | 2 |\n", csynth_xml()):
        with pytest.raises(WorkError, match="u.rpt: no table of utilisation"):
            read_utilisation(text, "u.rpt")


# --- xclbin.info ---------------------------------------------------------------------------------


def test_xclbin_info() -> None:
    kernels = {"sat_stce": [("count", ""), ("a", "DDR[0]")], "sat_wuve": [("dw", "DDR[1]")]}
    info = read_xclbin_info(xclbin_info(achieved_mhz=187.5, kernels=kernels))
    assert (info.version, info.platform, info.content) == ("2023.2", U200_PLATFORM, "Bitstream")
    assert info.uuid == "0d3c9a52-6f0e-4f5b-8f6d-2b8a3f0c71aa"
    assert info.interface_uuid == "15fb8da1f552a9d9842367d89c12b78e"
    clock, fixed = info.clocks
    assert (clock.default_mhz, clock.requested_mhz, clock.achieved_mhz) == (300, 200, 187.5)
    assert (fixed.type, fixed.achieved_mhz) == ("FIXED", None)
    assert info.kernel_clock == clock == info.clock_near(200)
    assert info.clock_near(250) is None
    assert [memory.tag for memory in info.memories] == ["DDR[0]", "DDR[1]", "DDR[2]", "DDR[3]"]
    assert [memory.used for memory in info.memories] == [True, True, False, False]
    assert info.memories[1].base - info.memories[0].base == 64 << 30
    assert info.memories[0].size == 16 << 30
    assert info.kernels == ("sat_stce", "sat_wuve")
    stce, wuve = info.instances
    assert (stce.kernel, stce.name, wuve.name) == ("sat_stce", "sat_stce_1", "sat_wuve_1")
    assert [(a.name, a.memory) for a in stce.arguments] == [("count", ""), ("a", "DDR[0]")]
    assert wuve.arguments[0].port == "M_AXI_DW"


def test_xclbin_info_of_emulation_and_of_none() -> None:
    text = "\n".join(line for line in xclbin_info().splitlines() if "Freq" not in line)
    info = read_xclbin_info(text)
    assert (info.kernel_clock, info.clock_near(200)) == (None, None)
    for text in ("", "xclbin Information\n", vpp_log()):
        with pytest.raises(WorkError, match="not the description of an xclbin"):
            read_xclbin_info(text)


@given(text=st.text(alphabet=st.sampled_from("Wabc:|+-=()[]0 .\n\tNS"), max_size=300))
def test_no_reader_breaks_on_text(text: str) -> None:
    for read in (read_csynth, read_timing, read_utilisation, read_xclbin_info):
        try:
            read(text)
        except WorkError as error:
            assert len(str(error).splitlines()) == 1
    read_pipelined(text)
    read_scaled_clocks(text)


# --- a build's folders ---------------------------------------------------------------------------


def test_results_of_a_build(tmp_path: Path) -> None:
    def put(path: str, text: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    report = "1-csynth_sat_stce/project/solution1/syn/report"
    put(f"{report}/csynth.xml", csynth_xml())
    put(f"{report}/sat_stce_csynth.xml", csynth_xml(resources=Resources(1, 1, 1, 1, 1)))
    put("1-csynth_sat_stce/log.txt", hls_log(loops=with_miss()))
    put("2-csynth_sat_wuve/sat_wuve/hls/syn/report/sat_wuve_csynth.xml", csynth_xml("sat_wuve"))
    link, imp = "3-link/_x/link/vivado/vpl/prj/prj.runs/impl_1", "3-link/_x/reports/link/imp"
    put(f"{link}/dr_timing_summary.rpt", timing_summary(-9.0))
    put(f"{link}/x_timing_summary_routed.rpt", timing_summary(-1.0))
    put(f"{imp}/impl_1_hw_bb_locked_timing_summary_postroute_physopted.rpt", timing_summary(0.02))
    units = {"sat_stce_1": Resources(9, 9, 9, 9, 9)}
    put(f"{imp}/impl_1_kernel_util_routed.rpt", kernel_utilisation(units))
    put(f"{imp}/impl_1_kernel_util_placed.rpt", kernel_utilisation({}))
    put(f"{imp}/impl_1_slr_util_placed.rpt", slr_utilisation({"SLR0": Resources(7)}))
    put(f"{imp}/impl_1_full_util_routed.rpt", utilisation())
    put("3-link/sat.link.xclbin.info", xclbin_info())
    put("3-link/log.txt", vpp_log(notes=[scaled_clock(200, 187.5)]))

    folders = {path.name.split("-", 1)[1]: path for path in tmp_path.iterdir()}
    results = read_results(folders)
    stce = results.csynth["sat_stce"]
    assert stce.resources.dsp == 3100, "of the whole design"
    assert [loop.wanted_ii for loop in stce.loops] == [1, 1]
    assert [loop.met for loop in results.pipelined["sat_stce"]] == [False, True]
    assert results.csynth["sat_wuve"].top == "sat_wuve"
    assert results.timing is not None and results.timing.wns_ns == 0.02
    assert results.utilisation is not None
    assert results.utilisation.kernels == units
    assert results.utilisation.slrs == {"SLR0": Resources(7)}
    assert results.utilisation.available == U200_TOTAL
    assert results.info is not None and results.info.platform == U200_PLATFORM
    assert results.scaled[0].mhz == 187.5


def test_results_of_a_build_that_left_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "syn/report/csynth.xml"
    bad.parent.mkdir(parents=True)
    bad.write_text("<broken", encoding="utf-8")
    results = read_results({"csynth_sat_stce": tmp_path, "link": tmp_path / "none"})
    assert (results.csynth, results.pipelined) == ({}, {"sat_stce": ()})
    assert (results.timing, results.utilisation, results.info) == (None, None, None)
    assert read_results({}).csynth == {}

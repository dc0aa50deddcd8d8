# SPDX-License-Identifier: Apache-2.0
"""Each kind of failure is told from the log of a tool that fails so."""

from __future__ import annotations

import pytest
from diagnose_cases import CASES, LOG, UNDECLARED, link, told
from hypothesis import given
from hypothesis import strategies as st
from samples import (
    CARRIED,
    CLASSIC,
    LOOPS,
    UNIFIED,
    WORST,
    SampleLoop,
    cosim_log,
    hls_log,
    over_used,
    timing_missed,
    timing_summary,
    vpl_failed,
    vpp_log,
    with_miss,
)

from hlsgen.toolchain.diagnose import diagnose, has_error, known_flake, named_logs
from hlsgen.toolchain.failure_signs import KINDS, MENDS, Kind
from hlsgen.toolchain.reports.timing import read_timing


@pytest.mark.parametrize(("step", "log", "kind", "cause"), CASES)
def test_kind_and_cause(step: str, log: str, kind: Kind, cause: str) -> None:
    found = told(log, step, 0 if kind == "II missed" else 1)
    assert (found.kind, cause in found.cause) == (kind, True), found
    assert found.mend
    file, _, number = found.where.rpartition(":")
    line = log.splitlines()[int(number) - 1]
    assert file == LOG and (kind == "II missed" or not line.startswith(("INFO", "WARNING")))


def test_every_kind_is_told_somewhere() -> None:
    elsewhere = {"timeout"}
    assert {kind for _, _, kind, _ in CASES} | elsewhere == set(KINDS) == set(MENDS)


def test_a_log_of_success_shows_no_error() -> None:
    for log in (hls_log(), hls_log(launcher=UNIFIED), vpp_log(), vpp_log("package"), cosim_log()):
        assert not has_error(log)
        assert told(log, status=0).kind == "unknown"


def test_a_fault_of_the_machine_is_told_before_what_it_caused() -> None:
    log = link(*over_used(), "ERROR: [Common 17-49] write failed: No space left on device")
    assert told(log).kind == "disk full"


@pytest.mark.parametrize("words", ["out of memory", "No space left on device", "not found"])
def test_words_in_messages_that_are_no_errors_do_not_count(words: str) -> None:
    log = hls_log(errors=[f"INFO: [HLS 200-10] words: {words}", f"WARNING: {words}", UNDECLARED])
    assert told(log, "csynth_sat_stce").kind == "HLS error"


def test_no_consequence_is_the_cause_while_there_is_another_error() -> None:
    odd = "ERROR: [VPL 12-9999] something nobody knows"
    found = told(link(*vpl_failed(), odd, *vpl_failed()))
    assert found.cause == odd.removeprefix("ERROR: ")


def test_only_consequences_name_the_log_that_says_more() -> None:
    log = vpp_log(errors=["ERROR: [v++ 60-300] Failed to build kernel(ip) K, see log for details: "
                          "/w/_x/K/vitis_hls.log"])  # fmt: skip
    assert "/w/_x/K/vitis_hls.log" in named_logs(log)
    run = "/w/_x/link/vivado/vpl/prj/prj.runs/impl_1/runme.log"
    assert named_logs("\n".join(vpl_failed())) == ("/w/_x/link/vivado/vpl/runme.log", run)
    bare = told("ERROR: [v++ 60-399] vivado failed, please see log file for detail: '/w/v.log'")
    assert (bare.kind, bare.mend) == ("unknown", "read /w/v.log")


def test_the_log_that_says_more_is_read() -> None:
    runme = "\n".join(["INFO: [Common 17-206] x", *over_used(tool="DRC")])
    found = told(vpp_log(errors=["Phase 2"]), further={"runme.log": runme})
    assert (found.kind, found.where) == ("resources over", "runme.log:2")
    own = told(vpp_log(errors=timing_missed()), further={"runme.log": runme})
    assert own.kind == "timing", "what the log itself says comes first"


def test_timing_names_the_clock_the_slack_and_the_modules() -> None:
    timing = read_timing(timing_summary(-0.883, WORST))
    found = told(vpp_log(errors=timing_missed(-0.883)), timing=timing)
    assert found.wns_ns == -0.883
    assert found.cause == (
        "clock clk_kernel_00_unbuffered_net was missed, worst slack -0.883 ns from "
        "sat_stce_1/row_unit_7_U0/grp_step_fu_120/fadd_U31 to sat_stce_1/row_unit_8_U0/regslice; "
        "about 170 MHz would be met"
    )


def test_the_worst_of_several_clocks_is_told() -> None:
    errors = timing_missed(-0.02, "hbm_aclk")
    errors.insert(2, "system clock: clk_kernel; slack: -0.500 ns")
    found = told(vpp_log(errors=errors))
    assert (found.wns_ns, "clock clk_kernel was missed" in found.cause) == (-0.5, True)


def test_a_link_that_ended_well_may_still_have_missed_its_clock() -> None:
    for wns, whs, kind, slack in ((-0.2, 0.01, "timing", -0.2), (0.1, -0.05, "hold", -0.05)):
        timing = read_timing(timing_summary(wns, whs=whs))
        found = told(vpp_log(), status=0, timing=timing)
        assert (found.kind, found.wns_ns) == (kind, slack)
    assert told(vpp_log(), status=0, timing=read_timing(timing_summary(0.1))).kind == "unknown"


def test_ii_missed_tells_the_widest_first() -> None:
    loops = (*with_miss(), SampleLoop("STORE", ii=7, wanted=2, reason="limited memory ports"))
    found = told(hls_log(loops=loops), "csynth_sat_stce", 0)
    assert [(loop.name, loop.wanted_ii, loop.ii) for loop in found.loops] == [
        ("STORE", 2, 7),
        ("STEPS", 1, 2),
    ]
    assert "limited memory ports" in found.cause and "1 more" in found.cause
    assert CARRIED in found.loops[1].reason


@pytest.mark.parametrize("launcher", [CLASSIC, UNIFIED])
def test_ii_that_nobody_asked_for_is_not_missed(launcher: str) -> None:
    loops = (SampleLoop("AUTO", ii=7, wanted=None), *LOOPS)
    assert told(hls_log(loops=loops, launcher=launcher), "csynth_sat_stce", 0).kind == "unknown"


def test_timeout_tells_how_far_it_came() -> None:
    log = vpp_log(errors=["[11:05:00] Phase 3 Detail Placement"]).split("ERROR")[0]
    found = told(log, status=None, timed_out=True)
    assert (found.kind, "Detail Placement" in found.cause) == ("timeout", True)
    held = told("ERROR: [Common 17-345] A valid license was not found\n", timed_out=True)
    assert held.kind == "licence", "what it waited for is worth more"
    ours = told("Killed\n", status=-9, timed_out=True)
    assert ours.kind == "timeout", "it was ended for its time"


@pytest.mark.parametrize(
    ("status", "name"), [(-9, "SIGKILL"), (137, "SIGKILL"), (-15, "SIGTERM"), (-250, "signal 250")]
)
def test_ended_by_a_signal(status: int, name: str) -> None:
    found = told("INFO: [HLS 200-10] Analyzing\n", status=status)
    assert (found.kind, name in found.cause) == ("killed", True)
    warned = "CRITICAL WARNING: [Route 35-39] The design did not meet timing requirements.\n"
    assert (told(warned, status=status).kind, told(warned).kind) == ("killed", "timing")


def test_what_a_good_run_warned_of_hides_no_ii_missed() -> None:
    warned = "CRITICAL WARNING: [HLS 200-1] odd\n/bin/x: line 3: 77 Killed\n"
    log = warned + hls_log(loops=with_miss())
    assert told(log, "csynth_sat_stce", 0).kind == "II missed"


def test_nothing_written() -> None:
    assert told("", status=127).kind == "tool missing"
    silent = told("", status=2, missing=("sat.xclbin",))
    assert silent.cause == "link exited with status 2 without sat.xclbin and wrote no error"
    well = told(vpp_log(), status=0, missing=("sat.xclbin",))
    assert (well.kind, "ended well without sat.xclbin" in well.cause) == ("unknown", True)


def test_known_flake() -> None:
    assert known_flake("INFO: a\nPre-synthesis failed.\n")
    assert not known_flake(hls_log(errors=[UNDECLARED]))
    assert not known_flake("INFO: a\n")


def test_one_short_line_whatever_the_tool_wrote() -> None:
    found = told("ERROR: [VPL 1-1] " + "words\twith tabs \x1b[31m" * 400)
    assert len(str(found)) < 500 and str(found).isprintable()
    assert str(found).startswith("unknown: [VPL 1-1] words with tabs")


@given(
    log=st.text(),
    status=st.one_of(st.none(), st.integers(-300, 300)),
    timed_out=st.booleans(),
    step=st.sampled_from(["csynth_sat_stce", "link", "cosim_sat_wuve", "package"]),
)
def test_any_text_is_diagnosed(log: str, status: int | None, timed_out: bool, step: str) -> None:
    found = diagnose(step, log, status=status, timed_out=timed_out, log_file=LOG)
    assert found.kind in KINDS and found.mend and found.where.startswith(LOG)
    assert len(str(found).splitlines()) == 1

# SPDX-License-Identifier: Apache-2.0
"""Logs of tools that fail, each with what it must be told as."""

from __future__ import annotations

from samples import UNIFIED, cosim_log, hls_log, over_used, timing_missed, vpp_log, with_miss

from hlsgen.toolchain.diagnose import Diagnosis, diagnose
from hlsgen.toolchain.failure_signs import Kind

LOG = "build/x.vitis/hw/3-link/log.txt"
UNDECLARED = "ERROR: [HLS 207-3777] use of undeclared identifier 'sums' (src/row_unit.h:41:9)"


def told(log: str, step: str = "link", status: int | None = 1, **given: object) -> Diagnosis:
    return diagnose(step, log, status=status, log_file=LOG, **given)  # type: ignore[arg-type]


def link(*errors: str) -> str:
    return vpp_log(errors=errors)


# Step, what the tool wrote, the kind, and a piece of the line that is the cause.
CASES: list[tuple[str, str, Kind, str]] = [
    ("link", "bash: line 1: v++: command not found\n", "tool missing", "v++: command not found"),
    (
        "csynth_sat_stce",
        "/t/vitis_hls: error while loading shared libraries: libtinfo.so.5: cannot open\n",
        "tool missing",
        "libtinfo.so.5",
    ),
    (
        "link",
        "terminate called after throwing an instance of 'std::runtime_error'\n"
        "  what():  locale::facet::_S_create_c_locale name not valid\n"
        '/t/bin/rdiArgs.sh: line 454: 200895 Aborted (core dumped) "$RDI_PROG" "$@"\n',
        "tool missing",
        "locale::facet",
    ),
    (
        "link",
        link("ERROR: [v++ 60-1299] The specified platform is not supported. Platform 'p.xpfm' "
             "(version 2022.2) is not supported by the current tool version (2024.2)."),
        "version",
        "60-1299",
    ),
    (
        "csynth_sat_stce",
        'invalid command name "open_component"\n    while executing\n'
        'ERROR: invalid command name "open_component"\n',
        "version",
        "open_component",
    ),
    (
        "link",
        vpp_log(errors=["ERROR: [v++ 60-1600] unrecognised option '--freqhz'"]),
        "version",
        "--freqhz",
    ),
    (
        "link",
        link("ERROR: [Common 17-345] A valid license was not found for feature 'Implementation' "
             "and/or device 'xcu250'. Please run the Vivado License Manager."),
        "licence",
        "17-345",
    ),
    (
        "link",
        link("ERROR: [Common 17-69] Command failed: This design contains one or more cells for "
             "which bitstream generation is not permitted:"),
        "licence",
        "not permitted",
    ),
    (
        "link",
        "ERROR: [v++ 60-1258] No valid platform was found that matches 'xilinx_u200'. Please make "
        "sure that the platform is specified correctly. The platform repo paths are:\n"
        "\t/opt/xilinx/platforms\nThe valid platforms found from the above repo paths are:\n"
        "\t/opt/xilinx/platforms/u250/xilinx_u250.xpfm\n\t/p/xilinx_u50.xpfm\n\n"
        "ERROR: [v++ 60-587] Failed to add a platform: specified platform xilinx_u200 is not found "
        "or is not valid\nERROR: [v++ 60-592] Failed to finish compilation\n",
        "platform missing",
        "The platform repo paths are; there are xilinx_u250, xilinx_u50",
    ),
    (
        "csynth_sat_stce",
        "ERROR: [v++ 60-773] In '/w/vitis_hls.log', caught Tcl error: ERROR: [HLS 200-1023] Part "
        "'xcu280-fsvh2892-2L-e' is not installed.\nERROR: [v++ 60-592] Failed to finish\n",
        "part missing",
        "is not installed",
    ),
    (
        "csynth_sat_stce",
        hls_log(errors=["ERROR: [HLS 200-101] Invalid value '/home/a b/out.vitis/hw/sat_stce.xo' "
                        "of export_design -output"]),
        "path refused",
        "/home/a b/out.vitis",
    ),
    (
        "link",
        link("ERROR: [v++ 60-1999] cannot open file \"/home/a b/link.cfg\""),
        "path refused",
        "/home/a b/link.cfg",
    ),
    (
        "csynth_sat_stce",
        hls_log(errors=["ERROR: [HLS 207-3326] invalid operands ('half' and 'int') (/w/a.h:1:2)"]),
        "HLS error",
        "invalid operands",
    ),
    (
        "link",
        link("ERROR: [CFGEN 83-2292] --sp tag applied to an invalid port or argument name: a",
             "ERROR: [SYSTEM_LINK 82-36] [15:42:18] cfgen failed"),
        "connectivity",
        "83-2292",
    ),
    ("link", link("ERROR: [CFGEN 83-2298] Exiting due to previous error"), "connectivity", "2298"),
    ("csynth_sat_stce", hls_log(errors=[UNDECLARED]), "HLS error", "undeclared identifier"),
    (
        "csynth_sat_stce",
        hls_log(errors=[UNDECLARED], launcher=UNIFIED),
        "HLS error",
        "undeclared identifier",
    ),
    (
        "csynth_sat_stce",
        "ERROR: HLS Tcl script does not exist: run.tcl\n",
        "HLS error",
        "does not exist",
    ),
    ("csynth_sat_stce", "ERROR [AP-1] Could not read script 'run.tcl'.\n", "HLS error", "AP-1"),
    (
        "cosim_sat_stce",
        "src/bench.cpp:12:3: error: 'sat_stce' was not declared in this scope\n"
        "make: *** [csim.mk:92: obj/bench.o] Error 1\n"
        "ERROR: [SIM 211-100] 'csim_design' failed: compilation error(s).\n",
        "simulation failed",
        "not declared",
    ),
    ("csynth_sat_stce", hls_log(loops=with_miss()), "II missed", "STEPS has II 2, wanted 1"),
    (
        "cosim_sat_stce",
        cosim_log(
            passed=False,
            errors=["ERROR: [COSIM 212-359] Aborting co-simulation: C TB simulation failed, "
                    "nonzero return value '1'."],
        ),
        "simulation failed",
        "nonzero return value",
    ),
    (
        "cosim_sat_stce",
        cosim_log(
            passed=False,
            errors=["/" * 78, "// ERROR!!! DEADLOCK DETECTED at 2345000 ns! SIMULATION WILL BE "
                    "STOPPED! //", "/" * 78],
        ),
        "simulation failed",
        "DEADLOCK DETECTED at 2345000 ns",
    ),
    (
        "link",
        vpp_log(errors=over_used()),
        "resources over",
        "CLB LUTs: 1,301,244 needed, 1,182,240 available",
    ),
    (
        "link",
        link("ERROR: [Place 30-640] Place Check : This design requires more RAMB36/FIFO cells than "
             "are available in the target device. This design requires 2324 of such cell types but "
             "only 2160 compatible sites are available in the target device."),
        "resources over",
        "RAMB36/FIFO: 2,324 needed, 2,160 available",
    ),
    (
        "link",
        link("ERROR: [VPL 30-487] The packing of instances into the device could not be obeyed."),
        "placement",
        "30-487",
    ),
    ("link", vpp_log(errors=["Phase 2 Global Placement"]), "placement", "place_design ERROR"),
    (
        "link",
        link("CRITICAL WARNING: [Route 35-162] 5774 signals failed to route due to routing "
             "congestion.",
             "ERROR: [Route 35-2] Design is not legally routed. There are 5975 node overlaps."),
        "routing",
        "35-2",
    ),
    (
        "link",
        link("ERROR: [VPL 35-3] Design is not routable as its global congestion level is 7."),
        "routing",
        "congestion level is 7",
    ),
    (
        "link",
        link("ERROR: [VPL 18-1000] Routing results verification failed due to partially-conflicted "
             "nets (Up to first 10 of violated nets): a/b[3]"),
        "routing",
        "partially-conflicted nets",
    ),
    ("link", vpp_log(errors=timing_missed()), "timing", "worst slack -0.883 ns"),
    ("link", vpp_log(errors=timing_missed(number="VPL-4")), "timing", "clk_kernel_00"),
    (
        "link",
        link("ERROR: [VPL 101-2] auto frequency scaling failed: below the minimum frequency"),
        "timing",
        "scaling failed",
    ),
    ("link", link("ERROR: [VPL 60-1] Kernel frequency below minimum"), "timing", "below minimum"),
    (
        "link",
        link("ERROR: [VPL 101-2] design did not meet timing - hold violation, worst slack: -0.043"),
        "hold",
        "hold violation, worst slack: -0.043",
    ),
    (
        "csynth_sat_stce",
        hls_log(errors=["ERROR: [HLS 200-103] Unexpected exception occurred: Out of Memory"]),
        "out of memory",
        "Out of Memory",
    ),
    ("link", link("terminate called: std::bad_alloc"), "out of memory", "bad_alloc"),
    (
        "link",
        link("ERROR: [Common 17-1290] write of 'a.dcp' failed: No space left on device"),
        "disk full",
        "No space left",
    ),
    (
        "link",
        link("ERROR: [Common 17-49] Internal Data Exception: HDDMProto::writeMessage failed"),
        "disk full",
        "writeMessage",
    ),
    (
        "link",
        link('/t/bin/rdiArgs.sh: line 309: 3801495 Killed                  "$RDI_PROG" "$@"'),
        "killed",
        "3801495 Killed",
    ),
    (
        "cosim_sat_stce",
        cosim_log(
            passed=False,
            errors=['// RTL Simulation : 0 / 1 [n/a] @ "155000"',
                    "/w/sim/verilog/AESL_axi_master_a.v: Read request address 4 exceed AXI master "
                    "a array depth: 4"],
        ),
        "simulation failed",
        "exceed AXI master a",
    ),
    (
        "link",
        link("ERROR: [VPL 12-1433] Expecting a non-empty list of cells to be added to the pblock."),
        "unknown",
        "non-empty list",
    ),
]  # fmt: skip

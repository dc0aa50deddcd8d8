# SPDX-License-Identifier: Apache-2.0
"""v++'s link and Vivado below it, as they log: forms of UG1702, and of messages seen in public."""

from __future__ import annotations

from collections.abc import Sequence

from samples_hls import banner, text

U200_PLATFORM = "xilinx_u200_gen3x16_xdma_2_202110_1"


def vpp_log(
    kind: str = "link",
    *,
    errors: Sequence[str] = (),
    notes: Sequence[str] = (),
    failed_at: str = "impl",
    phases: Sequence[str] = ("placement", "routing", "bitstream generation"),
    output: str = "sat.xclbin",
    version: str = "2023.2",
) -> str:
    """The log of `v++ -l` (kind "link"), `v++ -p` ("package") or `v++ -c` ("compile"). With
    `errors` the run stops in Vivado's step `failed_at`, and v++ adds its own errors after them;
    `notes` are lines that do not stop it."""
    lines = [
        *banner("v++", version),
        f"INFO: [v++ 60-1306] Additional information associated with this v++ {kind} can be found "
        "at:",
        "\tReports: /w/_x/reports/link",
        "\tLog files: /w/_x/logs/link",
    ]
    if kind == "link":
        lines += [
            f"INFO: [v++ 60-629] Linking for hardware target; platform: {U200_PLATFORM}",
            "INFO: [v++ 60-1442] [10:00:01] Run run_link: Step system_link: Started",
            "INFO: [v++ 60-1442] [10:01:10] Run run_link: Step vpl: Started",
            "[10:02:00] Run vpl: Step create_project: Completed",
            "[10:20:00] Run vpl: Step synth: Completed",
            "[10:20:00] Run vpl: Step impl: Started",
            *(
                line
                for hour, phase in enumerate(phases, 11)
                for line in (
                    f"[{hour}:05:00] Starting logic {phase}..",
                    f"[{hour}:10:00] Phase 1 Initialization",
                )
            ),
        ]
    lines += notes
    if errors:
        return text([*lines, *errors, *vpl_failed(failed_at)])
    lines += [
        f"INFO: [v++ 60-586] Created {output}",
        "INFO: [v++ 60-791] Total elapsed time: 3h 12m 40s",
        "INFO: [v++ 60-1653] Closing dispatch client.",
    ]
    return text(lines)


def vpl_failed(step: str = "impl", what: str = "place_design") -> list[str]:
    """What v++ writes after the errors of the Vivado run below it."""
    run = "/w/_x/link/vivado/vpl/prj/prj.runs/impl_1/runme.log"
    problem = (
        f"problem implementing dynamic region, impl_1: {what} ERROR, please look at the run log "
        f"file '{run}' for more information"
    )
    return [
        f"ERROR: [VPL 60-773] In '/w/_x/link/vivado/vpl/runme.log', caught Tcl error:  {problem}",
        "WARNING: [VPL 60-732] Link warning: No monitor points found for BD automation.",
        f"ERROR: [VPL 60-704] Integration error, {problem}",
        "ERROR: [VPL 60-1328] Vpl run 'vpl' failed",
        f"[13:10:00] Run vpl: Step {step}: Failed",
        "INFO: [v++ 60-1442] [13:10:05] Run run_link: Step vpl: Failed",
        "ERROR: [v++ 60-661] v++ link run 'run_link' failed",
        "ERROR: [v++ 60-626] Kernel link failed to complete",
        "ERROR: [v++ 60-703] Failed to finish linking",
        "INFO: [v++ 60-1653] Closing dispatch client.",
    ]


def timing_missed(
    slack: float = -0.883, clock: str = "clk_kernel_00_unbuffered_net", number: str = "VPL 101-2"
) -> list[str]:
    """v++'s words for a clock that it can't scale down."""
    return [
        f"ERROR: [{number}] design did not meet timing - Design did not meet timing. One or more "
        "unscalable system clocks did not meet their required target frequency. For all system "
        "clocks, this design is using 0 nanoseconds as the threshold worst negative slack (WNS) "
        "value. List of system clocks with timing failure:",
        f"system clock: {clock}; slack: {slack:.3f} ns",
        "ERROR: [VPL 101-3] sourcing script /w/_x/link/vivado/vpl/scripts/impl_1/"
        "_full_write_bitstream_pre.tcl failed",
    ]


def scaled_clock(wanted_mhz: float, mhz: float, clock: str = "clk_kernel_in") -> str:
    """v++'s words for a clock that it lowered by itself."""
    return (
        "WARNING: [VPL 60-732] Link warning: One or more timing paths failed timing targeting "
        f"{wanted_mhz:g} MHz for kernel clock '{clock}'. The frequency is being automatically "
        f"changed to {mhz:g} MHz to enable proper functionality"
    )


def over_used(
    cells: str = "CLB LUTs", needed: int = 1301244, there: int = 1182240, tool: str = "VPL"
) -> list[str]:
    """The check before placement that finds too much of something."""
    return [
        f"ERROR: [{tool} UTLZ-1] Resource utilization: {cells} over-utilized in Top Level Design "
        f"(This design requires more {cells} cells than are available in the target device. This "
        f"design requires {needed} of such cell types but only {there} compatible sites are "
        "available in the target device. Please analyze your synthesis results and constraints to "
        "ensure the design is mapped to Xilinx primitives as expected.)",
        f"ERROR: [{tool} 4-23] Error(s) found during DRC. Placer not run.",
    ]

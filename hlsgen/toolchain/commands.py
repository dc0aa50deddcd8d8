# SPDX-License-Identifier: Apache-2.0
"""The command lines of the vendor's tools, relative to the folder that they run in (UG1702)."""

from __future__ import annotations

from collections.abc import Sequence

from sat_host.manifest import Target

from .discover import Vitis
from .hls_scripts import CFG_FILE as HLS_CFG
from .hls_scripts import TCL_SCRIPT
from .link import CFG_FILE as LINK_CFG
from .platforms import FoundPlatform

XCLBIN = "sat.xclbin"
LINKED = "sat.link.xclbin"
INFO = f"{LINKED}.info"
EMCONFIG = "emconfig.json"

HLS_LOG = "vitis_hls.log"
TEMP_DIR, LOG_DIR, REPORT_DIR, PACKAGE_DIR = "_x", "logs", "reports", "package"


def hls_tcl(vitis: Vitis) -> tuple[str, ...]:
    """Run the Tcl script of a synthesis or a co-simulation."""
    program, *options = vitis.release.tcl
    log = ("-l", HLS_LOG) if program == "vitis_hls" else ()
    return (vitis.tool(program), *options, TCL_SCRIPT, *log)


def hls_cfg(vitis: Vitis, kernel: str) -> tuple[str, ...]:
    """Synthesise and export by a cfg file; all results go below a folder named as the kernel."""
    v_plus_plus = vitis.tool("v++")
    return (v_plus_plus, "-c", "--mode", "hls", "--config", HLS_CFG, "--work_dir", kernel)


def link(
    vitis: Vitis,
    platform: FoundPlatform,
    target: Target,
    clock_mhz: int,
    objects: Sequence[str],
) -> tuple[str, ...]:
    """Join the kernels to the platform: synthesis, placement and routing, or an emulation model.

    clock_mhz: of the platform's scalable kernel clock 0, which drives all kernels (UG1700,
    Identifying Platform Clocks).
    """
    return (
        *(vitis.tool("v++"), "-l", "-t", target, "--platform", platform.argument),
        *("--config", LINK_CFG, "--kernel_frequency", str(clock_mhz), "--save-temps"),
        *("--temp_dir", TEMP_DIR, "--log_dir", LOG_DIR, "--report_dir", REPORT_DIR),
        *("-o", LINKED, *objects),
    )


def emconfig(vitis: Vitis, platform: FoundPlatform) -> tuple[str, ...]:
    """Describe the emulated machine: one card of the platform."""
    tool = vitis.tool("emconfigutil")
    return (tool, "--platform", platform.argument, "--nd", "1", "--od", ".")


def package(vitis: Vitis, platform: FoundPlatform, target: Target) -> tuple[str, ...]:
    """Make the linked file the one that is loaded, as AMD's Vitis_Accel_Examples do."""
    return (
        *(vitis.tool("v++"), "-p", LINKED, "-t", target, "--platform", platform.argument),
        *("--package.out_dir", PACKAGE_DIR, "-o", XCLBIN),
    )

# SPDX-License-Identifier: Apache-2.0
"""What the vendor's documents allow: the one table that stand-in tools and tests go by.

Every row has its source. An option, Tcl call or cfg key without a row is refused by the stand-ins,
so nothing that we emit can be undocumented; a row that we never emit is refused by a test. Patterns
must match a whole value.

Sources: UG1702 Vitis Reference Guide, UG1399 Vitis HLS User Guide, UG1393 Application Acceleration
Development, UG1700 Data Center Acceleration; AEX is AMD's Vitis_Accel_Examples, EX its
Vitis-HLS-Introductory-Examples, LOG and BLD public logs and build trees of the tools.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FIRST, LAST = "2020.2", "2026.1"

PATH = r"[\w./+-]+"
NAME = r"[A-Za-z_]\w*"
NUMBER = r"\d+(\.\d+)?"
COUNT = r"[1-9]\d*"
PART = r"xc[\w]+-\w+-\w+(-\w+)?"
FLAGS = r"((-I[\w./-]+|-D\w+(=\w+)?|-std=c\+\+(11|14|17))( |$))+"
PLATFORM = rf"{NAME}|{PATH}\.xpfm"
MEMORY = r"(DDR|HBM|PLRAM|HOST)\[\d+(:\d+)?\]"
TARGET = r"hw|hw_emu"


@dataclass(frozen=True)
class Option:
    """Of a command line. value: pattern, None for an option without one. tool: as in MODES.

    needed: whether a stand-in refuses a command line without it. Some have a default, which would
    be another target, folder or card than the rest of the build is for.
    """

    tool: str
    name: str
    value: str | None
    source: str
    needed: bool = False
    since: str = FIRST
    until: str = LAST


@dataclass(frozen=True)
class Inputs:
    """What stands without an option on a command line: so many files of one kind."""

    pattern: str
    least: int
    most: int


@dataclass(frozen=True)
class Call:
    """A Tcl command. options: {name: pattern or None}; words: patterns of the others, in order, all
    needed. after: what must be there before it, of STATES."""

    name: str
    source: str
    options: dict[str, str | None] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    after: str = ""
    since: str = FIRST
    until: str = LAST


@dataclass(frozen=True)
class Key:
    """A cfg line. section: "" for what stands before the first. often: may be repeated."""

    kind: str
    section: str
    name: str
    value: str
    source: str
    often: bool = False
    since: str = FIRST
    until: str = LAST


STATES = {"project": "an open project", "solution": "an open solution",
          "synthesis": "a synthesised design"}  # fmt: skip
"""What a Tcl script gets to, in order, and in words. open_component opens the first two at once."""

MODES = {
    "v++ hls": Inputs("", 0, 0),
    "v++ link": Inputs(rf"{PATH}\.xo", 1, 31),
    "v++ package": Inputs(rf"{PATH}\.xclbin", 1, 1),
    "v++": Inputs("", 0, 0),
    "vitis_hls": Inputs("", 0, 0),
    "vitis-run": Inputs("", 0, 0),
    "emconfigutil": Inputs("", 0, 0),
}

_UG1702 = "UG1702 v++ command"
_HLS = "UG1702 v++ mode hls; EX run_vitis_commandline.sh"
_RUN = "UG1702 vitis-run command; EX Migration/README.md"
_AEX = "AEX makefile_us_alveo.mk"
_EMU = "AEX makefile_us_alveo.mk (emconfigutil)"

OPTIONS = (
    Option("v++", "--version", None, _UG1702),
    Option("v++ hls", "-c", None, _HLS, True, since="2023.2"),
    Option("v++ hls", "--mode", "hls", _HLS, True, since="2023.2"),
    Option("v++ hls", "--config", PATH, _HLS, True, since="2023.2"),
    Option("v++ hls", "--work_dir", PATH, _HLS, True, since="2023.2"),
    Option("v++ link", "-l", None, _UG1702, True),
    Option("v++ link", "-t", TARGET, _UG1702, True),
    Option("v++ link", "--platform", PLATFORM, _UG1702, True),
    Option("v++ link", "--config", PATH, _UG1702, True),
    Option("v++ link", "--kernel_frequency", COUNT, "UG1700 Identifying Platform Clocks; UG1702"),
    Option("v++ link", "--save-temps", None, _UG1702),
    Option("v++ link", "--temp_dir", PATH, _UG1702),
    Option("v++ link", "--log_dir", PATH, _UG1702),
    Option("v++ link", "--report_dir", PATH, _UG1702),
    Option("v++ link", "-o", rf"{PATH}\.xclbin", _UG1702, True),
    Option("v++ package", "-p", None, _AEX, True),
    Option("v++ package", "-t", TARGET, _AEX, True),
    Option("v++ package", "--platform", PLATFORM, _AEX, True),
    Option("v++ package", "--package.out_dir", PATH, _AEX, True),
    Option("v++ package", "-o", rf"{PATH}\.xclbin", _AEX, True),
    # The binary is not documented after 2024.2, where it warns (LOG).
    Option("vitis_hls", "-f", PATH, "UG1399 vitis_hls command; LOG", True, until="2024.2"),
    Option("vitis_hls", "-l", PATH, "UG1399 vitis_hls command", until="2024.2"),
    Option("vitis-run", "--mode", "hls", _RUN, True, since="2023.2"),
    Option("vitis-run", "--tcl", PATH, _RUN, True, since="2023.2"),
    Option("emconfigutil", "--platform", PLATFORM, _EMU, True),
    Option("emconfigutil", "--nd", COUNT, _EMU),
    Option("emconfigutil", "--od", PATH, _EMU),
)

FASTEST_CLOCK_MHZ = 500
"""Of the scalable clocks of Alveo platforms (UG1702, Clock Information of platforminfo)."""

VENDOR_HEADERS = frozenset({"ap_int.h", "hls_stream.h", "hls_vector.h"})
"""That the tool brings (UG1399, HLS libraries), beside those of standard C++."""

_TCL = "UG1399 Tcl commands"

CALLS = (
    Call("open_project", _TCL, {"-reset": None}, (NAME,), until="2024.2"),
    Call("open_solution", _TCL, {"-reset": None, "-flow_target": "vitis|vivado"}, (NAME,),
         "project", until="2024.2"),
    Call("open_component", "EX Migration/README.md (2024.2 and later)",
         {"-reset": None, "-flow_target": "vitis|vivado"}, (NAME,), since="2024.2"),
    Call("add_files", _TCL, {"-tb": None, "-cflags": FLAGS}, (PATH,), "project"),
    Call("set_top", _TCL, {}, (NAME,), "project"),
    Call("set_part", _TCL, {}, (PART,), "solution"),
    Call("create_clock", _TCL, {"-period": NUMBER, "-name": NAME}, after="solution"),
    Call("config_dataflow", "UG1399 Dataflow Checking (2020.2 and later)",
         {"-strict_mode": "off|error|warning"}, after="solution"),
    # The manual has only the cfg key, and no release that was the first: a script must do without.
    Call("config_compile", "AMD's Vitis_Libraries (run_hls.tcl)", {"-pragma_strict_mode": None},
         after="solution"),
    Call("csynth_design", _TCL, after="solution"),
    Call("cosim_design", _TCL, {"-trace_level": "none|all|port|port_hier"}, after="synthesis"),
    Call("export_design", _TCL, {"-format": "ip_catalog|xo|syn_dcp|sysgen|rtl", "-output": PATH},
         after="synthesis"),
)  # fmt: skip

_CFG = "UG1702 v++ mode hls; EX hls_config.cfg"
_SYN = "UG1702 v++ mode hls, compile and dataflow configuration"
_CONNECT = "UG1702 --connectivity options"
_VIVADO = "UG1702 --vivado options"
_STEP = r"run\.impl_1\.STEPS\."

KEYS = (
    Key("hls", "", "part", PART, _CFG, since="2023.2"),
    Key("hls", "hls", "flow_target", "vitis|vivado", _CFG, since="2023.2", until="2025.2"),
    Key("hls", "hls", "syn.interface.default_axi", "1", "UG1702 2026.1 v++ mode hls",
        since="2026.1"),
    Key("hls", "hls", "clock", rf"{NUMBER}(MHz|ns)?", _CFG, since="2023.2"),
    Key("hls", "hls", "syn.file", PATH, _CFG, often=True, since="2023.2"),
    Key("hls", "hls", "syn.top", NAME, _CFG, since="2023.2"),
    Key("hls", "hls", "syn.cflags", FLAGS, _CFG, since="2023.2"),
    Key("hls", "hls", "syn.dataflow.strict_mode", "error|warning|off", _SYN, since="2023.2"),
    Key("hls", "hls", "syn.compile.pragma_strict_mode", "0|1", _SYN, since="2023.2"),
    Key("hls", "hls", "package.output.format", "ip_catalog|xo|syn_dcp|sysgen|rtl",
        "UG1702 Package Options", since="2024.1"),
    Key("hls", "hls", "package.output.syn", "true|false|0|1", "UG1702 Package Options",
        since="2024.1"),
    Key("link", "connectivity", "nk", rf"{NAME}:{COUNT}:{NAME}([.,]{NAME})*", _CONNECT, True),
    Key("link", "connectivity", "sp", rf"{NAME}\.{NAME}:{MEMORY}", _CONNECT, True),
    Key("link", "connectivity", "slr", rf"{NAME}:SLR\d",
        "UG1393 Assigning Compute Units to SLRs; UG1700", True),
    Key("link", "vivado", "impl.jobs", COUNT, _VIVADO),
    Key("link", "vivado", "synth.jobs", COUNT, _VIVADO),
    Key("link", "vivado", "prop", rf"{_STEP}(PLACE|ROUTE)_DESIGN\.ARGS\.DIRECTIVE=Explore",
        _VIVADO, True),
    Key("link", "vivado", "prop", rf"{_STEP}PHYS_OPT_DESIGN\.IS_ENABLED=true", _VIVADO, True),
)  # fmt: skip

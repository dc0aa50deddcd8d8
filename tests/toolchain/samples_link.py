# SPDX-License-Identifier: Apache-2.0
"""The link's reports: Vivado's timing and utilisation (UG906), v++'s utilisation by compute unit
and xclbin.info (UG1702)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from samples_hls import U200_TOTAL, text
from samples_vpp import U200_PLATFORM

from hlsgen.resources import Resources

WORST = (
    "level0_i/ulp/sat_stce_1/inst/row_unit_7_U0/grp_step_fu_120/fadd_U31/sum_reg[22]/C",
    "level0_i/ulp/sat_stce_1/inst/row_unit_8_U0/regslice/data_reg[5]/D",
)


def timing_summary(
    wns: float = 0.012,
    path: tuple[str, str] | None = WORST,
    *,
    tns: float | None = None,
    whs: float = 0.010,
    clock: str = "clk_kernel_00_unbuffered_net",
    period_ns: float = 5.0,
) -> str:
    """Vivado's timing summary; path: source and destination pin of the worst setup path."""
    total = (2.5 * min(wns, 0.0)) if tns is None else tns
    rule = "-" * 96
    lines = [
        "Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.",
        rule,
        "| Tool Version : Vivado v.2023.2 (lin64)",
        "| Command      : report_timing_summary -file timing_summary_routed.rpt",
        rule,
        "",
        "Timing Summary Report",
        "",
        rule,
        "| Design Timing Summary",
        "| ---------------------",
        rule,
        "",
        "    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      "
        "THS(ns)  THS Failing Endpoints  THS Total Endpoints     WPWS(ns)     TPWS(ns)  ",
        "    -------      -------  ---------------------  -------------------      -------      "
        "-------  ---------------------  -------------------     --------     --------  ",
        f"    {wns:7.3f}      {total:7.3f}  {12 if wns < 0 else 0:21d}  {1700123:19d}      "
        f"{whs:7.3f}      {min(whs, 0.0):7.3f}  {3 if whs < 0 else 0:21d}  {1700123:19d}      "
        "  0.000        0.000  ",
        "",
        "",
        "All user specified timing constraints are met."
        if wns >= 0 and whs >= 0
        else "Timing constraints are not met.",
        "",
    ]
    if path is not None:
        lines += [
            *_path(whs, ("a/b_reg/C", "a/c_reg/D"), clock, period_ns, "Hold (Min at Fast"),
            *_path(wns + 0.020, (path[1], path[0]), "hbm_aclk", period_ns, "Setup (Max at Slow"),
            *_path(wns, path, clock, period_ns, "Setup (Max at Slow"),
        ]
    return text(lines)


def utilisation(
    used: Resources = Resources(lut=412345, ff=640001, dsp=3120, bram36=431.5, uram=64),  # noqa: B008
    available: Resources = U200_TOTAL,
    *,
    prohibited: bool = True,
) -> str:
    """Vivado's utilisation of the device, `impl_1_full_util_routed.rpt`; versions before 2021
    lack the column Prohibited."""
    columns = ["Used", "Fixed", *(["Prohibited"] if prohibited else []), "Available", "Util%"]

    def table(title: str, rows: Sequence[tuple[str, float, float]]) -> list[str]:
        header = "| " + " | ".join(["Site Type".center(26), *columns]) + " |"
        rule = "+" + "-" * (len(header) - 2) + "+"
        body = []
        for name, count, there in rows:
            cells = [f"{_count(count)}", "0", *(["0"] if prohibited else []), f"{_count(there)}"]
            share = "<0.01" if 0 < count < 1e-4 * there else f"{100 * count / there:.2f}"
            body.append("| " + " | ".join([name.ljust(26), *cells, share]) + " |")
        return ["", title, "-" * len(title), "", rule, header, rule, *body, rule]

    return text(
        [
            "Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.",
            "| Device       : xcu200-fsgd2104-2-e",
            "| Design State : Routed",
            *table(
                "1. CLB Logic",
                [
                    ("CLB LUTs", used.lut, available.lut),
                    ("  LUT as Logic", used.lut - 1000, available.lut),
                    ("  LUT as Memory", 1000, 591840),
                    ("CLB Registers", used.ff, available.ff),
                ],
            ),
            *table(
                "3. BLOCKRAM",
                [
                    ("Block RAM Tile", used.bram36, available.bram36),
                    ("  RAMB36/FIFO*", int(used.bram36), available.bram36),
                    ("URAM", used.uram, available.uram),
                ],
            ),
            *table("4. ARITHMETIC", [("DSPs", used.dsp, available.dsp)]),
        ]
    )


def slr_utilisation(slrs: Mapping[str, Resources]) -> str:
    """Vivado's utilisation by SLR, `impl_1_slr_util_routed.rpt`."""
    names = list(slrs)
    header = "| Site Type | " + " | ".join([*names, *(f"{name} %" for name in names)]) + " |"
    rule = "+" + "-" * (len(header) - 2) + "+"
    rows = []
    for title, field in (
        ("CLB LUTs", "lut"),
        ("CLB Registers", "ff"),
        ("Block RAM Tile", "bram36"),
        ("URAM", "uram"),
        ("DSPs", "dsp"),
    ):
        counts = [f"{_count(getattr(slrs[name], field))}" for name in names]
        rows.append("| " + " | ".join([title, *counts, *("1.00" for _ in names)]) + " |")
    return text(["5. SLR CLB Logic and Dedicated Block Utilization", rule, header, rule, *rows])


def kernel_utilisation(units: Mapping[str, Resources], platform: Resources | None = None) -> str:
    """v++'s utilisation by compute unit, `impl_1_kernel_util_routed.rpt`. A unit is named after
    its kernel with a number, "sat_stce_1"."""

    def row(name: str, area: Resources) -> str:
        cells = (area.lut, area.lut // 10, area.ff, area.bram36, area.uram, area.dsp)
        return (
            "| "
            + " | ".join([name.ljust(22), *(f"{_count(n):>8} [  1.00%]" for n in cells)])
            + " |"
        )

    columns = ("LUT", "LUTAsMem", "REG", "BRAM", "URAM", "DSP")
    header = "| " + " | ".join(["Name".ljust(22), *(name.ljust(18) for name in columns)]) + " |"
    rule = "+" + "-" * (len(header) - 2) + "+"
    used = sum(units.values(), Resources())
    shell = Resources(lut=140000, ff=230000, dsp=10, bram36=300) if platform is None else platform
    rows = [
        row("Platform", shell),
        row("User Budget", Resources(1042240, 2134480, 6830, 1860, 960)),
        row("   Used Resources", used),
        row("   Unused Resources", Resources(630000, 1490000, 3700, 1400, 890)),
    ]
    for unit, area in units.items():
        rows += [row(unit.rpartition("_")[0], area), row(f"   {unit}", area)]
    return text(["1. System Utilization", "---", "", rule, header, rule, *rows, rule])


def xclbin_info(
    *,
    platform: str = U200_PLATFORM,
    requested_mhz: float = 200.0,
    achieved_mhz: float = 200.0,
    memories: Sequence[str] = ("DDR[0]", "DDR[1]", "DDR[2]", "DDR[3]"),
    kernels: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    version: str = "2023.2",
    content: str = "Bitstream",
    uuid: str = "0d3c9a52-6f0e-4f5b-8f6d-2b8a3f0c71aa",
    interface_uuid: str = "15fb8da1f552a9d9842367d89c12b78e",
) -> str:
    """`X.xclbin.info`. kernels: by name, each with its arguments as (name, memory tag or "")."""
    units = kernels or {
        "sat_stce": (("count", ""), ("commands", "DDR[0]"), ("a", "DDR[0]")),
        "sat_wuve": (("commands", "DDR[0]"), ("dw", "DDR[1]")),
    }
    double = "=" * 78
    lines = [
        double,
        f"XRT Build Version: 2.16.204 ({version})",
        double,
        "xclbin Information",
        "------------------",
        f"   Generated by:           v++ ({version}) on 2023-10-11-15:42:10",
        "   Version:                2.16.204",
        f"   Kernels:                {', '.join(units)}",
        "   Signature:              ",
        f"   Content:                {content}",
        f"   UUID (xclbin):          {uuid}",
        f"   UUID (IINTF):           {interface_uuid}",
        "   Sections:               BITSTREAM, MEM_TOPOLOGY, IP_LAYOUT, ",
        "                           CONNECTIVITY, CLOCK_FREQ_TOPOLOGY",
        double,
        "Hardware Platform (Shell) Information",
        "-------------------------------------",
        "   Vendor:                 xilinx",
        f"   Platform VBNV:          {platform}",
        "   Static UUID:            15fb8da1-f552-a9d9-8423-67d89c12b78e",
        "",
        "Scalable Clocks",
        "---------------",
        "   Name:      DATA_CLK",
        "   Index:     0",
        "   Type:      DATA",
        f"   Frequency: {achieved_mhz:g} MHz",
        "",
        "System Clocks",
        "------",
        "   Name:           ulp_ucs_clk_kernel ",
        "   Type:           SCALABLE ",
        "   Default Freq:   300 MHz",
        f"   Requested Freq: {requested_mhz:g} MHz",
        f"   Achieved Freq:  {achieved_mhz:g} MHz",
        "",
        "   Name:           _bd_top_blp_s_aclk_ctrl_00 ",
        "   Type:           FIXED ",
        "   Default Freq:   50 MHz",
        "",
        "Memory Configuration",
        "--------------------",
    ]
    used = {memory for arguments in units.values() for _, memory in arguments if memory}
    for index, tag in enumerate(memories):
        lines += [
            f"   Name:         {tag}",
            f"   Index:        {index}",
            f"   Type:         {'MEM_HBM' if tag.startswith('HBM') else 'MEM_DDR4'}",
            f"   Base Address: {0x4000000000 + index * 0x1000000000:#x}",
            "   Address Size: 0x400000000",
            f"   Bank Used:    {'Yes' if tag in used else 'No'}",
            "",
        ]
    for kernel, arguments in units.items():
        lines += _info_kernel(kernel, arguments, double)
    return text(
        [
            *lines,
            double,
            "Generated By",
            "------------",
            "   Command:       v++",
            f"   Version:       {version} - 2023-10-11-15:42:10 (SW BUILD: 4026344)",
            "   Command Line:  v++ --config link.cfg --link --target hw ",
            "   Options:       --config link.cfg",
            double,
        ]
    )


def _path(
    slack: float, pins: tuple[str, str], clock: str, period_ns: float, kind: str
) -> list[str]:
    cell = f"(rising edge-triggered cell FDRE clocked by {clock}  {{rise@0.000ns}})"
    return [
        "",
        f"Slack ({'MET' if slack >= 0 else 'VIOLATED'}) :        {slack:.3f}ns  "
        "(required time - arrival time)",
        f"  Source:                 {pins[0]}",
        f"                            {cell}",
        f"  Destination:            {pins[1]}",
        f"                            {cell}",
        f"  Path Group:             {clock}",
        f"  Path Type:              {kind} Process Corner)",
        f"  Requirement:            {period_ns:.3f}ns  ({clock} rise@{period_ns:.3f}ns)",
        f"  Data Path Delay:        {period_ns - slack:.3f}ns  (logic 1.100ns  route 3.800ns)",
        "  Logic Levels:           6  (CARRY8=2 LUT4=1 LUT6=3)",
    ]


def _info_kernel(kernel: str, arguments: Sequence[tuple[str, str]], double: str) -> list[str]:
    types = ", ".join(f"{'void*' if memory else 'int'} {name}" for name, memory in arguments)
    lines = [
        double,
        f"Kernel: {kernel}",
        "",
        "Definition",
        "----------",
        f"   Signature: {kernel} ({types})",
        "",
        "Ports",
        "-----",
        "   Port:          M_AXI_A",
        "   Mode:          master",
        "   Data Width:    512 bits",
        "",
        "--------------------------",
        f"Instance:        {kernel}_1",
        "   Base Address: 0x1400000",
        "",
    ]
    for number, (name, memory) in enumerate(arguments):
        lines += [
            f"   Argument:          {name}",
            f"   Register Offset:   {0x10 + 12 * number:#x}",
            f"   Port:              {'M_AXI_' + name.upper() if memory else 'S_AXI_CONTROL'}",
            f"   Memory:            {memory + ' (MEM_DDR4)' if memory else '<not applicable>'}",
            "",
        ]
    return lines


def _count(number: float) -> str:
    """As Vivado writes it: a half block RAM as .5, never an exponent."""
    return f"{number:.1f}".removesuffix(".0")

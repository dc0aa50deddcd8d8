# SPDX-License-Identifier: Apache-2.0
"""C synthesis as the vendor's tools log and report it, in forms of UG1399 and UG1448."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hlsgen.resources import Resources

U200 = "xcu200-fsgd2104-2-e"
U200_TOTAL = Resources(lut=1182240, ff=2364480, dsp=6840, bram36=2160, uram=960)
CLASSIC, UNIFIED = "classic", "unified"  # vitis_hls; v++ --mode hls and vitis-run
SECONDS = "CPU user time: 1.5 seconds. CPU system time: 0.2 seconds. Elapsed time: 1.8 seconds"


@dataclass(frozen=True)
class SampleLoop:
    """A loop of a csynth report and log; wanted None: no II was asked for."""

    name: str
    ii: int = 1
    wanted: int | None = 1
    depth: int = 12
    trips: int | None = 64
    module: str = "row_unit"
    reason: str = ""


LOOPS = (
    SampleLoop("STEPS", module="row_unit", depth=18, trips=None),
    SampleLoop("FETCH", module="fetch_words", depth=74),
)
CARRIED = (
    "Unable to enforce a carried dependence constraint (II = 1, distance = 1, offset = 1) between "
    "'store' operation and 'load' operation on array 'acc'."
)


def csynth_xml(
    top: str = "sat_stce",
    part: str = U200,
    clock_ns: float = 5.0,
    loops: Sequence[SampleLoop] = LOOPS,
    resources: Resources = Resources(lut=210000, ff=305000, dsp=3100, bram36=212.5, uram=64),  # noqa: B008
    *,
    modules: Mapping[str, Resources] | None = None,
    instances: Mapping[str, int] | None = None,
    available: Resources | None = U200_TOTAL,
    latency: int | None = None,
    estimated_ns: float | None = 3.65,
    version: str = "2023.2",
    unknown: str = "undef",
    dsp_tag: str = "DSP",
    ignored: Sequence[tuple[str, str, str]] = (),
) -> str:
    """`<top>_csynth.xml`. unknown: what stands for a count the tool can't tell; ignored: pragmas
    as (type, location, options);
    instances: how many of a module the design holds."""
    cycles = unknown if latency is None else str(latency)
    by_module = dict.fromkeys((loop.module for loop in loops), Resources(lut=900, ff=1200, dsp=3))
    by_module |= dict(modules or {})
    return "\n".join(
        [
            "<profile>",
            f"<ReportVersion><Version>{version}</Version></ReportVersion>",
            "<UserAssignments><unit>ns</unit><ProductFamily>virtexuplus</ProductFamily>",
            f"<Part>{part}</Part><TopModelName>{top}</TopModelName>",
            f"<TargetClockPeriod>{clock_ns:.2f}</TargetClockPeriod>",
            f"<ClockUncertainty>{0.27 * clock_ns:.2f}</ClockUncertainty>",
            "<FlowTarget>vitis</FlowTarget></UserAssignments>",
            "<PerformanceEstimates><PipelineType>dataflow</PipelineType>",
            "<SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>"
            f"{unknown if estimated_ns is None else estimated_ns}</EstimatedClockPeriod>",
            "</SummaryOfTimingAnalysis>",
            "<SummaryOfOverallLatency><unit>clock cycles</unit>",
            f"<Best-caseLatency>{cycles}</Best-caseLatency>",
            f"<Average-caseLatency>{cycles}</Average-caseLatency>",
            f"<Worst-caseLatency>{cycles}</Worst-caseLatency>",
            f"<Interval-min>{cycles}</Interval-min><Interval-max>{cycles}</Interval-max>",
            "</SummaryOfOverallLatency></PerformanceEstimates>",
            "<AreaEstimates>",
            _xml_resources("Resources", resources, dsp_tag),
            "" if available is None else _xml_resources("AvailableResources", available, dsp_tag),
            "</AreaEstimates>",
            "<RTLDesignHierarchy><TopModule><InstancesList>",
            *(
                f"<Instance><InstName>{name}_U{number}</InstName><ModuleName>{name}</ModuleName>"
                "</Instance>"
                for name, count in (instances or {}).items()
                for number in range(count)
            ),
            "</InstancesList></TopModule></RTLDesignHierarchy>",
            "<ModuleInformation>",
            *(_xml_module(name, area, loops, unknown) for name, area in by_module.items()),
            "</ModuleInformation>",
            "<PragmaReport>",
            '<Pragma type="pipeline" location="row_unit.h:210" status="valid" options="II=1"/>',
            *(
                f'<Pragma type="{kind}" location="{place}" status="warning" options="{options}"/>'
                for kind, place, options in ignored
            ),
            "</PragmaReport>",
            "</profile>\n",
        ]
    )


def hls_log(
    top: str = "sat_stce",
    part: str = U200,
    loops: Sequence[SampleLoop] = LOOPS,
    *,
    launcher: str = CLASSIC,
    version: str = "2023.2",
    period_ns: float = 5.0,
    errors: Sequence[str] = (),
) -> str:
    """The log of a C synthesis; with `errors`, which stand where the source is analysed, it ends
    there. v++ repeats the tool's messages under its own name, and lists what it was called with."""
    tool = "HLS" if launcher == CLASSIC else "v++"
    lines = list(banner("Vitis HLS" if launcher == CLASSIC else "v++", version))
    if launcher == CLASSIC:
        lines += [
            f"Sourcing Tcl script 'csynth_{top}.tcl'",
            "INFO: [HLS 200-1510] Running: open_project -reset project ",
            f"INFO: [HLS 200-1510] Running: set_top {top} ",
            f"INFO: [HLS 200-1510] Running: set_part {part} ",
        ]
    lines += [
        f"INFO: [{tool} 200-1611] Setting target device to '{part}'",
        f"INFO: [SYN 201-201] Setting up clock 'default' with a period of {period_ns:g}ns.",
        "INFO: [HLS 200-1510] Running: csynth_design ",
        f"INFO: [{tool} 200-111] Finished File checks and directory preparation: {SECONDS}; "
        "current allocated memory: 1.070 GB.",
        f"INFO: [{tool} 200-10] Analyzing design file 'src/{top}.cpp' ... ",
        "WARNING: [HLS 207-5292] unused parameter 'flags' (src/fetch.h:40:30)",
    ]
    if errors:
        return text([*lines, *errors, *hls_failed(launcher)])
    lines += [
        f"INFO: [{tool} 200-111] Finished Source Code Analysis and Preprocessing: {SECONDS}; "
        "current allocated memory: 1.084 GB.",
        "INFO: [HLS 200-777] Using interface defaults for 'Vitis' flow target.",
        f"INFO: [{tool} 200-10] Starting hardware synthesis ...",
    ]
    for loop in loops:
        lines += _scheduled(loop, tool)
    met = all(loop.wanted is None or loop.ii <= loop.wanted for loop in loops)
    lines += [
        f"INFO: [{tool} 200-789] **** Estimated Fmax: 274.12 MHz",
        f"INFO: [{tool} 200-790] **** Loop Constraint Status: All loop constraints were "
        f"{'' if met else 'NOT '}satisfied.",
        "INFO: [HLS 200-2161] Finished Command csynth_design Elapsed time: 00:06:12; Allocated "
        "memory: 2.1 GB.",
        "INFO: [HLS 200-1510] Running: export_design -format xo -output kernel.xo ",
        f"INFO: [HLS 200-802] Generated output file {top}.xo",
    ]
    if launcher == UNIFIED:
        lines.append("INFO: [v++ 60-791] Total elapsed time: 0h 6m 40s")
    return text(lines)


def hls_failed(launcher: str = CLASSIC) -> list[str]:
    """What follows the errors of a C synthesis that stops."""
    lines = [
        "ERROR: [HLS 200-1715] Encountered problem during source synthesis",
        "INFO: [HLS 200-2161] Finished Command csynth_design Elapsed time: 00:00:55; Allocated "
        "memory: 0.4 GB.",
        "ERROR: [HLS 200-70] Pre-synthesis failed.",
    ]
    if launcher == UNIFIED:
        lines += [
            "ERROR: [v++ 60-300] Failed to build kernel(ip) sat_stce, see log for details: "
            "/w/_x/sat_stce/vitis_hls.log",
            "ERROR: [v++ 60-773] In '/w/_x/sat_stce/vitis_hls.log', caught Tcl error: ERROR: "
            "[HLS 200-70] Pre-synthesis failed.",
            "ERROR: [v++ 60-592] Failed to finish compilation",
        ]
    return lines


def cosim_log(*, passed: bool = True, errors: Sequence[str] = (), version: str = "2023.2") -> str:
    """The log of a co-simulation."""
    verdict = "PASS" if passed else "FAIL"
    return text(
        [
            *banner("Vitis HLS", version),
            "INFO: [HLS 200-1510] Running: cosim_design -trace_level none ",
            "INFO: [COSIM 212-47] Using XSIM for RTL simulation.",
            "INFO: [COSIM 212-14] Instrumenting C test bench ...",
            *errors,
            f"{'INFO' if passed else 'ERROR'}: [COSIM 212-{'1000' if passed else '4'}] *** C/RTL "
            f"co-simulation finished: {verdict} ***",
        ]
    )


def with_miss(loop: SampleLoop = LOOPS[0], ii: int = 2) -> tuple[SampleLoop, ...]:
    """LOOPS, with one that does not reach its II."""
    return (replace(loop, ii=ii, reason=CARRIED), *LOOPS[1:])


def banner(tool: str, version: str) -> list[str]:
    return [
        "",
        f"****** {tool} v{version} (64-bit)",
        "  **** SW Build 4023990 on Oct 11 2023",
        "    ** Copyright 1986-2023 Advanced Micro Devices, Inc. All Rights Reserved.",
        "",
    ]


def text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _scheduled(loop: SampleLoop, tool: str) -> list[str]:
    schedule = "SCHED" if tool == "HLS" else tool
    lines = [
        f"INFO: [{tool} 200-10] ----------------------------------------------------------------",
        f"INFO: [{tool} 200-42] -- Implementing module '{loop.module}' ",
        f"INFO: [{schedule} 204-11] Starting scheduling ...",
        f"INFO: [{schedule} 204-61] Pipelining loop '{loop.name}'.",
    ]
    if loop.wanted is not None and loop.ii > loop.wanted:
        lines += [
            f"WARNING: [{tool} 200-880] The II Violation in module '{loop.module}' "
            f"(loop '{loop.name}'): {loop.reason or CARRIED}",
            "Resolution: For help on HLS 200-880 see www.xilinx.com/cgi-bin/docs/rdoc?d=200-880",
        ]
    wanted = "NA" if loop.wanted is None else loop.wanted
    return [
        *lines,
        f"INFO: [{tool} 200-1470] Pipelining result : Target II = {wanted}, Final II = {loop.ii}, "
        f"Depth = {loop.depth}, loop '{loop.name}'",
        "INFO: [SCHED 204-11] Finished scheduling.",
    ]


def _xml_resources(tag: str, area: Resources, dsp_tag: str) -> str:
    counts = {
        "BRAM_18K": int(2 * area.bram36),
        dsp_tag: area.dsp,
        "FF": area.ff,
        "LUT": area.lut,
        "URAM": area.uram,
    }
    body = "".join(f"<{name}>{count}</{name}>" for name, count in counts.items())
    return f"<{tag}>{body}</{tag}>"


def _xml_module(name: str, area: Resources, loops: Sequence[SampleLoop], unknown: str) -> str:
    inside = "".join(
        f"<{loop.name}><Name>{loop.name}</Name><Slack>2.43</Slack>"
        f"<TripCount>{unknown if loop.trips is None else loop.trips}</TripCount>"
        f"<Latency>{unknown}</Latency><PipelineII>{loop.ii}</PipelineII>"
        f"<PipelineDepth>{loop.depth}</PipelineDepth><PipelineType>yes</PipelineType>"
        f"<InstanceList/></{loop.name}>"
        for loop in loops
        if loop.module == name
    )
    return (
        f"<Module><Name>{name}</Name><PerformanceEstimates><SummaryOfOverallLatency>"
        f"<Worst-caseLatency>{unknown}</Worst-caseLatency>"
        f"<PipelineInitiationInterval>{unknown}</PipelineInitiationInterval>"
        f"</SummaryOfOverallLatency><SummaryOfLoopLatency>{inside}</SummaryOfLoopLatency>"
        f"</PerformanceEstimates><AreaEstimates>{_xml_resources('Resources', area, 'DSP')}"
        "</AreaEstimates></Module>"
    )

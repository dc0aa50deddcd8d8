# SPDX-License-Identifier: Apache-2.0
"""The calls of the vendor's tools that turn a rendered project into an xclbin, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sat_host.kernels import KERNELS
from sat_host.manifest import TARGETS, Target

from ..errors import InputError
from ..project import BANNER, Project
from . import commands, hls_scripts
from .discover import Vitis
from .hls_scripts import HlsJob
from .link import CFG_FILE, link_cfg
from .platforms import FoundPlatform
from .steps import StepInput, ToolStep

_ASSUMED = "assumed, not measured"
_HLS_NOTE = "one core"
_SMALL_NOTE = "little"
_COSIM_PASSED = "C/RTL co-simulation finished: PASS"  # [COSIM 212-1000], as public logs have it
_HLS_REPORTS = ("**/syn/report/csynth.xml", "**/syn/report/csynth.rpt")
_LINK_REPORTS = (
    *("*.xclbin.info", "*.link_summary", "**/*_timing_summary*.rpt", "**/dr_timing_summary.rpt"),
    *("**/*_util_*.rpt", "**/system_estimate_*.xtxt", "**/automation_summary*.txt"),
)
_LINK_LOGS = ("logs/**/v++*.log", "_x/link/vivado/vpl/vivado.log", "**/runme.log", "v++*.log")


@dataclass(frozen=True)
class HardwareJob:
    """What is built. name: of the spec, for the files' first lines.

    clock_mhz: that HLS schedules for. link_clock_mhz: that the link asks for, None for the same; a
    lower one is what a clock ladder tries, without a new synthesis.
    slrs: {kernel: die} of kernels that fit one die. jobs: processes of the link.
    testbenches: {kernel: {file: content}}, the data of the test benches, to co-simulate; None to
    leave that out.
    """

    name: str
    project: Project
    vitis: Vitis
    platform: FoundPlatform
    target: Target
    clock_mhz: int
    link_clock_mhz: int | None = None
    slrs: Mapping[str, str] | None = None
    jobs: int = 8
    testbenches: Mapping[str, Mapping[str, bytes]] | None = None

    def __post_init__(self) -> None:
        if self.target not in TARGETS:
            raise InputError(f"--target {self.target}: one of {', '.join(TARGETS)} is needed")

    @property
    def banner(self) -> str:
        """First line of every file that the tools are given."""
        return f"{BANNER} from {self.name}; do not edit"


def plan_hardware(job: HardwareJob) -> tuple[ToolStep, ...]:
    """The steps in order: csynth_<kernel>, cosim_<kernel> on request, link, emconfig for hw_emu,
    package. The last one's first output is the xclbin.

    Writes and runs nothing. Raises ToolMissingError when the installation lacks a tool.
    """
    kernels = [
        HlsJob(kernel.name, job.platform.card.part, job.clock_mhz, job.banner) for kernel in KERNELS
    ]
    data = job.testbenches or {}
    synthesis = [_csynth(job, kernel) for kernel in kernels]
    return (
        *synthesis,
        *(_cosim(job, kernel, data[kernel.kernel]) for kernel in kernels if kernel.kernel in data),
        _link(job, synthesis),
        *((_emconfig(job),) if job.target == "hw_emu" else ()),
        _package(job),
    )


def _csynth(job: HardwareJob, kernel: HlsJob) -> ToolStep:
    release, files = job.vitis.release, hls_scripts.sources(job.project, kernel)
    if release.hls == "tcl":
        argv, output = commands.hls_tcl(job.vitis), kernel.object_file
        script = {hls_scripts.TCL_SCRIPT: hls_scripts.tcl_script(kernel, release)}
    else:
        argv = commands.hls_cfg(job.vitis, kernel.kernel)
        output = f"{kernel.kernel}/{kernel.object_file}"
        script = {hls_scripts.CFG_FILE: hls_scripts.hls_cfg(kernel, release)}
    return ToolStep(
        name=f"csynth_{kernel.kernel}",
        argv=argv,
        tool=job.vitis.title,
        files={**files, **script},
        outputs=(output,),
        reports=(*_HLS_REPORTS, f"**/syn/report/{kernel.kernel}_csynth.*"),
        logs=(commands.HLS_LOG, f"{kernel.kernel}/logs/**/*.log", "**/*.log"),
        settings=job.vitis.settings,
        usual_seconds=1800.0,
        usual_source=_ASSUMED,
        resources=_HLS_NOTE,
    )


def _cosim(job: HardwareJob, kernel: HlsJob, data: Mapping[str, bytes]) -> ToolStep:
    """In a folder of its own, so it synthesises again: a long run that ends early costs no link."""
    script = hls_scripts.cosim_script(kernel, job.vitis.release, tuple(data))
    files = hls_scripts.cosim_sources(job.project, kernel)
    return ToolStep(
        name=f"cosim_{kernel.kernel}",
        argv=commands.hls_tcl(job.vitis),
        tool=job.vitis.title,
        files={**files, **data, hls_scripts.TCL_SCRIPT: script},
        passed=_COSIM_PASSED,
        reports=(f"**/sim/report/{kernel.kernel}_cosim.rpt", *_HLS_REPORTS),
        logs=(commands.HLS_LOG, "**/*.log"),
        settings=job.vitis.settings,
        usual_seconds=7200.0,
        usual_source=_ASSUMED,
        resources=_HLS_NOTE,
    )


def _link(job: HardwareJob, synthesis: Sequence[ToolStep]) -> ToolStep:
    made = [(step.name, step.outputs[0]) for step in synthesis]
    objects = [StepInput(step, path, PurePosixPath(path).name) for step, path in made]
    clock_mhz = job.clock_mhz if job.link_clock_mhz is None else job.link_clock_mhz
    config = link_cfg(
        job.platform.card, job.target, jobs=job.jobs, banner=job.banner, slrs=job.slrs
    )
    emulated = job.target == "hw_emu"
    return ToolStep(
        name="link",
        argv=commands.link(
            job.vitis, job.platform, job.target, clock_mhz, [each.name for each in objects]
        ),
        tool=job.vitis.title,
        files={CFG_FILE: config},
        inputs=tuple(objects),
        outputs=(commands.LINKED,),
        reports=_LINK_REPORTS,
        logs=_LINK_LOGS,
        settings=job.vitis.settings,
        # Even a vector addition is reported to take 390 to 650 s to link for emulation.
        usual_seconds=3600.0 if emulated else 6 * 3600.0,
        usual_source=_ASSUMED,
        resources=f"{job.jobs} processes at a time, each with 2 GB of memory or more",
    )


def _emconfig(job: HardwareJob) -> ToolStep:
    return ToolStep(
        name="emconfig",
        argv=commands.emconfig(job.vitis, job.platform),
        tool=job.vitis.title,
        outputs=(commands.EMCONFIG,),
        logs=("*.log",),
        settings=job.vitis.settings,
        usual_seconds=10.0,
        usual_source=_ASSUMED,
        resources=_SMALL_NOTE,
    )


def _package(job: HardwareJob) -> ToolStep:
    return ToolStep(
        name="package",
        argv=commands.package(job.vitis, job.platform, job.target),
        tool=job.vitis.title,
        inputs=(StepInput("link", commands.LINKED, commands.LINKED),),
        outputs=(commands.XCLBIN,),
        reports=("*.xclbin.info", "*.package_summary"),
        logs=("v++*.log", "**/v++*.log"),
        settings=job.vitis.settings,
        usual_seconds=120.0,
        usual_source=_ASSUMED,
        resources=_SMALL_NOTE,
    )

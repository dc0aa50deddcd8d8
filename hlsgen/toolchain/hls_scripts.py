# SPDX-License-Identifier: Apache-2.0
"""What the synthesis of one kernel is given: its sources, and a Tcl script or a cfg file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..project import Project
from .templates import fill
from .versions import Release

INCLUDE_DIRS = (".", "kernels", "kernels/vitis")
TCL_SCRIPT = "hls.tcl"
CFG_FILE = "hls.cfg"

_CSIM = "kernels/csim/"
_TESTBENCH = "kernels/vitis/testbench"
_STANDARD = "c++14"


@dataclass(frozen=True)
class HlsJob:
    """One kernel to be synthesised. kernel: its C function, in <kernel>.cpp of the project.

    part: of the FPGA. clock_mhz: that the schedule of the hardware is made for. banner: the first
    line of each file.
    """

    kernel: str
    part: str
    clock_mhz: int
    banner: str

    @property
    def source(self) -> str:
        """The translation unit, relative to the project."""
        return f"{self.kernel}.cpp"

    @property
    def testbench(self) -> str:
        """The program that calls the kernel in a co-simulation."""
        return f"{_TESTBENCH}_{self.kernel.removeprefix('sat_')}.cpp"

    @property
    def object_file(self) -> str:
        """What is exported for the linker."""
        return f"{self.kernel}.xo"


def sources(project: Project, job: HlsJob) -> dict[str, str]:
    """The files of a rendered project that a kernel is made of: headers, and its own .cpp."""
    return {
        path: text
        for path, text in project.files.items()
        if not path.startswith((_CSIM, _TESTBENCH))
        and (path == job.source or not path.endswith(".cpp"))
    }


def cosim_sources(project: Project, job: HlsJob) -> dict[str, str]:
    """The same, with the kernel's test bench."""
    benches = (f"{_TESTBENCH}.h", job.testbench)
    return {**sources(project, job), **{path: project.files[path] for path in benches}}


def tcl_script(job: HlsJob, release: Release) -> str:
    """Synthesise and export a kernel (UG1399, Tcl commands)."""
    goal = f"Synthesise {job.kernel} and export it for the linker."
    return _tcl(job, release, goal, testbench="", data=())


def cosim_script(job: HlsJob, release: Release, data: Sequence[str]) -> str:
    """Synthesise a kernel and run its test bench against the C++ and against the RTL.

    data: files that the test bench reads; the tool puts them beside it.
    """
    goal = f"Synthesise {job.kernel} and co-simulate C++ and RTL."
    return _tcl(job, release, goal, testbench=job.testbench, data=data)


def hls_cfg(job: HlsJob, release: Release) -> str:
    """The same as `tcl_script` for `v++ -c --mode hls` (UG1702, v++ mode hls).

    No key names the exported file: the tool then calls it after the component, which is the
    kernel here under either reading of the guide (the work folder's name, or the top's).
    """
    context = {
        "banner": job.banner,
        "goal": f"Synthesise {job.kernel} and export it for the linker.",
        "part": job.part,
        "axi_key": release.axi_key,
        "clock_mhz": job.clock_mhz,
        "source": job.source,
        "kernel": job.kernel,
        "cflags": _cflags(),
    }
    return fill("vitis/hls.cfg.j2", context)


def _tcl(job: HlsJob, release: Release, goal: str, testbench: str, data: Sequence[str]) -> str:
    context = {
        "banner": job.banner,
        "goal": goal,
        "project": release.project,
        "kernel": job.kernel,
        "source": job.source,
        "cflags": _cflags(),
        "testbench": testbench,
        "data": data,
        "part": job.part,
        "period_ns": f"{1000 / job.clock_mhz:.3f}",
    }
    return fill("vitis/hls.tcl.j2", context)


def _cflags() -> str:
    return " ".join((*(f"-I{folder}" for folder in INCLUDE_DIRS), f"-std={_STANDARD}"))

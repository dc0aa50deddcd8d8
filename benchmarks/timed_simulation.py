# SPDX-License-Identifier: Apache-2.0
"""What timing costs: a timed matmul as a user runs it, and the annotations in the plain simulator.

The plain simulator is compiled twice, as it is and with its processes' names taken out, which is
all that the annotations leave in it, and both run in turns.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sat_host.csim import CsimBackend
from sat_host.device import Device
from sat_host.engine import EngineDevice
from sat_host.isa import machine_isa

from hlsgen.cache import open_cache
from hlsgen.project import Project
from hlsgen.render import CSIM_UNITS, INCLUDE_DIRS, render
from hlsgen.spec import Spec
from hlsgen.specfile import load_spec
from hlsgen.toolchain.compiler import find_compiler
from hlsgen.toolchain.gxx import compile_library, plan_library

from .clock import alternate, median_ratio
from .report import Figure

SHAPE = "256,1024,256"
SIZE = 512
ROUNDS = 15
_MACROS = "kernels/csim/hls_macros.h"
_BARE = """
#undef SAT_PROCESS
#define SAT_PROCESS(process, ...) ::sat::csim::Fibers::instance().add("", [&] { __VA_ARGS__; })
"""


def measure(spec: Path, scratch: Path) -> list[Figure]:
    """The two, on a spec's array."""
    return [*_timed(spec, scratch), _annotations(load_spec(spec), scratch)]


def _timed(spec: Path, scratch: Path) -> list[Figure]:
    command = [sys.executable, "-m", "hlsgen", "time", str(spec), "--matmul", SHAPE]
    environ = {**os.environ, "HLSGEN_CACHE": str(scratch / "cache")}
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    what = f"hlsgen time specs/{spec.name} --matmul {SHAPE}"
    return [
        Figure(what, f"{seconds[1]:.1f} s"),
        Figure(f"{what}, with its simulator compiled", f"{seconds[0]:.1f} s"),
        Figure("peak resident memory of either, compiler included", f"{peak:.0f} MiB"),
    ]


def _annotations(spec: Spec, scratch: Path) -> Figure:
    project = render(spec)
    bare = Project({**project.files, _MACROS: project.files[_MACROS] + _BARE})
    works = {
        name: _product(_device(spec, made, scratch))
        for name, made in (("annotated", project), ("bare", bare))
    }
    seconds = alternate(works, ROUNDS)
    ratio = median_ratio(seconds["bare"], seconds["annotated"])
    what = f"csim {SIZE} x {SIZE} x {SIZE}, beside the same without annotations"
    return Figure(what, f"{ratio:.2f} x its speed")


def _device(spec: Spec, project: Project, scratch: Path) -> Device:
    with open_cache({**os.environ, "HLSGEN_CACHE": str(scratch / "cache")}) as cache:
        plan = plan_library(
            project, CSIM_UNITS, INCLUDE_DIRS, find_compiler(os.environ), machine_isa()
        )
        library = compile_library(plan, cache)
        config = spec.array_config()
        return EngineDevice(config, CsimBackend(library.path, config), spec.dataflows)


def _product(device: Device) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    left, right, sums = (device.matrix(SIZE, SIZE, kind) for kind in ("f2", "f2", "f4"))
    for matrix in (left, right):
        device.write(matrix, rng.standard_normal((SIZE, SIZE)).astype(np.float16))
    return lambda: device.product(sums, left, right)

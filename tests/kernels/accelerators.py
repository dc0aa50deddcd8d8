# SPDX-License-Identifier: Apache-2.0
"""The arrays that the kernels are tested on, and how one is built and opened.

Libraries come from the product's own toolchain and cache, so a rerun compiles nothing.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from sat_host.config import ArrayConfig
from sat_host.csim import CsimBackend
from sat_host.engine import EngineDevice
from sat_host.isa import machine_isa

from hlsgen.cache import open_cache
from hlsgen.project import Project
from hlsgen.render import CSIM_UNITS, INCLUDE_DIRS, render
from hlsgen.spec import Spec
from hlsgen.toolchain.compiler import Compiler, find_compiler
from hlsgen.toolchain.gxx import Unit, compile_library, plan_library

# Columns: rows, lanes, group, interleave, memory_tile, adder_latency, feed, strip_words.
ARRAYS = {
    "1x4_g4": ArrayConfig(1, 4, 4, 3, 3, 9),
    "4x8_g8": ArrayConfig(4, 8, 8, 2, 2, 4),
    "8x16_g4": ArrayConfig(8, 16, 4, 4, 4, 8),
    "8x16_g16": ArrayConfig(8, 16, 16, 1, 8, 8),
    "16x32_g32": ArrayConfig(16, 32, 32, 16, 1, 16),
    "32x32_g8": ArrayConfig(32, 32, 8, 16, 8, 8),
    "3x64_g8": ArrayConfig(3, 64, 8, 5, 2, 1, 1, 256),
    "2x4_g4": ArrayConfig(2, 4, 4, 8, 1, 8),
    "4x8_g4": ArrayConfig(4, 8, 4, 8, 1, 8),
}

# `make quick` compiles and runs two of them.
_QUICK = ("1x4_g4", "4x8_g8")
EVERY_ARRAY = [
    pytest.param(name, marks=() if name in _QUICK else pytest.mark.slow) for name in ARRAYS
]

# For libraries of which no test asks how fast they are nor what the product's optimization makes of
# them: they compile in half the time.
QUICKLY = ("-O1",)

# Gives the accelerator of one of ARRAYS, by name.
DeviceFor = Callable[[str], EngineDevice]

# What the synthesis side of hls_macros.h brings into a CPU's compiler: labels and foreign pragmas.
SYNTHESIS_FLAGS = ("-Wno-unknown-pragmas", "-Wno-unused-label")


def spec_of(name: str, config: ArrayConfig) -> Spec:
    """A spec of the array; `name` may start with a digit."""
    return Spec.model_validate(
        {
            "name": f"array_{name}",
            "array": {
                "rows": config.rows,
                "lanes": config.lanes,
                "interleave": config.interleave,
                "memory_tile": config.memory_tile,
                "adder_latency": config.adder_latency,
                "feed": config.feed,
                "strip_words": config.strip_words,
            },
            "sparsity": {"group": config.group, "keep": 1},
        }
    )


def project_of(name: str) -> Project:
    """The rendered project of one of ARRAYS."""
    return render(spec_of(name, ARRAYS[name]))


def library_of(
    project: Project,
    units: Sequence[Unit] = CSIM_UNITS,
    include_dirs: Sequence[str] = INCLUDE_DIRS,
    compiler: Compiler | None = None,
) -> Path:
    """The csim library of a project, compiled unless it is in the cache."""
    used = compiler or find_compiler(os.environ)
    plan = plan_library(project, units, include_dirs, used, machine_isa())
    with open_cache(os.environ) as cache:
        assert cache.warning is None, cache.warning
        return compile_library(plan, cache).path


def open_library(path: Path, config: ArrayConfig) -> EngineDevice:
    """The accelerator of a csim library."""
    return EngineDevice(config, CsimBackend(path, config), ("os",))


def changed(project: Project, path: str, before: str, after: str) -> Project:
    """`project` with one piece of one text replaced; the piece must be there once."""
    text = project.files[path]
    assert text.count(before) == 1, (path, before, text.count(before))
    return Project({**project.files, path: text.replace(before, after)})


def with_flags(flags: tuple[str, ...]) -> tuple[Unit, ...]:
    """The units of a csim library, each with more flags."""
    return tuple(Unit(unit.source, (*unit.flags, *flags)) for unit in CSIM_UNITS)


def probe(
    source: str, include_dirs: Sequence[str], flags: tuple[str, ...] = (), **more: str
) -> ctypes.CDLL:
    """A small C++ file compiled beside the kernels, for what no command reaches."""
    files: Mapping[str, str] = project_of("1x4_g4").files
    project = Project({**files, "probe.cpp": source, **more})
    return ctypes.CDLL(str(library_of(project, (Unit("probe.cpp", flags),), include_dirs)))

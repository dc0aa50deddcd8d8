# SPDX-License-Identifier: Apache-2.0
"""From a spec to traces: its timed library, compiled through the cache, and jobs run on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from sat_host.isa import machine_isa
from sat_host.kernels import STCE

from ..cache import Cache, open_cache
from ..render import CSIM_UNITS, render
from ..schedule.memory import RUN_WORDS, Memory
from ..spec import Spec
from ..toolchain.compiler import find_compiler
from ..toolchain.gxx import Unit, compile_library, plan_library
from .jobs import Job, different
from .library import TimedLibrary, Words, device_memory
from .resolve import BankTiming, resolve
from .trace import Trace

T = TypeVar("T")

INCLUDE_DIRS = (".", "kernels", "kernels/timed", "kernels/csim")
"""What stands in kernels/timed comes in place of the plain simulator's."""

# A run mostly records, and takes as long as with -O3; compiling takes a third less.
TIMED_UNITS = tuple(
    Unit(unit.source, (*unit.flags, "-O1"))
    for unit in (
        *(unit for unit in CSIM_UNITS if not unit.source.startswith("kernels/")),
        Unit("kernels/timed/bridge.cpp"),
    )
)


@dataclass(frozen=True, eq=False)
class Recorded:
    """A job and the trace of each of its lists. nonfinite: infinite or NaN results. memory: what it
    left, [words, lanes]."""

    job: Job
    traces: tuple[Trace, ...]
    nonfinite: int
    memory: Words


def bank_timing(memory: Memory) -> BankTiming:
    """The model's memory as the resolver takes it."""
    rate = Fraction(memory.bytes_per_cycle).limit_denominator(1 << 12)
    return BankTiming(rate, int(memory.burst_overhead_bytes), RUN_WORDS, memory.latency)


def cycles(recorded: Recorded, memory: BankTiming) -> int:
    """Simulated cycles of one run of a job, its lists one after the other."""
    return sum(
        resolve(trace, memory, recorded.job.places([port.name for port in trace.ports])).cycles
        for trace in recorded.traces
    )


def timed_library(spec: Spec, environ: Mapping[str, str]) -> TimedLibrary:
    """The timed simulator of a spec's array, compiled when the cache does not have it.

    Raises ToolMissingError without a C++ compiler, WorkError when it fails.
    """
    with open_cache(environ) as cache:
        return library_in(spec, cache, environ)


def library_in(spec: Spec, cache: Cache, environ: Mapping[str, str]) -> TimedLibrary:
    """As `timed_library`, in a cache that is open."""
    plan = plan_library(
        render(spec), TIMED_UNITS, INCLUDE_DIRS, find_compiler(environ), machine_isa()
    )
    library = compile_library(plan, cache)
    return TimedLibrary(library.path)


def record(library: TimedLibrary, job: Job, content: Words | int | None = None) -> Recorded:
    """Run a job on memory of that content, which its cycles do not depend on.

    content: an array [words, lanes], the seed of a random one, or None for zeros. Raises WorkError
    as TimedLibrary does.
    """
    memory = device_memory(job.words, job.lanes)
    if isinstance(content, int):
        content = np.random.default_rng(content).integers(0, 1 << 16, memory.shape, np.uint16)
    if content is not None:
        memory[:] = content
    traces, nonfinite = [], 0
    for commands in job.lists:
        if job.kernel is STCE:
            trace, nonfinite = library.stce(commands, memory)
        else:
            trace = library.wuve(commands, memory)
        traces.append(trace)
    return Recorded(job, tuple(traces), nonfinite, memory)


def for_each(
    library: TimedLibrary, jobs: Sequence[Job], consume: Callable[[Recorded], T]
) -> list[T]:
    """What `consume` makes of each job, in order; equal jobs run once, and no trace is kept."""
    found = {job.key: consume(record(library, job)) for job in different(jobs)}
    return [found[job.key] for job in jobs]

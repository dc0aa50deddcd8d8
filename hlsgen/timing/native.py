# SPDX-License-Identifier: Apache-2.0
"""The resolver's C++ (native/), compiled on first use and kept in the cache; arrays in and out."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..cache import open_cache
from ..errors import WorkError
from ..paths import package_dir
from ..project import Project
from ..toolchain.compiler import find_compiler
from ..toolchain.gxx import Plan, Unit, compile_library, plan_library
from .trace import Ints

_SOURCE = "resolver.cpp"
_POINTER = ctypes.POINTER(ctypes.c_int64)


@dataclass(frozen=True, eq=False)
class Problem:
    """What native/times.h has in its Problem, all of it checked; int64 arrays.

    ticks [processes]; streams [n, 3] of writer, reader, depth (0: endless); ports [n, 5] of
    process, burst, outstanding, latency, bank; banks: how many; runs [n, 6] sorted by end; offsets
    [ends + 1]: where the runs of each begin. A bank's word_units and overhead_units are in units,
    of which cycle_units make a cycle; latency is in cycles.
    """

    ticks: Ints
    streams: Ints
    ports: Ints
    banks: int
    runs: Ints
    offsets: Ints
    cycle_units: int
    word_units: int
    overhead_units: int
    run_words: int
    latency: int
    detail: bool


@dataclass(frozen=True, eq=False)
class Solution:
    """What native/times.h has in its Outcome, copied. ends, busy [processes]; blocked
    [processes, 3]; fills [streams]; levels [streams, points]; stalls [n, 5]; waiting [n, 4] of
    process, stream, whether it reads, tokens in the stream."""

    cycles: int
    bucket: int
    ends: Ints
    busy: Ints
    blocked: Ints
    fills: Ints
    levels: Ints
    stalls: Ints
    waiting: Ints


class _Problem(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("processes", "streams", "ports", "banks")),
        *((name, _POINTER) for name in ("ticks", "stream_rows", "port_rows", "runs", "offsets")),
        *((name, ctypes.c_int64) for name in ("cycle_units", "word_units", "overhead_units")),
        *((name, ctypes.c_int64) for name in ("run_words", "latency", "detail")),
    )


class _Outcome(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("cycles", "bucket", "points")),
        *((name, ctypes.c_int64) for name in ("stall_count", "waiting_count")),
        *((name, _POINTER) for name in ("ends", "busy", "blocked", "fills", "levels")),
        *((name, _POINTER) for name in ("stalls", "waiting")),
    )


def solve(problem: Problem) -> Solution:
    """Replay a problem. Raises ToolMissingError without a compiler, WorkError when the compiler or
    the disk refuses, MemoryError when memory is short."""
    given = _Problem(
        processes=len(problem.ticks),
        streams=len(problem.streams),
        ports=len(problem.ports),
        banks=problem.banks,
        ticks=_pointer(problem.ticks),
        stream_rows=_pointer(problem.streams),
        port_rows=_pointer(problem.ports),
        runs=_pointer(problem.runs),
        offsets=_pointer(problem.offsets),
        cycle_units=problem.cycle_units,
        word_units=problem.word_units,
        overhead_units=problem.overhead_units,
        run_words=problem.run_words,
        latency=problem.latency,
        detail=problem.detail,
    )
    with _resolver(given) as found:
        processes, streams = len(problem.ticks), len(problem.streams)
        return Solution(
            found.cycles,
            found.bucket,
            _copied(found.ends, processes),
            _copied(found.busy, processes),
            _copied(found.blocked, processes, 3),
            _copied(found.fills, streams),
            _copied(found.levels, streams, found.points),
            _copied(found.stalls, found.stall_count, 5),
            _copied(found.waiting, found.waiting_count, 4),
        )


def plan(environ: dict[str, str]) -> Plan:
    """How the resolver's library is compiled, the same for every machine of a kind. Raises
    ToolMissingError without a compiler."""
    folder = package_dir() / "timing" / "native"
    files = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.[ch]*")}
    return plan_library(Project(files), [Unit(_SOURCE)], ["."], find_compiler(environ), "")


@contextmanager
def _resolver(given: _Problem) -> Iterator[_Outcome]:
    library = _library()
    handle = library.timing_new(ctypes.byref(given))
    if not handle:
        raise MemoryError("too large to be resolved")
    try:
        outcome = library.timing_run(handle)
        if not outcome:
            raise MemoryError("too large to be resolved")
        yield outcome.contents
    finally:
        library.timing_delete(handle)


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    environ = dict(os.environ)
    with open_cache(environ) as cache:
        path = compile_library(plan(environ), cache).path
        try:
            library = ctypes.CDLL(str(path))  # stays loaded when a makeshift cache goes
        except OSError as error:
            raise WorkError(f"{path}: can't be loaded: {str(error).splitlines()[0]}") from error
    library.timing_new.argtypes = [ctypes.POINTER(_Problem)]
    library.timing_new.restype = ctypes.c_void_p
    library.timing_run.argtypes = [ctypes.c_void_p]
    library.timing_run.restype = ctypes.POINTER(_Outcome)
    library.timing_delete.argtypes = [ctypes.c_void_p]
    library.timing_delete.restype = None
    return library


def _pointer(array: Ints) -> ctypes._Pointer[ctypes.c_int64]:
    if array.dtype != np.int64 or not array.flags.c_contiguous:
        raise ValueError("expected an int64 array, row after row")
    return array.ctypes.data_as(_POINTER)


def _copied(pointer: ctypes._Pointer[ctypes.c_int64], *shape: int) -> Ints:
    """An array's copy, as its owner goes; the pointer of an empty one may be null."""
    if 0 in shape:
        return np.zeros(shape, np.int64)
    return np.ctypeslib.as_array(pointer, shape).copy()

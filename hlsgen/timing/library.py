# SPDX-License-Identifier: Apache-2.0
"""The timed simulator's library: command lists run on the kernel sources and leave recordings."""

from __future__ import annotations

import ctypes
import json
import mmap
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sat_host.program import Commands

from ..errors import WorkError
from .trace import PortInfo, StreamInfo, Trace

Words = npt.NDArray[np.uint16]


def device_memory(words: int, lanes: int) -> Words:
    """Zeros [words, lanes], aligned as the kernels' ports need it."""
    pages = mmap.mmap(-1, max(1, words) * lanes * 2)
    return np.frombuffer(pages, np.uint16)[: words * lanes].reshape(words, lanes)


class TimedLibrary:
    """A library of the timed simulator (kernels/timed/bridge.cpp). One call at a time and thread.

    Raises WorkError for a file that is none.
    """

    def __init__(self, path: Path) -> None:
        try:
            library = ctypes.CDLL(str(path.absolute()))
            library.sat_timed_error.restype = ctypes.c_char_p
            library.sat_timed_text.restype = ctypes.c_char_p
            library.sat_timed_run_count.restype = ctypes.c_int64
            library.sat_timed_runs.argtypes = [ctypes.c_void_p]
            pointers = [ctypes.c_void_p, ctypes.c_void_p]
            library.sat_timed_stce.argtypes = [ctypes.c_int32, *pointers, ctypes.c_void_p]
            library.sat_timed_wuve.argtypes = [ctypes.c_int32, *pointers]
        except (OSError, AttributeError) as error:
            raise WorkError(f"{path}: can't be loaded: {str(error).splitlines()[0]}") from error
        self._library = library

    def stce(self, commands: Commands, memory: Words) -> tuple[Trace, int]:
        """Run a list of STCE commands on `memory`, which `device_memory` made, in place: its
        recording, and how many results were infinite or NaN. Raises WorkError when a stream ran dry
        or was left."""
        nonfinite = ctypes.c_uint64()
        status = self._library.sat_timed_stce(
            len(commands), commands.ctypes.data, _data(memory), ctypes.byref(nonfinite)
        )
        return self._recorded(status, memory), nonfinite.value

    def wuve(self, commands: Commands, memory: Words) -> Trace:
        """Run a list of WUVE commands on `memory`, in place: its recording. As `stce`."""
        status = self._library.sat_timed_wuve(len(commands), commands.ctypes.data, _data(memory))
        return self._recorded(status, memory)

    def _recorded(self, status: int, memory: Words) -> Trace:
        if status != 0:
            reason: bytes = self._library.sat_timed_error()
            raise WorkError(f"timed simulation: {reason.decode()}")
        text = json.loads(self._library.sat_timed_text())
        runs = np.empty((self._library.sat_timed_run_count(), 6), np.int64)
        self._library.sat_timed_runs(runs.ctypes.data)
        uses = _uses([each["call"] for each in text["processes"]])
        return Trace(
            processes=tuple(each["name"] for each in text["processes"]),
            streams=tuple(
                StreamInfo(**each, writer=uses[each["name"]][0], reader=uses[each["name"]][-1])
                for each in text["streams"]
            ),
            ports=tuple(
                PortInfo(**{**each, "writes": bool(each["writes"])}, process=uses[each["name"]][0])
                for each in text["ports"]
            ),
            ticks=tuple(each["ticks"] for each in text["processes"]),
            word_bytes=memory.shape[1] * memory.itemsize,
            runs=runs,
        )


def _uses(calls: Sequence[str]) -> dict[str, list[int]]:
    """By each name in the processes' calls, which of them name it. The dataflow is canonical, its
    processes stand in order: the first one writes a stream and the second reads it."""
    uses: dict[str, list[int]] = {}
    for number, call in enumerate(calls):
        for name in set(re.findall(r"\w+", call)):
            uses.setdefault(name, []).append(number)
    return uses


def _data(memory: Words) -> int:
    if not memory.flags.c_contiguous or memory.ctypes.data % mmap.PAGESIZE:
        raise ValueError("memory: expected an array that device_memory made")
    return int(memory.ctypes.data)

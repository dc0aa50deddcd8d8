# SPDX-License-Identifier: Apache-2.0
"""The csim back end: `libsat.so` through its C interface, device memory as anonymous memory."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .config import ArrayConfig
from .errors import BundleError, DeviceError, SettingsError
from .heap import OneBank
from .program import MAX_ADDRESS, Commands

Words = npt.NDArray[np.uint16]

# Address space of the simulated memory. Pages cost nothing until they are written.
MEMORY_BYTES = 16 << 30
_MAP_NORESERVE = 0x4000  # Linux; the mmap module does not name it in Python 3.10


THREADS = "SAT_HOST_THREADS"
"""The environment's variable for how many threads a simulator uses at once; by default as many as
this process has cores. Results do not depend on it."""


def threads_of(environ: Mapping[str, str]) -> int:
    """How many threads to use. Raises SettingsError for a variable that is no number above 0."""
    stated = environ.get(THREADS, "").strip()
    if not stated:
        return len(os.sched_getaffinity(0))
    if not stated.isdecimal() or int(stated) < 1:
        raise SettingsError(f"{THREADS}: expected a number above 0, got {stated!r}")
    return min(int(stated), 1024)


class CsimBackend(OneBank):
    """One simulated accelerator: its library and its memory, which has no banks. mend: what gets a
    library where this one can't be loaded."""

    def __init__(
        self, library: Path, config: ArrayConfig, mend: str = "build the bundle again here"
    ) -> None:
        self._library = _load(library, mend)
        self._check_geometry(library, config)
        self._threads = threads_of(os.environ)
        words = min(MEMORY_BYTES // config.word_bytes, MAX_ADDRESS)
        super().__init__(words, config.word_bytes)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
        try:
            memory = mmap.mmap(-1, words * config.word_bytes, flags=flags)
        except (OSError, ValueError) as error:
            raise DeviceError(
                f"csim: {MEMORY_BYTES >> 30} GiB of address space refused ({error}): "
                "raise `ulimit -v`"
            ) from error
        with suppress(OSError):  # a kernel without huge pages: only slower
            memory.madvise(mmap.MADV_HUGEPAGE)
        self._memory: Words = np.frombuffer(memory, np.uint16).reshape(words, config.lanes)

    def write(self, address: int, values: Words) -> None:
        self._memory[address : address + len(values)] = values

    def read(self, address: int, words: int) -> Words:
        return self._memory[address : address + words].copy()

    def view(self, address: int, words: int) -> Words:
        """The memory itself, [words, lanes]."""
        return self._memory[address : address + words]

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        nonfinite = ctypes.c_uint64()
        self._library.sat_csim_threads(self._threads)  # of all that share the library
        status = self._library.sat_csim_stce(
            len(commands), commands.ctypes.data, self._memory.ctypes.data, ctypes.byref(nonfinite)
        )
        self._check(status)
        return nonfinite.value

    def wuve(self, commands: Commands, cycles: int = 0) -> None:
        self._check(
            self._library.sat_csim_wuve(
                len(commands), commands.ctypes.data, self._memory.ctypes.data
            )
        )

    def profile(self) -> dict[str, Any] | None:
        """Nothing is measured here: the host's time is no card's."""
        return None

    def _check(self, status: int) -> None:
        if status != 0:
            reason: bytes = self._library.sat_csim_error()
            raise DeviceError(f"csim: {reason.decode()}")

    def _check_geometry(self, library: Path, config: ArrayConfig) -> None:
        built = (ctypes.c_int32 * len(astuple(config)))()
        self._library.sat_csim_geometry(built)
        if tuple(built) != astuple(config):
            raise BundleError(
                f"{library}: built for the array {tuple(built)}, but bundle.json says "
                f"{astuple(config)}: build the bundle again"
            )


def _load(path: Path, mend: str) -> ctypes.CDLL:
    try:
        # A name without a folder would be looked up along the loader's search path.
        library = ctypes.CDLL(str(path.absolute()))
        library.sat_csim_geometry.restype = None
        library.sat_csim_geometry.argtypes = [ctypes.c_void_p]
        library.sat_csim_threads.restype = None
        library.sat_csim_threads.argtypes = [ctypes.c_int32]
        library.sat_csim_error.restype = ctypes.c_char_p
        library.sat_csim_error.argtypes = []
        pointers = [ctypes.c_void_p, ctypes.c_void_p]
        library.sat_csim_stce.argtypes = [ctypes.c_int32, *pointers, ctypes.c_void_p]
        library.sat_csim_wuve.argtypes = [ctypes.c_int32, *pointers]
    except (OSError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise BundleError(f"{path}: can't be loaded ({reason}): {mend}") from error
    return library

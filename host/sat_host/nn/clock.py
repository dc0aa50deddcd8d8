# SPDX-License-Identifier: Apache-2.0
"""Where the time of a run goes, by stage, and how much memory there was at its ends."""

from __future__ import annotations

import functools
import mmap
import os
import time
from types import TracebackType

LONG = 1e-3


class StageClock:
    """`with clock("FF"): ...` adds the seconds inside to the stage FF.

    A stage inside another one counts for itself alone: the stages' seconds add up to the time that
    was spent in any of them. Where the system tells, the memory at its ends is kept too: at its
    first one, and whenever it took LONG seconds; in less, memory hardly changes.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._inner = [0.0]  # seconds of the stages inside each open one
        self._memory: dict[str, int] = {}

    def __call__(self, stage: str) -> _Stage:
        return _Stage(self._seconds, self._inner, self._memory, stage)

    def summary(self) -> dict[str, float]:
        """Seconds by stage, in the order in which they first ended."""
        return dict(self._seconds)

    def memory(self) -> dict[str, int]:
        """The most bytes that the process held at an end of each stage; empty if not known."""
        return {stage: most for stage, most in self._memory.items() if most}


class _Stage:
    __slots__ = ("_inner", "_memory", "_seconds", "_stage", "_started")

    def __init__(
        self, seconds: dict[str, float], inner: list[float], memory: dict[str, int], stage: str
    ) -> None:
        self._seconds, self._inner, self._memory, self._stage = seconds, inner, memory, stage

    def __enter__(self) -> None:
        self._inner.append(0.0)
        self._started = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        spent = time.perf_counter() - self._started
        own = spent - self._inner.pop()
        self._inner[-1] += spent
        self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + own
        known = self._memory.get(self._stage)
        if known is None or spent >= LONG:
            self._memory[self._stage] = max(known or 0, resident_memory())


def resident_memory() -> int:
    """Bytes of memory that this process holds now, 0 where the system does not tell."""
    file = _statm()
    if file is None:
        return 0
    try:  # in about 2 us, since the file stays open
        return int(os.pread(file, 256, 0).split()[1]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return 0


@functools.cache
def _statm() -> int | None:
    try:
        return os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return None


os.register_at_fork(after_in_child=_statm.cache_clear)  # the open file is the parent's

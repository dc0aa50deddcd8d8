# SPDX-License-Identifier: Apache-2.0
"""Where the time of a run goes, by stage."""

from __future__ import annotations

import time
from types import TracebackType


class StageClock:
    """`with clock("FF"): ...` adds the seconds inside to the stage FF.

    A stage inside another one counts for itself alone: the stages' seconds add up to the time that
    was spent in any of them.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._inner = [0.0]  # seconds of the stages inside each open one

    def __call__(self, stage: str) -> _Stage:
        return _Stage(self._seconds, self._inner, stage)

    def summary(self) -> dict[str, float]:
        """Seconds by stage, in the order in which they first ended."""
        return dict(self._seconds)


class _Stage:
    __slots__ = ("_inner", "_seconds", "_stage", "_started")

    def __init__(self, seconds: dict[str, float], inner: list[float], stage: str) -> None:
        self._seconds, self._inner, self._stage = seconds, inner, stage

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

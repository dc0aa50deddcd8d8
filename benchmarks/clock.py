# SPDX-License-Identifier: Apache-2.0
"""Time several pieces of work side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def alternate(
    works: Mapping[str, Callable[[], object]],
    rounds: int,
    now: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each work, by name, in every round; all works take turns, after one warm-up each.

    What slows the machine for a while so slows all of them, and ratios within a round hold.
    """
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = now()
            work()
            seconds[name].append(now() - start)
    return seconds


def median_ratio(above: list[float], below: list[float]) -> float:
    """Median over the rounds of above / below."""
    return median(a / b for a, b in zip(above, below, strict=True))

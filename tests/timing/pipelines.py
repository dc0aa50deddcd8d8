# SPDX-License-Identifier: Apache-2.0
"""Small traces by hand, and memory that is never in the way."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from hlsgen.timing.resolve import BankTiming
from hlsgen.timing.trace import StreamInfo, Trace

QUICK = BankTiming(Fraction(1000), 0, 1, 0)

Run = Sequence[int]
"""End, first tick, stride, count."""


def trace_of(
    ticks: Sequence[int],
    streams: Sequence[tuple[str, int, int, int]],
    runs: Sequence[Run],
    names: Sequence[str] | None = None,
) -> Trace:
    """streams: name, depth, writer, reader. Processes are row_0, row_1, ... unless named."""
    return Trace(
        tuple(names or (f"row_{number}" for number in range(len(ticks)))),
        tuple(StreamInfo(name, depth, "srl", *ends) for name, depth, *ends in streams),
        (),
        tuple(ticks),
        4,
        np.array([[*run, 0, 0] for run in runs], np.int64).reshape(-1, 6),
    )


def burst(depth: int, count: int = 8) -> Trace:
    """row_0 writes a token a tick, row_1 reads one every second tick."""
    return trace_of(
        [count, 2 * count], [("packets_1", depth, 0, 1)], [[0, 0, 1, count], [1, 0, 2, count]]
    )


def crossing(first: int, second: int, count: int = 6) -> Trace:
    """row_0 writes all of `early_0`, then all of `late_0`; row_1 takes one of each in turns, so
    early_0 must hold all but the one that row_1 takes before its first late token."""
    streams = [("early_0", first, 0, 1), ("late_0", second, 0, 1)]
    runs = [[0, 0, 1, count], [2, count, 1, count], [1, 0, 2, count], [3, 1, 2, count]]
    return trace_of([2 * count, 2 * count], streams, runs)


def chained(rows: int, depth: int, count: int = 6) -> Trace:
    """Each row needs all tokens of `a` from the row above before the first of `b`, which that row
    writes first: every `b` must hold them."""
    streams, runs = [], []
    for row in range(rows):
        streams += [(f"a_{row}", 1, row, row + 1), (f"b_{row}", depth, row, row + 1)]
        a, b = 4 * row, 4 * row + 2
        # After what it reads itself.
        start = 0 if row == 0 else 2 * count * row
        runs += [[b, start, 1, count], [a, start + count, 1, count]]
        reads = 2 * count * row
        runs += [[a + 1, reads, 1, count], [b + 1, reads + count, 1, count]]
    ticks = [2 * count * (row + 1) for row in range(rows + 1)]
    return trace_of(ticks, streams, runs)

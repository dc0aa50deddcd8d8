# SPDX-License-Identifier: Apache-2.0
"""Random process networks as traces: pipelined loops one after the other, tokens on streams that
may lead backwards, ports of several processes on the same banks."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hlsgen.timing.resolve import BankTiming
from hlsgen.timing.trace import PortInfo, StreamInfo, Trace

Run = list[int]


@dataclass(frozen=True)
class Network:
    trace: Trace
    memory: BankTiming
    places: list[int]
    depths: list[int | None]


def random_network(seed: int, *, ports: bool) -> Network:
    """Network number `seed`. ports: with memory ports, else with streams alone."""
    rng = np.random.default_rng([seed, ports])
    count = int(rng.integers(1, 6))
    streams = _streams(rng, count)
    port_infos = _ports(rng, count) if ports else []
    ends = [end for s in streams for end in (s.writer, s.reader)] + [p.process for p in port_infos]
    tokens = [int(rng.integers(0, 25)) for _ in streams]
    counts = [tokens[end // 2] for end in range(2 * len(streams))]
    if streams and rng.random() < 0.1:  # a token too many or too few
        end = int(rng.integers(len(counts)))
        counts[end] = max(0, counts[end] + int(rng.choice([-1, 1])))
    counts += [int(rng.integers(0, 30)) for _ in port_infos]
    # In every other network all processes take equal parts of their tokens, loop after loop; in the
    # others each takes what it likes, and many of these deadlock.
    loops = int(rng.integers(1, 4)) if rng.random() < 0.5 else 0
    runs: list[Run] = []
    ticks: list[int] = []
    for process in range(count):
        left = {end: counts[end] for end, owner in enumerate(ends) if owner == process}
        ticks.append(_loops(rng, runs, left, 2 * len(streams), loops))
    trace = Trace(
        tuple(f"p{n}" for n in range(count)),
        tuple(streams),
        tuple(port_infos),
        tuple(ticks),
        int(rng.choice([4, 8, 64])),
        np.array(_shuffled(rng, runs), np.int64).reshape(-1, 6),
    )
    endless = float(rng.choice([0.1, 0.7]))
    depths = [None if rng.random() < endless else stream.depth for stream in streams]
    places = [int(rng.integers(0, 2)) for _ in port_infos]
    return Network(trace, _memory(rng), places, depths)


def _shuffled(rng: np.random.Generator, runs: list[Run]) -> list[Run]:
    """In a random order, in which each end keeps its own."""
    queues: dict[int, list[Run]] = {}
    for run in runs:
        queues.setdefault(run[0], []).append(run)
    return [queues[end].pop(0) for end in rng.permutation([run[0] for run in runs]).tolist()]


def _streams(rng: np.random.Generator, count: int) -> list[StreamInfo]:
    """A chain, and more streams forwards; now and then one backwards, or to its own writer."""
    pairs = [(n, n + 1) for n in range(count - 1)]
    for _ in range(int(rng.integers(0, 4))):
        writer, reader = sorted(rng.integers(0, count, 2).tolist())
        backwards = rng.random() < 0.2
        if writer != reader or backwards:
            pairs.append((reader, writer) if backwards else (writer, reader))
    return [
        StreamInfo(f"s{n}", int(rng.integers(1, 9)), "srl", *pair) for n, pair in enumerate(pairs)
    ]


def _ports(rng: np.random.Generator, count: int) -> list[PortInfo]:
    return [
        PortInfo(
            f"m{n}",
            f"bundle{n // 2}",
            int(rng.integers(0, count)),
            bool(rng.integers(2)),
            burst=int(rng.integers(1, 9)),
            outstanding=int(rng.integers(1, 4)),
            latency=int(rng.integers(1, 13)),
        )
        for n in range(int(rng.integers(1, 5)))
    ]


def _memory(rng: np.random.Generator) -> BankTiming:
    return BankTiming(
        Fraction(int(rng.integers(8, 130)), int(rng.integers(1, 8))),
        int(rng.choice([0, 32, 64, 100])),
        int(rng.integers(1, 20)),
        int(rng.integers(0, 30)),
    )


def _loops(
    rng: np.random.Generator, runs: list[Run], left: dict[int, int], first_port: int, loops: int
) -> int:
    """A process's loops, which take a part of what is left for each of its ends until all is done.
    loops: how many, with equal parts; 0: any number and any parts. Its ticks in all."""
    free = dict.fromkeys(left, 0)  # the first tick that an end may use
    tick = last = int(rng.integers(0, 4))
    while any(left.values()):
        interval = int(rng.integers(1, 4))
        turns = 0
        for end, rest in left.items():
            part = -(-rest // max(loops, 1))
            if not loops and rng.random() < 0.6:
                part = int(rng.integers(0, rest + 1))
            if part == 0:
                continue
            left[end] -= part
            writes = end < first_port and end % 2 == 0
            first = max(tick + (int(rng.integers(0, 9)) if writes else 0), free[end])
            several = end >= first_port and rng.random() < 0.1  # words in a turn
            stride = 0 if several else interval
            address, step = int(rng.integers(0, 50)), int(rng.choice([1, 1, 1, 0, 2, -1]))
            address -= min(0, step * (part - 1))
            where = (address, step) if end >= first_port else (0, 0)
            runs.append([end, first, stride, part, *where])
            free[end] = first + stride * (part - 1) + 1
            turns = max(turns, part)
            last = max(last, free[end])
        loops = max(0, loops - 1)
        tick += turns * interval + int(rng.integers(0, 6))
    return max(last, tick) + int(rng.integers(0, 3))

# SPDX-License-Identifier: Apache-2.0
"""Slices of processes: they miss no cycle, and joining loses none."""

from __future__ import annotations

import numpy as np
import pytest
from networks import random_network

from hlsgen.timing.activity import activities, stream_fills
from hlsgen.timing.resolve import MEMORY, READ, WRITE, Resolved, resolve
from hlsgen.timing.timeline import BUSY, Slices, joined, slices_of
from hlsgen.timing.trace import Trace

SEEDS = range(60)


def resolved(seed: int) -> tuple[Trace, Resolved]:
    network = random_network(seed, ports=seed % 2 == 0)
    found = resolve(network.trace, network.memory, network.places, network.depths, detail=True)
    return network.trace, found


def shares(slices: Slices) -> dict[int, int]:
    return {cause: int(slices.shares[:, cause].sum()) for cause in (READ, WRITE, MEMORY, BUSY)}


@pytest.mark.parametrize("seed", SEEDS)
def test_slices_have_every_cycle_of_a_process_once(seed: int) -> None:
    trace, found = resolved(seed)
    for process in range(len(trace.processes)):
        slices = slices_of(found, process)
        ends = slices.begin + slices.cycles
        assert (slices.cycles > 0).all()
        assert np.array_equal(slices.begin[1:], ends[:-1])
        assert list(slices.begin[:1]) == [0] * min(1, len(slices))
        read, write, memory = found.blocked[process]
        wanted = {READ: read, WRITE: write, MEMORY: memory, BUSY: found.busy[process]}
        assert shares(slices) == wanted
        assert int(slices.cycles.sum()) == found.cycles - found.idle[process]


@pytest.mark.parametrize("shortest", [1, 2, 5, 16, 1000])
def test_joined_slices_keep_all_cycles_and_the_long_ones(shortest: int) -> None:
    joins = 0
    for seed in SEEDS:
        trace, found = resolved(seed)
        for process in range(len(trace.processes)):
            whole = slices_of(found, process)
            fewer = joined(whole, shortest)
            assert shares(fewer) == shares(whole)
            assert np.array_equal(fewer.begin[1:], (fewer.begin + fewer.cycles)[:-1])
            assert int(fewer.joins.sum()) == len(whole)
            assert np.array_equal(fewer.cycles, fewer.shares.sum(axis=1))
            alone = set(zip(fewer.begin.tolist(), fewer.cycles.tolist(), strict=True))
            for begin, cycles in zip(whole.begin.tolist(), whole.cycles.tolist(), strict=True):
                assert cycles < shortest or (begin, cycles) in alone
            assert len(fewer) <= 4 * (int(whole.cycles.sum()) // shortest + 1)
            joins += len(whole) - len(fewer)
    assert (joins > 0) == (shortest > 1)


def test_the_longest_of_what_is_joined_gives_the_name() -> None:
    rows = [(0, 1, BUSY, -1), (1, 2, READ, 7), (3, 1, BUSY, -1), (4, 2, READ, 8), (6, 3, BUSY, -1)]
    table = np.array(rows, np.int64)
    parts = np.zeros((5, 4), np.int64)
    parts[np.arange(5), table[:, 2]] = table[:, 1]
    ones = np.ones(5, np.int64)
    found = joined(Slices(table[:, 0], table[:, 1], table[:, 2], table[:, 3], parts, ones), 100)
    assert len(found) == 1 and found.joins.tolist() == [5]
    assert (found.cause.tolist(), found.object.tolist()) == (
        [BUSY],
        [-1],
    )  # 5 cycles, reads 2 and 2
    assert found.shares.tolist() == [[4, 0, 0, 5]]


@pytest.mark.parametrize("seed", SEEDS)
def test_waits_by_stream_add_up_to_what_processes_were_blocked(seed: int) -> None:
    trace, found = resolved(seed)
    depths = [stream.depth for stream in trace.streams]
    by_process = activities(trace, found)
    for each in by_process:
        causes = {READ: each.read, WRITE: each.write, MEMORY: each.memory}
        for cause, cycles in causes.items():
            assert sum(n for (why, _), n in each.waits.items() if why == cause) == cycles
        assert each.cycles == found.cycles
    fills = stream_fills(trace, found, depths, found)
    assert sum(each.empty for each in fills) == sum(each.read for each in by_process)
    assert sum(each.full for each in fills) == sum(each.write for each in by_process)
    assert [each.fill for each in fills] == list(found.fills)

# SPDX-License-Identifier: Apache-2.0
"""The resolver beside a cycle-by-cycle simulation of the same contract, on random networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from brute_force import CAUSES, Simulated, simulate
from networks import Network, random_network

from hlsgen.timing.resolve import Resolved, resolve
from hlsgen.timing.trace import fault

ALL = 500  # of each kind, with ports and without


def resolved(
    network: Network, depths: Sequence[int | None] | None = None, *, detail: bool = False
) -> Resolved:
    given = network.depths if depths is None else depths
    return resolve(network.trace, network.memory, network.places, given, detail=detail)


def networks(numbers: range, *, ports: bool) -> Iterator[tuple[str, Network]]:
    for number in numbers:
        network = random_network(number, ports=ports)
        assert fault(network.trace) is None
        yield f"network {number}, ports: {ports}", network


def compare(name: str, network: Network, found: Resolved, wanted: Simulated) -> None:
    waiting = [
        [each.process, each.stream, int(each.reads), each.fill]
        for each in (found.deadlock.blocked if found.deadlock is not None else ())
    ]
    assert waiting == wanted.waiting, name
    assert (found.cycles, list(found.ends)) == (wanted.cycles, wanted.ends), name
    assert list(found.busy) == [did["busy"] for did in wanted.did], name
    causes = [tuple(did[cause] for cause in CAUSES) for did in wanted.did]
    assert list(found.blocked) == causes, name
    assert list(found.fills) == [max(level) for level in wanted.levels], name
    assert found.stalls is not None and found.levels is not None
    assert found.stalls.tolist() == wanted.stalls, name
    assert found.levels.shape[1] <= 2048
    coarse = [
        [max(level[at : at + found.bucket]) for at in range(0, len(level), found.bucket)]
        for level in wanted.levels
    ]
    assert found.levels.tolist() == coarse, name
    for process, busy in enumerate(found.busy):
        total = busy + sum(found.blocked[process]) + found.idle[process]
        assert total == found.cycles, name


def compare_all(numbers: range) -> None:
    deadlocks = rings = 0
    for ports in (False, True):
        for name, network in networks(numbers, ports=ports):
            found = resolved(network, detail=True)
            trace, memory = network.trace, network.memory
            compare(name, network, found, simulate(trace, memory, network.places, network.depths))
            deadlocks += found.deadlock is not None
            rings += found.deadlock is not None and bool(found.deadlock.cycle)
    count = 2 * len(numbers)
    assert count / 10 < deadlocks < count * 6 / 10 and 0 < rings < deadlocks


def test_a_hundred_networks_as_cycle_by_cycle() -> None:
    compare_all(range(50))


@pytest.mark.slow
def test_a_thousand_networks_as_cycle_by_cycle() -> None:
    compare_all(range(ALL))


def test_deeper_streams_are_never_slower() -> None:
    """True of streams alone: with ports, another order of requests may cost more."""
    rng = np.random.default_rng(1)
    faster = 0
    for name, network in networks(range(200), ports=False):
        shallow = resolved(network)
        if shallow.deadlock is not None:
            continue
        more = rng.integers(0, 4, len(network.depths)).tolist()
        depths = [None if d is None else d + n for d, n in zip(network.depths, more, strict=True)]
        deep = resolved(network, depths)
        assert deep.deadlock is None, name
        assert all(d <= s for d, s in zip(deep.ends, shallow.ends, strict=True)), name
        faster += deep.cycles < shallow.cycles
    assert faster > 5


def test_depths_of_the_greatest_fills_are_as_good_as_endless() -> None:
    exact = 0
    for name, network in networks(range(200), ports=False):
        endless = resolved(network, [None] * len(network.depths))
        fills = [max(1, fill) for fill in endless.fills]
        sized = resolved(network, fills)
        assert (sized.ends, sized.fills) == (endless.ends, endless.fills), name
        assert (sized.deadlock is None) == (endless.deadlock is None), name
        deepest = int(np.argmax([*fills, 0]))
        if max(fills, default=1) > 1:
            less = [fill - (n == deepest) for n, fill in enumerate(fills)]
            exact += resolved(network, less).blocked != endless.blocked
    assert exact > 100  # one place less is felt


def test_what_decides_nothing_changes_nothing() -> None:
    """The order of the runs of different ends, and a depth beyond what is ever written."""
    for name, network in networks(range(60), ports=True):
        trace = network.trace
        tokens = [None if d is None else 10**15 for d in network.depths]
        deep, endless = resolved(network, tokens), resolved(network, [None] * len(tokens))
        assert (deep.ends, deep.blocked, deep.fills) == (
            endless.ends,
            endless.blocked,
            endless.fills,
        ), name
        order = np.argsort(trace.runs[:, 0], kind="stable")
        sorted_trace = replace(trace, runs=np.asfortranarray(trace.runs[order]))
        again, first = resolved(replace(network, trace=sorted_trace)), resolved(network)
        assert (again.ends, again.blocked, again.deadlock) == (
            first.ends,
            first.blocked,
            first.deadlock,
        ), name


def test_detail_changes_nothing_and_adds_up() -> None:
    for name, network in networks(range(60), ports=True):
        plain, full = resolved(network), resolved(network, detail=True)
        assert plain.stalls is None and plain.levels is None and full.stalls is not None
        assert (plain.ends, plain.blocked, plain.fills) == (full.ends, full.blocked, full.fills)
        for process, blocked in enumerate(full.blocked):
            mine = full.stalls[full.stalls[:, 0] == process]
            sums = [int(mine[mine[:, 3] == cause, 2].sum()) for cause in range(3)]
            assert sums == list(blocked), name
            assert (mine[1:, 1] > mine[:-1, 1] + mine[:-1, 2]).all(), name

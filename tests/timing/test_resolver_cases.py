# SPDX-License-Identifier: Apache-2.0
"""The resolver on traces small enough to count on paper, its refusals, and deadlocks in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from hlsgen.paths import package_dir
from hlsgen.timing.deadlock import describe
from hlsgen.timing.native import plan
from hlsgen.timing.resolve import MEMORY, READ, WRITE, BankTiming, Blocked, resolve
from hlsgen.timing.trace import PortInfo, StreamInfo, Trace

QUICK = BankTiming(Fraction(1000), 0, 1, 0)  # for traces without ports
MOST = 1 << 62


def trace_of(
    ticks: Sequence[int],
    streams: Sequence[StreamInfo],
    runs: Sequence[Sequence[int]],
    ports: Sequence[PortInfo] = (),
    word_bytes: int = 4,
) -> Trace:
    """Processes row_3, row_4, ...; runs of streams may leave out their addresses."""
    names = tuple(f"row_{3 + number}" for number in range(len(ticks)))
    table = np.array([[*run, 0, 0][:6] for run in runs], np.int64).reshape(-1, 6)
    return Trace(names, tuple(streams), tuple(ports), tuple(ticks), word_bytes, table)


def pair(written: int = 3, read: int = 3, depth: int = 1) -> Trace:
    """row_3 writes a token in each of its first ticks, row_4 reads one."""
    stream = StreamInfo("packets_4", depth, "srl", 0, 1)
    runs = [run for run in ([0, 0, 1, written], [1, 0, 1, read]) if run[3]]
    return trace_of([3, 3], [stream], runs)


def reader(burst: int, outstanding: int, addresses: Sequence[Sequence[int]], ticks: int) -> Trace:
    """One process that reads words of a port with 4 ticks of latency: (first, stride, count,
    address, step)."""
    port = PortInfo("a", "gmem0", 0, False, burst, outstanding, 4)
    return trace_of([ticks], [], [[0, *run] for run in addresses], [port])


def test_one_place_halves_the_speed() -> None:
    """Written in cycles 0, 2, 4, read in 1, 3, 5."""
    found = resolve(pair(), QUICK, [], detail=True)
    assert (found.cycles, found.ends) == (6, (5, 6))
    assert (found.busy, found.idle) == ((3, 3), (1, 0))
    assert found.blocked == ((0, 2, 0), (3, 0, 0))
    assert (found.fills, found.tokens, found.deadlock) == ((1,), (3,), None)
    assert found.stalls is not None and found.levels is not None
    assert found.stalls.tolist() == [
        [0, 1, 1, WRITE, 0],
        [0, 3, 1, WRITE, 0],
        [1, 0, 1, READ, 0],
        [1, 2, 1, READ, 0],
        [1, 4, 1, READ, 0],
    ]
    assert (found.levels.tolist(), found.bucket) == ([[1, 1, 1, 1, 1, 1, 0]], 1)


def test_two_places_are_full_speed() -> None:
    for depth in (2, 3, None):
        found = resolve(pair(), QUICK, [], [depth])
        assert (found.cycles, found.fills, found.blocked[0]) == (4, (2,), (0, 0, 0))


def test_words_of_a_bank_take_their_exact_time() -> None:
    """Words of 4 bytes at 3 bytes a cycle, 2 bytes for a run of two: their service ends at 2, 10/3,
    then a new run, 16/3, 20/3; each completes 10 cycles after, rounded up."""
    memory = BankTiming(Fraction(3), 2, 2, 10)
    found = resolve(reader(4, 2, [[0, 1, 4, 0, 1]], 8), memory, [0], detail=True)
    assert found.stalls is not None
    # Ticks 4 to 7 take the words: at 12, 14, 16 and 17.
    assert found.stalls.tolist() == [
        [0, 4, 8, MEMORY, 0],
        [0, 13, 1, MEMORY, 0],
        [0, 15, 1, MEMORY, 0],
    ]
    assert (found.cycles, found.blocked) == (18, ((0, 0, 10),))


def test_a_request_waits_for_the_oldest_transaction() -> None:
    """A word in each transaction and two under way: words complete 20 cycles after their request,
    so the third is requested at 20, when the first has completed."""
    memory = BankTiming(Fraction(4), 0, 1, 19)
    found = resolve(reader(1, 2, [[0, 1, 3, 0, 1]], 9), memory, [0], detail=True)
    assert found.stalls is not None
    # Tick 2 comes at 20; tick 4, at 22, finds its word; tick 6, at 24, waits for what came at 20.
    assert found.stalls.tolist() == [[0, 2, 18, MEMORY, 0], [0, 24, 16, MEMORY, 0]]
    assert found.cycles == 43
    joined = resolve(reader(3, 1, [[0, 1, 3, 0, 1]], 9), memory, [0])
    assert joined.blocked == ((0, 0, 16),)
    apart = resolve(reader(3, 1, [[0, 1, 3, 0, 2]], 9), memory, [0])
    assert apart.cycles > found.cycles


def test_ports_share_a_bank_or_do_not() -> None:
    ports = [PortInfo(name, "gmem", n, n == 1, 1, 1, 1) for n, name in enumerate("ab")]
    trace = trace_of([2, 2], [], [[1, 0, 1, 1], [0, 0, 1, 1]], ports)
    memory = BankTiming(Fraction(1, 2), 0, 1, 0)  # a word takes 8 cycles
    assert resolve(trace, memory, [0, 0]).ends == (9, 17)
    assert resolve(trace, memory, [1, 0]).ends == (9, 9)
    swapped = replace(trace, ports=(replace(ports[0], process=1), replace(ports[1], process=0)))
    assert resolve(swapped, memory, [0, 0]).ends == (17, 9)  # the lower port first, not process


def test_no_process_ends_before_its_last_answer() -> None:
    memory = BankTiming(Fraction(4), 0, 1, 99)
    found = resolve(reader(1, 1, [[0, 1, 1, 0, 0]], 2), memory, [0])
    assert (found.ends, found.blocked) == ((100,), ((0, 0, 98),))


def test_the_cause_is_what_is_ready_last() -> None:
    """row_5 reads both streams in its first tick: x comes at cycle 4, y at 6, and where both come
    at 6, the first of them counts."""
    streams = [StreamInfo(name, 4, "srl", n, 2) for n, name in enumerate("xy")]

    def found(first: int, second: int) -> list[list[int]]:
        runs = [[0, first, 1, 1], [2, second, 1, 1], [1, 0, 1, 1], [3, 0, 1, 1]]
        stalls = resolve(trace_of([9, 9, 1], streams, runs), QUICK, [], detail=True).stalls
        assert stalls is not None
        rows: list[list[int]] = stalls.tolist()
        return rows

    assert found(3, 5) == [[2, 0, 6, READ, 1]]
    assert found(5, 3) == found(5, 5) == [[2, 0, 6, READ, 0]]


def test_nothing_to_do() -> None:
    found = resolve(trace_of([0, 7], [], []), QUICK, [], detail=True)
    assert (found.cycles, found.ends, found.idle) == (7, (0, 7), (7, 0))
    assert found.stalls is not None and len(found.stalls) == 0
    nothing = resolve(trace_of([], [], []), QUICK, [])
    assert (nothing.cycles, nothing.ends, nothing.deadlock) == (0, (), None)


def ring(depth: int = 2) -> Trace:
    """row_3 writes three packets before it reads a sum; row_4 writes the sum first... after three
    packets, all of which it wants at once."""
    streams = [StreamInfo("packets_4", depth, "srl", 0, 1), StreamInfo("sums_4", 2, "srl", 0, 1)]
    runs = [[0, 0, 1, 3], [2, 5, 1, 1], [3, 0, 1, 1], [1, 1, 1, 3]]
    return trace_of([6, 6], streams, runs)


def test_a_ring_in_words() -> None:
    found = resolve(ring(), QUICK, [])
    assert found.deadlock is not None
    writes, reads = Blocked(0, 0, False, 2, 2), Blocked(1, 1, True, 0, 2)
    assert found.deadlock.blocked == found.deadlock.cycle == (writes, reads)
    assert (found.cycles, found.ends, found.blocked) == (2, (2, 0), ((0, 0, 0), (2, 0, 0)))
    assert describe(ring(), found.deadlock) == [
        "row_3 waits to write packets_4 (full: 2 of 2), which row_4 reads; "
        "row_4 waits to read sums_4 (empty), which row_3 writes"
    ]
    assert resolve(ring(), QUICK, [], [3, 2]).deadlock is None


def test_a_missing_token_in_words() -> None:
    trace = pair(written=2)
    found = resolve(trace, QUICK, [], [None])
    assert found.deadlock is not None and found.deadlock.cycle == ()
    assert found.deadlock.blocked == (Blocked(1, 0, True, 0, None),)
    assert (found.ends, found.idle) == ((3, 3), (0, 0))
    assert describe(trace, found.deadlock) == [
        "missing token: stream packets_4: process row_3 has written 2 tokens and ended, "
        "row_4 waits to read token 3"
    ]


def test_leftover_tokens_in_words() -> None:
    trace = pair(read=1)
    found = resolve(trace, QUICK, [])
    assert found.deadlock is not None and found.deadlock.cycle == ()
    assert describe(trace, found.deadlock) == [
        "leftover tokens: stream packets_4: process row_4 has read 1 token and ended, "
        "row_3 waits to write token 3 (full: 1 of 1)"
    ]


def test_who_waits_for_a_waiting_one_is_not_in_the_ring() -> None:
    """row_5 waits for row_4, which waits for row_3 as that waits for it."""
    trace = ring()
    trace = replace(
        trace,
        processes=(*trace.processes, "row_5"),
        streams=(*trace.streams, StreamInfo("out", 2, "srl", 1, 2)),
        ticks=(*trace.ticks, 1),
        runs=np.vstack([trace.runs, [[4, 5, 1, 1, 0, 0], [5, 0, 1, 1, 0, 0]]]),
    )
    found = resolve(trace, QUICK, [])
    assert found.deadlock is not None
    assert [each.process for each in found.deadlock.blocked] == [0, 1, 2]
    assert [each.process for each in found.deadlock.cycle] == [0, 1]
    assert len(describe(trace, found.deadlock)) == 1


@pytest.mark.parametrize(
    ("places", "depths", "text"),
    [
        ([], [1], "places: 0 for 1 ports"),
        ([0, 0], [1], "places: 2 for 1 ports"),
        ([-1], [1], "place of a: -1 is no number of a bank"),
        ([1 << 40], [1], "place of a: 1099511627776 is no number of a bank"),
        ([0], [], "depths: 0 for 1 streams"),
        ([0], [0], "depth of packets_4: 0 is not from 1"),
        ([0], [-3], "depth of packets_4: -3 is not from 1"),
    ],
)
def test_what_does_not_fit_is_refused(
    places: list[int], depths: list[int | None], text: str
) -> None:
    trace = replace(pair(), ports=(PortInfo("a", "gmem0", 0, False, 1, 1, 1),))
    with pytest.raises(ValueError, match=text):
        resolve(trace, QUICK, places, depths)


def test_timing_out_of_range_is_refused() -> None:
    for figures, name in (
        ((Fraction(0), 0, 1, 0), "bytes_per_cycle"),
        ((Fraction(1), -1, 1, 0), "overhead_bytes"),
        ((Fraction(1), 0, 0, 0), "run_words"),
        ((Fraction(1), 0, 1, -1), "latency"),
    ):
        with pytest.raises(ValueError, match=name):
            BankTiming(*figures)


def test_times_that_64_bits_do_not_hold_are_refused() -> None:
    trace = reader(1, 1, [[0, 1, 3, 0, 1]], 9)
    for memory in (
        BankTiming(Fraction(1), 0, 1, MOST // 2),
        BankTiming(Fraction(1, MOST), 0, 1, 0),
        BankTiming(Fraction(3**40, 2**60), 0, 1, 0),
    ):
        with pytest.raises(ValueError, match="64 bits"):
            resolve(trace, memory, [0])
    assert resolve(trace, BankTiming(Fraction(1), 0, 1, MOST // 8), [0]).cycles > MOST // 8


def test_long_runs_cost_no_memory() -> None:
    trace = trace_of([10**6, 10**6 + 1], [StreamInfo("s", 2, "srl", 0, 1)],
                     [[0, 0, 1, 10**6], [1, 1, 1, 10**6]])  # fmt: skip
    assert resolve(trace, QUICK, []).ends == (10**6, 10**6 + 1)


def test_the_sources_are_part_of_the_package_and_named() -> None:
    """They lie in the package itself, so a wheel has them; all of them are in the cache's key."""
    project = plan({"PATH": "/usr/bin:/bin"}).project
    assert "resolver.cpp" in project.files
    included = {
        line.split('"')[1]
        for text in project.files.values()
        for line in text.splitlines()
        if line.startswith('#include "')
    }
    assert included == set(project.files) - {"resolver.cpp"}
    assert (package_dir() / "timing" / "native" / "resolver.cpp").is_file()

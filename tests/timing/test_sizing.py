# SPDX-License-Identifier: Apache-2.0
"""FIFO depths that are found: fast enough, none larger than needed, and what ends a deadlock."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from networks import random_network
from pipelines import QUICK, burst, chained, crossing

from hlsgen.timing.families import depths_of, span_name, stream_families
from hlsgen.timing.resolve import resolve
from hlsgen.timing.sizing import Case, Remedy, Sizing, least, remedy
from hlsgen.timing.trace import Trace, missing

LOSSES = [Fraction(0), Fraction(2, 100), Fraction(1, 2)]


def cycles(case: Case, depths: dict[str, int]) -> int | None:
    """None for a deadlock."""
    found = case.resolved(depths)
    return None if found.deadlock is not None else found.cycles


def found_depths(sizing: Sizing) -> dict[str, int]:
    return {size.family: size.least for size in sizing.sizes}


@pytest.mark.parametrize("within", LOSSES)
def test_no_depth_is_larger_than_it_must_be(within: Fraction) -> None:
    """Beside the others as found."""
    tried = smaller = 0
    for seed in range(250):
        network = random_network(seed, ports=False)
        if missing(network.trace) or not network.trace.streams:
            continue
        case = Case(network.trace, network.memory, network.places)
        if case.resolved(None).deadlock is not None:
            continue
        sizing = least([case], within)
        depths = found_depths(sizing)
        endless = case.resolved(None).cycles
        assert sizing.endless == endless and sizing.allowed == endless + int(endless * within)
        assert cycles(case, depths) == sizing.cycles <= sizing.allowed
        for family, depth in depths.items():
            if depth > 1:
                fewer = cycles(case, {**depths, family: depth - 1})
                assert fewer is None or fewer > sizing.allowed
                smaller += 1
        tried += 1
    assert tried > 50 and smaller > 50


def test_depths_are_kept_where_the_memory_is_shared() -> None:
    for seed in range(60):
        network = random_network(seed, ports=True)
        case = Case(network.trace, network.memory, network.places)
        if missing(network.trace) or case.resolved(None).deadlock is not None:
            continue
        sizing = least([case], Fraction(0))
        assert cycles(case, found_depths(sizing)) == sizing.cycles <= sizing.endless


def test_where_the_reader_sets_the_pace_one_place_is_enough() -> None:
    """Written in each of eight cycles, read in every other one."""
    sizing = least([Case(burst(8), QUICK, [])], Fraction(0))
    assert [(size.family, size.depth, size.least) for size in sizing.sizes] == [("packets", 8, 1)]


def test_crossing_streams_need_what_lies_between_their_reads() -> None:
    case = Case(crossing(6, 6), QUICK, [])
    assert found_depths(least([case], Fraction(0))) == {"early": 5, "late": 1}
    by_hand = {
        (early, late)
        for early, late in itertools.product(range(1, 7), repeat=2)
        if cycles(case, {"early": early, "late": late}) == case.resolved(None).cycles
    }
    assert min(early for early, _ in by_hand) == 5 and (5, 1) in by_hand


def test_several_cases_share_their_depths() -> None:
    """What one needs, all have; each counts as often as it runs."""
    cases = [Case(crossing(6, 6, 6), QUICK, [], runs=3), Case(crossing(6, 6, 3), QUICK, [])]
    sizing = least(cases, Fraction(0))
    assert found_depths(sizing) == {"early": 5, "late": 1}
    assert sizing.endless == sum(c.runs * c.resolved(None).cycles for c in cases) == sizing.cycles


def test_a_rendered_depth_that_is_enough_is_never_raised() -> None:
    """Either family could hold the burst; the one that is deep already does."""
    sizing = least([Case(crossing(5, 1), QUICK, [])], Fraction(0))
    assert {s.family: (s.depth, s.least) for s in sizing.sizes} == {
        "early": (5, 5),
        "late": (1, 1),
    }
    assert sizing.given == sizing.cycles
    assert least([Case(crossing(2, 1), QUICK, [])], Fraction(0)).given is None


def test_resolves_are_few() -> None:
    """Depths of thousands are found by halving."""
    sizing = least([Case(crossing(4096, 4096, 3000), QUICK, [])], Fraction(0))
    assert found_depths(sizing)["early"] == 2999 and sizing.resolves < 40


def test_a_missing_token_has_no_depth() -> None:
    trace = crossing(6, 6)
    fewer = trace.runs.copy()
    fewer[1, 3] -= 1
    broken = Trace(
        trace.processes, trace.streams, trace.ports, trace.ticks, trace.word_bytes, fewer
    )
    with pytest.raises(ValueError, match="token"):
        least([Case(broken, QUICK, [])], Fraction(0))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_remedy_of_a_deadlock_is_the_least_depth_that_ends_it(depth: int) -> None:
    case = Case(crossing(depth, 6), QUICK, [])
    depths = [depth, 6]
    stuck = resolve(case.trace, QUICK, [], depths)
    assert stuck.deadlock is not None
    assert remedy(case, stuck, depths) == Remedy("early_0", 5, "early", 5)
    assert resolve(case.trace, QUICK, [], [4, 6]).deadlock is not None
    assert resolve(case.trace, QUICK, [], [5, 6]).deadlock is None


def test_where_one_stream_is_not_enough_its_family_is() -> None:
    case = Case(chained(3, 2), QUICK, [])
    depths = [stream.depth for stream in case.trace.streams]
    stuck = resolve(case.trace, QUICK, [], depths)
    assert stuck.deadlock is not None
    found = remedy(case, stuck, depths)
    assert found is not None and found.fifo == found.family == "b"
    assert found.depth == found.family_depth
    assert cycles(case, {"a": 1, "b": found.depth}) is not None
    assert cycles(case, {"a": 1, "b": found.depth - 1}) is None


def test_a_family_is_told_with_its_own_least_depth() -> None:
    """Which may be far below that of its deepest stream."""
    case = Case(chained(3, 6), QUICK, [])
    depths = [stream.depth for stream in case.trace.streams]
    assert resolve(case.trace, QUICK, [], depths).deadlock is None
    names = [stream.name for stream in case.trace.streams]
    depths = [64 if name[0] == "b" else depth for name, depth in zip(names, depths, strict=True)]
    depths[names.index("b_1")] = 1
    stuck = resolve(case.trace, QUICK, [], depths)
    assert stuck.deadlock is not None
    found = remedy(case, stuck, depths)
    assert found is not None and (found.fifo, found.family) == ("b_1", "b")
    assert found.family_depth is not None and found.family_depth <= 6
    assert cycles(case, {"b": found.family_depth}) is not None
    assert cycles(case, {"b": found.family_depth - 1}) is None


def test_random_deadlocks_end_with_their_remedy_and_not_before() -> None:
    ended = 0
    for seed in range(300):
        network = random_network(seed, ports=False)
        case = Case(network.trace, network.memory, network.places)
        stuck = resolve(network.trace, network.memory, network.places, network.depths)
        if stuck.deadlock is None:
            continue
        found = remedy(case, stuck, network.depths)
        if found is None:
            continue
        names = [stream.name for stream in network.trace.streams]
        for depth, ends in ((found.depth, True), (found.depth - 1, False)):
            given = list(network.depths)
            given[names.index(found.fifo)] = depth
            after = resolve(network.trace, network.memory, network.places, given)
            assert (after.deadlock is None) == ends
        ended += 1
    assert ended > 10


def test_families_are_those_of_the_spec() -> None:
    trace = chained(2, 1)
    assert stream_families(trace.streams) == {"a": (0, 2), "b": (1, 3)}
    assert depths_of(trace.streams, {"a": 7}) == (7, 1, 7, 1)
    assert depths_of(trace.streams, {"a": 7, "a_1": 9, "b": None}) == (7, None, 9, None)
    assert span_name(["row_0", "row_1", "row_2"]) == "row_0..2"
    assert span_name(["store_tiles"]) == "store_tiles"

# SPDX-License-Identifier: Apache-2.0
"""Many products in one set of columns: the numbers of each alone, and none left out that wins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host.config import ArrayConfig, least_strip_words
from sat_host.models.workload import Row
from sat_host.product import Source
from sat_host.strips import MAX_COUNT, held_words, largest_count, longest_strip, strip_words
from sat_host.tiling import DATAFLOWS

from hlsgen.schedule import strip_columns
from hlsgen.schedule.bounds import NEVER, least_unbuffered
from hlsgen.schedule.candidates import candidates, count_bound
from hlsgen.schedule.choose import schedule, unnamed
from hlsgen.schedule.cycles import product_timing
from hlsgen.schedule.memory import Counts, Memory
from hlsgen.schedule.options import Options
from hlsgen.schedule.pieces import least_cycles, with_memory
from hlsgen.schedule.stack import Found, Stack
from hlsgen.schedule.stationary_bound import least_stationary
from hlsgen.schedule.step import Hardware, Pruning
from hlsgen.schedule.terms import Flags, shapes_of, taken_at
from hlsgen.schedule.work import ProductWork, Work, works
from hlsgen.sweep.listing import storage_config
from hlsgen.sweep.step_cycles import Asked, StepCycles, steps_cycles


@st.composite
def arrays(draw: st.DrawFn, lanes: int | None = None) -> ArrayConfig:
    lanes = lanes or draw(st.sampled_from([4, 8, 16, 32]))
    rows = draw(st.integers(1, 33))
    return ArrayConfig(
        rows,
        lanes,
        draw(st.sampled_from([group for group in (4, 8) if group <= lanes])),
        draw(st.integers(1, 9)),
        draw(st.integers(1, 6)),
        draw(st.integers(1, 12)),
        draw(st.integers(1, 2)),
        max(least_strip_words(rows, lanes), draw(st.sampled_from([64, 512, 8192]))),
    )


@st.composite
def networks(draw: st.DrawFn) -> tuple[Row, ...]:
    batch, channels = draw(st.integers(1, 40)), draw(st.sampled_from([3, 8, 40]))
    rows: list[Row] = []
    for number in range(draw(st.integers(1, 3))):
        filters = draw(st.sampled_from([4, 24, 70]))
        kind = draw(st.sampled_from(["conv", "linear", "attn"]))
        prunable = draw(st.integers(0, 1))
        if kind == "conv":
            size, kernel = draw(st.integers(3, 12)), draw(st.sampled_from([1, 3]))
            stride, pad = draw(st.integers(1, 2)), kernel // 2
            shape = (channels, size, size, filters, kernel, kernel, stride, pad)
        else:
            height = draw(st.integers(1, 9)) if kind == "attn" else 1
            shape = (channels, height, 1, filters, 1, 1, 1, 0)
        rows.append(Row(f"layer{number}", kind, batch, *shape, prunable))
        channels = filters
    return tuple(rows)


OPTIONS = st.builds(
    Options,
    st.sampled_from([("os",), ("ws",), ("os", "ws")]),
    interleaved=st.booleans(),
    pregenerated=st.booleans(),
    overlap=st.booleans(),
)
MEMORIES = st.builds(
    Memory,
    st.sampled_from([1, 2, 3, 4, 32]),
    st.sampled_from([4.0, 96.0, 1e5]),
    st.sampled_from([0.0, 28.5]),
    st.sampled_from([0, 60]),
)
PRUNINGS = st.builds(
    Pruning, st.sampled_from(["dense", "bdwp", "sdgp", "sr_ste"]), st.integers(1, 3)
)


def products(listed: list[Work]) -> list[ProductWork]:
    found = (unnamed(work) for work in listed if isinstance(work, ProductWork))
    return list(dict.fromkeys(found))


def all_of(stack: Stack) -> Found | None:
    found = stack.counted(stack.least < NEVER)
    return None if found is None else some_of(found, np.arange(found.owner.size))


def some_of(found: Found, places: Counts | Flags) -> Found:
    """Some of the candidates, whose timing is in their order."""
    row = found.row[places]
    return Found(
        found.owner[places],
        np.arange(row.size),
        found.flow[row],
        found.tilings.some(row),
        taken_at(found.timing, row),
    )


@settings(max_examples=15)
@given(
    st.lists(arrays(lanes=8), min_size=1, max_size=3, unique=True), networks(), PRUNINGS, OPTIONS
)
def test_columns_are_the_products_one_by_one(
    configs: list[ArrayConfig], rows: tuple[Row, ...], pruning: Pruning, options: Options
) -> None:
    """Timing of every candidate, legality and order of all."""
    parts = [
        (config, shapes_of(products(works(rows, config, pruning.method, pruning.keep)), 8))
        for config in configs
    ]
    stack = Stack(parts, options)
    found, place = all_of(stack), 0
    tried = stack.tried()
    for config, shapes in parts:
        for work in shapes.works:
            lists = [each for each in candidates(config, work, options) if each.size]
            assert tried[place] == sum(each.size for each in lists)
            place += 1
            if found is None:
                continue
            mine = some_of(found, found.owner == place - 1)
            assert mine.owner.size == sum(each.size for each in lists)
            tilings = [mine.tiling(number) for number in range(mine.owner.size)]
            assert tilings == [each.at(number) for each in lists for number in range(each.size)]
            memory, end = Memory(4, 50.0, 20.0, 30), 0
            banks = {"a": 0, "b": 1, "y": 1, "commands": 3}
            for each in lists:
                alone = product_timing(config, work, each, options)
                some = some_of(mine, np.arange(end, end + each.size))
                end += each.size
                pieces = [with_memory(timing, memory, banks) for timing in (alone, some.timing)]
                assert pieces[0].total.tolist() == pieces[1].total.tolist()
                least = [least_cycles(timing) for timing in (alone, some.timing)]
                assert least[0].tolist() == least[1].tolist()


@settings(max_examples=25)
@given(arrays(), networks(), PRUNINGS, OPTIONS)
def test_a_bound_is_no_more_than_the_cycles(
    config: ArrayConfig, rows: tuple[Row, ...], pruning: Pruning, options: Options
) -> None:
    works_of = products(works(rows, config, pruning.method, pruning.keep))
    if config.rows % 2:
        works_of = [replace(w, product=replace(w.product, accumulate=True)) for w in works_of]
    stack = Stack([(config, shapes_of(works_of, config.lanes))], options)
    found = all_of(stack)
    if found is None:
        return
    t, q = stack.least.shape[2:]
    cut = found.tilings
    flow = np.array([stack.flows.index(found.tiling(n).dataflow) for n in range(cut.size)])
    bound = stack.least[found.owner, flow, t - cut.interleave, q - cut.blocks]
    least = least_cycles(found.timing)
    assert (bound <= least).all()
    stationary = np.flatnonzero(found.flow == DATAFLOWS.index("ws"))
    some = replace(cut.some(stationary), dataflow="ws")
    bound = least_stationary(stack.terms.at(found.owner[stationary]), some)
    assert (bound <= least[stationary]).all()
    for number, name in enumerate(stack.flows):
        which = np.flatnonzero((flow == number) & ~cut.buffered)
        some = replace(cut.some(which), dataflow=name)
        bound = least_unbuffered(stack.terms.at(found.owner[which]), some)
        assert (bound <= least[which]).all()
    for number, owner in enumerate(found.owner.tolist()):
        one = found.tiling(number)
        most = largest_count(config, works_of[owner].product, one.interleave, one.blocks)
        terms = stack.terms.at(np.array([owner]))
        bound = count_bound(terms, cut.interleave[[number]], cut.blocks[[number]])
        assert most <= min(int(bound[0]), MAX_COUNT)


@settings(max_examples=10)
@given(st.lists(arrays(lanes=8), min_size=1, max_size=3), networks(), PRUNINGS, OPTIONS)
def test_bounds_that_arrays_share_are_their_own(
    configs: list[ArrayConfig], rows: tuple[Row, ...], pruning: Pruning, options: Options
) -> None:
    configs = [*configs, *(replace(each, strip_words=8000) for each in configs[::-1])]
    shapes = shapes_of(products(works(rows, configs[0], pruning.method, pruning.keep)), 8)
    together = Stack([(config, shapes) for config in configs], options).least
    for number, config in enumerate(configs):
        alone = Stack([(config, shapes)], options).least
        begin = number * len(shapes.works)
        mine = together[begin : begin + len(shapes.works)]
        # Sizes fall; those of the largest array that others lack are never candidates.
        t, q = (most - least for most, least in zip(mine.shape[2:], alone.shape[2:], strict=True))
        assert (mine[:, :, t:, q:] == alone).all()
        assert (mine[:, :, :t] == NEVER).all() and (mine[:, :, :, :q] == NEVER).all()


@settings(max_examples=12)
@given(
    st.lists(st.tuples(arrays(), MEMORIES, PRUNINGS, OPTIONS), min_size=1, max_size=3), networks()
)
def test_steps_together_are_the_schedules_one_by_one(
    cases: list[tuple[ArrayConfig, Memory, Pruning, Options]], rows: tuple[Row, ...]
) -> None:
    cases = [(*case[:3], replace(case[3], interleaved=True, pregenerated=True)) for case in cases]
    cases += [(case[0], cases[0][1], case[2], cases[-1][3]) for case in cases]  # some in common
    asked = [
        Asked(rows, Hardware(config, memory, 200), pruning, options)
        for config, memory, pruning, options in cases
    ]
    for (config, memory, pruning, options), step in zip(cases, steps_cycles(asked), strict=True):
        listed = works(rows, config, pruning.method, pruning.keep)
        layers = schedule(listed, config, memory, options)
        assert isinstance(step, StepCycles)
        assert step.cycles == sum(layer.cycles for layer in layers)
        assert step.macs == sum(layer.macs for layer in layers)


@settings(max_examples=25)
@given(arrays(), networks(), PRUNINGS)
def test_the_work_of_a_step_depends_on_lanes_and_groups_alone(
    config: ArrayConfig, rows: tuple[Row, ...], pruning: Pruning
) -> None:
    found: list[Any] = [
        works(rows, each, pruning.method, pruning.keep) for each in (config, storage_config(config))
    ]
    assert found[0] == found[1]


SOURCES = st.builds(
    Source, st.just(0), st.integers(1, 3), st.just(4),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.sampled_from([1, 2, 3, 7]), st.sampled_from([1, 3])),
    st.tuples(st.integers(1, 3), st.integers(1, 2)),
    st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
    st.booleans(),
)  # fmt: skip


@given(SOURCES, st.integers(1, 500), st.integers(1, 600), st.integers(1, 9), st.integers(1, 3000))
def test_strips_hold_what_their_windows_do(
    source: Source, rows: int, strip: int, interleave: int, held: int
) -> None:
    def windows(size: int) -> list[int]:
        first = np.arange(0, rows, size)
        return [int(n) for n in held_words(source, first, np.minimum(size, rows - first))[1]]

    words, found = windows(strip), strip_words(source, rows, strip)
    assert (found.total, found.longest, found.first) == (sum(words), max(words), words[0])
    longest = longest_strip(source, rows, interleave, held)
    batches = -(-rows // interleave)
    assert longest % interleave == 0 and longest <= batches * interleave
    if longest:
        assert max(windows(longest)) <= held
    else:
        assert max(windows(interleave)) > held
    if 0 < longest < batches * interleave:
        assert max(windows(longest + interleave)) > held


@pytest.mark.parametrize("most", [40, 1 << 40])
def test_each_value_once_be_they_few_or_far_apart(most: int) -> None:
    values = np.random.default_rng(3).integers(0, most, 300)
    found, places = strip_columns._distinct(values)
    assert found.tolist() == sorted(set(values.tolist()))
    assert (found[places] == values).all()


def test_rows_of_rows_are_those_of_the_first() -> None:
    """Columns that are taken late, through several choices of rows."""
    config = ArrayConfig(4, 8, 4, 5, 3, 6)
    rows = tuple(Row(f"l{n}", "linear", 7, 40, 1, 1, 24 + n, 1, 1, 1, 0, 1) for n in range(2))
    stack = Stack([(config, shapes_of(products(works(rows, config, "bdwp", 2)), 8))], Options())
    terms, first, then = stack.terms, np.array([1, 0, 1, 1]), np.array([2, 1])
    for taken in (terms.at(first).at(then), terms.at(first).at(then[:, None])):
        assert taken.reduction.ravel().tolist() == terms.reduction[first][then].tolist()
        assert taken.full.fill.ravel().tolist() == terms.full.fill[first][then].tolist()
        assert taken.views is terms.views and taken.size == 2
    mask = np.arange(terms.size) > 0
    assert terms.at(mask).at(then).rows.tolist() == terms.rows[mask][then].tolist()
    spread = terms.at(first).at((slice(None), None))
    assert spread.rows.shape == (4, 1) and spread.rows[:, 0].tolist() == terms.rows[first].tolist()

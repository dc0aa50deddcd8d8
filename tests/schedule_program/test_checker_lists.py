# SPDX-License-Identifier: Apache-2.0
"""The checker of command lists: nothing to say of good ones, and the name of each planted fault."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobs import CASES, Case, changed, names
from sat_host import convolution_program
from sat_host.command_lists import command_lists
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.descriptor import STCE
from sat_host.product import Operand, Product, Source, Target
from sat_host.strips import default_tiling
from sat_host.tiling import Tiling

from hlsgen.schedule.checker_exact import touched_words, walk_job
from hlsgen.schedule.checker_jobs import Findings, Job, Region
from hlsgen.schedule.checker_lists import check_job

FIELDS = [field.name for field in STCE.fields]
MOST_WORDS = 1 << 20  # that a walk takes moments for
STEPS = [-4096, -64, -8, -2, -1, 1, 2, 3, 8, 64, 4096]


def proved(case: Case) -> list[Any]:
    found = Findings(case.job.name)
    check_job(case.config, case.job, case.products, found)
    return found.faults


def walked(case: Case) -> list[Any]:
    found = Findings(case.job.name)
    walk_job(case.config, case.job, case.products, found)
    return found.faults


@pytest.mark.slow
@settings(max_examples=40)
@given(case=CASES)
def test_lists_of_random_products_have_no_fault(case: Case) -> None:
    assert list(map(str, proved(case))) == []
    assert list(map(str, walked(case))) == []


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    case=CASES,
    field=st.sampled_from(FIELDS),
    place=st.tuples(st.integers(0, 5), st.integers(0, 1000)),
    add=st.sampled_from(STEPS),
)
def test_the_proof_finds_whatever_the_walk_does(
    case: Case, field: str, place: tuple[int, int], add: int
) -> None:
    """A changed field need not be a fault; when a walk through all words meets one, the proof,
    which does not walk, has it too."""
    spoilt = changed(case, field, *place, add)
    if touched_words(spoilt.products) > MOST_WORDS:  # an extent that wrapped around
        assert proved(spoilt)
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # extents of zero
            found = bool(walked(spoilt))
    except (ValueError, IndexError, MemoryError, ZeroDivisionError):
        found = True
    assert proved(spoilt) or not found


# Planted faults -----------------------------------------------------------------------------------

ARRAY = ArrayConfig(4, 8, 8, 2, 2, 4, strip_words=600)
SHAPE = Convolution(2, 6, 5, 20, 24, (3, 3), (1, 1), (1, 1))
A, B, Y = (Region(name, place << 12, 0) for place, name in enumerate(("a", "b", "y"), 1))


def forward() -> Case:
    """FF of a convolution with held strips."""
    a, b, y = replace(A, words=180), replace(B, words=3 * 9 * 3 * 3), replace(Y, words=180)
    product = convolution_program.forward(ARRAY, SHAPE, a.address, (b.address, 2), y.address)
    terms = 60 * 9 * 20 * 24
    job = Job("FF", a, 3, b, y, 3, 24, False, terms)
    return Case(ARRAY, job, (command_lists(ARRAY, product, default_tiling(ARRAY, product)),))


def gradient() -> Case:
    """WU of a convolution, onto stored sums."""
    rows = SHAPE.weight_rows(8)
    a, b, y = replace(A, words=180), replace(B, words=180), replace(Y, words=rows * 6)
    product = convolution_program.gradient(ARRAY, SHAPE, a.address, b.address, y.address, True)
    wanted = np.arange(rows) % 24 < 20
    job = Job("WU", a, 3, b, y, 6, 24, True, 60 * 9 * 20 * 24, accumulate=True, wanted=wanted)
    return Case(ARRAY, job, (command_lists(ARRAY, product, default_tiling(ARRAY, product)),))


def plain(tiling: Tiling | None = None) -> Case:
    """A product of matrices with a word more a row than they need."""
    a, b, y = replace(A, words=40 * 5), replace(B, words=30 * 4), replace(Y, words=40 * 4)
    sums = Region("sums", 1 << 15, 2 * 40 * 4)
    product = Product(
        40, 20, 30, Source(a.address, 5, 30), Operand(b.address, False, 8, 4),
        Target.rows(y.address, 4, False),
    )  # fmt: skip
    chosen = tiling or default_tiling(ARRAY, product)
    lists = command_lists(ARRAY, product, chosen, scratch=sums.address)
    return Case(ARRAY, Job("plain", a, 5, b, y, 4, 20, False, 40 * 20 * 30, sums=sums), (lists,))


def stationary() -> Case:
    """The same, weight stationary: a word of the reduction at a time."""
    return plain(Tiling("ws", 2, 2, buffered=True))


def edit(case: Case, change: Callable[[Any], Any]) -> Case:
    """With the last list of the first product replaced by what `change` makes of a copy."""
    first, *others = case.products
    return replace(case, products=((*first[:-1], change(first[-1].copy())), *others))


def put(case: Case, field: str, value: Any) -> Case:
    """With a field of all commands of that list replaced; value: a number, or how to make it."""

    def change(commands: Any) -> Any:
        made = value(commands[field].astype(np.int64)) if callable(value) else value
        commands[field] = np.asarray(made) % (1 << 8 * commands.dtype[field].itemsize)
        return commands

    return edit(case, change)


def at_first(number: int) -> Callable[[Any], Any]:
    """Adds to the first of the values."""
    return lambda values: values + number * (np.arange(len(values)) == 0)


def swapped(values: Any) -> Any:
    return values[np.roll(np.arange(len(values)), 1)]


PLANTS: dict[str, Callable[[], Case]] = {
    "uncovered": lambda: edit(forward(), lambda commands: commands[1:]),
    "covered_twice": lambda: edit(forward(), lambda c: np.concatenate([c, c[:1]], dtype=c.dtype)),
    "terms": lambda: put(plain(), "reduction", 29),
    "shape": lambda: put(forward(), "a_blocks", at_first(1)),
    "rows_apart": lambda: put(forward(), "y_address", swapped),
    "a_steps": lambda: put(forward(), "a_row_jump", lambda values: values + 3),
    "b_steps": lambda: put(plain(), "b_address", at_first(1)),
    "y_steps": lambda: put(forward(), "y_pitch", lambda values: values + 1),
    "a_outside": lambda: put(forward(), "a_address", lambda values: values + 90),
    "b_outside": lambda: put(forward(), "b_address", lambda values: values - 1),
    "y_outside": lambda: put(forward(), "y_address", lambda values: values + 3),
    "sums_outside": lambda: put(gradient(), "sums_address", at_first(6)),
    "accumulate": lambda: put(gradient(), "flags", lambda v: v & ~STCE.flag("accumulate")),
    "rows": lambda: put(forward(), "interleave", 1),
    "interleave": lambda: put(forward(), "interleave", 3),
    "blocks": lambda: put(forward(), "blocks", 3),
    "keep": lambda: put(plain(), "keep", 2),
    "strip_words": lambda: put(forward(), "strip_words", 601),
    "strip_range": lambda: put(forward(), "strip_address", at_first(-1)),
    "panel_words": lambda: put(gradient(), "a_words", 76),
    "held_words": lambda: put(forward(), "flags", lambda v: v | STCE.flag("weight_stationary")),
    "held_packets": lambda: put(forward(), "flags", lambda v: v | STCE.flag("weight_stationary")),
    "y_overlaps": lambda: replace(forward(), job=replace(forward().job, y=forward().job.a)),
}


@pytest.mark.parametrize("case", [forward, gradient, plain, stationary])
def test_what_faults_are_planted_in_has_none(case: Callable[[], Case]) -> None:
    assert list(map(str, proved(case()))) == []
    assert list(map(str, walked(case()))) == []


@pytest.mark.parametrize("rule", PLANTS)
def test_a_planted_fault_is_named(rule: str) -> None:
    faults = proved(PLANTS[rule]())
    assert rule in names(faults)
    for fault in faults:
        assert str(fault).startswith(f"{fault.where}: {fault.rule}: ") and "\n" not in str(fault)


def spoilt_parts() -> Iterator[tuple[str, Case]]:
    """Parts of a reduction whose sums do not go on from each other."""
    case = stationary()
    (lists,) = case.products
    yield "sums_outside", put(case, "sums_address", at_first(2))
    yield "y_overlaps", replace(case, job=replace(case.job, sums=replace(A, words=320)))
    yield "accumulate", replace(case, products=(lists[1:],))
    yield "accumulate", replace(case, products=(lists[:-1],))
    yield "terms", replace(case, products=((lists[0], *lists[2:]),))
    fewer = lists[0].copy()
    fewer["rows"] -= 1
    yield "uncovered", replace(case, products=((fewer, *lists[1:]),))


@pytest.mark.parametrize("number", range(6))
def test_parts_of_a_reduction_follow_each_other(number: int) -> None:
    rule, case = list(spoilt_parts())[number]
    assert len(stationary().products[0]) > 2
    assert rule in names(proved(case)), proved(case)

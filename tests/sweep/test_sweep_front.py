# SPDX-License-Identifier: Apache-2.0
"""The Pareto front against its definition, budgets, and the best."""

from __future__ import annotations

import random

import pytest

from hlsgen.errors import InputError
from hlsgen.sweep.columns import DONE, ILLEGAL, Row
from hlsgen.sweep.front import FRONT, best, front, parse_budget


def made(number: int, drawn: random.Random, most: int) -> Row:
    row: Row = {"point": number, "status": DONE if drawn.random() < 0.9 else ILLEGAL}
    return row | {column: drawn.randint(1, most) for column in FRONT.values()}


def beats(one: Row, other: Row) -> bool:
    pairs = [(one[column], other[column]) for column in FRONT.values()]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


@pytest.mark.parametrize("seed", range(30))
def test_front_is_what_nothing_beats(seed: int) -> None:
    drawn = random.Random(seed)
    rows = [made(number, drawn, 1 + seed) for number in range(60)]
    done = [row for row in rows if row["status"] == DONE]
    wanted = {row["point"] for row in done if not any(beats(other, row) for other in done)}
    found = front(rows)
    assert {row["point"] for row in found} == wanted and len(found) == len(wanted)
    times = [row["modelled_ms"] for row in found]
    assert times == sorted(times)


def test_no_points_have_no_front_and_no_best() -> None:
    assert front([{"point": 0, "status": ILLEGAL}]) == []
    assert best([{"point": 0, "status": ILLEGAL}], "time", []) is None


@pytest.mark.parametrize(
    ("text", "column", "most"),
    [
        ("dsp<=0.8", "estimated_dsp_share", 0.8),
        ("lut <= 70%", "estimated_lut_share", 0.7),
        ("dsp<=2000", "estimated_dsp", 2000),
        ("bram<=1", "estimated_bram36_share", 1),
        ("bram36<=300.5", "estimated_bram36", 300.5),
        ("lut<=150%", "estimated_lut_share", 1.5),
        ("time<=1.5", "modelled_ms", 1.5),
        ("time<=0.5", "modelled_ms", 0.5),
        ("energy<=1e2", "modelled_energy_j", 100),
    ],
)
def test_budgets(text: str, column: str, most: float) -> None:
    budget = parse_budget(text)
    assert (budget.column, budget.most) == (column, most)
    assert budget.holds({column: most}) and not budget.holds({column: most * 1.01})
    assert not budget.holds({column: None})


@pytest.mark.parametrize(
    "text", ["dsp", "dsp<0.8", "dsp<=", "dsp<=x", "dps<=0.8", "time<=50%", "dsp<=1.2.3", "dsp>=1"]
)
def test_wrong_budgets_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^hlsgen sweep: --budget .*: "):
        parse_budget(text)


@pytest.mark.parametrize("text", ["dsp<=1.5", "lut<=2000.5", "bram<=1.5", "bram<=300.25"])
def test_a_fraction_above_one_is_neither_share_nor_amount(text: str) -> None:
    figure, _, limit = text.partition("<=")
    with pytest.raises(InputError) as caught:
        parse_budget(text)
    assert str(caught.value) == (
        f"hlsgen sweep: --budget {text}: {limit} is above 1, so no share, and no amount: write "
        f"{figure}<={100 * float(limit):g}% or a whole number"
    )


def test_best_is_within_the_budgets() -> None:
    drawn = random.Random(3)
    rows = [made(number, drawn, 50) | {"estimated_dsp_share": number / 60} for number in range(60)]
    found = best(rows, "time", [parse_budget("dsp<=0.5")])
    within = [row for row in rows if row["status"] == DONE and row["estimated_dsp_share"] <= 0.5]
    assert found is not None and found in within
    assert found["modelled_ms"] == min(row["modelled_ms"] for row in within)

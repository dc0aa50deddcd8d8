# SPDX-License-Identifier: Apache-2.0
"""The claim: how far the scheduler's cycle model is from the timed simulation of the kernels."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hlsgen.specfile import load_spec
from hlsgen.timing.compare import Row, step_rows, summary, table
from hlsgen.timing.compare_cases import ARRAYS, CASES

MEDIAN, WORST = 0.02, 0.06

SPEC = Path(__file__).resolve().parents[2] / "specs" / "digits_cnn.yaml"


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(table(os.environ))


@pytest.fixture(scope="module")
def step() -> list[Row]:
    return step_rows(load_spec(SPEC), str(SPEC), os.environ)


@pytest.mark.slow
def test_the_model_is_as_near_as_claimed(rows: list[Row], step: list[Row]) -> None:
    """Over all shapes and a whole training step of digits_cnn."""
    found = summary([*rows, step[-1]])
    assert found.rows == len(CASES) + 1 > 40
    assert found.median <= MEDIAN and found.worst <= WORST, sorted(
        rows, key=lambda row: -abs(row.error)
    )[:5]


@pytest.mark.slow
def test_the_whole_step_is_the_sum_of_its_parts(step: list[Row]) -> None:
    parts, whole = step[:-1], step[-1]
    assert whole.modelled == sum(row.modelled for row in parts)
    assert whole.simulated == sum(row.simulated for row in parts)
    assert summary(parts).median <= MEDIAN


def test_the_table_has_every_kind_of_shape() -> None:
    """Of both dataflows, each stage and method, and every bound that the model knows."""
    names = " ".join(case.name for case in CASES)
    for kind in ("FF", "BP", "WU", "update", "sr_ste", "stride 2", "ragged", "accumulate", "slow"):
        assert kind in names
    for sparsity in ("dense", "1:8", "2:8", "4:8"):
        assert sparsity in names
    assert {case.array for case in CASES} == set(ARRAYS)


@pytest.mark.slow
def test_every_bound_is_somewhere_the_largest(rows: list[Row]) -> None:
    assert {row.dataflow for row in rows} == {"os", "ws", "-"}
    bounds = {row.bound for row in rows}
    assert bounds >= {
        "compute", "distribution", "b_delivery", "drain", "store", "memory", "fill"
    }, bounds  # fmt: skip


@pytest.mark.parametrize("error", [0.0, -0.5, 0.25])
def test_errors_have_signs_and_their_summary_none(error: float) -> None:
    def of(modelled: int) -> Row:
        return Row("a", "8x8", "os", "1 x 1", "compute", modelled, 1000)

    assert of(int(1000 * (1 + error))).error == pytest.approx(error)
    found = summary([of(1000), of(int(1000 * (1 + error))), of(990)])
    assert (found.rows, found.worst) == (3, pytest.approx(max(abs(error), 0.01)))

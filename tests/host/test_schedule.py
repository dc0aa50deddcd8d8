# SPDX-License-Identifier: Apache-2.0
"""The learning rate of each step: warm-up, cosine, steps, constant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sat_host.schedule import SCHEDULES, Schedule

EPOCH = 10


def test_cosine_falls_from_the_peak_to_zero() -> None:
    schedule = Schedule("cosine", 0.2)
    rates = [schedule.rate(step, EPOCH, 4) for step in range(40)]
    assert rates[0] == 0.2
    assert rates[20] == pytest.approx(0.1)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.002


def test_warm_up_is_linear_and_the_cosine_takes_the_rest() -> None:
    schedule = Schedule("cosine", 1.0, warmup_epochs=0.5)
    rates = [schedule.rate(step, EPOCH, 2) for step in range(20)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[5] == 1.0
    assert rates[5 + 15 // 3] == pytest.approx(0.75)  # a third of the way: (1 + cos 60) / 2
    assert rates[5:] == sorted(rates[5:], reverse=True)


def test_steps_follow_each_milestone() -> None:
    schedule = Schedule("step", 0.8, milestones=(2, 3), factor=0.25)
    rates = [schedule.rate(step, EPOCH, 4) for step in (0, 19, 20, 29, 30, 39)]
    assert rates == [0.8, 0.8, 0.2, 0.2, 0.05, 0.05]


def test_constant_is_constant_after_the_warm_up() -> None:
    schedule = Schedule("constant", 0.3, warmup_epochs=1)
    assert [schedule.rate(step, 2, 3) for step in range(6)] == [0.15, 0.3, 0.3, 0.3, 0.3, 0.3]


@given(
    name=st.sampled_from(SCHEDULES),
    warmup=st.floats(0, 30),
    milestones=st.lists(st.integers(1, 20), unique=True).map(lambda found: tuple(sorted(found))),
    per_epoch=st.integers(1, 7),
    epochs=st.integers(1, 20),
)
def test_every_rate_of_a_run_is_above_zero_and_at_most_the_peak(
    name: str, warmup: float, milestones: tuple[int, ...], per_epoch: int, epochs: int
) -> None:
    schedule = Schedule(name, 0.5, warmup, milestones, 0.5)
    rates = [schedule.rate(step, per_epoch, epochs) for step in range(per_epoch * epochs)]
    assert all(0 < rate <= 0.5 for rate in rates)
    peak = rates.index(max(rates))
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)

# SPDX-License-Identifier: Apache-2.0
"""The headline: how much faster the SAT paper's workloads train at 2:8 on its array, modelled."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import schedule_time
from hlsgen import workloads
from hlsgen.cli.schedule_input import pruning_of
from hlsgen.schedule import paper
from hlsgen.schedule.options import ALL
from hlsgen.schedule.step import Step
from hlsgen.scheduled import hardware_of
from hlsgen.specfile import load_spec

SPEC = Path(__file__).parents[2] / "specs" / "vcu1525.yaml"
# Multiplications of a dense step over those of 2:8 BDWP: what no scheduler can exceed while the
# dense step is as well used.
BOUNDS = {
    "resnet9_cifar10": 1.994,
    "vit_cifar100": 1.919,
    "vgg19_cifar100": 1.994,
    "resnet18_tinyimagenet": 1.996,
    "resnet50_imagenet": 1.962,
}
SECONDS_OF_ALL, SECONDS_OF_ONE = 10, 2

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compared() -> list[paper.Comparison]:
    spec = load_spec(SPEC)
    tables = {name: workloads.load(name) for name in workloads.PAPER}
    hardware, pruning = hardware_of(spec), pruning_of(spec, None, None)
    assert (pruning.method, pruning.keep, hardware.config.group) == ("bdwp", 2, 8)
    return paper.compare(tables, hardware, pruning, ALL)


def test_the_mean_speedup_beats_the_paper(compared: list[paper.Comparison]) -> None:
    whole, quarter = compared
    assert whole.mean_speedup >= 1.93
    assert quarter.mean_speedup >= 1.75


def test_the_dense_step_it_is_over_uses_the_array(compared: list[paper.Comparison]) -> None:
    used = {name: step.dense_utilisation for name, step in compared[0].steps.items()}
    assert min(used.values()) >= 0.97, used


@pytest.mark.parametrize("name", workloads.PAPER)
def test_no_step_takes_less_than_its_multiplications(
    compared: list[paper.Comparison], name: str
) -> None:
    def least(step: Step) -> float:
        return sum(layer.macs for layer in step.layers) / 1024

    for each in compared:
        step = each.steps[name]
        dense = sum(layer.macs for layer in step.dense) / 1024
        assert dense / least(step) == pytest.approx(BOUNDS[name], abs=5e-4)
        assert step.cycles > least(step) and step.dense_cycles > dense


def test_all_are_scheduled_within_seconds() -> None:
    """Each in a process of its own, so that nothing is known from another; CPU seconds."""
    timings = [schedule_time.timing(SPEC, name) for name in workloads.PAPER]
    seconds = [timing.seconds for timing in timings]
    assert sum(seconds) <= SECONDS_OF_ALL and max(seconds) <= SECONDS_OF_ONE, seconds
    assert all(timing.tried > 1000 for timing in timings)

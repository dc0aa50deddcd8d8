# SPDX-License-Identifier: Apache-2.0
"""Every optimisation is compared alone and with the others, and none of them makes things worse."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from sat_host.config import ArrayConfig
from sat_host.models.workload import Row

from hlsgen.schedule.ablation import SIDES, Line, ablate, cases, document, square
from hlsgen.schedule.memory import Memory
from hlsgen.schedule.options import ALL, Options
from hlsgen.schedule.step import Hardware, Pruning, model_step

HARDWARE = Hardware(ArrayConfig(32, 32, 8, 16, 8, 8), Memory(4, 96.0, 64.0), 200.0)
BDWP = Pruning("bdwp", 2)
ROWS = (
    Row("conv1", "conv", 16, 3, 32, 32, 64, 3, 3, 1, 1, 0),
    Row("conv2", "conv", 16, 64, 32, 32, 128, 3, 3, 2, 1, 1),
    Row("qk", "attn", 64, 64, 65, 1, 65, 1, 1, 1, 0, 0),
    Row("fc", "linear", 16, 128, 256, 1, 256, 1, 1, 1, 0, 1),
)


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return ablate(ROWS, HARDWARE, BDWP, ALL)


def by_group(lines: list[Line]) -> dict[str, dict[str, Line]]:
    found: dict[str, dict[str, Line]] = {}
    for line in lines:
        found.setdefault(line.group, {})[line.setting] = line
    return found


def test_the_groups_and_their_settings(lines: list[Line]) -> None:
    assert {group: list(settings) for group, settings in by_group(lines).items()} == {
        "interleave mapping": ["off", "on"],
        "pre-generation": ["off", "on"],
        "overlapped updates": ["off", "on"],
        "pre-generation, memory x1/4": ["off", "on"],
        "choice of dataflow": ["os only", "ws only", "chosen"],
        "together": [
            "none", "interleave mapping alone", "pre-generation alone",
            "overlapped updates alone", "choice of dataflow alone", "all",
        ],
        "bandwidth": ["x1/4", "x1/2", "x1", "x2"],
        "array": ["8x8", "16x16", "32x32", "64x64"],
    }  # fmt: skip


def test_whatever_names_the_hardware_as_it_is_is_the_step_itself(lines: list[Line]) -> None:
    step = model_step(ROWS, HARDWARE, BDWP)
    groups = by_group(lines)
    same = [
        groups["interleave mapping"]["on"], groups["pre-generation"]["on"],
        groups["choice of dataflow"]["chosen"], groups["overlapped updates"]["on"],
        groups["together"]["all"], groups["bandwidth"]["x1"], groups["array"]["32x32"],
    ]  # fmt: skip
    assert {(line.cycles, line.dense_cycles) for line in same} == {(step.cycles, step.dense_cycles)}
    assert {line.speedup for line in same} == {step.speedup}


def test_gains_are_over_the_first_line_of_the_group(lines: list[Line]) -> None:
    for settings in by_group(lines).values():
        first, *others = settings.values()
        assert first.gain == 1
        assert all(line.gain == first.cycles / line.cycles for line in others)


def test_no_optimisation_makes_a_step_slower(lines: list[Line]) -> None:
    groups = by_group(lines)
    for name in [group for group, settings in groups.items() if "off" in settings]:
        assert groups[name]["on"].cycles <= groups[name]["off"].cycles
        assert groups[name]["on"].dense_cycles <= groups[name]["off"].dense_cycles
    flows = groups["choice of dataflow"]
    chosen = flows["chosen"].cycles
    assert chosen <= min(flows["os only"].cycles, flows["ws only"].cycles)
    together = groups["together"]
    none, every = together["none"].cycles, together["all"].cycles
    assert all(every <= line.cycles <= none for line in together.values())
    for name in ("bandwidth", "array"):
        assert all(a.cycles >= b.cycles for a, b in pairwise(groups[name].values()))


def test_what_each_optimisation_is_for_shows(lines: list[Line]) -> None:
    groups = by_group(lines)
    # An addition's latency of 8 cycles for each product, but for what other things take longer.
    assert 2 < groups["interleave mapping"]["on"].gain <= 8
    slow = groups["pre-generation, memory x1/4"]["on"]
    assert groups["pre-generation"]["on"].gain > 1 and slow.gain > 1
    assert slow.cycles == groups["bandwidth"]["x1/4"].cycles
    flows = groups["choice of dataflow"]
    assert flows["chosen"].cycles < min(flows["os only"].cycles, flows["ws only"].cycles)
    assert groups["overlapped updates"]["on"].gain > 1
    assert groups["array"]["16x16"].gain > 3


def test_a_step_takes_longer_the_more_is_kept() -> None:
    steps = [model_step(ROWS, HARDWARE, Pruning("bdwp", keep)) for keep in range(1, 9)]
    cycles = [step.cycles for step in steps]
    assert cycles == sorted(cycles) and cycles[-1] == steps[0].dense_cycles


def test_what_the_array_lacks_is_not_compared() -> None:
    only = Options(dataflows=("os",), overlap=False)
    found = list(cases(HARDWARE, only))
    groups = {case.group for case in found}
    assert groups == {
        "interleave mapping", "pre-generation", "pre-generation, memory x1/4", "together",
        "bandwidth", "array",
    }  # fmt: skip
    assert {case.options.dataflows for case in found} == {("os",)}
    assert not any(case.options.overlap for case in found)
    wide = replace(HARDWARE, config=replace(HARDWARE.config, group=32))
    sizes = [case.setting for case in cases(wide, ALL) if case.group == "array"]
    assert sizes == ["32x32", "64x64"]


def test_a_larger_array_gets_the_strip_memory_that_it_needs() -> None:
    small = replace(HARDWARE, config=replace(HARDWARE.config, strip_words=32 * 33))
    for side in SIDES:
        sized = square(small, side)
        assert sized is not None and (sized.config.rows, sized.config.lanes) == (side, side)
        assert sized.config.strip_words == max(32 * 33, side * (side + 1))
        assert sized.memory == small.memory


def test_the_document_holds_every_line(lines: list[Line]) -> None:
    found = document(lines)
    assert len(found) == len(lines)
    for entry, line in zip(found, lines, strict=True):
        assert (entry["group"], entry["setting"]) == (line.group, line.setting)
        assert (entry["total_cycles"], entry["dense_cycles"]) == (line.cycles, line.dense_cycles)
        assert (entry["speedup"], entry["gain"]) == (line.speedup, line.gain)

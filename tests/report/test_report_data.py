# SPDX-License-Identifier: Apache-2.0
"""The figures of a report: sums that must agree with the program, and ceilings that must hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report_bundles import SPEC, make_bundle, write_run

from hlsgen.cards import CARDS
from hlsgen.report.cycles import cycles_document, dense_program, lines_of, roofline_document
from hlsgen.report.cycles import segments as timeline
from hlsgen.report.data import document, memory_document
from hlsgen.report.inputs import read_inputs
from hlsgen.schedule.program import Program
from hlsgen.scheduled import program_of_spec
from hlsgen.spec import Spec
from hlsgen.specfile import load_spec, parse_spec


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load_spec(SPEC)


@pytest.fixture(scope="module")
def program(spec: Spec) -> Program:
    return program_of_spec(spec, "spec.yaml")


@pytest.fixture(scope="module")
def cycles(spec: Spec, program: Program) -> dict[str, Any]:
    return cycles_document(program, dense_program(spec))


def test_cycles_add_up_to_the_programs(cycles: dict[str, Any], program: Program) -> None:
    assert sum(each["cycles"] for each in cycles["layers"]) == program.cycles
    assert sum(each["cycles"] for each in cycles["stages"]) == program.cycles
    assert cycles["total_cycles"] == program.cycles
    pairs = [(each["layer"], each["stage"]) for each in cycles["layers"]]
    assert len(set(pairs)) == len(pairs)


def test_dense_is_the_step_without_pruning(cycles: dict[str, Any], spec: Spec) -> None:
    dense = parse_spec(SPEC.read_bytes().replace(b"method: bdwp", b"method: dense"), "dense")
    assert cycles["dense_cycles"] == program_of_spec(dense, "dense").cycles
    assert sum(each["dense_cycles"] for each in cycles["layers"]) == cycles["dense_cycles"]
    assert cycles["speedup"] == cycles["dense_cycles"] / cycles["total_cycles"]
    unpruned = [each for each in cycles["layers"] if each["stage"] == "WU"]
    assert unpruned and all(each["speedup"] == 1 for each in unpruned)


def test_without_dense_nothing_is_said_of_it(program: Program) -> None:
    told = cycles_document(program, None)
    assert told["dense_cycles"] is None and told["speedup"] is None
    assert all(each["dense_cycles"] is None for each in told["layers"])


def test_micro_batches_are_counted_as_often_as_they_run() -> None:
    text = SPEC.read_bytes().replace(b"micro_batch: null", b"micro_batch: 16")
    program = program_of_spec(parse_spec(text, "micro"), "micro")
    told = cycles_document(program, None)
    assert sum(each["cycles"] for each in told["layers"]) == program.cycles
    ff = next(each for each in told["layers"] if each["stage"] == "FF")
    wu = next(each for each in told["layers"] if each["stage"] == "WU")
    assert ff["runs"] == wu["runs"] == 4


def test_timeline_has_no_gap_and_ends_with_the_step(program: Program) -> None:
    parts = timeline(program)
    ends = [part["start"] + part["cycles"] for part in parts]
    assert [part["start"] for part in parts] == [0, *ends[:-1]]
    assert ends[-1] == program.cycles
    assert len(parts) == len(program.products) + len(program.updates)


def test_no_point_is_above_the_roofline(program: Program) -> None:
    told = roofline_document(program, CARDS["vcu1525"])
    products = {(each.layer, each.stage) for each in program.products}
    assert {(each["layer"], each["stage"]) for each in told["points"]} == products
    for each in told["points"]:
        assert each["gops"] <= told["peak_gops"]
        assert each["gops"] <= each["ops_per_byte"] * told["memory_gb_per_s"]


def test_utilisation_is_the_part_of_the_peak(program: Program) -> None:
    told = roofline_document(program, CARDS["vcu1525"])
    layers = cycles_document(program, None)["layers"]
    used = {(each["layer"], each["stage"]): each["utilisation"] for each in layers}
    for each in told["points"]:
        part = each["gops"] / told["peak_gops"]
        assert part == pytest.approx(used[each["layer"], each["stage"]])


def test_every_tensor_stands_in_its_bank(program: Program, spec: Spec) -> None:
    told = memory_document(program, spec)
    found = [each for bank in told["banks"] for each in bank["tensors"]]
    assert len(found) == len(program.memory.tensors)
    assert [bank["used"] for bank in told["banks"]] == list(program.memory.used)


def test_bound_of_a_merged_line_is_that_of_most_cycles(program: Program) -> None:
    for line in lines_of(program):
        own = [
            each for each in timeline(program)
            if (each["layer"], each["stage"]) == (line.layer, line.stage)
        ]  # fmt: skip
        sums: dict[str, int] = {}
        for each in own:
            sums[each["bound"]] = sums.get(each["bound"], 0) + each["cycles"]
        assert sums[line.bound] == max(sums.values())


def test_runs_are_found_in_the_folder_and_beside_it(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b")
    write_run(bundle / "mine.jsonl", [0.5, 0.75])
    write_run(tmp_path / "b.runs" / "other.jsonl", [0.25], method="dense", device="xrt:0")
    told = document(read_inputs(bundle))
    runs = {run["name"]: run for run in told["runs"]}
    assert runs["mine"]["test_accuracy"] == 0.75 and runs["mine"]["kind"] == "simulated"
    assert runs["other"]["kind"] == "measured"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    told = document(read_inputs(make_bundle(tmp_path / "b", program=False)))
    for section in ("cycles", "roofline", "timeline", "memory"):
        assert "program.json" in told[section]["missing"]
    assert "hlsgen train" in told["runs"]["missing"]
    for section, command in (("simulated", "--record"), ("device", "hlsgen deploy")):
        missing = told[section]["missing"]
        assert command in missing and "`mkdir -p BUNDLE.runs` and" in missing
    assert told["fifos"]["families"] and told["resources"]["total"]["dsp"] > 0

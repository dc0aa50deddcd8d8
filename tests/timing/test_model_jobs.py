# SPDX-License-Identifier: Apache-2.0
"""What the timed simulation is given: lists, memory, banks; data that do not change its cycles."""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sat_host.tiling import DATAFLOWS, Tiling

from hlsgen.cards import CARDS
from hlsgen.errors import InputError
from hlsgen.schedule.memory import RUN_WORDS, Memory
from hlsgen.schedule.program import Program
from hlsgen.scheduled import program_of_spec
from hlsgen.specfile import load_spec
from hlsgen.timing.compare import spec_of
from hlsgen.timing.compare_cases import ARRAYS, CASES, Case
from hlsgen.timing.jobs import (
    Job,
    different,
    effort,
    matmul_job,
    program_jobs,
    require_effort,
)
from hlsgen.timing.library import TimedLibrary
from hlsgen.timing.run import bank_timing, for_each, record, timed_library
from hlsgen.timing.trace import ADDRESS, COUNT, END, STEP

SPECS = Path(__file__).resolve().parents[2] / "specs"
SMALL = ARRAYS["8x8"]
MEMORY = Memory.of_card(CARDS["vcu1525"], 200)
SMALL_CASES = [case for case in CASES if case.array == "8x8"]


@pytest.fixture(scope="module")
def library() -> TimedLibrary:
    return timed_library(spec_of(SMALL), os.environ)


@pytest.fixture(scope="module")
def program() -> Program:
    spec = load_spec(SPECS / "digits_cnn.yaml")
    return program_of_spec(spec, "digits_cnn.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("case", SMALL_CASES, ids=lambda case: case.name)
def test_data_do_not_change_the_recording_nor_leave_the_memory(
    library: TimedLibrary, case: Case
) -> None:
    job = case.job(SMALL, MEMORY)
    zeros, random = (record(library, job, content) for content in (None, 3))
    for one, other in zip(zeros.traces, random.traces, strict=True):
        assert np.array_equal(one.runs, other.runs) and one.ticks == other.ticks
        names = [port.name for port in one.ports]
        assert job.places(names) == [job.banks[name] for name in names]
        for number, name in enumerate(names):
            if name in ("commands", "nonfinite"):
                continue
            runs = one.runs[one.runs[:, END] == 2 * len(one.streams) + number]
            first, last = runs[:, ADDRESS], runs[:, ADDRESS] + runs[:, STEP] * (runs[:, COUNT] - 1)
            touched = np.concatenate([first, last])
            assert ((touched >= 0) & (touched < job.words)).all(), name


@pytest.mark.slow
def test_a_matmul_gives_its_bits(library: TimedLibrary) -> None:
    """The lists are those of the product, in the places that the job says: A, B, Y."""
    rows, columns, reduction = 21, 19, 11
    job = matmul_job(SMALL, MEMORY, (rows, columns, reduction), dataflows=DATAFLOWS)
    rng = np.random.default_rng(0)
    a, b = rng.integers(-3, 4, (rows, reduction)), rng.integers(-3, 4, (reduction, columns))
    memory = np.zeros((job.words, 8), np.uint16)
    words = [rows * 2, reduction * 3]
    for start, matrix, width in ((0, a, 16), (words[0], b, 24)):
        padded = np.zeros((matrix.shape[0], width), np.float16)
        padded[:, : matrix.shape[1]] = matrix
        memory.reshape(-1)[start * 8 : start * 8 + padded.size] = padded.view(np.uint16).ravel()
    recorded = record(library, job, memory)
    assert recorded.nonfinite == 0
    y = recorded.memory[sum(words) :].reshape(rows, -1).view(np.float32)[:, :columns]
    assert np.array_equal(y, a @ b)


def test_what_the_scheduler_would_choose_and_what_is_asked_for() -> None:
    sizes = (64, 48, 32)
    chosen = matmul_job(SMALL, MEMORY, sizes, dataflows=DATAFLOWS)
    only = [matmul_job(SMALL, MEMORY, sizes, dataflows=(flow,)) for flow in DATAFLOWS]
    assert [job.tiling.dataflow for job in only if job.tiling] == list(DATAFLOWS)
    assert chosen.modelled == min(job.modelled for job in only)
    asked = Tiling("os", 3, 2, True)
    assert matmul_job(SMALL, MEMORY, sizes, dataflows=DATAFLOWS, tiling=asked).tiling == asked
    sparse = matmul_job(SMALL, MEMORY, sizes, keep=1, dataflows=DATAFLOWS)
    assert sparse.modelled < chosen.modelled and sparse.lists[0]["keep"][0] == 1


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"sizes": (0, 1, 1)}, "--matmul: I"),
        ({"sizes": (1, 1, 1 << 24)}, "--matmul: K"),
        ({"keep": 9}, "--keep"),
        ({"tiling": Tiling("os", 9, 1, True)}, "interleave"),
        ({"tiling": Tiling("ws", 1, 1, True), "dataflows": ("os",)}, "ws"),
    ],
)
def test_what_the_array_can_not_do_is_refused(given: dict[str, object], named: str) -> None:
    arguments: dict[str, object] = {"sizes": (8, 8, 8), "dataflows": DATAFLOWS, **given}
    sizes = arguments.pop("sizes")
    with pytest.raises(InputError, match=named):
        matmul_job(SMALL, MEMORY, sizes, **arguments)  # type: ignore[arg-type]


def test_a_step_is_all_products_and_updates_of_its_program(program: Program) -> None:
    jobs = program_jobs(program)
    assert sum(job.runs * job.modelled for job in jobs) == program.cycles
    stages = [job.stage for job in jobs]
    assert {stage: stages.count(stage) for stage in set(stages)} == {
        "FF": 4, "BP": 1 + 2 * 4, "WU": 4, "update": 4,
    }  # fmt: skip
    own = program_jobs(program, "conv3", "WU")
    assert [job.name for job in own] == ["conv3 WU"]
    assert own[0].key == next(job.key for job in jobs if job.name == "conv3 WU")
    with pytest.raises(InputError, match="conv9.*conv1"):
        program_jobs(program, "conv9")
    with pytest.raises(InputError, match="--stage: BP.*FF, WU, update"):
        program_jobs(program, "conv1", "BP")


@pytest.mark.slow
def test_equal_jobs_run_once(library: TimedLibrary) -> None:
    job = SMALL_CASES[0].job(SMALL, MEMORY)
    elsewhere = replace(job, banks={**job.banks, "a": 3})
    jobs = [job, elsewhere, replace(job, layer="other")]
    asked: list[Job] = []
    found = for_each(library, jobs, lambda recorded: asked.append(recorded.job) or len(asked))
    assert list(different(jobs)) == [job, elsewhere] == asked
    assert found[0] == found[2] != found[1]


def test_what_takes_too_long_is_refused(program: Program) -> None:
    jobs = program_jobs(program)
    found = require_effort(program.config, jobs, 1e6)
    assert found == effort(program.config, jobs) and found.cycles <= program.cycles
    with pytest.raises(InputError, match=f"{found.cycles:,} modelled cycles.*--batch"):
        require_effort(program.config, jobs, found.seconds / 2)


def test_model_and_simulation_have_one_memory() -> None:
    timing = bank_timing(MEMORY)
    assert timing.bytes_per_cycle == Fraction(96)
    channels = CARDS["vcu1525"].memory
    assert timing.overhead_bytes == channels.run_overhead_bytes == MEMORY.burst_overhead_bytes
    assert timing.latency == MEMORY.latency == channels.latency_ns // 5
    assert timing.run_words == RUN_WORDS

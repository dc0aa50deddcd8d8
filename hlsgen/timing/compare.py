# SPDX-License-Identifier: Apache-2.0
"""The closed-form cycle model beside the timed simulation, shape by shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from sat_host.config import ArrayConfig

from ..cards import CARDS
from ..schedule.memory import Memory
from ..schedule.program import Program
from ..scheduled import program_of_spec
from ..spec import Spec
from .compare_cases import ARRAYS, CASES, Case
from .jobs import Job, program_jobs
from .run import bank_timing, cycles, for_each, record, timed_library

CARD, CLOCK_MHZ = "vcu1525", 200


@dataclass(frozen=True)
class Row:
    """One line of the table. modelled, simulated: cycles."""

    name: str
    array: str
    dataflow: str
    tile: str
    bound: str
    modelled: int
    simulated: int

    @property
    def error(self) -> float:
        """Of the model, as a part of what was simulated; negative where it promises too much."""
        return self.modelled / self.simulated - 1


@dataclass(frozen=True)
class Summary:
    """Of the rows' errors, without signs."""

    rows: int
    median: float
    worst: float


def summary(rows: Sequence[Row]) -> Summary:
    """Raises ValueError without rows."""
    errors = [abs(row.error) for row in rows]
    return Summary(len(errors), median(errors), max(errors))


def table(environ: Mapping[str, str], cases: Sequence[Case] = CASES) -> Iterator[Row]:
    """The rows of `cases`, array by array. Raises as hlsgen.timing.run.timed_library."""
    memory = Memory.of_card(CARDS[CARD], CLOCK_MHZ)
    for array, config in ARRAYS.items():
        chosen = [case for case in cases if case.array == array]
        if not chosen:
            continue
        library = timed_library(spec_of(config), environ)
        for case in chosen:
            job = case.job(config, memory)
            slower = replace(memory, bytes_per_cycle=memory.bytes_per_cycle * case.bandwidth)
            yield row(job, array, cycles(record(library, job), bank_timing(slower)))


def spec_of(config: ArrayConfig) -> Spec:
    """A spec of an array on the table's card."""
    array = {
        name: getattr(config, name)
        for name in ("rows", "lanes", "interleave", "memory_tile", "adder_latency", "feed")
    }
    return Spec.model_validate(
        {
            "name": f"array_{config.rows}x{config.lanes}",
            "card": CARD,
            "clock_mhz": CLOCK_MHZ,
            "array": {**array, "strip_words": config.strip_words},
            "sparsity": {"group": config.group, "keep": 1},
        }
    )


def row(job: Job, array: str, simulated: int) -> Row:
    """One job's line."""
    tiling = job.tiling
    tile = f"{tiling.interleave} x {tiling.blocks}" if tiling else "-"
    dataflow = tiling.dataflow if tiling else "-"
    return Row(job.layer, array, dataflow, tile, job.bound, job.modelled, simulated)


def step_rows(spec: Spec, file: str, environ: Mapping[str, str]) -> list[Row]:
    """Every product and update of a spec's training step, and last the step. Raises as
    `program_of_spec` and `timed_library`."""
    program = program_of_spec(spec, file)
    jobs = program_jobs(program)
    memory = bank_timing(Memory.of_card(CARDS[spec.card], spec.clock_mhz))
    library = timed_library(spec, environ)
    simulated = for_each(library, jobs, lambda recorded: cycles(recorded, memory))
    array = f"{program.config.rows}x{program.config.lanes}"
    rows = [
        row(replace(job, layer=job.name), array, found)
        for job, found in zip(jobs, simulated, strict=True)
    ]
    return [*rows, whole(program, jobs, simulated, array)]


def whole(program: Program, jobs: Sequence[Job], simulated: Sequence[int], array: str) -> Row:
    """The line of a whole step."""
    total = sum(job.runs * found for job, found in zip(jobs, simulated, strict=True))
    return Row("training step", array, "-", "-", "-", program.cycles, total)

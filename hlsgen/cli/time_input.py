# SPDX-License-Identifier: Apache-2.0
"""What `hlsgen time` simulates, and how: its options as values, and the jobs they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from sat_host.tiling import Tiling

from ..errors import InputError
from ..faults import shown
from ..fifos import FAMILIES, LEAST_DEPTH, MOST_DEPTH
from ..schedule.options import Options
from ..schedule.program import Program, Training, program_of
from ..scheduled import machine_of, program_of_spec
from ..spec import Spec
from ..timing.jobs import Job, matmul_job, program_jobs
from ..timing.recording import Recording, made_for
from .schedule_input import PAPER, products_of, pruning_of

_NETWORK = ("workload", "model", "method", "batch")
_WHAT = ("matmul", "layer", "step", "recorded")


@dataclass(frozen=True)
class Asked:
    """What to simulate: the options of these names, None or False for those that are absent."""

    matmul: str | None
    layer: str | None
    step: bool
    recorded: Path | None
    keep: int | None
    dataflow: str | None
    tile: str | None
    workload: str | None
    model: str | None
    method: str | None
    batch: int | None

    def check(self) -> None:
        """Raises InputError for options that do not go together."""
        given = [name for name in _WHAT if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(f"--{name}" for name in given) or "nothing to simulate"
            raise _fault(found, "give one of --matmul, --layer, --step and --recorded")
        self._only_with("matmul", ("dataflow", "tile"))
        self._only_with("layer", ("workload", "model"))
        if self.matmul or self.recorded:
            self._without(given[0], _NETWORK)
        if self.recorded:
            self._without("recorded", ("keep",))
        if self.workload == PAPER:
            raise _fault(f"--workload {PAPER}", "it stands for several networks: name one of them")
        if self.tile and not self.dataflow:
            raise _fault("--tile", "say --dataflow os or ws with it")

    def _only_with(self, what: str, names: Sequence[str]) -> None:
        if not getattr(self, what):
            for name in names:
                if getattr(self, name) is not None:
                    raise _fault(f"--{name}", f"it is for --{what}: leave it out")

    def _without(self, what: str, names: Sequence[str]) -> None:
        for name in names:
            if getattr(self, name) is not None:
                raise _fault(f"--{name} and --{what}", f"leave --{name} out")


def jobs_of(spec: Spec, file: str, asked: Asked) -> tuple[str, list[Job]]:
    """What to call it, and its jobs. Raises InputError for what the spec does not have."""
    if asked.matmul is not None:
        return _matmul(spec, asked.matmul, asked)
    network, program = _program(spec, file, asked)
    if asked.layer is None:
        return f"{network}, training step of {program.batch} images", program_jobs(program)
    layer, stage = _layer_and_stage(asked.layer, program)
    try:
        jobs = program_jobs(program, layer, stage or None)
    except InputError as error:
        text = str(error).replace("--stage", f"--layer {layer}")
        raise InputError(f"hlsgen time: {text}") from None
    return f"{network}, {program.micro_batch} images: {asked.layer}", jobs


def _layer_and_stage(text: str, program: Program) -> tuple[str, str]:
    """NAME[:STAGE] as its parts; a layer's own name may have a colon."""
    layer, _, stage = text.rpartition(":")
    layers = {entry.layer for entry in program.products}
    layers |= {entry.layer for entry in program.updates}
    return (layer, stage) if layer in layers and text not in layers else (text, "")


def _matmul(spec: Spec, text: str, asked: Asked) -> tuple[str, list[Job]]:
    sizes = numbers(text, 3, "--matmul", "I,K,J, as 256,1024,256")
    rows, reduction, columns = sizes
    dataflows = tuple(spec.dataflows) if asked.dataflow is None else (asked.dataflow,)
    if asked.dataflow is not None and asked.dataflow not in spec.dataflows:
        have = ", ".join(spec.dataflows)
        raise _fault(f"--dataflow {asked.dataflow}", f"the spec's array has {have}: give that one")
    machine = machine_of(spec)

    def job(tiling: Tiling | None) -> Job:
        made = matmul_job(
            machine.config, machine.memory, (rows, columns, reduction), keep=asked.keep,
            dataflows=dataflows, tiling=tiling,
        )  # fmt: skip
        return replace(made, layer="x".join(map(str, sizes)))

    kept = f", {asked.keep}:{machine.config.group}" if asked.keep else ", dense"
    title = f"matmul {rows}x{reduction} by {reduction}x{columns}{kept}"
    if asked.tile is None:
        return title, [job(None)]
    interleave, blocks = numbers(asked.tile, 2, "--tile", "T,Q, as 16,2")
    assert asked.dataflow is not None
    made = [job(Tiling(asked.dataflow, interleave, blocks, buffered=False))]
    with suppress(InputError):  # a strip may be too long to be held
        made.append(job(Tiling(asked.dataflow, interleave, blocks, buffered=True)))
    return title, [min(made, key=lambda each: each.modelled)]


def _program(spec: Spec, file: str, asked: Asked) -> tuple[str, Program]:
    """The network's name, and the program of its step; for the spec's own, as a build makes it."""
    others = (*_NETWORK, "keep")
    if all(getattr(asked, name) is None for name in others):
        return spec.network().name, program_of_spec(spec, file)
    network, rows = products_of(spec, asked.workload, asked.model, asked.batch)
    pruning = pruning_of(spec, asked.method, asked.keep)
    images = rows[0].batch
    training = Training(pruning.method, pruning.keep, images, images)
    try:
        program = program_of(rows, machine_of(spec), training, Options(dataflows=spec.dataflows))
    except InputError as error:
        raise InputError(f"{network}: {error}") from None
    return network, program


def check_made_for(recorded: Recording, spec: Spec, file: Path, spec_file: Path) -> None:
    """Raises InputError for a recording of another array, card or clock than the spec's."""
    for name, value in made_for(spec).items():
        had = recorded.made_for.get(name)
        if had != value:
            raise InputError(
                f"{file}: recorded with {name} {had}, but {spec_file} has {value}: give the spec "
                f"that it was recorded with"
            )


def depths_of_options(spec: Spec, texts: Sequence[str]) -> dict[str, int | None]:
    """NAME=N options as depths. Raises InputError for a name or a number that is none."""
    rows = spec.array.rows
    known = {name for family in FAMILIES.values() for name in (family.name, *family.streams(rows))}
    found: dict[str, int | None] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if not equals or not number.isascii() or not number.isdigit():
            raise _fault(f"--depth {shown(text)}", "expected NAME=N, as --depth packets=16")
        if name not in known:
            raise _fault(f"--depth {shown(text)}", _close(name, sorted(known)))
        depth = int(number[:9])
        if not LEAST_DEPTH <= depth <= MOST_DEPTH:
            raise _fault(f"--depth {shown(text)}", f"give {LEAST_DEPTH} to {MOST_DEPTH} tokens")
        found[name] = depth
    return found


def part_of(text: str) -> Fraction:
    """A percentage such as `2%` as a part of one. Raises InputError, also without the sign."""
    number = text.strip().removesuffix("%").strip()
    try:
        part = Fraction(number) / 100
    except (ValueError, ZeroDivisionError):
        part = Fraction(-1)
    if part >= 0 and not text.strip().endswith("%"):
        raise _fault(f"--within {shown(text)}", "give a percentage with its sign, as 2%")
    if not 0 <= part <= 1:
        raise _fault(f"--within {shown(text)}", "give a percentage from 0% to 100%, as 2%")
    return part


def factor_of(text: str) -> Fraction:
    """A factor such as `0.25` or `1/4`. Raises InputError."""
    try:
        factor = Fraction(text)
    except (ValueError, ZeroDivisionError):
        factor = Fraction(0)
    if not Fraction(1, 1000) <= factor <= 1000:
        raise _fault(f"--bandwidth {shown(text)}", "give a factor from 0.001 to 1000, as 0.25")
    return factor.limit_denominator(1000)


def numbers(text: str, count: int, option: str, form: str) -> list[int]:
    """That many whole numbers between commas. Raises InputError."""
    parts = text.split(",")
    if len(parts) != count or not all(part.strip().isdecimal() for part in parts):
        raise _fault(f"{option} {shown(text)}", f"expected {form}")
    return [int(part.strip()[:12]) for part in parts]


def _close(name: str, known: Sequence[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name[:60], known, 1)
    return f"no such FIFO: give {close[0] if close else 'a name of the table of FIFOs'}"


def _fault(what: str, mend: str) -> InputError:
    return InputError(f"hlsgen time: {what}: {mend}")


def available_memory() -> float:
    """Bytes that this machine can give to programs; infinite where it does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        (line,) = (line for line in text.splitlines() if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return float("inf")


def titled(title: str, spec: Spec) -> dict[str, Any]:
    """What was simulated, for programs and the title."""
    return {
        "kind": "simulated",
        "spec": spec.name,
        "card": spec.card,
        "clock_mhz": spec.clock_mhz,
        "rows": spec.array.rows,
        "lanes": spec.array.lanes,
        "simulated": title,
    }

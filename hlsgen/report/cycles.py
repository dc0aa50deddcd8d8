# SPDX-License-Identifier: Apache-2.0
"""Modelled cycles of a step: by layer and stage beside dense, on the roofline, and over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sat_host.models.workload import workload

from ..cards import Card
from ..schedule.options import Options
from ..schedule.program import Modelled, ProductEntry, Program, Training, UpdateEntry, program_of
from ..schedule.step import STAGES
from ..schedule.work import ProductWork
from ..scheduled import machine_of
from ..spec import Spec

Json = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """A layer's stage, all its runs in a step. bytes: moved to and from device memory. macs:
    multiplications of kept weights, 0 of an update. tiling: "" of an update."""

    layer: str
    stage: str
    runs: int
    tiling: str
    cycles: int
    bytes: int
    macs: int
    bound: str


def lines_of(program: Program) -> list[Line]:
    """One for each layer and stage, in the order of execution, updates last."""
    found: dict[tuple[str, str], list[Line]] = {}
    for line in _lines(program):
        found.setdefault((line.layer, line.stage), []).append(line)
    return [_merged(each) for each in found.values()]


def segments(program: Program) -> list[Json]:
    """The timeline: each product, then each update, from cycle `start` on, with all its runs."""
    return in_time(
        {"layer": each.layer, "stage": each.stage, "cycles": each.cycles, "bound": each.bound}
        for each in _lines(program)
    )


def in_time(parts: Iterator[Json]) -> list[Json]:
    """With the cycle at which each starts, when each follows the one before."""
    found, start = [], 0
    for part in parts:
        found.append({**part, "start": start})
        start += part["cycles"]
    return found


def dense_program(spec: Spec) -> Program:
    """The step of the same network, batch and array without pruning. Raises InputError where its
    tensors do not fit the card."""
    training = spec.training
    micro_batch = training.batch if training.micro_batch is None else training.micro_batch
    step = Training("dense", spec.sparsity.group, training.batch, micro_batch)
    options = Options(dataflows=spec.dataflows)
    return program_of(workload(spec.network(), micro_batch), machine_of(spec), step, options)


def cycles_document(program: Program, dense: Program | None) -> Json:
    """By layer and stage, beside dense where that is known."""
    lines = lines_of(program)
    others = {(each.layer, each.stage): each for each in lines_of(dense)} if dense else {}
    total, usual = program.cycles, dense.cycles if dense else None
    seconds = total / (program.clock_mhz * 1e6)
    return {
        "kind": "modelled",
        "total_cycles": total,
        "dense_cycles": usual,
        "speedup": usual / total if usual else None,
        "ms": 1e3 * seconds,
        "images_per_s": program.batch / seconds,
        "utilisation": sum(each.macs for each in lines) / (total * _uspes(program)),
        "stages": [
            _both(
                {"stage": stage},
                [each for each in lines if each.stage == stage],
                [each for each in others.values() if each.stage == stage],
            )
            for stage in STAGES
            if any(each.stage == stage for each in lines)
        ],
        "layers": [_layer(each, others.get((each.layer, each.stage)), program) for each in lines],
    }


def roofline_document(program: Program, card: Card) -> Json:
    """Ceilings and points, in operations (two a multiplication) of kept weights."""
    hertz = program.clock_mhz * 1e6
    points = [
        {
            "layer": each.layer,
            "stage": each.stage,
            "ops_per_byte": 2 * each.macs / each.bytes,
            "gops": 2 * each.macs * hertz / each.cycles / 1e9,
            "bound": each.bound,
        }
        for each in lines_of(program)
        if each.macs and each.bytes
    ]
    bank = card.bank_bandwidth / 1e9
    banks = program.memory.banks
    return {
        "kind": "modelled",
        "peak_gops": 2 * _uspes(program) * hertz / 1e9,
        "banks": banks,
        "bank_gb_per_s": bank,
        "memory_gb_per_s": bank * banks,
        "points": points,
    }


def _both(head: Json, lines: Sequence[Line], others: Sequence[Line]) -> Json:
    cycles = sum(each.cycles for each in lines)
    dense = sum(each.cycles for each in others) if others else None
    speedup = dense / cycles if dense else None
    return {**head, "cycles": cycles, "dense_cycles": dense, "speedup": speedup}


def _layer(line: Line, other: Line | None, program: Program) -> Json:
    head = {"layer": line.layer, "stage": line.stage, "runs": line.runs, "tiling": line.tiling}
    return {
        **_both(head, [line], [other] if other else []),
        "bound": line.bound,
        "dense_bound": other.bound if other else None,
        "bytes": line.bytes,
        "macs": line.macs,
        "utilisation": line.macs / (line.cycles * _uspes(program)),
    }


def _uspes(program: Program) -> int:
    return program.config.rows * program.config.lanes


def _lines(program: Program) -> Iterator[Line]:
    group = program.config.group
    for product in program.products:
        work = ProductWork(product.layer, product.stage, product.copies.count, product.product)
        yield _line(product, product.stage, product.runs, work.macs(group), _tiling(product))
    for update in program.updates:
        yield _line(update, "update", 1, 0, "")


def _line(entry: ProductEntry | UpdateEntry, stage: str, runs: int, macs: int, tiling: str) -> Line:
    modelled: Modelled = entry.modelled
    moved = runs * sum(count for _, count in modelled.bytes)
    return Line(
        entry.layer, stage, runs, tiling, runs * modelled.cycles, moved, runs * macs, modelled.bound
    )


def _tiling(entry: ProductEntry) -> str:
    tiling = entry.tiling
    held = ", A held" if tiling.buffered else ""
    return f"{tiling.dataflow} T {tiling.interleave} Q {tiling.blocks}{held}"


def _merged(lines: Sequence[Line]) -> Line:
    """Of one layer and stage: of several micro-batches, or of the products that a strided
    convolution is cut into. The bound is that of most cycles."""
    longest = max(lines, key=lambda each: each.cycles)
    bounds: dict[str, int] = {}
    for each in lines:
        bounds[each.bound] = bounds.get(each.bound, 0) + each.cycles
    return Line(
        longest.layer, longest.stage, sum(each.runs for each in lines), longest.tiling,
        sum(each.cycles for each in lines), sum(each.bytes for each in lines),
        sum(each.macs for each in lines), max(bounds, key=lambda bound: bounds[bound]),
    )  # fmt: skip

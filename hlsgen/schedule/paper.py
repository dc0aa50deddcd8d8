# SPDX-License-Identifier: Apache-2.0
"""The workloads that the SAT paper's mean speedup is over, modelled side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import mean
from typing import Any

from sat_host.models.workload import Row

from .options import Options
from .report import summary
from .step import Hardware, Pruning, Step, model_step, with_bandwidth

BANDWIDTHS = (Fraction(1), Fraction(1, 4))
HEADER = (
    "workload",
    "bandwidth",
    "modelled dense ms",
    "modelled ms",
    "modelled images/s",
    "modelled speedup",
    "modelled dense utilisation",
)
NOTE = (
    "All figures are modelled, none is measured: milliseconds of a training step, its speedup over "
    "dense on the same array, and the part of its multiplications that the array does in the dense "
    "step. Bandwidth: of every memory bank, times the card's."
)


@dataclass(frozen=True)
class Comparison:
    """The steps by the workload's name, with memory of `bandwidth` times the card's."""

    bandwidth: Fraction
    steps: Mapping[str, Step]

    @property
    def mean_speedup(self) -> float:
        """Over the workloads."""
        return mean(step.speedup for step in self.steps.values())


def compare(
    tables: Mapping[str, Sequence[Row]], hardware: Hardware, pruning: Pruning, options: Options
) -> list[Comparison]:
    """Each workload at each of BANDWIDTHS. Raises InputError for what the array can't hold."""
    found = []
    for factor in BANDWIDTHS:
        there = with_bandwidth(hardware, factor)
        steps = {name: model_step(rows, there, pruning, options) for name, rows in tables.items()}
        found.append(Comparison(factor, steps))
    return found


def document(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """For programs; docs/schedule.md has the keys."""
    return {
        "mean_speedup": comparisons[0].mean_speedup,
        "bandwidths": [
            {
                "bandwidth": float(compared.bandwidth),
                "mean_speedup": compared.mean_speedup,
                "workloads": [
                    {"name": name, **summary(step)} for name, step in compared.steps.items()
                ],
            }
            for compared in comparisons
        ],
    }


def rows(comparisons: Sequence[Comparison]) -> list[tuple[str, ...]]:
    """The cells of each workload, and of each mean, in the columns of HEADER."""
    found: list[tuple[str, ...]] = []
    for compared in comparisons:
        factor = f"x{compared.bandwidth}"
        for name, step in compared.steps.items():
            dense_ms = step.dense_cycles / (step.hardware.clock_mhz * 1e3)
            found.append(
                (
                    name,
                    factor,
                    f"{dense_ms:,.1f}",
                    f"{1e3 * step.seconds:,.1f}",
                    f"{step.images_per_second:,.1f}",
                    f"{step.speedup:.3f}",
                    f"{100 * step.dense_utilisation:.2f} %",
                )
            )
        found.append(("mean", factor, "", "", "", f"{compared.mean_speedup:.3f}", ""))
    return found

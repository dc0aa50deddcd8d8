# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks`: build specs/digits.yaml, measure it on this machine, print one table; and
hold the cycle model against the timed simulation, which prints another."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from . import (
    build_time,
    convolution_speed,
    csim_speed,
    cycle_model,
    matmul_memory,
    network_step,
    schedule_time,
    step_overhead,
    sweep_speed,
    timed_simulation,
)
from .report import HEADER, ROOT, Figure, show

SECTIONS = ("speed", "model")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument(
        "--only", choices=SECTIONS, help="one table: speed of this CPU, or the model"
    )
    options = parser.parse_args()
    figures: list[Figure] = []
    if options.only in (None, "speed"):
        figures += _speed()
    if options.only in (None, "model"):
        cases = cycle_model.measure(ROOT / "specs" / "digits_cnn.yaml")
        lines = cycle_model.lines(cases)
        show("cycle model against timed csim", cycle_model.HEADER, lines, options.markdown)
        figures += cycle_model.figures(cases)
    rows = [figure.row() for figure in figures]
    show("hlsgen benchmarks", HEADER, rows, options.markdown)


def _speed() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="hlsgen-bench-") as name:
        scratch = Path(name)
        figures = build_time.measure(ROOT / "specs" / "digits.yaml", scratch)
        figures += csim_speed.measure(scratch / "bundle")
        figures += convolution_speed.measure(scratch / "bundle")
        figures += matmul_memory.measure(scratch / "bundle")
        figures += network_step.measure(scratch / "bundle")
        figures += step_overhead.measure(scratch / "bundle", scratch)
        figures += timed_simulation.measure(ROOT / "specs" / "vcu1525.yaml", scratch)
    large = ROOT / "specs" / "vcu1525.yaml"
    return [*figures, *schedule_time.measure(large), *sweep_speed.measure(large)]


if __name__ == "__main__":
    main()

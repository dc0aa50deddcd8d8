# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks`: build specs/digits.yaml, measure it on this machine, print one table."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from . import build_time, csim_speed, matmul_memory, network_step, schedule_time
from .report import ROOT, show


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hlsgen-bench-") as name:
        scratch = Path(name)
        figures = build_time.measure(ROOT / "specs" / "digits.yaml", scratch)
        figures += csim_speed.measure(scratch / "bundle")
        figures += matmul_memory.measure(scratch / "bundle")
        figures += network_step.measure(scratch / "bundle")
    figures += schedule_time.measure(ROOT / "specs" / "vcu1525.yaml")
    rows = [(figure.what, figure.value, figure.kind) for figure in figures]
    show("hlsgen benchmarks", ("what", "value", "how"), rows, options.markdown)


if __name__ == "__main__":
    main()

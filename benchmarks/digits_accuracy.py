# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.digits_accuracy`: the digits spec with each method and several seeds."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from statistics import mean

from sat_host.session import train_bundle
from sat_host.settings import METHODS

from hlsgen.build import build

from .report import ROOT, show

SEEDS = (0, 1, 2)


def accuracies(bundle: Path, method: str, seeds: tuple[int, ...]) -> list[float]:
    """Test accuracy in percent after training with each seed."""
    runs = [train_bundle(bundle, method=method, seed=seed, quiet=True) for seed in seeds]
    return [100.0 * run["test_accuracy"] for run in runs]


def row(method: str, values: list[float], dense: float) -> tuple[str, ...]:
    """Method, each accuracy, mean with half the range, and the mean's distance from dense."""
    spread = (max(values) - min(values)) / 2
    centre = mean(values)
    return (
        method,
        *(f"{value:.2f} %" for value in values),
        f"{centre:.2f} ± {spread:.2f} %",
        f"{centre - dense:+.2f}",
    )


def main() -> None:
    """Build, train every combination on csim, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.digits_accuracy")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hlsgen-bench-") as name:
        bundle = Path(name) / "bundle"
        spec = build(ROOT / "specs" / "digits.yaml", bundle, os.environ).spec
        results = {method: accuracies(bundle, method, SEEDS) for method in METHODS}
    dense = mean(results["dense"])
    label = {"bdwp": f"bdwp {spec.sparsity.keep}:{spec.sparsity.group}"}
    rows = [row(label.get(name, name), values, dense) for name, values in results.items()]
    header = ("method", *(f"seed {seed}" for seed in SEEDS), "mean ± half range", "against dense")
    show("Test accuracy on the digits, trained through csim", header, rows, options.markdown)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""The benchmarks run, at sizes that take moments; their figures are nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import build_time, csim_speed, matmul_memory, network_step, schedule_time
from benchmarks.report import HEADER, ROOT, Figure, Target, show

SPEC = """\
name: small
array: {rows: 4, lanes: 8, interleave: 2, memory_tile: 2, adder_latency: 4}
model: {hidden: [16]}
training: {epochs: 1}
"""


@pytest.mark.slow
def test_every_figure_is_measured_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "small.yaml"
    spec.write_text(SPEC)
    figures = build_time.measure(spec, tmp_path)
    bundle = tmp_path / "bundle"
    figures += csim_speed.measure(bundle, size=64, rounds=1)
    figures += matmul_memory.measure(bundle, size=64)
    figures += network_step.measure(bundle, (("cnn", 8, 2),))
    figures += schedule_time.measure(ROOT / "specs" / "vcu1525.yaml", ("resnet9_cifar10",))
    rows = [figure.row() for figure in figures]
    for markdown in (False, True):
        show("figures", HEADER, rows, markdown)
    out = capsys.readouterr().out
    assert all(out.count(figure.value) >= 2 for figure in figures)


def test_command_starts() -> None:
    command = [sys.executable, "-m", "benchmarks", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and "--markdown" in done.stdout


def test_target_says_whether_it_is_held() -> None:
    def last(number: float, least: bool) -> str:
        return Figure("", "", target=Target(number, 0.5, least)).row()[2]

    assert last(0.5, True) == last(0.5, False).replace("≤", "≥") == "≥ 0.5: held"
    assert last(0.49, True) == "≥ 0.5: missed"
    assert last(0.51, False) == "≤ 0.5: missed"
    assert Figure("", "").row()[2] == ""

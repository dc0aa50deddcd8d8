# SPDX-License-Identifier: Apache-2.0
"""Each fault, planted alone into a project without one, is found in its line, and nothing else."""

from __future__ import annotations

from pathlib import Path

import lint_code_plants
import pytest
from lint_plants import ACCEL, STAGES
from lint_sample import SAMPLE, expected, found, lint_files, planted

pytestmark = pytest.mark.slow

pytest.importorskip("tree_sitter_cpp", reason="the parser is absent: pip install 'hlsgen[lint]'")

IN_STAGES = {**STAGES, **lint_code_plants.STAGES}
IN_ACCEL = {**ACCEL, **lint_code_plants.ACCELERATOR}
PLANTS = {("kernels/stages.h", name): change for name, change in IN_STAGES.items()}
PLANTS.update({("accel.cpp", name): change for name, change in IN_ACCEL.items()})


def test_sample_has_no_fault(tmp_path: Path) -> None:
    report = lint_files(tmp_path, SAMPLE)
    assert report.findings == ()
    assert (report.units, report.files) == (("accel.cpp",), 2)
    assert report.pragmas > 20


@pytest.mark.parametrize(("path", "name"), PLANTS, ids=[name for _, name in PLANTS])
def test_fault_is_found_in_its_line(path: str, name: str, tmp_path: Path) -> None:
    files = planted(path, *PLANTS[path, name])
    assert expected(files)
    assert found(lint_files(tmp_path, files)) == expected(files)


@pytest.mark.parametrize("name", lint_code_plants.RIGHT)
def test_what_looks_like_a_fault_is_none(name: str, tmp_path: Path) -> None:
    assert found(lint_files(tmp_path, planted(*lint_code_plants.RIGHT[name]))) == []

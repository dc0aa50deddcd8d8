# SPDX-License-Identifier: Apache-2.0
"""`hlsgen lint`: what it prints and returns."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from lint_sample import SAMPLE, lint_files, planted

from hlsgen.cli.main import main
from hlsgen.lint.findings import RULES

FAULT = ("kernels/stages.h", "II=2 ", "II=0 ")


def parser() -> None:
    pytest.importorskip("tree_sitter_cpp", reason="no parser: pip install 'hlsgen[lint]'")


def project(folder: Path, files: dict[str, str]) -> Path:
    """The files below `folder`, as in a bundle."""
    lint_files(folder / "src", files)
    return folder


def test_bundle_without_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser()
    build = project(tmp_path, SAMPLE)
    assert main(["lint", str(build)]) == 0
    lines = len([line for text in SAMPLE.values() for line in text.splitlines()])
    out = capsys.readouterr().out
    assert out.startswith(f"{build}: no findings in 2 files: ")
    assert int(out.split()[-2]) < lines


def test_findings_name_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser()
    build = project(tmp_path, planted(*FAULT))
    assert main(["lint", str(build)]) == 1
    first, last = capsys.readouterr().out.splitlines()
    line = SAMPLE[FAULT[0]][: SAMPLE[FAULT[0]].index("II=2")].count("\n") + 1
    place = build / "src" / "kernels" / "stages.h"
    assert first.startswith(f"{place}:{line}: pragma-value: PIPELINE ii=0: it is out of range: ")
    assert last.startswith(f"{build}: 1 finding in 2 files: ")


def test_findings_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser()
    build = project(tmp_path, planted(*FAULT))
    assert main(["lint", "--json", str(build)]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False and answer["units"] == ["accel.cpp"]
    (finding,) = answer["findings"]
    assert finding["file"] == "kernels/stages.h" and finding["rule"] == "pragma-value"
    assert set(finding) == {"file", "line", "rule", "message", "mend"}


def test_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "--rules"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(RULES)
    assert main(["lint", "--rules", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rules"] == RULES


@pytest.mark.parametrize(
    ("build", "text"),
    [
        ("absent", "no such folder: give a bundle of `hlsgen build`"),
        ("file", "is no folder: give a bundle of `hlsgen build`"),
        ("empty", "holds no kernels: give a bundle of `hlsgen build`"),
    ],
)
def test_what_is_no_build(
    build: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    assert main(["lint", str(tmp_path / build)]) == 2
    assert capsys.readouterr().err == f"{tmp_path / build}: {text}\n"


def test_build_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint"]) == 2
    assert capsys.readouterr().err.startswith("hlsgen lint: Missing argument 'BUILD'")


def test_include_that_is_absent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build = tmp_path
    (build / "accel.cpp").write_text('#include "absent.h"\n', encoding="utf-8")
    assert main(["lint", str(build)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{build / 'accel.cpp'}: can't be preprocessed: accel.cpp:1:")
    assert "absent.h" in line


def test_parser_that_is_absent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "accel.cpp").write_text("int one;\n", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    assert main(["lint", str(tmp_path)]) == 3
    text = "hlsgen lint: the C++ parser is missing: pip install 'hlsgen[lint]'\n"
    assert capsys.readouterr().err == text


def test_compiler_that_is_absent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "accel.cpp").write_text("int one;\n", encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert main(["lint", str(tmp_path)]) == 3
    assert capsys.readouterr().err.startswith("g++ not found: ")

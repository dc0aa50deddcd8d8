# SPDX-License-Identifier: Apache-2.0
"""`hlsgen build` as a command: what it prints and returns."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import fakes
import pytest
from click.testing import CliRunner

from hlsgen.cli.build import build
from hlsgen.cli.main import main

Environ = dict[str, str]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)


def run(command: object, *arguments: object) -> str:
    result = CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)  # type: ignore[arg-type]
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("tiny")
def test_table(tmp_path: Path, spec_file: Path, environ: Environ) -> None:
    text = run(build, spec_file, "-o", tmp_path / "out")
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines == [line.rstrip() for line in lines]
    assert lines[0] == "tiny: 4 x 8 array, word 128 bits, memory tile 2 x 2 KiB"
    assert lines[1].split() == ["step", "seconds", "cached", "detail"]
    starts = [line.split()[0] for line in lines[2:]]
    assert starts == [
        "check",
        "render",
        "schedule",
        "compile",
        "bundle",
        "self-test",
        "all",
    ]
    assert lines[4].endswith(
        " cycles a step, without the overlap of updates that `schedule` models"
    )
    assert lines[7].endswith("1 of 1 checks equal the golden model, bit for bit")
    again = run(build, spec_file, "-o", tmp_path / "out").splitlines()
    assert [line.split()[2] for line in again if line.startswith(("compile", "self"))] == [
        "yes",
        "yes",
    ]


@pytest.mark.usefixtures("tiny")
def test_json(tmp_path: Path, spec_file: Path, environ: Environ) -> None:
    answer = json.loads(run(build, spec_file, "-o", tmp_path / "out", "--json"))
    assert answer["bundle"] == str(tmp_path / "out")
    assert answer["array"]["rows"] == 4
    assert answer["word_bits"] == 128
    assert [step["name"] for step in answer["steps"]][-1] == "self-test"
    assert answer["selftest"] == fakes.PASSED
    assert answer["warnings"] == []


@pytest.mark.usefixtures("tiny")
def test_dry_run(tmp_path: Path, spec_file: Path, environ: Environ) -> None:
    text = run(build, spec_file, "-o", tmp_path / "out", "--dry-run")
    assert "[to run]" in text
    assert "-c sat.cpp -o sat.o" in text
    place = "a scratch folder that holds the rendered project"
    assert f"compile commands run in {place}" in text
    answer = json.loads(run(build, spec_file, "-o", tmp_path / "out", "--dry-run", "--json"))
    assert answer["compile_folder"] == place
    assert [command["cached"] for command in answer["commands"]] == [False] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.yaml"]


@pytest.mark.usefixtures("tiny")
def test_unwritable_cache_is_a_warning(
    tmp_path: Path, spec_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HLSGEN_CACHE", str(tmp_path / "file" / "cache"))
    result = CliRunner().invoke(build, [str(spec_file), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0
    assert result.stderr.startswith(f"warning: {tmp_path}/file/cache: cannot be written: ")


@pytest.mark.usefixtures("tiny")
def test_a_closed_output_does_not_fail_a_published_build(
    tmp_path: Path, spec_file: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["build", str(spec_file), "-o", str(tmp_path / "out")]) == 0
    sys.stdout.close()
    sys.stderr.close()


@pytest.mark.parametrize(
    ("name", "value", "status"), [("CXX", '"g++', 3), ("HLSGEN_CACHE", "~no such user/x", 2)]
)
@pytest.mark.parametrize("command", ["build", "doctor"])
def test_bad_variables_are_no_traceback(
    tmp_path: Path,
    spec_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    status: int,
    command: str,
) -> None:
    monkeypatch.setenv(name, value)
    options = [str(spec_file), "-o", str(tmp_path / "out")] if command == "build" else []
    assert main([command, *options]) == status
    out, err = capsys.readouterr()
    assert len([line for line in (out + err).splitlines() if value in line]) == 1

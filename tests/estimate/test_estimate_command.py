# SPDX-License-Identifier: Apache-2.0
"""`hlsgen estimate`: the tables, the document for programs, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hlsgen.cards import CARDS
from hlsgen.cli.main import main
from hlsgen.estimate import estimate
from hlsgen.specfile import load_spec

SPECS = Path(__file__).parents[2] / "specs"
SMALL = SPECS / "small.yaml"
KEYS = {"lut", "ff", "dsp", "bram36", "uram"}


def large(tmp_path: Path) -> Path:
    file = tmp_path / "large.yaml"
    file.write_text("name: large\ncard: u50\narray: {rows: 48}\n")
    return file


def test_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", str(SMALL)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("small: 8x16 array, group 8, on u50: estimated\n")
    found = estimate(load_spec(SMALL))
    for module in found.modules:
        assert f"{module.kernel:<8}  {module.name}" in out
    assert f"{found.total.lut:,}" in out and "left by u50's platform" in out
    assert "nothing was synthesised" in " ".join(out.split())
    assert all(line == line.rstrip() for line in out.splitlines())
    assert "measured" not in out


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", str(SMALL), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ok"] and result["kind"] == "estimated" and result["fits"]
    assert (result["spec"], result["card"]) == ("small", "u50")
    assert set(result["total"]) == KEYS == set(result["available"])
    for name in KEYS:
        total = sum(module["total"][name] for module in result["modules"])
        assert total == result["total"][name]
    assert result["available"] == dict(CARDS["u50"].kernels)
    assert [slr["name"] for slr in result["slrs"]] == ["SLR0", "SLR1"]
    rows = [row for slr in result["slrs"] for row in slr["rows"]]
    assert rows == list(range(8)) and result["unplaced_rows"] == 0
    assert result["kernel_slrs"] == {"sat_wuve": "SLR1"}
    assert {"division, 32 bits", "HBM port"} <= set(result["unverified"])
    assert result["remarks"] == [] and result["largest_planned"] == {"rows": 8, "lanes": 16}
    assert any(note.startswith("HBM ports: ") for note in result["notes"])


def test_what_is_tight_is_told_with_what_would_not_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", str(SPECS / "vcu1525.yaml")]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "\nestimated: SLR0 is tight: LUT " in out
    assert main(["estimate", str(SPECS / "vcu1525.yaml"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ok"] and len(result["remarks"]) == 3
    planned = result["largest_planned"]
    size = f"{planned['rows']}x{planned['lanes']}"
    assert f"\nestimated: the largest array within the planned share: {size}\n" in out
    assert all(f"\n{note}\n" in out for note in result["notes"])


def test_none_within_the_planned_share(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hlsgen.cli.estimate.largest_array", lambda spec, within_plan: None)
    assert main(["estimate", str(SPECS / "vcu1525.yaml")]) == 0
    assert "\nestimated: the largest array within the planned share: none\n" in (
        capsys.readouterr().out
    )
    assert main(["estimate", str(SPECS / "vcu1525.yaml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["largest_planned"] is None


def test_what_does_not_fit_is_shown_and_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = large(tmp_path)
    assert main(["estimate", str(file)]) == 2
    out, err = capsys.readouterr()
    assert "sat_stce  USPE" in out
    assert err.startswith(f"{file}: array: 48x32 does not fit u50 (estimated): needs ")
    assert err.count("\n") == 1 and " is the most that fits at all), or " in err
    assert main(["estimate", str(file), "--json"]) == 2
    result = json.loads(capsys.readouterr().out)
    assert not result["ok"] and not result["fits"]
    assert result["errors"] == [{"message": err.rstrip()}]
    assert result["faults"]


def test_a_faulty_spec_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("name: x\ncard: u30\n")
    assert main(["estimate", str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"{file}:2:7: card: ")

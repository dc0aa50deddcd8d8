# SPDX-License-Identifier: Apache-2.0
"""`hlsgen report` as a user calls it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_bundles import SPEC, Page, make_bundle

from hlsgen.cli.main import main
from hlsgen.errors import InputError, WorkError

Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("made") / "b")


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "b"))


def refusal(said: Said, *arguments: str) -> str:
    assert main(["report", *arguments]) in (1, 2)
    out, err = said.readouterr()
    assert out == "" and err.count("\n") == 1, err
    return err[:-1]


def test_the_page_lies_in_the_bundle(bundle: Path, capsys: Said) -> None:
    assert main(["report", str(bundle)]) == 0
    assert capsys.readouterr().out == f"written: {bundle / 'report.html'}\n"
    assert Page((bundle / "report.html").read_text(encoding="utf-8")).faults == []


def test_json_is_what_the_page_holds(bundle: Path, tmp_path: Path, capsys: Said) -> None:
    out = tmp_path / "x.html"
    assert main(["report", str(bundle), "-o", str(out), "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert json.loads(Page(out.read_text(encoding="utf-8")).data) == told
    assert not (bundle / "report.html").exists()


def test_json_alone_writes_nothing(bundle: Path, capsys: Said) -> None:
    before = sorted(bundle.iterdir())
    assert main(["report", str(bundle), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bundle"] == "b"
    assert sorted(bundle.iterdir()) == before


def test_equal_bundles_give_equal_pages(bundle: Path, tmp_path: Path, capsys: Said) -> None:
    for name in ("1.html", "2.html"):
        assert main(["report", str(bundle), "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()


def test_no_bundle(tmp_path: Path, capsys: Said) -> None:
    assert "no bundle here" in refusal(capsys, str(tmp_path))
    assert "no bundle here" in refusal(capsys, str(tmp_path / "absent"))
    assert "no bundle here" in refusal(capsys, str(SPEC))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"format": 1}'])
def test_a_damaged_program(text: str, bundle: Path, capsys: Said) -> None:
    (bundle / "program.json").write_text(text)
    said = refusal(capsys, str(bundle))
    assert "program.json" in said and "build the bundle again" in said
    assert not (bundle / "report.html").exists()


def test_an_absent_program(bundle: Path, capsys: Said) -> None:
    (bundle / "program.json").unlink()
    assert "program.json: can't be read" in refusal(capsys, str(bundle))


def test_another_spec_than_the_bundles(bundle: Path, capsys: Said) -> None:
    spec = bundle / "spec.yaml"
    spec.write_text(spec.read_text().replace("rows: 32", "rows: 16"))
    assert "array: not what the bundle was built with" in refusal(capsys, str(bundle))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text"])
def test_a_recording_that_is_none(content: bytes, bundle: Path, capsys: Said) -> None:
    file = bundle.parent / "x.npz"
    file.write_bytes(content)
    assert "no whole recording" in refusal(capsys, str(bundle), "--recorded", str(file))
    assert "absent.npz" in refusal(capsys, str(bundle), "--recorded", "absent.npz")


def test_other_arrays_in_the_folder_are_passed_over(bundle: Path, capsys: Said) -> None:
    np.savez(bundle / "other.npz", a=np.zeros(3))
    assert main(["report", str(bundle)]) == 0
    err = capsys.readouterr().err
    assert err.startswith("warning: other.npz: no whole recording")
    assert "other.npz" in Page((bundle / "report.html").read_text(encoding="utf-8")).text


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_each_remark_is_a_warning(options: list[str], bundle: Path, capsys: Said) -> None:
    np.savez(bundle / "other.npz", a=np.zeros(3))

    def too_large(_: object) -> Any:
        raise InputError("no room for conv1.x")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hlsgen.report.data.dense_program", too_large)
        assert main(["report", str(bundle), *options]) == 0
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert first.startswith("warning: other.npz: no whole recording")
    assert second == "warning: dense: no room for conv1.x"
    if options:
        remarks = json.loads(out)["remarks"]
        assert [f"warning: {each}" for each in remarks] == [first, second]


@pytest.mark.slow
def test_a_recording_of_another_network_is_refused(bundle: Path, capsys: Said) -> None:
    recorded = bundle / "other.npz"
    spec = bundle.parent / "other.yaml"
    text = SPEC.read_text(encoding="utf-8")
    spec.write_text(text.replace("method: bdwp", "method: dense"), encoding="utf-8")
    assert main(["time", str(spec), "--layer", "fc:FF", "--record", str(recorded)]) == 0
    capsys.readouterr()
    said = refusal(capsys, str(bundle), "--recorded", str(recorded))
    assert "recorded with a fc FF of" in said and "record it again" in said
    assert main(["report", str(bundle)]) == 0
    assert "other.npz: recorded with a fc FF" in capsys.readouterr().err


@pytest.mark.slow
def test_a_recording_of_a_product_of_ones_own_is_shown(bundle: Path, capsys: Said) -> None:
    recorded = bundle / "own.npz"
    assert main(["time", str(SPEC), "--matmul", "64,64,64", "--record", str(recorded)]) == 0
    assert main(["report", str(bundle)]) == 0
    read = Page((bundle / "report.html").read_text(encoding="utf-8"))
    assert read.faults == [] and "As recorded: matmul 64x64 by 64x64, dense" in read.text


def test_a_bundle_without_its_spec(bundle: Path, capsys: Said) -> None:
    (bundle / "spec.yaml").unlink()
    assert "spec.yaml: no such file: build the bundle again" in refusal(capsys, str(bundle))


def test_places_that_can_not_be_written(bundle: Path, tmp_path: Path, capsys: Said) -> None:
    assert "is a folder" in refusal(capsys, str(bundle), "-o", str(tmp_path))
    assert "no folder" in refusal(capsys, str(bundle), "-o", str(tmp_path / "no" / "x.html"))


def test_what_fails_leaves_the_page_before(
    bundle: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = bundle / "report.html"
    target.write_text("before")

    def full(self: Path, *_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert "No space left" in refusal(capsys, str(bundle))
    assert target.read_bytes() == b"before"
    assert [path.name for path in bundle.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_a_recording_gives_simulated_figures(bundle: Path, capsys: Said) -> None:
    recorded = bundle / "fc.npz"
    assert main(["time", str(SPEC), "--layer", "fc", "--record", str(recorded), "--json"]) == 0
    simulated = json.loads(capsys.readouterr().out)
    assert main(["report", str(bundle), "--json", "-o", str(bundle / "x.html")]) == 0
    told = json.loads(capsys.readouterr().out)["simulated"]
    assert told["cycles"] == simulated["cycles"]
    last = told["segments"][-1]
    assert last["start"] + last["cycles"] == told["cycles"]
    fills = {each["family"]: each["fill"] for each in told["families"]}
    for each in simulated["streams"]:
        assert each["fill"] <= fills.get(each["family"], 0)
    read = Page((bundle / "x.html").read_text(encoding="utf-8"))
    assert "Fills of the FIFOs simulated" in read.text
    assert read.keys["simulated.cycles"] == str(told["cycles"])


@pytest.mark.slow
def test_a_recording_that_can_not_be_resolved(
    bundle: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = bundle.with_name("b.runs") / "fc.npz"
    recorded.parent.mkdir()
    assert main(["time", str(SPEC), "--layer", "fc:BP", "--record", str(recorded)]) == 0
    capsys.readouterr()

    def stuck(*_: Any) -> Any:
        raise WorkError("fc BP: deadlock\nrow_0 waits")

    monkeypatch.setattr("hlsgen.report.data.resolved", stuck)
    assert main(["report", str(bundle)]) == 0
    assert "fc.npz: fc BP: deadlock" in Page((bundle / "report.html").read_text("utf-8")).text
    capsys.readouterr()
    assert main(["report", str(bundle), "--recorded", str(recorded)]) == 1
    assert f"{recorded}: fc BP: deadlock\nrow_0 waits\n" == capsys.readouterr().err


@pytest.mark.slow
def test_a_recording_of_another_array_is_refused(bundle: Path, capsys: Said) -> None:
    recorded = bundle / "other.npz"
    small = str(SPEC.with_name("small.yaml"))
    assert main(["time", small, "--matmul", "8,8,8", "--record", str(recorded)]) == 0
    capsys.readouterr()
    assert "recorded with" in refusal(capsys, str(bundle), "--recorded", str(recorded))
    assert main(["report", str(bundle)]) == 0
    assert "left out" in capsys.readouterr().err

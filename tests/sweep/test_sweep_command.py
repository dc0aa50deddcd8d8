# SPDX-License-Identifier: Apache-2.0
"""`hlsgen sweep`: its files, going on after an interrupt, the best spec, and what it refuses."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from hlsgen.cli.main import main
from hlsgen.specfile import load_spec
from hlsgen.sweep import pool
from hlsgen.sweep.columns import DONE, ILLEGAL, TOO_LARGE, UNSCHEDULED

SPEC = str(Path(__file__).parents[2] / "specs" / "digits.yaml")
OVER = ("--over", "array.rows=4,64", "--over", "array.lanes=8,64", "--over", "sparsity.group=8,16")


def run(*arguments: str) -> int:
    return main(["sweep", SPEC, *arguments, "--jobs", "1"])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_all_points_are_rows_with_the_reason_of_those_that_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "all.csv"
    assert run(*OVER, "-o", str(out), "--json") == 0
    result = json.loads(capsys.readouterr().out)
    rows = table(out)
    assert [int(row["point"]) for row in rows] == list(range(8)) and result["points"] == 8
    by_point = {(row["array.rows"], row["array.lanes"], row["sparsity.group"]): row for row in rows}
    illegal = by_point["4", "8", "16"]
    assert illegal["status"] == ILLEGAL and illegal["modelled_cycles"] == ""
    assert "array.lanes 8 is not a multiple of sparsity.group 16" in illegal["reason"]
    large = by_point["64", "64", "8"]
    assert large["status"] == TOO_LARGE and "LUT" in large["reason"]
    assert int(large["estimated_dsp"]) > 0 and large["modelled_ms"] == ""
    assert by_point["4", "8", "8"]["status"] == DONE
    assert result["front"] and {row["status"] for row in result["front"]} == {DONE}
    assert sum(result["statuses"].values()) == 8
    assert list(tmp_path.iterdir()) == [out]


def test_a_network_too_large_for_the_cards_memory_is_a_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("name: a\n")
    options = ("--workload", "resnet50_imagenet", "--batch", "4096", "--jobs", "1", "--json")
    assert main(["sweep", str(spec), "--over", "array.rows=8,16", *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["statuses"] == {UNSCHEDULED: 2} and result["front"] == []


def test_processes_find_what_one_finds(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    assert run(*OVER, "-o", str(one)) == 0
    assert main(["sweep", SPEC, *OVER, "-o", str(two), "--jobs", "2"]) == 0
    assert one.read_bytes() == two.read_bytes()


class Stopped(Exception):
    """Stands for an interrupt."""


def test_an_interrupted_sweep_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "all.csv"
    assert run(*OVER, "-o", str(whole)) == 0
    real, done = pool.evaluate, []

    def counted(request: Any, points: Any) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.extend(points)
        return real(request, points)

    monkeypatch.setattr(pool, "evaluate", counted)
    monkeypatch.setattr(pool, "MOST_OF_BATCH", 1)
    assert run(*OVER, "-o", str(out)) == 130
    assert "go on with --resume" in capsys.readouterr().err
    kept = tmp_path / "all.csv.rows"
    assert not out.exists() and len(kept.read_bytes().splitlines()) == 4
    again: list[int] = []

    def noted(request: Any, points: Any) -> Any:
        again.extend(point.number for point in points)
        return real(request, points)

    monkeypatch.setattr(pool, "evaluate", noted)
    assert run(*OVER, "-o", str(out)) == 2
    assert "go on with --resume, or remove it" in capsys.readouterr().err
    assert run("--over", "array.rows=4,8", "-o", str(out), "--resume") == 2
    assert "is of another sweep" in capsys.readouterr().err
    kept.write_bytes(kept.read_bytes()[:-7])  # a crash in the middle of a line
    assert run(*OVER, "-o", str(out), "--resume") == 0
    assert len(again) == 6 and len(set(again)) == 6
    assert out.read_bytes() == whole.read_bytes()
    assert not kept.exists()


def test_the_best_spec_is_read_again_and_within_the_budget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best, out = tmp_path / "best.yaml", tmp_path / "all.csv"
    over = ("--over", "array.rows=4,8,16", "--over", "array.lanes=8,16", "-o", str(out))
    assert run(*over, "--objective", "time", "--budget", "dsp<=700", "--best", str(best)) == 0
    assert re.search("^least time within dsp<=700: point ", capsys.readouterr().out, re.MULTILINE)
    spec, rows = load_spec(best), [row for row in table(out) if row["status"] == DONE]
    within = [row for row in rows if int(row["estimated_dsp"]) <= 700]
    wanted = min(within, key=lambda row: float(row["modelled_ms"]))
    assert len(within) < len(rows)
    assert (spec.array.rows, spec.array.lanes) == (
        int(wanted["array.rows"]), int(wanted["array.lanes"])
    )  # fmt: skip
    own = load_spec(Path(SPEC))
    assert (
        spec.name == "best"
        and spec.model_copy(update={"array": own.array, "name": own.name}) == own
    )


def test_no_point_within_the_budget_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = tmp_path / "best.yaml"
    assert run("--over", "array.rows=4,8", "--budget", "dsp<=2", "--best", str(best)) == 1
    assert "no point within dsp<=2" in capsys.readouterr().err
    assert not best.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--over", "array.rows=8", "-o", "all.txt"), "results are .csv or .parquet"),
        (("--over", "array.rows=8", "--resume"), "--resume: name with -o"),
        (("--over", "array.rows=8", "--plot", "all.txt"), "plots are .png"),
        (("--over", "array.rows=8", "-o", "no/all.csv"), "there is no folder"),
        (("--over", "array.rows=8", "--best", "all.json"), "all.json: specs are .yaml or .yml"),
        (("--over", "array.rows=8", "--workload", "paper"), "it stands for several"),
        (("--over", "array.rows=0"), "--over array.rows: array.rows: 0 is below 1"),
        (("--over", "array.rows=8", "--workload", "resnet81"), "no such workload"),
        (("--over", "training.batch=8", "--batch", "8"), "leave one of them out"),
        ((), "Missing option '--over'"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_and_leaves_nothing(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert said in err and err.count("\n") == 1 and out == ""
    assert list(tmp_path.iterdir()) == []


def test_what_stops_before_the_first_row_leaves_no_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(request: Any, points: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(pool, "evaluate", none)
    assert run(*OVER, "-o", str(tmp_path / "all.csv")) == 130
    assert list(tmp_path.iterdir()) == []
    other = tmp_path / "all.csv.rows"
    other.write_text("no journal")
    assert run(*OVER, "-o", str(tmp_path / "all.csv"), "--resume") == 2
    assert "is of another sweep" in capsys.readouterr().err
    assert other.read_text() == "no journal"


def test_parquet_holds_what_csv_holds(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    over = ("--over", "array.rows=4,64", "--over", "dataflows=[os],[os, ws]")
    assert run(*over, "-o", str(tmp_path / "all.csv")) == 0
    assert run(*over, "-o", str(tmp_path / "all.parquet")) == 0
    columns = parquet.read_table(tmp_path / "all.parquet").to_pydict()
    rows = table(tmp_path / "all.csv")
    assert list(columns) == list(rows[0])
    assert [row["modelled_cycles"] for row in rows] == [
        "" if value is None else str(value) for value in columns["modelled_cycles"]
    ]
    assert columns["dataflows"] == [row["dataflows"] for row in rows]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_plot(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / f"all.{suffix}"
    assert run("--over", "array.rows=4,8", "--plot", str(file), "--objective", "dsp") == 0
    begin = file.read_bytes()[:8]
    assert begin == b"\x89PNG\r\n\x1a\n" if suffix == "png" else b"<?xml" in begin


def test_cluster_finds_what_one_process_finds(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    assert run(*OVER, "-o", str(one)) == 0
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        assert main(["sweep", SPEC, *OVER, "-o", str(two), "--cluster", address]) == 0
    assert one.read_bytes() == two.read_bytes()


def test_without_dask_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["sweep", SPEC, "--over", "array.rows=4", "--cluster", "tcp://x:1"]) == 3
    assert "hlsgen[dask]" in capsys.readouterr().err

# SPDX-License-Identifier: Apache-2.0
"""Runs as a report reads them: metrics files, comparisons, and files that are neither."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_bundles import records, write_run

from hlsgen.report.runs import compared_runs, found_runs, run_of

COMPARED = {
    "accelerator": {"digest": "d"},
    "device": "csim",
    "runs": [
        {"method": "dense", "seed": 3, "keep": 8, "group": 8,
         "epochs": [{"epoch": 1, "loss": 1.5, "test_accuracy": 0.5}]},
    ],
}  # fmt: skip


def test_a_run_is_its_epochs() -> None:
    run = run_of("a", records([0.25, 0.75, 0.5]))
    assert run.epochs == ((1, 2.0, 0.25), (2, 1.0, 0.75), (3, 2.0 / 3, 0.5))
    assert (run.accuracy, run.best, run.complete) == (0.5, 0.75, True)


def test_an_unfinished_run_is_told_from_a_whole_one() -> None:
    assert not run_of("a", records([0.25])[:-1]).complete


def test_a_loss_that_is_not_finite_is_none() -> None:
    found = records([0.25])
    found[2]["loss"] = None
    assert run_of("a", found).epochs == ((1, None, 0.25),)


@pytest.mark.parametrize("device", ["csim", "golden", "xrt:0"])
def test_only_a_card_measures(device: str) -> None:
    kind = run_of("a", records([0.25], device=device)).kind
    assert kind == ("measured" if device == "xrt:0" else "simulated")


def test_a_comparison_gives_its_runs() -> None:
    (run,) = compared_runs(COMPARED, "d")
    assert (run.method, run.seed, run.accuracy) == ("dense", 3, 0.5)
    with pytest.raises(ValueError, match="another accelerator"):
        compared_runs(COMPARED, "other")


def test_files_that_tell_of_no_run_are_remarked(tmp_path: Path) -> None:
    bundle = tmp_path / "b"
    write_run(bundle / "good.jsonl", [0.5])
    (bundle / "torn.jsonl").write_text('{"kind": "start", "dev')
    (bundle / "empty.jsonl").write_text("")
    (bundle / "list.jsonl").write_text("[1, 2]\n")
    (bundle / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    (bundle / "over.jsonl").write_text("\n".join(map(json.dumps, records([1.5]))))
    (bundle / "compare.json").write_text(json.dumps(COMPARED))
    runs, remarks = found_runs(bundle, "mine")
    assert [run.name for run in runs] == ["good"]
    named = sorted(remark.partition(":")[0] for remark in remarks)
    assert named == sorted(["torn.jsonl", "empty.jsonl", "list.jsonl", "binary.jsonl",
                            "over.jsonl", "compare.json"])  # fmt: skip
    assert all("\n" not in remark for remark in remarks)

# SPDX-License-Identifier: Apache-2.0
"""A comparison from a spec to its folder, with runs that nobody trains: what is published, what is
kept, and what failures and interrupts leave."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from compare_samples import SPEC, accuracy, jobs_of, records
from sat_host.errors import SettingsError

import hlsgen.compare.run as run_module
from hlsgen.build import BuildResult
from hlsgen.compare.kept import KeptRuns
from hlsgen.compare.plan import Job, Request
from hlsgen.compare.pool import Outcome
from hlsgen.compare.run import Comparison, Watcher, compare
from hlsgen.errors import HlsgenError, InputError, ToolMissingError, WorkError
from hlsgen.specfile import parse_spec

pytestmark = pytest.mark.slow

BOTH = ("dense", "bdwp")
FILES = ["compare.html", "compare.json", "compare.png"]


class Runs:
    """Stands in for `run_jobs`: outcomes from a formula; `trained` has the labels it was given."""

    def __init__(self) -> None:
        self.trained: list[str] = []
        self.failing: dict[str, tuple[str, int]] = {}
        self.interrupt_at: str | None = None
        self.seconds = 1.0

    def __call__(
        self,
        jobs: Sequence[Job],
        command: object,
        environ: object,
        processes: int,
        on_record: Callable[[Job, dict[str, Any]], None],
    ) -> Generator[Outcome, None, None]:
        for job in jobs:
            if job.label == self.interrupt_at:
                raise KeyboardInterrupt
            self.trained.append(job.label)
            if job.label in self.failing:
                yield Outcome(job, (), *self.failing[job.label])
                continue
            made = records(job)
            made[-1]["seconds"] = self.seconds
            for record in made:
                on_record(job, record)
            yield Outcome(job, tuple(r for r in made if r["kind"] in ("epoch", "final")))

    def taken(self) -> list[str]:
        """The labels since the last call."""
        taken, self.trained = self.trained, []
        return taken


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC, encoding="utf-8")

    def build(file: Path, out: Path, *_: object, text: bytes) -> BuildResult:
        out.mkdir(exist_ok=True)
        made = parse_spec(text, str(file))
        return BuildResult(out, made, "d" * 64, "e" * 64, "g++ 12", "", 16, 64, (), (), ())

    monkeypatch.setattr(run_module, "build", build)
    monkeypatch.setattr(run_module, "load_dataset", lambda settings: settings)
    monkeypatch.setattr(run_module, "data_stamp", lambda dataset: dataset["name"])
    return path


def call(spec: Path, runs: Runs, methods: tuple[str, ...] = BOTH, **fields: Any) -> Comparison:
    request = Request(methods, **{"seeds": 2, **fields})
    return compare(spec, request, spec.parent / "out", {}, Watcher(), processes=2, run=runs)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_seconds(item) for key, item in value.items() if key != "seconds"}
    return [without_seconds(item) for item in value] if isinstance(value, list) else value


def test_document_has_all_that_the_table_and_the_plot_need(spec: Path, runs: Runs) -> None:
    result = call(spec, runs, keep=1, epochs=4)
    assert result.folder == spec.parent / "out" and listing(result.folder) == FILES
    document = json.loads((result.folder / "compare.json").read_text())
    assert document == result.document
    assert document["settings"]["training"]["epochs"] == 4
    assert (document["methods"], document["seeds"]) == (list(BOTH), [0, 1])
    assert document["accelerator"]["library_sha256"] == "e" * 64
    assert [(r["method"], r["seed"], r["keep"]) for r in document["runs"]] == [
        ("dense", 0, 8), ("bdwp", 0, 1), ("dense", 1, 8), ("bdwp", 1, 1),
    ]  # fmt: skip
    last = document["runs"][-1]
    assert [e["test_accuracy"] for e in last["epochs"]] == [
        accuracy("bdwp", 1, epoch) for epoch in (1, 2, 3, 4)
    ]
    assert "peak_memory_bytes" not in last
    dense, bdwp = document["summary"]
    values = [accuracy("bdwp", seed, 4) for seed in (0, 1)]
    mean = sum(values) / 2
    assert bdwp["accuracy"]["mean"] == pytest.approx(mean)
    assert bdwp["accuracy"]["std"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert (bdwp["accuracy"]["min"], bdwp["accuracy"]["max"]) == (min(values), max(values))
    assert dense["difference_points"] == 0.0
    expected = 100 * (mean - dense["accuracy"]["mean"])
    assert bdwp["difference_points"] == pytest.approx(expected)
    assert bdwp["macs"]["total"] == 3_000_000 and bdwp["macs"]["fraction"] == 0.75
    assert dense["seconds"] == 1.0


def test_one_seed_has_no_spread_and_no_dense_no_difference(spec: Path, runs: Runs) -> None:
    (summary,) = call(spec, runs, ("bdwp",), seeds=1).document["summary"]
    assert summary["accuracy"]["std"] is None and summary["difference_points"] is None


def test_same_runs_give_the_same_files_apart_from_seconds(spec: Path, runs: Runs) -> None:
    first = call(spec, runs)
    pictures = {name: (first.folder / name).read_bytes() for name in FILES}
    (spec.parent / "out.work").rename(spec.parent / "away")
    runs.seconds = 2.0
    second = call(spec, runs)
    assert second.document != first.document
    assert without_seconds(second.document) == without_seconds(first.document)
    assert (second.folder / "compare.png").read_bytes() == pictures["compare.png"]
    runs.taken()
    call(spec, runs)  # from what is kept: to the byte
    assert runs.taken() == []
    assert json.loads((second.folder / "compare.json").read_text()) == second.document


def test_only_runs_that_are_not_kept_are_trained(spec: Path, runs: Runs) -> None:
    call(spec, runs)
    runs.taken()
    call(spec, runs, seeds=3)
    assert runs.taken() == ["dense, seed 2", "bdwp, seed 2"]
    call(spec, runs, keep=1)
    assert runs.taken() == ["bdwp, seed 0", "bdwp, seed 1"]
    call(spec, runs, ("dense",), seeds=1, epochs=5)
    assert runs.taken() == ["dense, seed 0"]
    call(spec, runs, seeds=3)
    assert runs.taken() == []


def test_damaged_kept_run_is_trained_again(spec: Path, runs: Runs) -> None:
    before = call(spec, runs).document
    runs.taken()
    folder = spec.parent / "out.work" / "runs"
    first, second, third, fourth = sorted(folder.glob("*.json"))
    first.write_text(first.read_text()[:-20])
    second.write_text("[]")
    third.write_text('{"key": "another", "run": {}}')
    edited = json.loads(fourth.read_text())
    edited["run"]["test_accuracy"] = 1.0
    fourth.write_text(json.dumps(edited))
    fourth.with_name("killed.json.partial").write_text("{")
    assert call(spec, runs).document == before
    assert len(runs.taken()) == 4
    assert len(list(folder.glob("*.json*"))) == 4
    for damage in ({"run": {}}, {"run": 5}, {"digest": "0" * 64}):
        first.write_text(json.dumps(json.loads(first.read_text()) | damage))
        assert call(spec, runs).document == before
        assert len(runs.taken()) == 1
    first.write_text("[" * 100_000)
    assert call(spec, runs).document == before
    assert len(runs.taken()) == 1


def test_other_data_are_trained_on_again(
    spec: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(spec, runs)
    runs.taken()
    with monkeypatch.context() as patched:
        patched.setattr(run_module, "data_stamp", lambda dataset: "changed")
        call(spec, runs)
    assert len(runs.taken()) == 4
    call(spec, runs)
    assert runs.taken() == []


def test_faults_of_the_data_name_the_spec_before_any_work(
    spec: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(settings: object) -> None:
        raise SettingsError("data.path: /d: no such folder")

    monkeypatch.setattr(run_module, "load_dataset", absent)
    with pytest.raises(HlsgenError) as caught:
        call(spec, runs)
    assert str(caught.value) == f"{spec}: data.path: /d: no such folder"
    assert caught.value.exit_code == 2
    assert runs.taken() == [] and listing(spec.parent) == ["tiny.yaml"]


def test_failed_runs_are_named_and_the_others_kept(spec: Path, runs: Runs) -> None:
    old = call(spec, runs).document
    runs.failing = {"dense, seed 2": ("it diverged", 1), "bdwp, seed 3": ("ended by SIGSEGV", 1)}
    with pytest.raises(WorkError) as caught:
        call(spec, runs, seeds=4)
    assert str(caught.value) == "dense, seed 2: it diverged\nbdwp, seed 3: ended by SIGSEGV"
    assert caught.value.exit_code == 1
    assert json.loads((spec.parent / "out" / "compare.json").read_text()) == old
    runs.taken()
    runs.failing = {}
    call(spec, runs, seeds=4)
    assert runs.taken() == ["dense, seed 2", "bdwp, seed 3"]


def test_what_the_user_must_mend_ends_all_runs(spec: Path, runs: Runs) -> None:
    runs.failing = {"bdwp, seed 0": ("data.path: no such folder", 2)}
    with pytest.raises(HlsgenError, match="bdwp, seed 0: data.path: no such folder") as caught:
        call(spec, runs, seeds=4)
    assert caught.value.exit_code == 2
    assert runs.taken() == ["dense, seed 0", "bdwp, seed 0"]
    assert not (spec.parent / "out").exists()


def test_checkpoints_last_until_the_run_is_kept(tmp_path: Path) -> None:
    kept, job = KeptRuns(tmp_path / "runs"), jobs_of(Request(BOTH, 1))[0]
    kept.prepare()
    (kept.checkpoints(job, "a" * 64) / "step-1").mkdir(parents=True)
    (kept.checkpoints(job, "b" * 64) / "step-1").mkdir(parents=True)
    assert kept.get(job, "a" * 64) is None
    kept.put(job, "a" * 64, {"seed": 0})
    assert kept.get(job, "a" * 64) == {"seed": 0} and kept.get(job, "b" * 64) is None
    assert not kept.checkpoints(job, "a" * 64).exists()
    assert kept.checkpoints(job, "b" * 64).exists()


def test_interrupt_leaves_finished_runs_and_nothing_else(spec: Path, runs: Runs) -> None:
    runs.interrupt_at = "dense, seed 1"
    with pytest.raises(KeyboardInterrupt):
        call(spec, runs)
    assert listing(spec.parent) == ["out.work", "tiny.yaml"]
    assert len(listing(spec.parent / "out.work" / "runs")) == 2
    runs.taken()
    runs.interrupt_at = None
    call(spec, runs)
    assert runs.taken() == ["dense, seed 1", "bdwp, seed 1"]


def test_interrupt_while_publishing_keeps_the_old_result(
    spec: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(spec, runs)
    before = {name: (spec.parent / "out" / name).read_bytes() for name in FILES}

    def interrupt(document: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("hlsgen.compare.results.to_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        call(spec, runs, seeds=3)
    assert {name: (spec.parent / "out" / name).read_bytes() for name in FILES} == before
    assert listing(spec.parent) == ["out", "out.work", "tiny.yaml"]


def test_no_matplotlib_is_told_before_any_work(
    spec: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ToolMissingError, match="run `pip install matplotlib`") as caught:
        call(spec, runs)
    assert "\n" not in str(caught.value)
    assert runs.taken() == [] and listing(spec.parent) == ["tiny.yaml"]


def test_folder_of_something_else_is_refused_before_any_work(spec: Path, runs: Runs) -> None:
    (spec.parent / "out").mkdir()
    (spec.parent / "out" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="has no compare.json, so it is no comparison to replace"):
        call(spec, runs)
    assert runs.taken() == [] and listing(spec.parent) == ["out", "tiny.yaml"]


def test_file_in_the_way_of_the_work_folder(spec: Path, runs: Runs) -> None:
    (spec.parent / "out.work").write_text("x")
    with pytest.raises(InputError, match="choose another folder with -o"):
        call(spec, runs)
    assert runs.taken() == []


def test_failed_build_leaves_nothing(
    spec: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object, **__: object) -> None:
        raise WorkError("the compiler failed")

    monkeypatch.setattr(run_module, "build", build)
    with pytest.raises(WorkError, match="the compiler failed"):
        call(spec, runs)
    assert listing(spec.parent) == ["tiny.yaml"]

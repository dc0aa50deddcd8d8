# SPDX-License-Identifier: Apache-2.0
"""`hlsgen train`: on a bundle, on a spec that is built first, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sat_host.dry_run import data_shape

import hlsgen.cli.train as train_module
from hlsgen.bundle import Parts, manifest
from hlsgen.cli.main import main
from hlsgen.project import Project
from hlsgen.spec_data import Cifar10Spec, Cifar100Spec, DigitsSpec, ImageFolderSpec
from hlsgen.specfile import parse_spec
from hlsgen.toolchain.gxx import LIBRARY, CompiledLibrary

SPECS = Path(__file__).resolve().parents[2] / "specs"
SPEC = """\
name: tiny
array: {rows: 4, lanes: 8, interleave: 2, memory_tile: 2, adder_latency: 4}
model: {name: mlp, hidden: [16]}
data: {name: digits, test_fraction: 0.9}
training: {epochs: 1, batch: 64}
"""
USED = ("stages", "stage_memory_bytes", "peak_memory_bytes")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    pytest.importorskip("sklearn")
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.fixture
def bundle(spec: Path) -> Path:
    """A bundle without its library: enough for the golden device."""
    folder = spec.parent / "tiny"
    folder.mkdir()
    library = CompiledLibrary(folder / LIBRARY, "0" * 64, "", False, ())
    fields = manifest(Parts(parse_spec(SPEC, "tiny.yaml"), b"", Project({}), library, Project({})))
    (folder / "bundle.json").write_text(json.dumps(fields), encoding="utf-8")
    return folder


@pytest.fixture
def no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test that builds."""

    def refuse(*_: object) -> None:
        pytest.fail("a build was started")

    monkeypatch.setattr(train_module, "build", refuse)


@pytest.mark.usefixtures("no_build")
def test_bundle_trains_and_json_is_the_final_record(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--device", "golden", "--method", "dense", "--seed", "3", "--epochs", "2"]
    assert main(["train", str(bundle), *options, "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    final = json.loads(out)
    assert err == ""
    assert (final["kind"], final["device"], final["method"]) == ("final", "golden", "dense")
    assert (final["seed"], final["epochs"]) == (3, 2)
    assert 0.0 <= final["test_accuracy"] <= 1.0
    metrics = bundle.parent / "tiny.runs" / "dense-seed3-epochs2-golden.jsonl"
    assert json.loads(metrics.read_text().splitlines()[-1]) == final


def test_plain_result_and_progress(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(bundle), "--device", "golden", "--keep", "1"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("test accuracy ") and out.count("\n") == 1
    assert "bdwp 1:8, seed 0" in out
    assert "epoch 1/1: loss " in err
    assert err.endswith("tiny.runs/bdwp-1of8-seed0-epochs1-golden.jsonl\n")


def test_another_run_leaves_the_first_run_s_metrics(bundle: Path) -> None:
    for seed in ("0", "1"):
        command = ["train", str(bundle), "--device", "golden", "--seed", seed, "--quiet"]
        assert main(command) == 0
    assert main([*command, "--batch", "32"]) == 0
    files = sorted(path.name for path in (bundle.parent / "tiny.runs").iterdir())
    runs = ("seed0-epochs1", "seed1-epochs1", "seed1-epochs1-batch32")
    endings = ("checkpoints", "jsonl")
    assert files == sorted(f"bdwp-2of8-{run}-golden.{ending}" for run in runs for ending in endings)


def test_metrics_file_of_the_user(bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    options = ["--device", "golden", "--metrics", str(file), "--no-checkpoints"]
    assert main(["train", str(bundle), *options]) == 0
    kinds = [json.loads(line)["kind"] for line in file.read_text().splitlines()]
    assert kinds[0] == "start" and kinds[-2:] == ["epoch", "final"]
    assert not (bundle.parent / "tiny.runs").exists()


@pytest.mark.slow
def test_spec_is_built_then_trained_to_the_golden_model_s_record(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built = spec.parent / "made" / "here"
    assert main(["train", str(spec), "-o", str(built), "--json"]) == 0
    out, err = capsys.readouterr()
    on_csim = json.loads(out)
    assert err.splitlines()[:2] == ["build: check", "build: render"]
    assert (built / LIBRARY).is_file()
    assert main(["train", str(built), "--device", "golden", "--json", "--quiet"]) == 0
    on_golden = json.loads(capsys.readouterr().out)
    for record in (on_csim, on_golden):
        for name in ("seconds", "device", "devices", *USED):
            del record[name]
    assert on_csim == on_golden
    runs = sorted((spec.parent / "made" / "here.runs").glob("*.jsonl"))
    losses = [
        [json.loads(line).get("loss") for line in path.read_text().splitlines()] for path in runs
    ]
    assert len(runs) == 2 and losses[0] == losses[1]


@pytest.mark.usefixtures("no_build")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--keep", "9"], "sparsity.keep: expected an integer from 1 to 8, got 9"),
        (["--epochs", "0"], "training.epochs: "),
        (["--seed", "-1"], "training.seed: "),
        (["--batch", "0"], "training.batch: "),
        (["--dry-run", "--keep", "9"], "sparsity.keep: "),
        (["--resume", "--no-checkpoints"], "hlsgen train: --no-checkpoints excludes --resume"),
        (["--method", "bdw"], "hlsgen train: Invalid value for '--method'"),
        (["--device", "gpu"], "hlsgen train: Invalid value for '--device'"),
    ],
)
def test_bad_options_stop_before_any_work(
    spec: Path, options: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(spec.parent.rglob("*"))
    assert main(["train", str(spec), *options]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(expected) and err.count("\n") == 1
    assert sorted(spec.parent.rglob("*")) == before


def test_bad_places_are_one_line(
    spec: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = spec.parent / "empty"
    empty.mkdir()
    cases = {
        (str(spec.parent / "none.yaml"),): "none.yaml",
        (str(empty),): "no bundle here",
        (str(bundle),): "libsat.so",
        (str(bundle), "-o", str(empty)): "-o is for a spec",
    }
    for arguments, expected in cases.items():
        assert main(["train", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == "" and expected in err and err.count("\n") == 1, arguments
    assert not (bundle.parent / "tiny.runs").exists()


def test_faults_of_the_data_name_the_spec_that_was_given(
    spec: Path,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifest = bundle / "bundle.json"
    data = {"name": "cifar10", "path": "/none"}
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"data": data}))
    monkeypatch.setattr(train_module, "prepare", lambda *_, **__: bundle)
    for given, named in ((spec, spec), (bundle, manifest)):
        command = ["train", str(given), "--device", "golden", "--quiet", "--no-checkpoints"]
        assert main(command) == 2
        expected = f"{named}: data.path: /none: no such folder\n"
        assert capsys.readouterr().err.endswith(expected)


def test_metrics_that_cannot_be_written(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundle.parent / "tiny.runs").write_text("in the way")
    for options in ([], ["--metrics", str(bundle.parent / "tiny.runs" / "file")]):
        assert main(["train", str(bundle), "--device", "golden", "--quiet", *options]) == 2
        out, err = capsys.readouterr()
        assert out == "" and "tiny.runs" in err and err.count("\n") == 1


@pytest.mark.usefixtures("no_build")
@pytest.mark.parametrize("kind", ["spec", "bundle"])
def test_a_dry_run_lists_the_layers_and_does_nothing(
    kind: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    place: Path = request.getfixturevalue(kind)
    before = sorted(place.parent.rglob("*"))
    assert main(["train", str(place), "--dry-run"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert lines[0] == "mlp on 8 x 8 x 1, 10 classes, 1.21 k parameters, bdwp 2:8"
    assert lines[3].split() == ["fc1", "64", "->", "16", "dense", "-", "dense", "100", "%",
                                "first", "layer"]  # fmt: skip
    assert lines[4].split() == ["fc2", "16", "->", "10", "2:8", "2:8", "dense", "55", "%"]
    # A step of 64: 64 x 16 and 16 x 10; of the 16 inputs 4 are kept, of the 10 outputs 2 + 2.
    fc1, fc2 = 64 * 64 * 16, 64 * 16 * 10
    work = {"FF": fc1 + fc2 // 4, "BP": fc2 * 4 // 10, "WU": fc1 + fc2}
    assert main(["train", str(place), "--dry-run", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["macs"] == {**work, "dense": 2 * fc1 + 3 * fc2}
    assert report["fraction"] == sum(work.values()) / report["macs"]["dense"]
    assert sorted(place.parent.rglob("*")) == before


@pytest.mark.parametrize(
    "data",
    [
        DigitsSpec(),
        Cifar10Spec(name="cifar10", path="d"),
        Cifar100Spec(name="cifar100", path="d"),
        ImageFolderSpec(name="image_folder", path="d"),
        ImageFolderSpec(name="image_folder", path="d", size=96),
    ],
)
def test_a_dry_run_knows_the_data_as_the_spec_does(
    data: DigitsSpec | Cifar10Spec | Cifar100Spec | ImageFolderSpec,
) -> None:
    assert data_shape(data.model_dump(mode="json")) == (data.image, data.classes)


@pytest.mark.parametrize("spec_file", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_spec_has_a_dry_run(
    spec_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(spec_file), "--dry-run", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert 0.3 < report["fraction"] < 1
    assert report["layers"][0]["dense_because"] == "first layer"
    assert sum(layer["macs"] for layer in report["layers"]) * report["batch"] == sum(
        report["macs"][stage] for stage in ("FF", "BP", "WU")
    )


@pytest.mark.parametrize("method", ["sr_ste", "sdgp", "sdwp"])
def test_every_method_trains(bundle: Path, method: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", str(bundle), "--device", "golden", "--method", method, "--quiet", "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["method"] == method


def test_resume_goes_on_where_a_run_was(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", str(bundle), "--device", "golden", "--epochs", "3", "--json"]
    assert main([*command, "--quiet", "--resume"]) == 0  # nothing to resume: from the start
    whole = json.loads(capsys.readouterr().out)
    (folder,) = (bundle.parent / "tiny.runs").glob("*.checkpoints")
    newest = sorted(folder.glob("step-*"))[-1]
    shutil.rmtree(newest)
    assert main([*command, "--resume"]) == 0
    out, err = capsys.readouterr()
    assert "resumed after step 6 of 9" in err
    again = json.loads(out)
    for record in (whole, again):
        for name in ("seconds", *USED):
            del record[name]
    assert whole == again
    state = newest / "state.json"
    state.write_text(state.read_text().replace("true", "false"))
    assert main([*command, "--resume"]) == 2
    out, err = capsys.readouterr()
    assert str(state) in err and "resume from step-0000000006" in err
    assert '"ok": false' in out and "Traceback" not in err
    assert err.count("\n") == 1


def test_help_tells_defaults_and_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in ("0 to 4294967295", "1 to 10000", "1 to the group's size", "1 to 4096"):
        assert f"{part}; the bundle's by default" in text

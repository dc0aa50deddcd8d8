# SPDX-License-Identifier: Apache-2.0
"""`hlsgen schedule`: its table, its JSON, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hlsgen import workloads
from hlsgen.cards import CARDS
from hlsgen.cli.main import main
from hlsgen.scheduled import program_of_spec, program_text
from hlsgen.specfile import load_spec

SPECS = Path(__file__).parents[2] / "specs"
CARD = str(SPECS / "vcu1525.yaml")
HEADER = "layer,kind,batch,c_in,h_in,w_in,c_out,kh,kw,stride,pad,prunable"
HEADING = {
    "kind", "spec", "card", "clock_mhz", "network", "method", "keep", "group", "batch", "rows",
    "lanes",
}  # fmt: skip
KEYS = HEADING | {
    "total_cycles", "dense_cycles", "speedup", "ms_per_batch", "images_per_s", "utilisation",
    "dense_utilisation", "gops", "executed_gops", "energy", "stages", "pieces", "layers",
}  # fmt: skip
LAYER_KEYS = {
    "name", "stage", "dataflow", "tile", "cycles", "utilisation", "bound", "bytes", "pieces",
}  # fmt: skip


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["schedule", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    result = json.loads(out)
    assert isinstance(result, dict)
    return result


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["schedule", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err[:-1]


def test_json_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    result = answer(capsys, CARD, "--workload", "resnet9_cifar10")
    assert set(result) == KEYS and set(result["stages"]) == {"FF", "BP", "WU", "update"}
    for layer in result["layers"]:
        update = layer["stage"] == "update"
        assert set(layer) == LAYER_KEYS
        assert layer["cycles"] == sum(layer["pieces"].values()) >= (0 if update else 1)
        assert (layer["dataflow"] is None) == (layer["tile"] is None) == update
        if not update:
            assert layer["dataflow"] in ("os", "ws")
            assert set(layer["tile"]) == {"interleave", "blocks", "buffered"}
        assert sum(layer["bytes"].values()) > 0
    for stage, cycles in result["stages"].items():
        assert cycles == sum(x["cycles"] for x in result["layers"] if x["stage"] == stage)
    assert result["total_cycles"] == sum(result["stages"].values())
    assert result["total_cycles"] == sum(result["pieces"].values())
    assert result["speedup"] == result["dense_cycles"] / result["total_cycles"] > 1
    assert result["ms_per_batch"] == pytest.approx(result["total_cycles"] / 200e3)
    assert result["images_per_s"] == pytest.approx(512e3 / result["ms_per_batch"])
    assert 0 < result["utilisation"] < result["dense_utilisation"] <= 1
    assert result["executed_gops"] < result["gops"]
    peak = 2 * 32 * 32 * 0.2
    assert result["executed_gops"] == pytest.approx(peak * result["utilisation"])
    dense_gops = peak * result["dense_utilisation"]
    assert result["gops"] == pytest.approx(dense_gops * result["speedup"])


def test_dense_is_what_the_speedup_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    pruned = answer(capsys, CARD, "--workload", "resnet9_cifar10")
    dense = answer(capsys, CARD, "--workload", "resnet9_cifar10", "--method", "dense")
    all_kept = answer(capsys, CARD, "--workload", "resnet9_cifar10", "--keep", "8")
    assert dense["speedup"] == 1 and all_kept | {"method": "dense"} == dense
    assert dense["total_cycles"] == pruned["dense_cycles"]
    assert dense["utilisation"] == pruned["dense_utilisation"]


def test_the_specs_network_is_the_table_of_the_same_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "resnet18_tinyimagenet"
    named = answer(capsys, CARD, "--workload", name)
    assert answer(capsys, CARD) | {"network": name} == named
    # The spec's own settings, not the defaults of the model's name.
    assert answer(capsys, CARD, "--model", "resnet18") | {"network": name} == named


def test_a_built_in_network_takes_the_shape_of_the_specs_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "cifar.yaml"
    spec.write_text(
        "name: cifar\nmodel: {name: vgg19}\ndata: {name: cifar10, path: none}\n"
        "training: {batch: 512}\n"
    )
    table = answer(capsys, CARD, "--workload", "resnet9_cifar10")
    model = answer(capsys, str(spec), "--model", "resnet9")
    assert model["network"] == "resnet9" and model["layers"] == table["layers"]
    few = answer(capsys, str(spec), "--model", "mlp", "--batch", "7")
    assert few["batch"] == 7 and few["layers"][0]["name"] != table["layers"][0]["name"]


def test_energy_is_of_a_stated_power_or_absent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (CARD, "--workload", "resnet9_cifar10")
    result = answer(capsys, *arguments)
    energy = result["energy"]
    assert energy["assumed_power_w"] == 225
    assert "assumed; not a measurement" in energy["power_source"]
    assert energy["gops_per_w"] == result["gops"] / 225
    assert energy["executed_gops_per_w"] == result["executed_gops"] / 225
    assert main(["schedule", *arguments]) == 0
    out = capsys.readouterr().out
    (line,) = (line for line in out.splitlines() if "GOPS/W" in line)
    assert line.startswith("modelled GOPS/W at an assumed 225 W: ")
    assert line.endswith("assumed; not a measurement of this design)")
    unstated = replace(CARDS["vcu1525"], assumed_power_w=None)
    monkeypatch.setattr("hlsgen.scheduled.CARDS", {"vcu1525": unstated})
    assert answer(capsys, *arguments) == {**result, "energy": None}
    assert main(["schedule", *arguments]) == 0
    out = capsys.readouterr().out
    assert "GOPS/W" not in out and "225" not in out


def test_a_table_may_come_through_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()
    os.write(writer, f"{HEADER}\nfc,linear,4,16,1,1,10,1,1,1,0,0\n".encode())
    os.close(writer)
    try:
        result = answer(capsys, CARD, "--workload", f"/dev/fd/{reader}")
    finally:
        os.close(reader)
    assert result["batch"] == 4


@pytest.mark.slow
def test_the_documentation_has_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    text = (SPECS.parent / "docs" / "schedule.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(\w+)(?:\[\])?`", text))
    result = answer(capsys, CARD, "--workload", "resnet9_cifar10", "--batch", "1", "--ablate")
    keys = set(result) | {key for key, each in result.items() if key == "energy" for key in each}
    keys |= LAYER_KEYS | set(result["layers"][0]["tile"]) | set(result["ablation"][0])
    assert keys | set(result["pieces"]) | set(result["stages"]) <= documented
    digits = SPECS / "digits.yaml"
    program = json.loads(program_text(load_spec(digits), str(digits)).text)
    assert set(program) | set(program["memory"]) | set(program["products"][0]) <= documented
    assert set(program["updates"][0]) <= documented


def test_without_overlap_no_update_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    small = (CARD, "--workload", "resnet9_cifar10", "--batch", "2")
    hidden, waits = answer(capsys, *small), answer(capsys, *small, "--no-overlap")
    assert hidden["pieces"]["overlap"] < 0 == waits["pieces"]["overlap"]
    assert waits["total_cycles"] > hidden["total_cycles"]


@pytest.mark.slow
def test_a_narrow_terminal_shortens_no_figure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["schedule", CARD, "--workload", "resnet9_cifar10", "--batch", "4", "--ablate"]
    assert main(arguments) == 0
    whole = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    for columns in ("20", "80", "100"):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(arguments) == 0
        out = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)
        assert "\N{HORIZONTAL ELLIPSIS}" not in out
        found = {" ".join(line.split()) for line in out.splitlines()}
        rows = [line for line in whole.splitlines() if "  " in line and "modelled" not in line]
        assert len(rows) > 30 and {" ".join(line.split()) for line in rows} <= found


def test_narrow_lanes_see_the_banks_that_they_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Words of 8 bytes reach two of the four banks: as in the program that `hlsgen build` makes."""
    file = tmp_path / "tiny.yaml"
    file.write_text("name: tiny\narray: {rows: 1, lanes: 4}\nsparsity: {group: 4, keep: 2}\n")
    program = program_of_spec(load_spec(file), str(file))
    assert program is not None and program.memory.banks == 2
    result = answer(capsys, str(file), "--no-overlap")
    assert result["total_cycles"] == program.cycles


def test_layer_names_are_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.csv"
    own.write_text(f"{HEADER}\n[/b]\x1b[31m,linear,4,16,1,1,10,1,1,1,0,0\n", encoding="utf-8")
    assert main(["schedule", CARD, "--workload", str(own)]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "\n[/b]\\x1b[31m  FF " in out


def test_a_table_of_ones_own_at_another_batch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.csv"
    own.write_bytes((Path(workloads.__file__).parent / "vit_cifar100.csv").read_bytes())
    named = answer(capsys, CARD, "--workload", "vit_cifar100", "--batch", "64")
    assert answer(capsys, CARD, "--workload", str(own), "--batch", "64") == (
        named | {"network": str(own)}
    )
    whole = answer(capsys, CARD, "--workload", "vit_cifar100")
    assert 6 < whole["total_cycles"] / named["total_cycles"] < 9


def test_every_figure_of_the_table_is_called_modelled(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", CARD, "--workload", "resnet9_cifar10", "--keep", "1"]) == 0
    out, err = capsys.readouterr()
    title, header, *lines = out.splitlines()
    assert err == "" and title == (
        "vcu1525: resnet9_cifar10, bdwp 1:8, batch 512, 32x32 array, vcu1525 at 200 MHz, modelled"
    )
    assert " ".join(header.split()) == (
        "layer stage dataflow T Q buffered modelled cycles modelled utilisation modelled bound "
        "modelled MB"
    )
    assert lines[0].split()[:2] == ["conv1", "FF"]
    totals = [line.partition(":")[0] for line in lines if line.startswith("modelled ")]
    assert totals == [
        "modelled cycles", "modelled time", "modelled throughput", "modelled utilisation",
        "modelled speedup over dense", "modelled GOPS/W at an assumed 225 W", "modelled pieces",
    ]  # fmt: skip
    note = " ".join(lines[lines.index(lines[-1]) - 8 :])
    assert "All figures are modelled, none is measured." in note
    assert "--no-overlap" in note and all(len(line) <= 100 for line in lines[-5:])


@pytest.mark.slow
def test_the_papers_workloads_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    few = ("--workload", "paper", "--batch", "2")
    result = answer(capsys, CARD, *few)
    assert set(result) == HEADING | {"mean_speedup", "bandwidths"}
    assert [each["bandwidth"] for each in result["bandwidths"]] == [1, 0.25]
    for each in result["bandwidths"]:
        assert [work["name"] for work in each["workloads"]] == list(workloads.PAPER)
        speedups = [work["speedup"] for work in each["workloads"]]
        assert each["mean_speedup"] == pytest.approx(sum(speedups) / 5)
    whole, quarter = result["bandwidths"]
    assert result["mean_speedup"] == whole["mean_speedup"]
    one = answer(capsys, CARD, "--workload", "vit_cifar100", "--batch", "2")
    work = whole["workloads"][1]
    assert work == {key: one.get(key) for key in work} | {"name": "vit_cifar100"}
    for fast, slow in zip(whole["workloads"], quarter["workloads"], strict=True):
        assert fast["total_cycles"] < slow["total_cycles"]
    assert main(["schedule", CARD, *few]) == 0
    title, header, *lines = capsys.readouterr().out.splitlines()
    assert "paper, bdwp 2:8, batch 2, " in title and header.split()[:2] == ["workload", "bandwidth"]
    means = [line.split() for line in lines if line.startswith("mean ")]
    assert means == [
        ["mean", "x1", f"{whole['mean_speedup']:.3f}"],
        ["mean", "x1/4", f"{quarter['mean_speedup']:.3f}"],
    ]


@pytest.mark.slow
def test_ablation_is_a_key_and_a_table_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (CARD, "--workload", "resnet9_cifar10", "--batch", "4")
    result = answer(capsys, *arguments, "--ablate")
    assert set(result) == KEYS | {"ablation"}
    keys = {"group", "setting", "total_cycles", "dense_cycles", "speedup", "gain"}
    assert all(set(line) == keys for line in result["ablation"])
    everything = next(x for x in result["ablation"] if x["setting"] == "all")
    assert everything["total_cycles"] == result["total_cycles"]
    assert everything["dense_cycles"] == result["dense_cycles"]
    assert main(["schedule", *arguments, "--ablate"]) == 0
    out = capsys.readouterr().out
    assert out.count("modelled gain") == 1
    for line in result["ablation"]:
        start = f"{line['group']}  "
        assert any(
            row.startswith(start) and f" {line['setting']} " in row and
            row.endswith(f"{line['gain']:.3f}")
            for row in out.splitlines()
        )  # fmt: skip


@pytest.mark.slow
def test_the_order_of_the_specs_dataflows_does_not_matter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spec.yaml"
    arguments = (str(file), "--workload", "vit_cifar100", "--batch", "2", "--ablate")
    found = []
    for flows in ("os, ws", "ws, os"):
        file.write_text(f"name: flows\ndataflows: [{flows}]\n")
        found.append(answer(capsys, *arguments))
    assert found[0] == found[1]


def test_unknown_workloads_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, CARD, "--workload", "resnet9") == (
        "hlsgen schedule: --workload resnet9: no such workload: give resnet9_cifar10, or a CSV file"
    )
    assert refusal(capsys, CARD, "--workload", "papers") == (
        "hlsgen schedule: --workload papers: no such workload: give paper, or a CSV file"
    )
    assert refusal(capsys, CARD, "--workload", "?") == (
        "hlsgen schedule: --workload ?: no such workload: give one of "
        f"{', '.join(workloads.NAMES)}, paper, or a CSV file"
    )
    assert refusal(capsys, CARD, "--workload", "none.csv") == (
        "none.csv: can't be read, No such file or directory: check the path"
    )
    assert refusal(capsys, CARD, "--workload", "/") == (
        "/: can't be read, Is a directory: check the path"
    )


def test_options_that_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, CARD, "--workload", "vit_cifar100", "--model", "vit") == (
        "hlsgen schedule: --workload and --model: each names a network: give one of them"
    )
    for other in (("--ablate",), ("--model", "vit")):
        assert refusal(capsys, CARD, "--workload", "paper", *other) == (
            f"hlsgen schedule: --workload paper and {other[0]}: paper stands for several networks: "
            "leave one of the two options out"
        )


def test_models_that_do_not_fit_the_data_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = tmp_path / "digits.yaml"
    digits.write_text("name: digits\n")
    assert refusal(capsys, str(digits), "--model", "vgg19").startswith(
        "hlsgen schedule: --model vgg19: on images of 8x8x1: "
    )
    assert "'lenet' is not one of 'mlp'" in refusal(capsys, CARD, "--model", "lenet")
    assert "'layers' is not one of" in refusal(capsys, CARD, "--model", "layers")


@pytest.mark.parametrize(
    ("header", "row", "fault"),
    [
        (None, "fc,linear,4,-16,1,1,10,1,1,1,0,0",
         "2:13: c_in: got '-16': write a whole number from 1 to 1048576"),
        (None, "fc,linear,4,many,1,1,10,1,1,1,0,0",
         "2:13: c_in: got 'many': write a whole number from 1 to 1048576"),
        (None, "fc,linear,4,1.5,1,1,10,1,1,1,0,0",
         "2:13: c_in: got '1.5': write a whole number from 1 to 1048576"),
        (None, "fc,linear,4,,1,1,10,1,1,1,0,0",
         "2:13: c_in: got '': write a whole number from 1 to 1048576"),
        (None, "fc,pool,4,16,1,1,10,1,1,1,0,0",
         "2:4: kind: unknown kind 'pool': use conv, linear, attn"),
        ("layer,kind,batch", "fc,linear,4",
         "1:1: missing columns: c_in, h_in, w_in, c_out, kh, kw, stride, pad, prunable: the "
         "columns are layer, kind, batch, c_in, h_in, w_in, c_out, kh, kw, stride, pad, prunable"),
    ],
)  # fmt: skip
def test_a_faulty_table_is_named_with_line_and_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], header: str | None, row: str, fault: str
) -> None:
    own = tmp_path / "own.csv"
    own.write_text(f"{header or HEADER}\n{row}\n", encoding="utf-8")
    assert refusal(capsys, CARD, "--workload", str(own)) == f"{own}:{fault}"


def test_what_the_cards_memory_can_not_hold_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.csv"
    row = "fc,linear,{},1024,1024,1,1024,1,1,1,0,0"
    own.write_text(f"{HEADER}\n{row.format(8000)}\n")
    # X: of 8192 x 1024 rows of 1024 binary16 values it would take the whole bank of 16 GiB.
    assert main(["schedule", CARD, "--workload", str(own), "--json"]) == 0
    capsys.readouterr()
    own.write_text(f"{HEADER}\n{row.format(8193)}\n")
    refused = refusal(capsys, CARD, "--workload", str(own))
    assert refused == (
        f"{own}: fc.x: 17,181,966,336 bytes do not fit bank 0, which has 17,179,869,184 of "
        "17,179,869,184 bytes free: lower the batch or the layer's sizes"
    )
    refused = refusal(capsys, CARD, "--workload", "paper", "--batch", "4096")
    assert refused.startswith("resnet50_imagenet: ") and " bytes do not fit bank " in refused


def test_keep_and_batch_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, CARD, "--keep", "9") == (
        "hlsgen schedule: --keep 9: the group has 8 weights: give a number from 1 to 8"
    )
    assert "--batch" in refusal(capsys, CARD, "--batch", "0")

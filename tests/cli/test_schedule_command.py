# SPDX-License-Identifier: Apache-2.0
"""`hlsgen schedule`: its table, its JSON, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hlsgen import workloads
from hlsgen.cli.main import main

SPECS = Path(__file__).parents[2] / "specs"
CARD = str(SPECS / "vcu1525.yaml")
KEYS = {
    "total_cycles", "dense_cycles", "speedup", "ms_per_batch", "utilisation", "stages", "layers",
}  # fmt: skip
LAYER_KEYS = {"name", "stage", "dataflow", "tile", "cycles", "bound", "bytes", "pieces"}


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
        assert set(layer) == LAYER_KEYS
        assert layer["cycles"] == sum(layer["pieces"].values()) > 0
        assert layer["dataflow"] == (None if layer["stage"] == "update" else "os")
        assert sum(layer["bytes"].values()) > 0
    for stage, cycles in result["stages"].items():
        assert cycles == sum(x["cycles"] for x in result["layers"] if x["stage"] == stage)
    assert result["total_cycles"] == sum(result["stages"].values())
    assert result["speedup"] == result["dense_cycles"] / result["total_cycles"] > 1
    assert result["ms_per_batch"] == pytest.approx(result["total_cycles"] / 200e3)
    assert 0 < result["utilisation"] <= 1


def test_dense_is_what_the_speedup_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    pruned = answer(capsys, CARD, "--workload", "resnet9_cifar10")
    dense = answer(capsys, CARD, "--workload", "resnet9_cifar10", "--method", "dense")
    all_kept = answer(capsys, CARD, "--workload", "resnet9_cifar10", "--keep", "8")
    assert dense["speedup"] == 1 and all_kept == dense
    assert dense["total_cycles"] == pruned["dense_cycles"]


def test_the_specs_network_is_the_table_of_the_same_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert answer(capsys, CARD) == answer(capsys, CARD, "--workload", "resnet18_tinyimagenet")


def test_a_table_of_ones_own_at_another_batch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.csv"
    own.write_bytes((Path(workloads.__file__).parent / "vit_cifar100.csv").read_bytes())
    named = answer(capsys, CARD, "--workload", "vit_cifar100", "--batch", "64")
    assert answer(capsys, CARD, "--workload", str(own), "--batch", "64") == named
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
        "layer stage dataflow T Q modelled cycles modelled utilisation modelled bound modelled MB"
    )
    assert lines[0].split()[:3] == ["conv1", "FF", "os"]
    assert [line.partition(":")[0] for line in lines[-7:-1]] == [
        "modelled cycles", "modelled time", "modelled throughput", "modelled utilisation",
        "modelled speedup over dense", "modelled pieces",
    ]  # fmt: skip
    assert "os is output stationary, the only one that the array has today" in lines[-1]


def test_unknown_workloads_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, CARD, "--workload", "resnet9") == (
        "hlsgen schedule: --workload resnet9: no such workload: give resnet9_cifar10, or a CSV file"
    )
    assert refusal(capsys, CARD, "--workload", "?") == (
        "hlsgen schedule: --workload ?: no such workload: give one of "
        f"{', '.join(workloads.NAMES)}, or a CSV file"
    )
    assert refusal(capsys, CARD, "--workload", "none.csv") == (
        "none.csv: can't be read, No such file or directory: check the path"
    )


def test_a_faulty_table_is_named_with_line_and_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.csv"
    header = "layer,kind,batch,c_in,h_in,w_in,c_out,kh,kw,stride,pad,prunable"
    own.write_text(f"{header}\nfc,linear,4,-16,1,1,10,1,1,1,0,0\n", encoding="utf-8")
    assert refusal(capsys, CARD, "--workload", str(own)) == (
        f"{own}:2:13: c_in: got '-16': write a whole number from 1 to 1048576"
    )


def test_keep_and_card_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, CARD, "--keep", "9") == (
        "hlsgen schedule: --keep 9: the group has 8 weights: give a number from 1 to 8"
    )
    small = str(SPECS / "small.yaml")
    assert refusal(capsys, small) == (
        f"{small}: card: the memory of u50 is not modelled: write vcu1525"
    )
    assert "--batch" in refusal(capsys, CARD, "--batch", "0")

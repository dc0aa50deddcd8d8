# SPDX-License-Identifier: Apache-2.0
"""The specs of this repository at their rendered depths: none hangs, and FIFOs cost little time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hlsgen.cli.main import main
from hlsgen.specfile import load_spec

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
MOST_LOST = 0.02

# Of the array's rows and lanes, how many I and J have, and K: some tiles of each dataflow.
SHAPES = ((8, 2, 512), (3, 5, 320))


def products() -> list[tuple[Path, str, tuple[str, ...]]]:
    """Spec, I,K,J, and options."""
    found = []
    for path in SPECS:
        spec = load_spec(path)
        for dataflow in spec.dataflows:
            for rows, lanes, reduction in SHAPES:
                sizes = f"{rows * spec.array.rows + 3},{reduction},{lanes * spec.array.lanes + 1}"
                keep = ("--keep", str(spec.sparsity.keep))
                found += [(path, sizes, ("--dataflow", dataflow, *kept)) for kept in ((), keep)]
    return found


def lost(path: Path, *arguments: str, capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """By product, what it loses to the FIFOs' depths."""
    assert main(["time", str(path), *arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    named = {f"{each['layer']} {each['stage']}": each["loss"] for each in result["products"]}
    return {**named, "all": result["loss"]}


def test_every_spec_is_here() -> None:
    assert len(SPECS) >= 10
    assert {"small", "digits_cnn", "vcu1525"} <= {path.stem for path in SPECS}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "sizes", "options"),
    [
        pytest.param(*each, id=f"{each[0].stem} {each[1]} {' '.join(each[2])}")
        for each in products()
    ],
)
def test_products_lose_little_to_fifos(
    path: Path, sizes: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert lost(path, "--matmul", sizes, *options, capsys=capsys)["all"] <= MOST_LOST


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "digits_cnn", "digits_u200", "small"])
def test_training_steps_lose_little_to_fifos(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(path for path in SPECS if path.stem == name)
    assert lost(path, "--step", capsys=capsys)["all"] <= MOST_LOST

# SPDX-License-Identifier: Apache-2.0
"""Live runs side by side: equal, and with a bit flipped by a device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from diff_plants import answered, flip_after, flip_packed_after, found_at, plant

from hlsgen.cli.main import main

ROWS, LANES = 4, 8


def check_stationary(tile: Any, row: int, column: int) -> None:
    """Against docs/architecture.md: rows of a strip go T to a row unit, the last ones to the head;
    columns go `lanes` to a block, Q blocks to a tile."""
    assert tile["dataflow"] == "os"
    strip = ROWS * tile["interleave"]
    assert (tile["strip"], tile["lane"]) == (row // strip, column % LANES)
    assert tile["row_unit"] == ROWS - 1 - row % strip // tile["interleave"]
    assert tile["column_tile"] == column // (LANES * tile["blocks"])


def check_weight_stationary(tile: Any, row: int, column: int) -> None:
    """Rows of a strip go T to a batch, in order."""
    first, last = tile["output_rows"]
    assert tile["dataflow"] == "ws" and tile["row_unit"] is None
    assert first <= row <= last and tile["lane"] == column % LANES
    assert tile["batch"] == (row - first) // tile["interleave"]
    assert tile["column_tile"] == column // (LANES * tile["blocks"])


CHECKS = {"os": check_stationary, "ws": check_weight_stationary}


def test_equal_runs(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the last step too, whose batch is smaller, and the evaluation is not reached."""
    answer = answered(capsys, 0, f"{bundle}:golden", f"{bundle}:csim", "--steps", 4)
    assert answer["equal"] and answer["divergence"] is None
    assert answer["compared"]["places"] == 5 and answer["compared"]["digests"] == 0
    assert answer["skipped_places"] == 0


@pytest.mark.parametrize(
    ("operation", "nth", "place", "index", "bits"),
    [
        # Three layers with products in a step: conv1, conv2, fc.
        ("convolve", 5, (2, "training", "conv2", "FF"), (777, 8), 16),
        ("convolve", 11, (4, "training", "conv2", "FF"), (463, 1), 16),
        ("convolve_backward", 3, (2, "training", "fc", "BP"), (49, 6), 16),
        ("convolve_gradient", 6, (2, "training", "conv1", "WU"), (10, 11), 32),
    ],
)
def test_bit_of_a_product_on_csim(
    bundle: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    nth: int,
    place: tuple[Any, ...],
    index: tuple[int, int],
    bits: int,
) -> None:
    plant(monkeypatch, "csim", lambda device: flip_after(device, operation, nth, index, 3))
    answer = answered(capsys, 1, f"{bundle}:golden", f"{bundle}:csim", "--steps", 4)
    assert found_at(answer) == (*place, operation)
    element = answer["divergence"]["element"]
    assert element["index"] == list(index)
    assert int(element["a"]["hex"], 16) ^ int(element["b"]["hex"], 16) == 8
    assert len(element["a"]["hex"]) == 2 + bits // 4
    assert element["ulps"] == 8
    assert element["where"]["differing"] == 1
    assert element["where"]["rows"] == [index[0]] * 2
    assert element["where"]["columns"] == [index[1]] * 2
    assert element["a"]["place"]["tile"] is None
    assert element["b"]["place"]["lane"] == index[1] % LANES
    assert answer["first_step_not_compared"] is None
    tile = element["b"]["place"]["tile"]
    if operation == "convolve":
        CHECKS[tile["dataflow"]](tile, *index)
    else:
        assert tile["lane"] == index[1] % LANES


def test_text_names_the_element(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, "csim", lambda device: flip_after(device, "convolve", 5, (777, 8), 15))
    assert main(["diff", f"{bundle}:golden", f"{bundle}:csim"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"A: {bundle}:golden (golden)"
    assert lines[2].startswith("first difference: step 2, call ")
    assert lines[2].endswith("convolve, layer conv2, stage FF, y float16 800 x 9")
    assert lines[3] == "  element: row 777, column 8"
    first, second = (line.split() for line in lines[4:6])
    assert float(first[2]) == -float(second[2])
    assert "  made by: " in lines[6] and ", lane 0; T " in lines[6] and ", Q " in lines[6]
    assert lines[7] == "  1 of 7,200 elements differ: rows 777 to 777, columns 8 to 8"
    assert [line.count("x") for line in lines[8:16]] == [0] * 7 + [1]


def test_bit_of_an_update_and_of_packed_weights(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four updates in a step: three layers and the vectors."""
    sides = f"{bundle}:golden", f"{bundle}:csim"
    plant(monkeypatch, "golden", lambda device: flip_after(device, "update_weights", 7, (3, 2), 0))
    answer = answered(capsys, 1, *sides)
    assert found_at(answer) == (2, "training", "fc", "update", "update_weights")
    assert answer["divergence"]["result"]["role"] == "weights"
    assert answer["divergence"]["element"]["index"] == [3, 2]
    assert "update engine" in answer["divergence"]["element"]["a"]["place"]["text"]
    # A record of conv2 keeps 2 of 8: word 1 is the second value of the first group.
    plant(monkeypatch, "golden", lambda device: flip_packed_after(device, 2, (1, 3, 1, 0), 2))
    answer = answered(capsys, 1, *sides)
    assert found_at(answer) == (1, "training", "conv2", "update", "update_weights")
    found = answer["divergence"]
    assert (found["result"]["role"], found["result"]["keep"]) == ("ff", 2)
    assert found["element"]["index"] == [1, 3, 1, 0]
    text = found["element"]["a"]["place"]["text"]
    assert (
        "column 8 (block 1, lane 0), panel 3, kept value 1 of group 0: reduction element " in text
    )


def test_bit_of_attention_in_the_second_micro_batch(
    vit_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six products of a micro-batch: S, O; dP, dV, dQ, dK."""
    sides = f"{vit_bundle}:golden", f"{vit_bundle}:csim"
    assert answered(capsys, 0, *sides, "--steps", 1)["equal"]
    change = (6 + 6 + 1, (130, 3))
    plant(monkeypatch, "csim", lambda d: flip_after(d, "product_batch", change[0], change[1], 1))
    answer = answered(capsys, 1, *sides)
    found = answer["divergence"]
    step, phase, layer, stage, operation = found_at(answer)
    assert (step, phase, stage, operation) == (2, "training", "FF", "product_batch")
    assert layer.endswith("qk") and found["element"]["index"] == [130, 3]
    place = found["element"]["b"]["place"]
    tokens = found["result"]["shape"][1]
    assert place["product"] == 130 // tokens
    CHECKS[place["tile"]["dataflow"]](place["tile"], 130 % tokens, 3)
    plant(monkeypatch, "csim", lambda d: flip_after(d, "product_batch", 11, change[1], 1))
    answer = answered(capsys, 1, *sides)
    assert (answer["divergence"]["step"], answer["divergence"]["micro_batch"]) == (1, 1)
    assert answer["divergence"]["stage"] == "BP"
    assert answer["divergence"]["result"]["role"] == "dx"


def test_nan_is_a_nan_and_the_count_is_compared(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that makes a value NaN ends with a failed run; what it did before is compared."""

    def nan(device: Any) -> Any:
        original = device.convolve

        def call(y: Any, *arguments: Any) -> Any:
            returned = original(y, *arguments)
            values = device.read(y)
            values[0, 0] = "nan"
            device.write(y, values)
            return returned

        device.convolve = call
        return device

    plant(monkeypatch, "csim", nan)
    answer = answered(capsys, 1, f"{bundle}:csim", f"{bundle}:golden")
    assert found_at(answer) == (1, "training", "conv1", "FF", "convolve")
    element = answer["divergence"]["element"]
    assert element["a"]["decimal"] == "nan" and element["ulps"] is None

# SPDX-License-Identifier: Apache-2.0
"""Where elements were made, how far apart they are, and arrays of other sizes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from diff_plants import CNN, answered, record
from sat_host.recording.calls import Detail, Place
from sat_host.recording.compare import Compared, ulps_between, value_of
from sat_host.recording.describe import answer_lines
from sat_host.recording.diff import Answer
from sat_host.recording.dump import Steps
from sat_host.recording.places import spot_of
from sat_host.recording.read import load_dump

from hlsgen.build import build

STAGES = {"FF", "BP", "WU"}


def test_every_element_of_a_product_has_its_tile(dumps: dict[str, Path]) -> None:
    """Each lies in the rows and columns of its tile; rows of no channel alone have none."""
    dump = load_dump(dumps["csim"])
    seen = set()
    for _, calls in dump.sections():
        for call in calls:
            if call.stage not in STAGES:
                continue
            seen.add((call.layer, call.stage))
            (result,) = call.results
            rows, columns = result.shape
            for row in {*range(0, rows, 7), rows - 1}:
                for column in (0, columns - 1):
                    spot = spot_of(call, result, (row, column), dump.config)
                    assert spot.lane == column % dump.config.lanes
                    if spot.tile is None:
                        assert call.stage == "WU" and spot.text.startswith("written by no product")
                        # 3 and 12 channels of a tap, in rows of whole words of 8.
                        channels = {"conv1": 3, "conv2": 12}[call.layer]
                        assert row % (8 * -(-channels // 8)) >= channels
                        continue
                    left, right = spot.tile.output_columns
                    assert left <= column <= right
                    first, last = spot.tile.output_rows
                    assert 0 <= first <= last
                    if call.stage == "FF":  # whose output rows are those of the matrix
                        assert first <= row <= last < rows
    assert seen == {
        (layer, stage)
        for layer in ("conv1", "conv2", "fc")
        for stage in STAGES
        if (layer, stage) != ("conv1", "BP")
    }


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_ulps_are_steps_of_nextafter(kind: str) -> None:
    single = kind == "float32"
    bits, width = (np.uint32, 32) if single else (np.uint16, 16)
    dtype = np.float32 if single else np.float16
    for start in (0.0, -0.0, 1.0, -2.5, float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)):
        values = [dtype(start)]
        for _ in range(5):
            values.append(np.nextafter(values[-1], dtype("-inf")))
        patterns = [int(value.view(bits)) for value in values]
        for i, pattern in enumerate(patterns):
            assert ulps_between(patterns[0], pattern, kind) == i
            assert ulps_between(pattern, patterns[0], kind) == i
    top = {16: (0x7BFF, 0x7C00, 0x7C01), 32: (0x7F7FFFFF, 0x7F800000, 0x7FC00000)}[width]
    assert ulps_between(top[0], top[1], kind) == 1
    assert ulps_between(top[0], top[2], kind) is None
    assert ulps_between(0, 1 << width - 1, kind) == 0


def test_decimals_name_one_binary16_number_each() -> None:
    values = [value_of(bits, "float16") for bits in range(1 << 16)]
    assert [value.hex for value in values[:2]] == ["0x0000", "0x0001"]
    for bits, value in enumerate(values):
        number = np.uint16(bits).view(np.float16)
        if np.isnan(number):
            assert value.decimal == "nan"
        else:
            assert int(np.float16(value.decimal).view(np.uint16)) == bits


def test_order_of_places() -> None:
    phases = [Place.of(*at) for at in (("start", 0), ("training", 1), ("evaluation", 1))]
    assert sorted(phases) == phases
    assert Place.of("evaluation", 1) < Place.of("training", 2)
    assert list(map(str, phases)) == ["the start", "step 1", "evaluation after step 1"]
    assert Detail.NOTHING < Detail.DIGEST < Detail.VALUES
    assert Steps.parse("3") == Steps(3, 3) and 4 not in Steps.parse("0:3")


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ((0, 1, 2), "equal: steps 0 to 2, 0 calls"),
        ((57,), "equal: step 57, 0 calls"),
        ((0, 1, 57), "equal: 3 of the steps 0 to 57, 0 calls"),
        ((), "equal: 0 calls"),
    ],
)
def test_steps_that_were_equal_are_told(steps: tuple[int, ...], text: str) -> None:
    (line,) = answer_lines(Answer(None, Compared(), 0, None, steps))
    assert line.startswith(text)


@pytest.mark.slow
def test_an_array_of_another_size(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bits do not depend on rows, tiles or dataflow, so such runs are compared as well."""
    spec = tmp_path / "other.yaml"
    spec.write_text(CNN.replace("rows: 4", "rows: 2").replace("memory_tile: 2", "memory_tile: 3"))
    other = build(spec, tmp_path / "other", os.environ).bundle
    dump = record(other, tmp_path / "dump", "0:1", "csim")
    answer = answered(capsys, 0, f"{bundle}:csim", dump)
    assert answer["equal"] and answer["compared"]["places"] == 2

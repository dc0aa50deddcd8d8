# SPDX-License-Identifier: Apache-2.0
"""A sweep's figures are those of `hlsgen schedule` and `hlsgen estimate`, point by point."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from hlsgen import workloads
from hlsgen.cli.main import main
from hlsgen.resources import RESOURCES
from hlsgen.sweep.axes import Axis, overridden
from hlsgen.sweep.columns import DONE
from hlsgen.sweep.evaluate import Point, Request, evaluate
from hlsgen.sweep.pool import batches_of, points_of

BASE = {"name": "base", "card": "vcu1525"}
AXES = (
    Axis("array.rows", (3, 8, 16, 32)),
    Axis("array.lanes", (8, 16, 32)),
    Axis("array.interleave", (4, 16)),
    Axis("array.memory_tile", (2, 8)),
    Axis("array.feed", (1, 2)),
    Axis("array.strip_words", (2048, 8192)),
    Axis("sparsity.group", (4, 8)),
    Axis("sparsity.keep", (1, 2, 3, 4)),
    Axis("sparsity.method", ("dense", "bdwp", "sdgp", "sr_ste")),
    Axis("dataflows", (["os"], ["os", "ws"])),
    Axis("clock_mhz", (100, 200, 300)),
    Axis("card", ("vcu1525", "u280")),
)
KEYS = tuple(axis.key for axis in AXES)


def chosen(seed: int, count: int) -> list[Point]:
    drawn = random.Random(seed)
    return [
        Point(number, tuple(drawn.choice(axis.values) for axis in AXES)) for number in range(count)
    ]


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    status = main([*arguments, "--json"])
    result = json.loads(capsys.readouterr().out)
    assert isinstance(result, dict) and status == 0
    return result


@pytest.mark.parametrize(
    ("workload", "overlap", "count"),
    [
        ("resnet9_cifar10", True, 4),
        ("resnet9_cifar10", False, 3),
        ("vit_cifar100", True, 3),
        pytest.param("resnet18_tinyimagenet", True, 12, marks=pytest.mark.slow),
        pytest.param("resnet50_imagenet", True, 4, marks=pytest.mark.slow),
    ],
)
def test_figures_are_those_of_schedule_and_estimate(
    workload: str,
    overlap: bool,
    count: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    request = Request(BASE, "spec", KEYS, workloads.load(workload), None, 128, overlap)
    points = chosen(7, count)
    rows = evaluate(request, points)
    assert [row["point"] for row in rows] == list(range(count))
    compared = 0
    for point, row in zip(points, rows, strict=True):
        if row["status"] != DONE:
            assert row["reason"]
            continue
        compared += 1
        spec = tmp_path / "spec.yaml"
        spec.write_text(
            yaml.safe_dump(overridden(BASE, dict(zip(KEYS, point.values, strict=True))))
        )
        options = [] if overlap else ["--no-overlap"]
        step = answer(
            capsys, "schedule", str(spec), "--workload", workload, "--batch", "128", *options
        )
        assert row["modelled_cycles"] == step["total_cycles"], point
        assert row["modelled_ms"] == step["ms_per_batch"]
        assert row["modelled_images_per_s"] == step["images_per_s"]
        assert row["modelled_utilisation"] == step["utilisation"]
        power = step["energy"]["assumed_power_w"]
        assert row["assumed_power_w"] == power
        assert row["modelled_energy_j"] == pytest.approx(power * step["ms_per_batch"] / 1e3)
        total = answer(capsys, "estimate", str(spec))["total"]
        assert {name: row[f"estimated_{name}"] for name in RESOURCES} == total
    assert compared > count // 3


def test_the_specs_own_network_and_a_built_in_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, options in ((None, []), ("cnn", ["--model", "cnn"])):
        request = Request(BASE, "spec", ("training.batch",), None, model, None, True)
        (row,) = evaluate(request, [Point(0, (48,))])
        spec = tmp_path / "spec.yaml"
        spec.write_text(yaml.safe_dump(BASE))
        step = answer(capsys, "schedule", str(spec), "--batch", "48", *options)
        assert row["modelled_cycles"] == step["total_cycles"]


def test_points_that_share_work_come_together_and_none_is_lost() -> None:
    axes = (
        Axis("clock_mhz", (100, 200)),
        Axis("array.rows", (8, 16, 32)),
        Axis("sparsity.keep", (1, 2)),
    )
    points = list(points_of(axes))
    assert [point.values for point in points] == list(
        itertools.product((100, 200), (8, 16, 32), (1, 2))
    )
    batches = batches_of(axes, points, 1)
    flat = [point for batch in batches for point in batch]
    assert sorted(point.number for point in flat) == list(range(12))
    rows = [point.values[1] for point in flat]
    assert rows == sorted(rows)
    assert [point.values for point in flat[:4]] == [
        (100, 8, 1),
        (200, 8, 1),
        (100, 8, 2),
        (200, 8, 2),
    ]

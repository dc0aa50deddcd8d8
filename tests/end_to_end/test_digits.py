# SPDX-License-Identifier: Apache-2.0
"""Specs built and trained as a user does it: the same bits everywhere, and the accuracy claimed."""

from __future__ import annotations

import os
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytest
from sat_host import Device, GoldenDevice, load_bundle, open_device
from sat_host.data import load_dataset
from sat_host.training import Trainer, TrainingConfig

from hlsgen.build import build

SPECS = Path(__file__).resolve().parents[2] / "specs"
STEPS = 24  # one epoch of the digits, with its smaller last batch, and the next step

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The shipped specs, built; their arrays differ in all but the group."""
    folder = tmp_path_factory.mktemp("bundles")
    names = ("digits", "small")
    for name in names:
        build(SPECS / f"{name}.yaml", folder / name, os.environ, lambda step: None)
    return {name: folder / name for name in names}


def train(device: Device, settings: dict[str, Any], steps: int, **overrides: Any) -> list[Any]:
    """All weights, as bits, after `steps` steps."""
    config = TrainingConfig.from_settings(settings, **overrides)
    dataset = load_dataset(config.data, config.test_fraction)
    with closing(Trainer(device, config, dataset)) as trainer:
        taken = (record for record in trainer.run() if record["kind"] == "step")
        for _ in islice(taken, steps):
            pass
        return [weights.view(np.uint32) for weights in trainer.weights()]


@pytest.mark.parametrize("method", ["dense", "bdwp"])
def test_two_arrays_and_the_golden_model_train_to_the_same_bits(
    bundles: dict[str, Path], method: str
) -> None:
    digits = load_bundle(bundles["digits"])
    small = load_bundle(bundles["small"])
    assert digits.config != small.config
    devices = [open_device(digits), open_device(small), GoldenDevice(small.config)]
    runs = [train(device, digits.settings, STEPS, method=method) for device in devices]
    before = train(devices[0], digits.settings, 0, method=method)
    for first, second, golden, initial in zip(*runs, before, strict=True):
        assert np.array_equal(first, second)
        assert np.array_equal(first, golden)
        assert not np.array_equal(first, initial)


def test_bdwp_trains_as_well_as_dense(bundles: dict[str, Path]) -> None:
    """Three seeds, the same budget: at least 97 %, and at most 0.56 points below dense."""
    bundle = load_bundle(bundles["digits"])
    dataset = load_dataset("digits", bundle.settings["data"]["test_fraction"])
    accuracy = {}
    for method in ("dense", "bdwp"):
        finals = []
        for seed in range(3):
            config = TrainingConfig.from_settings(bundle.settings, method=method, seed=seed)
            with closing(Trainer(open_device(bundle), config, dataset)) as trainer:
                *_, final = trainer.run()
            finals.append(100 * final["test_accuracy"])
        accuracy[method] = mean(finals)
    assert accuracy["bdwp"] >= 97.0, accuracy
    assert accuracy["bdwp"] >= accuracy["dense"] - 0.56, accuracy

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
from sat_host import Bundle, Device, GoldenDevice, load_bundle, open_device
from sat_host.data import load_dataset
from sat_host.methods import METHODS
from sat_host.models import build_network
from sat_host.training import Trainer, TrainingConfig

from hlsgen.build import build

SPECS = Path(__file__).resolve().parents[2] / "specs"
STEPS = 24  # one epoch of the digits, with its smaller last batch, and the next step

pytestmark = pytest.mark.slow


DEVICE_STAGES = {"FF", "BP", "WU", "update", "transfer"}
State = dict[str, Any]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """The shipped specs, built; two arrays that differ in all but the group."""
    folder = tmp_path_factory.mktemp("bundles")
    names = ("digits", "digits_cnn", "small")
    for name in names:
        build(SPECS / f"{name}.yaml", folder / name, os.environ, lambda step: None)
    return {name: load_bundle(folder / name) for name in names}


def trainer(device: Device, bundle: Bundle, **overrides: Any) -> Trainer:
    """Of the bundle's network, on any device."""
    settings = bundle.settings
    config = TrainingConfig.from_settings(settings, **overrides)
    dataset = load_dataset(settings["data"])
    network = build_network(settings["model"], dataset.image, dataset.classes)
    return Trainer(device, config, dataset, network)


def bits(state: State) -> State:
    return {name: values.view(np.uint32) for name, values in state.items()}


def train(device: Device, bundle: Bundle, steps: int, **overrides: Any) -> tuple[State, list[Any]]:
    """Everything learned, as bits, after `steps` steps, and their losses."""
    with closing(trainer(device, bundle, **overrides)) as run:
        taken = (record for record in run.run() if record["kind"] == "step")
        losses = [record["loss"] for record in islice(taken, steps)]
        return bits(run.weights()), losses


def equal(first: State, second: State) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(values, second[name]) for name, values in first.items()
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("name", "steps"), [("digits", STEPS), ("digits_cnn", 4)])
def test_two_arrays_and_the_golden_model_train_to_the_same_bits(
    bundles: dict[str, Bundle], name: str, steps: int, method: str
) -> None:
    bundle, small = bundles[name], bundles["small"]
    assert bundle.config != small.config
    devices = [open_device(bundle), open_device(small), GoldenDevice(small.config)]
    runs = [train(device, bundle, steps, method=method, sr_decay=0.01) for device in devices]
    before, _ = train(devices[0], bundle, 0, method=method)
    for state, losses in runs[1:]:
        assert equal(state, runs[0][0])
        assert losses == runs[0][1]
    changed = [weights for weights in before if weights.endswith(".weight")]
    assert changed and not any(np.array_equal(before[n], runs[0][0][n]) for n in changed)


def test_methods_differ(bundles: dict[str, Bundle]) -> None:
    """So that equal bits above mean something."""
    bundle = bundles["digits_cnn"]
    device = open_device(bundle)
    runs = [train(device, bundle, 2, method=method, sr_decay=0.01)[0] for method in METHODS]
    for number, first in enumerate(runs):
        assert not any(equal(first, second) for second in runs[:number])


@pytest.mark.parametrize("name", ["digits", "digits_cnn"])
def test_a_run_that_changes_its_device_ends_with_the_same_bits(
    bundles: dict[str, Bundle], name: str
) -> None:
    bundle = bundles[name]
    csim, golden = open_device(bundle), GoldenDevice(bundle.config)
    whole, losses = train(csim, bundle, 6, micro_batch=40)
    with closing(trainer(csim, bundle, micro_batch=40)) as run:
        for _ in islice(run.run(), 1 + 3):
            pass
        tensors, state = run.snapshot()
    with closing(trainer(golden, bundle, micro_batch=40)) as run:
        run.restore(tensors, state)
        _, *records = islice(run.run(), 1 + 3)
        assert [record["loss"] for record in records] == losses[3:]
        assert equal(bits(run.weights()), whole)


def test_no_stage_of_the_host_takes_a_third_of_a_step(bundles: dict[str, Bundle]) -> None:
    bundle = bundles["digits_cnn"]
    with closing(trainer(open_device(bundle), bundle)) as run:
        for _ in islice(run.run(), 1 + 20):
            pass
        stages = run.clock.summary()
    assert set(stages) > DEVICE_STAGES
    total = sum(stages.values())
    shares = {name: spent / total for name, spent in stages.items() if name not in DEVICE_STAGES}
    print({name: f"{share:.1%}" for name, share in shares.items()})
    assert sum(shares.values()) < 1 / 3, shares


def test_bdwp_trains_as_well_as_dense(bundles: dict[str, Bundle]) -> None:
    """Two seeds, the same budget: at least 97 %, and at most 0.56 points below dense.

    After so few epochs, what harms learning shows: BDWP 1:8 gets to 96.3 % only.
    """
    bundle = bundles["digits"]
    accuracy = {}
    for method in ("dense", "bdwp"):
        finals = []
        for seed in range(2):
            given = {"method": method, "seed": seed, "epochs": 8}
            with closing(trainer(open_device(bundle), bundle, **given)) as run:
                *_, final = run.run()
            finals.append(100 * final["test_accuracy"])
        accuracy[method] = mean(finals)
    assert accuracy["bdwp"] >= 97.0, accuracy
    assert accuracy["bdwp"] >= accuracy["dense"] - 0.56, accuracy

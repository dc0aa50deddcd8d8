# SPDX-License-Identifier: Apache-2.0
"""Training on the golden device: gradients, methods, loss scaling, determinism, accuracy."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest
from sat_host import golden
from sat_host.config import ArrayConfig
from sat_host.data import Dataset, load_dataset
from sat_host.errors import SettingsError, TrainingError
from sat_host.golden_device import GoldenDevice
from sat_host.layers import LayerPlan, plan_layers
from sat_host.loss import MAX_SCALE, LossScaler
from sat_host.training import Trainer, TrainingConfig

DEFAULTS: dict[str, Any] = {
    "method": "bdwp",
    "keep": 2,
    "group": 8,
    "learning_rate": 0.2,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "hidden": (16, 24),
    "data": "synthetic",
    "test_fraction": 0.2,
    "epochs": 1,
    "batch": 16,
    "seed": 0,
    "loss_scale": 1024,
    "loss_scale_growth": 1000,
}


def config(**changes: Any) -> TrainingConfig:
    return TrainingConfig(**(DEFAULTS | changes))


def device() -> GoldenDevice:
    return GoldenDevice(ArrayConfig(4, 16, 8, 4, 2, 8))


def synthetic(samples: int = 40) -> Dataset:
    rng = np.random.default_rng(7)
    x = rng.random((samples, 12)).astype(np.float16)
    y = rng.integers(0, 3, samples)
    return Dataset(3, x[8:], y[8:], x[:8], y[:8])


def test_plan_prunes_each_stage_by_its_own_axis() -> None:
    assert plan_layers([64, 256, 256, 10], "bdwp", 2, 8) == [
        LayerPlan(64, 256, 8, None),
        LayerPlan(256, 256, 2, 2),
        LayerPlan(256, 10, 2, 2),
    ]
    assert plan_layers([64, 256, 4], "bdwp", 2, 8)[-1] == LayerPlan(256, 4, 2, 8)
    assert plan_layers([64, 6, 32], "bdwp", 2, 8)[-1] == LayerPlan(6, 32, 8, 2)
    assert plan_layers([64, 64, 10], "dense", 2, 8)[-1] == LayerPlan(64, 10, 8, 8)


def reference_gradients(
    parameters: list[np.ndarray], x: np.ndarray, labels: np.ndarray, pruned: bool
) -> list[np.ndarray]:
    """Back-propagation in plain binary64, pruned weights standing in for the dense ones."""
    weights, biases = parameters[0::2], parameters[1::2]

    def kept(w: np.ndarray, axis: int) -> np.ndarray:
        if not pruned or w.shape[axis] < 8:
            return w
        return np.where(golden.keep_mask(w.astype(np.float16), 2, 8, axis), w, 0)

    inputs = [x.astype(np.float64)]
    for number, (w, b) in enumerate(zip(weights, biases, strict=True)):
        y = inputs[-1] @ (kept(w, 0) if number else w) + b
        inputs.append(np.maximum(y, 0) if number < len(weights) - 1 else y)
    logits = inputs.pop()
    d = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    d = (d - np.eye(d.shape[1])[labels]) / len(labels)
    result: list[np.ndarray] = []
    for w, x_in in zip(weights[::-1], inputs[::-1], strict=True):
        result = [x_in.T @ d, d.sum(axis=0, keepdims=True), *result]
        d = (d @ kept(w, 1).T) * (x_in > 0)
    return result


@pytest.mark.parametrize("method", ["dense", "bdwp"])
def test_steps_are_momentum_sgd_on_back_propagation(method: str) -> None:
    data, decay = synthetic(24), 0.8
    settings = config(method=method, epochs=3, weight_decay=decay, learning_rate=0.1)
    with closing(Trainer(device(), settings, data)) as trainer:
        start = trainer.weights()
        list(trainer.run())
        after = trainer.weights()
    expected = [parameter.astype(np.float64) for parameter in start]
    velocity = [np.zeros_like(parameter) for parameter in expected]
    for step in range(3):  # the whole training set is one batch, so its order does not matter
        gradients = reference_gradients(expected, data.train_x, data.train_y, method == "bdwp")
        for number, gradient in enumerate(gradients):
            decayed = gradient + (decay * expected[number] if number % 2 == 0 else 0)
            velocity[number] = 0.9 * velocity[number] + decayed
            expected[number] = expected[number] - settings.rate(step, 3) * velocity[number]
    for before, got, wanted in zip(start, after, expected, strict=True):
        moved = np.abs(wanted - before).max()
        assert moved > 0
        assert np.abs(got - wanted).max() < 0.01 * moved


def test_runs_repeat_to_the_bit_and_free_their_memory() -> None:
    def run(seed: int) -> tuple[list[np.ndarray], list[dict[str, Any]]]:
        dev = device()
        with closing(Trainer(dev, config(epochs=2, batch=12, seed=seed), synthetic())) as trainer:
            records = [r | {"seconds": 0} for r in trainer.run()]
            weights = trainer.weights()
        assert dev.live == 0
        return weights, records

    (first, log), (second, log2), (other, _) = run(0), run(0), run(1)
    assert log == log2
    assert all(np.array_equal(x, y) for x, y in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_overflowing_steps_are_skipped_and_the_scale_halved() -> None:
    settings = config(epochs=20, batch=32, loss_scale=MAX_SCALE)
    with closing(Trainer(device(), settings, synthetic())) as trainer:
        before = trainer.weights()
        records = trainer.run()
        assert next(records)["kind"] == "start"
        step = next(records)
        assert step["skipped"]
        assert step["loss_scale"] == MAX_SCALE
        assert all(np.array_equal(x, y) for x, y in zip(before, trainer.weights(), strict=True))
        rest = list(records)
    steps = [step, *(r for r in rest if r["kind"] == "step")]
    skipped = sum(r["skipped"] for r in steps)
    assert [r["loss_scale"] for r in steps[:3]] == [MAX_SCALE, MAX_SCALE / 2, MAX_SCALE / 4]
    assert 1 <= skipped < 20
    assert not steps[-1]["skipped"]
    assert rest[-1]["skipped_steps"] == skipped
    assert rest[-1]["steps"] == len(steps) == 20


def test_scaler_doubles_after_good_steps_and_stays_in_range() -> None:
    scaler = LossScaler(1024.0, 2)
    scaler.applied()
    scaler.skipped()
    assert scaler.scale == 512
    for _ in range(3):
        scaler.applied()
    assert scaler.scale == 1024
    for _ in range(100):
        scaler.applied()
    assert scaler.scale == MAX_SCALE
    for _ in range(100):
        scaler.skipped()
    assert scaler.scale == 1


def test_divergence_is_a_one_line_error() -> None:
    message = "diverged at step .*lower optimizer.learning_rate"
    settings = config(learning_rate=10, weight_decay=1, epochs=60)
    with (
        closing(Trainer(device(), settings, synthetic())) as trainer,
        pytest.raises(TrainingError, match=message),
    ):
        list(trainer.run())


def test_group_must_be_the_accelerators() -> None:
    with pytest.raises(SettingsError, match="sparsity.group: the accelerator was built for 8"):
        Trainer(device(), config(group=16), synthetic())


@pytest.mark.parametrize("method", ["dense", "bdwp"])
def test_digits_are_learned(method: str) -> None:
    pytest.importorskip("sklearn")
    data = load_dataset("digits", 0.2)
    settings = config(method=method, hidden=(32,), epochs=4, batch=64)
    with closing(Trainer(device(), settings, data)) as trainer:
        final = list(trainer.run())[-1]
    assert final["kind"] == "final"
    assert (final["keep"], final["group"]) == ((8, 8) if method == "dense" else (2, 8))
    assert final["test_accuracy"] > 0.9

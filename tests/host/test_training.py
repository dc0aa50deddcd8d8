# SPDX-License-Identifier: Apache-2.0
"""Training on the golden device: gradients, scaling, pieces, determinism, going on, accuracy."""

from __future__ import annotations

import json
from contextlib import closing
from itertools import islice
from typing import Any

import numpy as np
import pytest
from sat_host import golden
from sat_host.config import ArrayConfig
from sat_host.data import ArrayPixels, Dataset, Normalisation, Split, load_dataset
from sat_host.errors import CheckpointError, SettingsError, TrainingError
from sat_host.golden_device import GoldenDevice
from sat_host.loss import MAX_SCALE, LossScaler
from sat_host.methods import METHODS
from sat_host.models import build_network
from sat_host.training import Trainer, TrainingConfig
from test_settings import SETTINGS

MLP = {"name": "mlp", "hidden": [16, 24]}
CNN = {"name": "cnn", "channels": [8, 16]}
DROPOUT = {
    "name": "layers",
    "layers": [
        {"type": "conv", "filters": 8, "kernel": 3, "padding": 1},
        {"type": "batch_norm"},
        {"type": "relu"},
        {"type": "conv", "filters": 16, "kernel": 2},
        {"type": "flatten"},
        {"type": "dropout", "rate": 0.3},
        {"type": "linear", "units": 3},
    ],
}
Records = list[dict[str, Any]]


def config(**changes: Any) -> TrainingConfig:
    return TrainingConfig.from_settings(SETTINGS, **({"epochs": 1, "batch": 16} | changes))


def device() -> GoldenDevice:
    return GoldenDevice(ArrayConfig(4, 16, 8, 4, 2, 8))


def synthetic(samples: int = 40, classes: int = 3) -> Dataset:
    """`samples` images of 2 x 2 x 3, the first 8 of them for the test."""
    rng = np.random.default_rng(7)
    pixels = rng.integers(0, 256, (samples, 2, 2, 3)).astype(np.uint8)
    labels = rng.integers(0, classes, samples)
    normal = Normalisation(256, (0.0,) * 3, (1.0,) * 3)
    test, train = (
        Split(labels[part], ArrayPixels(pixels[part]), normal)
        for part in (slice(8), slice(8, None))
    )
    return Dataset(classes, (2, 2, 3), train, test)


def trainer(
    settings: TrainingConfig,
    data: Dataset | None = None,
    model: dict[str, Any] = MLP,
    dev: GoldenDevice | None = None,
) -> Any:
    """A context with a trainer."""
    data = data or synthetic()
    network = build_network(model, data.image, data.classes)
    return closing(Trainer(dev or device(), settings, data, network))


def timeless(record: dict[str, Any]) -> dict[str, Any]:
    """Without what no two runs share."""
    return {
        name: value
        for name, value in record.items()
        if name not in ("seconds", "stages", "peak_memory_bytes", "resumed_step")
    }


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(
        value.tobytes() == second[name].tobytes() for name, value in first.items()
    )


def parameters(state: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Weights [inputs, outputs] and biases [1, outputs] of the perceptron's layers, in turn."""
    found = []
    for layer in ("fc1", "fc2", "fc3"):
        bias = state[f"{layer}.bias"].reshape(1, -1)
        found += [state[f"{layer}.weight"].reshape(-1, bias.size), bias]
    return found


def reference_gradients(
    values: list[np.ndarray], x: np.ndarray, labels: np.ndarray, pruned: bool
) -> list[np.ndarray]:
    """Back-propagation in plain binary64, pruned weights standing in for the dense ones."""
    weights, biases = values[0::2], values[1::2]

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


@pytest.mark.parametrize("micro_batch", [None, 7])
@pytest.mark.parametrize("method", ["dense", "bdwp"])
def test_steps_are_momentum_sgd_on_back_propagation(method: str, micro_batch: int | None) -> None:
    data, decay = synthetic(24), 0.8
    settings = config(
        method=method, epochs=3, weight_decay=decay, learning_rate=0.1, micro_batch=micro_batch
    )
    with trainer(settings, data) as run:
        start = parameters(run.weights())
        list(run.run())
        after = parameters(run.weights())
    expected = [values.astype(np.float64) for values in start]
    velocity = [np.zeros_like(values) for values in expected]
    x = data.train.images(range(16)).reshape(16, -1)
    for step in range(3):  # the whole training set is one batch, so its order does not matter
        gradients = reference_gradients(expected, x, data.train.labels, method == "bdwp")
        for number, gradient in enumerate(gradients):
            decayed = gradient + (decay * expected[number] if number % 2 == 0 else 0)
            velocity[number] = 0.9 * velocity[number] + decayed
            rate = settings.learning_rates().rate(step, 1, 3)
            expected[number] = expected[number] - rate * velocity[number]
    for before, got, wanted in zip(start, after, expected, strict=True):
        moved = np.abs(wanted - before).max()
        assert moved > 0
        assert np.abs(got - wanted).max() < 0.01 * moved


@pytest.mark.parametrize("model", [MLP, CNN])
def test_runs_repeat_to_the_bit_and_free_their_memory(model: dict[str, Any]) -> None:
    def run(seed: int) -> tuple[dict[str, np.ndarray], Records]:
        dev = device()
        settings = config(epochs=2, batch=12, seed=seed, crop=1, flip=True)
        with trainer(settings, model=model, dev=dev) as it:
            records = [timeless(record) for record in it.run()]
            weights = it.weights()
        assert dev.live == 0
        return weights, records

    (first, log), (second, log2), (other, _) = run(0), run(0), run(1)
    assert log == log2
    assert same(first, second)
    assert not same(first, other)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_run_goes_on_from_any_snapshot_to_the_same_bits(method: str) -> None:
    """Also from within an epoch, through JSON, with all that a run may use switched on."""
    settings = config(
        method=method,
        epochs=3,
        batch=12,
        micro_batch=5,
        crop=1,
        flip=True,
        loss_scale=MAX_SCALE,
        loss_scale_growth=2,
        label_smoothing=0.1,
        schedule="step",
        warmup_epochs=0.5,
        milestones=[2],
        sr_decay=0.01,
    )
    snapshots, records = [], []
    with trainer(settings, model=DROPOUT) as run:
        for record in run.run():
            records.append(record)
            tensors, state = run.snapshot()
            snapshots.append((tensors, json.loads(json.dumps(state))))
    assert any(record.get("skipped") for record in records)
    for number in range(len(records) - 1):
        tensors, state = snapshots[number]
        with trainer(settings, model=DROPOUT) as run:
            run.restore(tensors, state)
            start, *rest = run.run()
            weights = run.weights()
            history = run.state.history
        assert start["resumed_step"] == state["step"]
        assert list(map(timeless, rest)) == list(map(timeless, records[number + 1 :]))
        assert same(weights, snapshots[-1][0])
        assert len(history) == 3
        assert rest[-1]["seconds"] >= records[number].get("seconds", 0)
        assert rest[-1]["stages"]["FF"] > state["stages"].get("FF", 0) - 1e-4  # rounded


def test_a_run_that_goes_on_stops_as_early() -> None:
    settings = config(epochs=50, patience=3, learning_rate=1e-6)
    snapshots, records = [], []
    with trainer(settings) as run:
        for record in run.run():
            records.append(record)
            snapshots.append(run.snapshot())
    assert records[-1]["stopped_early"]
    for tensors, state in snapshots[-5:]:
        with trainer(settings) as run:
            run.restore(tensors, state)
            *_, again = run.run()
        assert timeless(again) == timeless(records[-1])


def test_a_state_of_something_else_is_refused() -> None:
    with trainer(config()) as run:
        tensors, state = run.snapshot()
        with pytest.raises(CheckpointError, match="not the state of a run"):
            run.restore(tensors, {**state, "colour": 1})


def test_overflowing_steps_are_skipped_and_the_scale_halved() -> None:
    settings = config(epochs=20, batch=32, loss_scale=MAX_SCALE, micro_batch=20)
    with trainer(settings) as run:
        before = run.weights()
        records = run.run()
        assert next(records)["kind"] == "start"
        step = next(records)
        assert step["skipped"]
        assert step["loss_scale"] == MAX_SCALE
        assert same(before, run.weights())
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


def test_the_rate_follows_the_schedule() -> None:
    settings = config(
        epochs=3, schedule="step", warmup_epochs=1, milestones=[2], factor=0.5, learning_rate=0.1
    )
    with trainer(settings) as run:
        records = list(run.run())
    rates = [r["learning_rate"] for r in records if r["kind"] == "step"]
    assert rates == pytest.approx([0.05, 0.1, 0.1, 0.1, 0.05, 0.05])
    assert [r["learning_rate"] for r in records if r["kind"] == "epoch"] == rates[1::2]


def test_a_run_stops_when_the_accuracy_rises_no_more() -> None:
    settings = config(epochs=50, patience=2, learning_rate=1e-6)
    with trainer(settings) as run:
        records = list(run.run())
    epochs = [r for r in records if r["kind"] == "epoch"]
    assert len(epochs) < 50
    best = max(r["test_accuracy"] for r in epochs)
    assert (
        all(r["test_accuracy"] < best for r in epochs[-2:]) or best == epochs[-3]["test_accuracy"]
    )
    final = records[-1]
    assert (final["epochs"], final["stopped_early"]) == (len(epochs), True)
    assert final["steps"] == 2 * len(epochs) == epochs[-1]["step"]
    assert final["best_accuracy"] == best


def test_the_final_record_tells_time_memory_and_work() -> None:
    with trainer(config(epochs=2)) as run:
        final = list(run.run())[-1]
    stages = final["stages"]
    assert {"FF", "BP", "WU", "update", "transfer", "loader", "loss", "evaluation"} <= set(stages)
    assert all(seconds >= 0 for seconds in stages.values())
    assert sum(stages.values()) <= final["seconds"]
    assert sum(stages.values()) > 0.5 * final["seconds"]  # a busy machine stops it anywhere
    assert final["peak_memory_bytes"] > 10 * 2**20
    macs = final["macs"]
    assert macs["FF"] == 16 * (12 * 16 + 16 // 4 * 24 + 24 // 4 * 3)  # 2:8 but for the first
    assert macs["WU"] == 16 * (12 * 16 + 16 * 24 + 24 * 3)
    assert macs["dense"] == 2 * macs["WU"] + 16 * (16 * 24 + 24 * 3)
    assert not final["stopped_early"]
    assert final["network"] == "mlp"


def test_divergence_is_a_one_line_error() -> None:
    message = "diverged at step .*lower optimizer.learning_rate"
    settings = config(learning_rate=10, weight_decay=1, epochs=60)
    with trainer(settings) as run, pytest.raises(TrainingError, match=message):
        list(run.run())


def test_group_must_be_the_accelerators() -> None:
    settings = TrainingConfig.from_settings(SETTINGS, group=16)
    with pytest.raises(SettingsError, match="sparsity.group: the accelerator was built for 8"):
        trainer(settings)


def test_half_a_run_is_not_finished() -> None:
    with trainer(config(epochs=2)) as run:
        records = run.run()
        kinds = [record["kind"] for record in islice(records, 4)]
        assert kinds == ["start", "step", "step", "epoch"]
        assert not run.finished
        assert [record["kind"] for record in records][-2:] == ["epoch", "final"]
        assert run.finished


@pytest.mark.parametrize("method", ["dense", "bdwp"])
def test_digits_are_learned(method: str) -> None:
    pytest.importorskip("sklearn")
    data = load_dataset({"name": "digits", "test_fraction": 0.2})
    settings = config(method=method, epochs=4, batch=64)
    with trainer(settings, data, {"name": "mlp", "hidden": [32]}) as run:
        final = list(run.run())[-1]
    assert final["kind"] == "final"
    assert (final["keep"], final["group"]) == ((8, 8) if method == "dense" else (2, 8))
    assert final["test_accuracy"] > 0.9

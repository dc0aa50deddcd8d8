# SPDX-License-Identifier: Apache-2.0
"""Networks that run on the golden model: the same bits however the work is cut, and their state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.device import Matrix, UpdateScalars
from sat_host.errors import ArgumentError, DeviceError
from sat_host.golden_device import GoldenDevice
from sat_host.loss import softmax_cross_entropy
from sat_host.methods import METHODS, LayerPlan, plan_network
from sat_host.models import Network, NetworkError, build_network, layers
from sat_host.nn import Model, Run, StageClock
from sat_host.nn.arrays import ArrayLayer
from sat_host.nn.vectors import VectorStore

GROUP = 8
SMALL, LARGE = ArrayConfig(2, 8, GROUP, 3, 2, 4), ArrayConfig(4, 32, GROUP, 4, 2, 8)
SCALE = 64.0
WEIGHTS = UpdateScalars(0.05, 0.9, 5e-4, 1 / SCALE, 2e-4)
VECTORS = UpdateScalars(0.05, 0.9, 0.0, 1 / SCALE)

CNN = Network(
    "layers",
    (9, 8, 3),
    5,
    (
        layers.Conv("conv1", 12, (3, 2), 2, 1, bias=True),
        layers.Relu(),
        layers.Conv("conv2", 16, 3, 1, 1, bias=True),
        layers.Dropout(0.2),
        layers.MaxPool(2, 2),
        layers.Flatten(),
        layers.Linear("fc", 5),
    ),
)
NETWORKS = {
    "cnn": build_network({"name": "cnn", "channels": [8, 16]}, (8, 8, 3), 5),
    "vit": build_network(
        {"name": "vit", "patch": 4, "dim": 16, "depth": 1, "heads": 2, "mlp": 24}, (8, 8, 3), 5
    ),
    "biases": CNN,
}


def make(
    network: Network, method: str = "bdwp", batch: int = 4, config: ArrayConfig = LARGE
) -> Model:
    plans = plan_network(network, method, 2, GROUP)
    return Model(GoldenDevice(config), network, plans, batch, np.random.default_rng(7))


def images(network: Network, count: int, seed: int = 1) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, *network.image)).astype(np.float32)
    return x, rng.integers(0, network.classes, count)


def train(model: Model, cuts: tuple[int, ...] = (4,), steps: int = 1, first: int = 0) -> None:
    """Steps of batches that are cut into micro-batches of the given sizes."""
    for step in range(first, first + steps):
        x, labels = images(model.network, sum(cuts), seed=step)
        start = 0
        for micro, size in enumerate(cuts):
            part = slice(start, start + size)
            run = Run(training=True, seed=5, step=step, micro=micro, accumulate=micro > 0)
            logits = model.forward(x[part], run)
            _, gradient = softmax_cross_entropy(logits, labels[part])
            scaled = gradient * (SCALE * size / len(labels))
            assert model.backward(scaled.astype(np.float32), run)
            start += size
        model.update(WEIGHTS, VECTORS)


def assert_same(got: Mapping[str, npt.NDArray[Any]], want: Mapping[str, npt.NDArray[Any]]) -> None:
    assert set(got) == set(want)
    for name, values in want.items():
        assert got[name].shape == values.shape
        assert np.array_equal(got[name].view(np.uint32), values.view(np.uint32)), name


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NETWORKS)
def test_two_arrays_train_to_the_same_bits(name: str, method: str) -> None:
    """One of 8 lanes, whose first layer is not folded, and one of 32."""
    states = []
    for config in (SMALL, LARGE):
        model = make(NETWORKS[name], method, config=config)
        before = model.state()
        train(model, steps=3)
        states.append(model.state())
    assert_same(*states)
    assert all(not np.array_equal(before[key], states[0][key]) for key in before if "weight" in key)


@settings(max_examples=30)
@given(st.data())
def test_folding_taps_changes_no_bits(data: st.DataObject) -> None:
    height, width, channels = (data.draw(st.integers(1, high)) for high in (6, 9, 4))
    kernel = (data.draw(st.integers(1, 4)), data.draw(st.integers(2, 5)))
    stride = (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)))
    padding = (data.draw(st.integers(0, 2)), data.draw(st.integers(0, 3)))
    assume(height + 2 * padding[0] >= kernel[0] and width + 2 * padding[1] >= kernel[1])
    shape = Convolution(3, height, width, channels, 5, kernel, stride, padding)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    weights = rng.standard_normal((*kernel, channels, 5)).astype(np.float32)
    x = rng.standard_normal((3, height, width, channels)).astype(np.float32)
    dy = rng.standard_normal((3, shape.out_height, shape.out_width, 5)).astype(np.float32)
    results = []
    for plan in (LayerPlan("l", GROUP, None), LayerPlan("l", GROUP, GROUP)):
        layer = ArrayLayer(GoldenDevice(LARGE), plan, shape, weights, None)
        assert (layer._fold is not None) == (plan.bp_keep is None)
        y = layer.forward(x, Run(training=True))
        layer.backward(dy, Run(training=True))
        layer.update(UpdateScalars(0.1, 0.0, 0.1, 1.0))
        new, velocity = layer.read()
        results.append({"y": y, "new": new, "velocity": velocity})
    assert_same(*results)


def test_micro_batches_add_up() -> None:
    """Weight gradients sum over images in one order, however the batch is cut: equal bits."""
    network = replace(CNN, layers=tuple(x for x in CNN.layers if not isinstance(x, layers.Dropout)))
    states = []
    for cuts in ((4,), (3, 1), (1, 1, 2)):
        model = make(network, batch=max(cuts))
        train(model, cuts)
        states.append(model.state())
    # Scaling each piece's gradient by its share rounds the same, since shares are powers of two,
    # but for the 3: it is not compared.
    for name, values in states[0].items():
        if name.endswith(".weight"):
            assert np.array_equal(values, states[2][name]), name
        assert np.abs(states[1][name] - values).max() < 1e-3 * np.abs(values).max(initial=1e-3)


def test_a_smaller_batch_uses_part_of_the_buffers() -> None:
    for network in NETWORKS.values():
        large, small = make(network, batch=6), make(network, batch=3)
        train(large, (6,))
        large.load_state(make(network).state())
        for model in (large, small):
            train(model, (3,))
        assert_same(large.state(), small.state())


@pytest.mark.parametrize("name", NETWORKS)
def test_state_goes_on_to_the_same_bits(name: str) -> None:
    whole, first, second = (make(NETWORKS[name], "sr_ste") for _ in range(3))
    train(whole, steps=4)
    train(first, steps=2)
    second.load_state(first.state())
    assert_same(second.state(), first.state())
    train(second, steps=2, first=2)
    assert_same(second.state(), whole.state())
    x, _ = images(NETWORKS[name], 3)
    got, want = (model.forward(x, Run()).view(np.uint32) for model in (second, whole))
    assert np.array_equal(got, want)


def test_state_has_logical_shapes() -> None:
    state = make(CNN).state()
    assert state["conv1.weight"].shape == (3, 2, 3, 12)
    assert state["fc.weight.velocity"].shape == (1, 1, 2 * 2 * 16, 5)
    assert state["conv2.bias.velocity"].shape == (16,)
    assert {values.dtype for values in state.values()} == {np.dtype(np.float32)}
    state = make(NETWORKS["vit"]).state()
    assert state["class_token"].shape == (16,)
    assert state["positions"].shape == (5, 16)
    assert make(NETWORKS["cnn"]).state()["bn1.running_var"].tolist() == [1.0] * 8


@pytest.mark.parametrize("fault", ["missing", "unknown", "expected"])
def test_a_foreign_state_is_refused_and_changes_nothing(fault: str) -> None:
    model = make(CNN)
    train(model)
    before = model.state()
    other = make(CNN).state()
    if fault == "missing":
        del other["fc.bias"]
    elif fault == "unknown":
        other["fc.more"] = other["fc.bias"]
    else:
        other["fc.bias"] = other["fc.bias"][:2]
    with pytest.raises(ArgumentError, match=fault):
        model.load_state(other)
    assert_same(model.state(), before)


def test_images_stay_as_they_are_and_are_checked() -> None:
    network = replace(CNN, layers=(layers.Relu(), *CNN.layers))
    model = make(network)
    x, _ = images(network, 3)
    kept = x.copy()
    model.forward(x, Run(training=True))
    assert np.array_equal(x, kept)
    for wrong in (x.astype(np.float64), x[:, 1:], x[:0], np.concatenate([x, x])):
        with pytest.raises(ArgumentError, match="1 to 4 images"):
            model.forward(wrong, Run())


def test_evaluation_neither_drops_nor_moves_statistics() -> None:
    for network in NETWORKS.values():
        model = make(network)
        before = model.state()
        x, _ = images(network, 4)
        one, two = (model.forward(x, Run(seed=seed)) for seed in (1, 2))
        assert np.array_equal(one, two)
        assert_same(model.state(), before)
        alone = np.concatenate([model.forward(x[n : n + 1], Run()) for n in range(4)])
        assert np.array_equal(one.view(np.uint32), alone.view(np.uint32))


@pytest.mark.parametrize("name", NETWORKS)
def test_infinite_gradients_are_seen(name: str) -> None:
    model = make(NETWORKS[name])
    x, _ = images(NETWORKS[name], 4)
    run = Run(training=True)
    for value, finite in ((1.0, True), (np.inf, False), (np.nan, False), (1e6, False)):
        dlogits = np.ones_like(model.forward(x, run))
        dlogits[1, 2] = value
        assert model.backward(dlogits, run) is finite
    store = VectorStore()
    vector = store.add("v", np.ones(3, np.float32))
    store.place(GoldenDevice(SMALL))
    vector.take_gradient(np.array([0, 1e39, 0]), run)
    assert not store.finite


def test_time_is_told_by_stage() -> None:
    clock = StageClock()
    model = make(NETWORKS["cnn"])
    x, labels = images(NETWORKS["cnn"], 4)
    run = Run(training=True, clock=clock)
    _, gradient = softmax_cross_entropy(model.forward(x, run), labels)
    model.backward(gradient.astype(np.float32), run)
    model.update(WEIGHTS, VECTORS)
    stages = {"FF", "BP", "WU", "update", "transfer", "batch_norm", "relu", "bias", "avg_pool"}
    assert set(clock.summary()) == stages


class _Full(GoldenDevice):
    """A device that has room for `room` allocations."""

    room = 0

    def matrix(
        self, rows: int, columns: int, dtype: npt.DTypeLike, tensor: str | None = None
    ) -> Matrix:
        if self.live >= self.room:
            raise DeviceError("no room")
        return super().matrix(rows, columns, dtype, tensor)


def test_all_memory_is_given_back() -> None:
    device = GoldenDevice(LARGE)
    network = NETWORKS["vit"]
    plans = plan_network(network, "bdwp", 2, GROUP)
    model = Model(device, network, plans, 4, np.random.default_rng(7))
    needed = device.live
    model.free()
    assert device.live == 0
    full = _Full(LARGE)
    for room in range(0, needed, 3):
        full.room = room
        with pytest.raises(DeviceError, match="no room"):
            Model(full, network, plans, 4, np.random.default_rng(7))
        assert full.live == 0


def test_networks_and_plans_that_do_not_fit_are_refused() -> None:
    plans = plan_network(CNN, "dense", 2, GROUP)
    device = GoldenDevice(LARGE)
    with pytest.raises(NetworkError):
        Model(device, replace(CNN, classes=6), plans, 4, np.random.default_rng(7))
    del plans["conv2"]
    with pytest.raises(ArgumentError, match="conv2"):
        Model(device, CNN, plans, 4, np.random.default_rng(7))
    assert device.live == 0

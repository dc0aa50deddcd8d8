# SPDX-License-Identifier: Apache-2.0
"""Whole networks on the golden model against PyTorch: logits and all gradients.

Operands and activations are rounded to binary16 here and not there, which sets the tolerance.
"""

from __future__ import annotations

import numpy as np
import pytest
from sat_host.config import ArrayConfig
from sat_host.device import UpdateScalars
from sat_host.golden_device import GoldenDevice
from sat_host.loss import softmax_cross_entropy
from sat_host.methods import plan_network
from sat_host.models import Network, build_network, layers
from sat_host.nn import Model, Run

torch = pytest.importorskip("torch")

RESIDUAL = Network(
    "layers",
    (8, 10, 3),
    5,
    (
        layers.Conv("stem", 12, (3, 5), 1, 2, bias=True),
        layers.BatchNorm("bn"),
        layers.Relu(),
        layers.MaxPool(3, 2, 1),
        layers.Residual(
            (
                layers.Conv("a", 16, 3, 2, 1),
                layers.BatchNorm("a_bn"),
                layers.Relu(),
                layers.Conv("b", 16, 2, 1, 1),
                layers.AvgPool(2, 1),
            ),
            (layers.Conv("down", 16, 1, 2), layers.BatchNorm("down_bn")),
        ),
        layers.Relu(),
        layers.Residual((layers.Relu(), layers.Conv("c", 16, 3, 1, 1), layers.BatchNorm("c_bn"))),
        layers.AvgPool(2, 1, 1),
        layers.GlobalAvgPool(),
        layers.Linear("fc", 5),
    ),
)
NETWORKS = {
    "residual": RESIDUAL,
    "vit": build_network(
        {"name": "vit", "patch": 4, "dim": 24, "depth": 2, "heads": 3, "mlp": 40}, (8, 12, 3), 5
    ),
    "mlp": build_network({"name": "mlp", "hidden": [24, 16]}, (4, 4, 2), 5),
    "cnn": build_network({"name": "cnn", "channels": [8, 16]}, (8, 8, 1), 5),
}
BATCH, SCALE = 6, 128.0


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_and_gradients(name: str) -> None:
    from torch_networks import TorchNetwork, gradients

    network = NETWORKS[name]
    device = GoldenDevice(ArrayConfig(4, 16, 8, 4, 2, 8))
    plans = plan_network(network, "dense", 8, 8)
    model = Model(device, network, plans, BATCH, np.random.default_rng(3))
    rng = np.random.default_rng(4)
    before = {
        # Biases and gains of their own, so that no gradient is zero because of them.
        name: values if values.ndim > 2 else values + rng.uniform(-0.2, 0.2, values.shape)
        for name, values in model.state().items()
    }
    before = {
        name: (np.zeros_like(v) if "velocity" in name else v).astype(np.float32)
        for name, v in before.items()
    }
    model.load_state(before)
    x = rng.standard_normal((BATCH, *network.image)).astype(np.float32)
    labels = rng.integers(0, network.classes, BATCH)

    module = TorchNetwork(network, before)
    wanted = module(torch.tensor(x))
    torch.nn.functional.cross_entropy(wanted, torch.tensor(labels)).backward()

    run = Run(training=True)
    logits = model.forward(x, run)
    assert _distance(logits, wanted.detach().numpy()) < 3e-3
    _, gradient = softmax_cross_entropy(logits, labels)
    assert model.backward((gradient * SCALE).astype(np.float32), run)
    scalars = UpdateScalars(1.0, 0.0, 0.0, 1 / SCALE)
    model.update(scalars, scalars)
    after = model.state()
    wanted_gradients = gradients(module)
    assert set(wanted_gradients) == {name for name in after if f"{name}.velocity" in after}
    largest = max(float(np.abs(values).max()) for values in wanted_gradients.values())
    for name, values in wanted_gradients.items():
        # Velocity is the gradient itself here. Some are zero but for rounding: K's biases move
        # all scores of a row alike.
        got = after[f"{name}.velocity"].reshape(values.shape)
        off = float(np.linalg.norm(got - values))
        size = float(np.linalg.norm(values))
        assert off < 2e-2 * size + 1e-4 * largest * values.size**0.5, name


def _distance(got: np.ndarray, wanted: np.ndarray) -> float:  # type: ignore[type-arg]
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))

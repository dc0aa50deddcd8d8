# SPDX-License-Identifier: Apache-2.0
"""Training steps of whole networks on csim: every result of every call equals the golden model's.

Results are the outputs, input gradients and weight gradients of each layer, the products of
attention, the updated weights and momentum, and both packed forms.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from accelerators import ARRAYS, DeviceFor
from recorder import RecordingDevice, pairs
from sat_host.device import Device, UpdateScalars
from sat_host.golden_device import GoldenDevice
from sat_host.loss import softmax_cross_entropy
from sat_host.methods import METHODS, plan_network
from sat_host.models import Network, build_network, layers, trace
from sat_host.nn import Model, Run

SCALE = 8.0
CLASSES = 10

# By name: the `model` section, and the image.
NAMED: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "mlp": ({"hidden": [40, 24]}, (8, 8, 1)),
    "cnn": ({"channels": [16, 24, 32]}, (8, 8, 1)),
    "resnet9": ({}, (8, 8, 3)),
    "resnet18": ({"stem": "imagenet"}, (32, 32, 3)),
    "resnet50": ({"stem": "imagenet"}, (40, 40, 3)),
    "vgg19": ({}, (32, 32, 3)),
    "vit": ({"patch": 4, "dim": 64, "depth": 2, "heads": 4, "mlp": 128}, (16, 16, 3)),
}
# Half as many channels in the networks of more than 20 M weights: these take the time, not pixels.
HALVED = ("resnet50", "vgg19")

CONVOLUTIONS = Network(
    "layers",
    (9, 7, 3),
    5,
    (
        layers.Conv("conv1", 10, (3, 2), 2, 1, bias=True),
        layers.BatchNorm("bn1"),
        layers.Relu(),
        layers.Residual(
            (layers.Conv("conv2", 12, 3, 2, 1), layers.Relu(), layers.Conv("conv3", 12, 2, 1, 1),
             layers.AvgPool(2, 1)),
            (layers.Conv("down", 12, 1, 2),),
        ),
        layers.GlobalAvgPool(),
        layers.Linear("fc", 5),
    ),
)  # fmt: skip
ATTENTION = build_network(
    {"name": "vit", "patch": 4, "dim": 20, "depth": 1, "heads": 2, "mlp": 24}, (8, 12, 3), 5
)


def halved(items: tuple[layers.Layer, ...]) -> tuple[layers.Layer, ...]:
    """The layers, each convolution with half of its filters."""
    found: list[layers.Layer] = []
    for item in items:
        if isinstance(item, layers.Conv):
            item = replace(item, filters=item.filters // 2)
        elif isinstance(item, layers.Residual):
            item = replace(item, body=halved(item.body), shortcut=halved(item.shortcut))
        found.append(item)
    return tuple(found)


def step(device: RecordingDevice, network: Network, method: str, keep: int, cuts: int) -> Model:
    """A step on two images a micro-batch."""
    plans = plan_network(network, method, keep, device.config.group)
    model = Model(cast(Device, device), network, plans, 2, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    for micro in range(cuts):
        x = rng.standard_normal((2, *network.image)).astype(np.float32)
        labels = rng.integers(0, network.classes, 2)
        run = Run(training=True, micro=micro, accumulate=micro > 0)
        _, gradient = softmax_cross_entropy(model.forward(x, run), labels)
        assert model.backward((gradient * SCALE).astype(np.float32), run)
    model.update(
        UpdateScalars(0.05, 0.9, 5e-4, 1 / SCALE, 2e-4), UpdateScalars(0.05, 0.9, 0, 1 / SCALE)
    )
    return model


def assert_equal_steps(
    device: Device, network: Network, method: str, keep: int, cuts: int = 1
) -> None:
    recorders = [RecordingDevice(device), RecordingDevice(GoldenDevice(device.config))]
    for recorder in recorders:
        step(recorder, network, method, keep, cuts).free()
    for number, got, want in pairs(*recorders):
        assert got == want, number
    operations = trace(network)
    weighted = sum(operation.kind != "attn" for operation in operations)
    calls = Counter(name for name, _, _ in recorders[0].calls)
    assert calls["convolve"] == calls["convolve_gradient"] == cuts * weighted
    assert calls["convolve_backward"] == cuts * (weighted - 1)
    assert calls["product_batch"] == cuts * 3 * (len(operations) - weighted)
    assert calls["pack"] == weighted and calls["update_weights"] == weighted + 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", [CONVOLUTIONS, ATTENTION], ids=["convolutions", "attention"])
@pytest.mark.parametrize(
    "array",
    ["1x4_g4", "4x8_g8", pytest.param("3x64_g8", marks=pytest.mark.slow)],
)
def test_small_networks(device_for: DeviceFor, array: str, network: Network, method: str) -> None:
    keep = 1 if ARRAYS[array].group == 4 else 2
    assert_equal_steps(device_for(array), network, method, keep, cuts=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
def test_named_networks(device_for: DeviceFor, name: str) -> None:
    settings, image = NAMED[name]
    network = build_network({"name": name, **settings}, image, CLASSES)
    if name in HALVED:
        network = replace(network, layers=halved(network.layers))
    assert_equal_steps(device_for("32x32_g8"), network, "bdwp", 2)

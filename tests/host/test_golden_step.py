# SPDX-License-Identifier: Apache-2.0
"""The training program against the golden training step, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from golden_step import LayerState, train_step
from sat_host.config import ArrayConfig
from sat_host.device import UpdateScalars
from sat_host.golden_device import GoldenDevice
from sat_host.loss import softmax_cross_entropy
from sat_host.methods import METHODS, plan_network
from sat_host.models import build_network
from sat_host.nn import Model, Run

IMAGE, HIDDEN, CLASSES = (4, 5, 1), (24, 17), 5  # the last axis is shorter than a group
GROUP = 8
BATCH = 13
SR_DECAY = 0.01


@pytest.mark.parametrize(
    ("method", "scale"), [*((method, 64.0) for method in METHODS), ("bdwp", 2.0**24)]
)
def test_program_equals_the_golden_step(method: str, scale: float) -> None:
    rng = np.random.default_rng(11)
    network = build_network({"name": "mlp", "hidden": list(HIDDEN)}, IMAGE, CLASSES)
    plans = plan_network(network, method, 2, GROUP)
    device = GoldenDevice(ArrayConfig(4, 16, GROUP, 4, 2, 8))
    model = Model(device, network, plans, BATCH, rng)
    state = layer_states(model)
    scalars = (
        UpdateScalars(0.1, 0.9, 5e-4, 1.0 / scale, SR_DECAY),
        UpdateScalars(0.1, 0.9, 0.0, 1.0 / scale),
    )
    skipped = 0
    for step in range(4):
        x = rng.standard_normal((BATCH, *IMAGE)).astype(np.float16)
        labels = rng.integers(0, CLASSES, BATCH)
        before = state
        state = train_step(
            state, list(plans.values()), GROUP, x.reshape(BATCH, -1), labels, scale, scalars
        )
        skipped += state[0] is before[0]
        run = Run(training=True, step=step)
        logits = model.forward(x.astype(np.float32), run)
        _, gradient = softmax_cross_entropy(logits, labels)
        if model.backward((gradient * scale).astype(np.float32), run):
            model.update(*scalars)
        for got, want in zip(layer_states(model), state, strict=True):
            for name in ("weights", "weights_velocity", "bias", "bias_velocity"):
                bits = (getattr(layer, name).view(np.uint32) for layer in (got, want))
                assert np.array_equal(*bits), (step, name)
    assert skipped == (4 if scale > 1e6 else 0)
    model.free()
    assert device.live == 0


def layer_states(model: Model) -> list[LayerState]:
    """What the model has learned, layer by layer."""
    state = model.state()
    layers = []
    for number in range(1, len(HIDDEN) + 2):
        weights, bias = f"fc{number}.weight", f"fc{number}.bias"
        layers.append(
            LayerState(
                state[weights][0, 0],
                state[f"{weights}.velocity"][0, 0],
                state[bias][None],
                state[f"{bias}.velocity"][None],
            )
        )
    return layers

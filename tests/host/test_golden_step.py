# SPDX-License-Identifier: Apache-2.0
"""The training program against the golden training step, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from sat_host.binary16 import round_binary16
from sat_host.config import ArrayConfig
from sat_host.device import UpdateScalars
from sat_host.golden_device import GoldenDevice
from sat_host.golden_step import LayerState, train_step
from sat_host.layers import Mlp, plan_layers
from sat_host.loss import softmax_cross_entropy

WIDTHS = (20, 24, 17, 5)  # the last axis is shorter than a group, others are ragged
GROUP = 8
BATCH = 13


@pytest.mark.parametrize(("method", "scale"), [("dense", 64.0), ("bdwp", 64.0), ("bdwp", 2.0**24)])
def test_program_equals_the_golden_step(method: str, scale: float) -> None:
    rng = np.random.default_rng(11)
    plans = plan_layers(WIDTHS, method, 2, GROUP)
    device = GoldenDevice(ArrayConfig(4, 16, GROUP, 4, 2, 8))
    model = Mlp(device, plans, BATCH, rng)
    values = model.parameters()
    state = [
        LayerState(w, np.zeros_like(w), b, np.zeros_like(b))
        for w, b in zip(values[0::2], values[1::2], strict=True)
    ]
    scalars = (
        UpdateScalars(0.1, 0.9, 5e-4, 1.0 / scale),
        UpdateScalars(0.1, 0.9, 0.0, 1.0 / scale),
    )
    skipped = 0
    for _ in range(4):
        x = rng.standard_normal((BATCH, WIDTHS[0])).astype(np.float16)
        labels = rng.integers(0, WIDTHS[-1], BATCH)
        before = state
        state = train_step(state, plans, GROUP, x, labels, scale, scalars)
        skipped += state[0] is before[0]
        logits = model.forward(x)
        _, gradient = softmax_cross_entropy(logits, labels)
        if model.backward(round_binary16(gradient * scale)):
            model.update(*scalars)
        golden = [array for layer in state for array in (layer.weights, layer.bias)]
        for got, want in zip(model.parameters(), golden, strict=True):
            assert np.array_equal(got.view(np.uint32), want.view(np.uint32))
    assert skipped == (4 if scale > 1e6 else 0)
    model.free()

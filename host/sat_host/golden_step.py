# SPDX-License-Identifier: Apache-2.0
"""A whole training step of a perceptron in NumPy: what `layers.Mlp` must equal bit for bit,
whatever device that runs on.

Weights are plain matrices here and pruning is a mask: no packed forms, no device, no state but the
arguments. Shared with the training program are the loss and its gradient (`loss`), the layers'
plans (`layers.plan_layers`) and rounding (`binary16`), which tests of their own check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import golden
from .binary16 import round_binary16
from .device import UpdateScalars
from .layers import LayerPlan
from .loss import softmax_cross_entropy

Half = npt.NDArray[np.float16]
Single = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LayerState:
    """One linear layer: weights [inputs, outputs] and bias [1, outputs], each with its momentum."""

    weights: Single
    weights_velocity: Single
    bias: Single
    bias_velocity: Single


def train_step(
    layers: Sequence[LayerState],
    plans: Sequence[LayerPlan],
    group: int,
    x: Half,
    labels: npt.NDArray[np.int64],
    scale: float,
    scalars: tuple[UpdateScalars, UpdateScalars],
) -> list[LayerState]:
    """The layers after one step on the batch x (rows, features); the same ones if it is skipped.

    scale: the loss scale. scalars: of the weights' updates and of the biases'.
    """
    inputs, logits = _forward(layers, plans, group, x)
    _, gradient = softmax_cross_entropy(logits, labels)
    dy = round_binary16(gradient * scale)
    changed = []
    for number in reversed(range(len(layers))):
        weight_gradient = golden.matmul(inputs[number].T, dy)
        with np.errstate(all="ignore"):
            exact = dy.astype(np.float64).sum(axis=0, keepdims=True)
            bias_gradient = exact.astype(np.float32)
        if not (np.isfinite(weight_gradient).all() and np.isfinite(bias_gradient).all()):
            return list(layers)
        changed.append(_updated(layers[number], weight_gradient, bias_gradient, scalars))
        keep = plans[number].bp_keep
        if keep is not None:
            w16 = round_binary16(layers[number].weights)
            mask = golden.keep_mask(w16, keep, group, axis=1)
            dx = round_binary16(golden.matmul(dy, w16.T, mask=mask.T))
            dy = np.where(inputs[number] > 0, dx, np.float16(0))
    return changed[::-1]


def _forward(
    layers: Sequence[LayerState], plans: Sequence[LayerPlan], group: int, x: Half
) -> tuple[list[Half], Single]:
    """The input of each layer, and the logits."""
    inputs = [x]
    for layer, plan in zip(layers, plans, strict=True):
        w16 = round_binary16(layer.weights)
        mask = golden.keep_mask(w16, plan.ff_keep, group, axis=0)
        y16 = round_binary16(golden.matmul(inputs[-1], w16, mask=mask))
        with np.errstate(all="ignore"):
            logits: Single = y16.astype(np.float32) + layer.bias
        inputs.append(round_binary16(np.maximum(logits, np.float32(0))))
    return inputs[:-1], logits


def _updated(
    layer: LayerState,
    weight_gradient: Single,
    bias_gradient: Single,
    scalars: tuple[UpdateScalars, UpdateScalars],
) -> LayerState:
    weights = golden.update(layer.weights, layer.weights_velocity, weight_gradient, scalars[0])
    bias = golden.update(layer.bias, layer.bias_velocity, bias_gradient, scalars[1])
    return LayerState(*weights, *bias)

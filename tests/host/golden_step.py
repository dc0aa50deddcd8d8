# SPDX-License-Identifier: Apache-2.0
"""A whole training step of a perceptron in NumPy: what `nn.Model` of an `mlp` must equal bit for
bit, whatever device that runs on and whatever the method.

Weights are plain matrices here and pruning is a mask: no packed forms, no device, no layers, no
state but the arguments. Shared with the training program are the loss and its gradient (`loss`),
the layers' plans (`methods`) and rounding (`binary16`), which tests of their own check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sat_host import golden
from sat_host.binary16 import round_binary16
from sat_host.device import UpdateScalars
from sat_host.loss import softmax_cross_entropy
from sat_host.methods import LayerPlan

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

    scale: the loss scale. scalars: of the weights' updates, whose sr_decay reaches the weights that
    FF prunes in layers whose plan says so, and of the biases'.
    """
    inputs, sums = _forward(layers, plans, group, x)
    _, gradient = softmax_cross_entropy(sums[-1], labels)
    dy = round_binary16(gradient * scale)
    changed = []
    for number in reversed(range(len(layers))):
        layer, plan = layers[number], plans[number]
        weight_gradient = golden.matmul(inputs[number].T, dy)
        with np.errstate(all="ignore"):
            exact = dy.astype(np.float64).sum(axis=0, keepdims=True)
            bias_gradient = exact.astype(np.float32)
        if not (np.isfinite(weight_gradient).all() and np.isfinite(bias_gradient).all()):
            return list(layers)
        changed.append(_updated(layer, plan, group, weight_gradient, bias_gradient, scalars))
        if plan.bp_keep is not None:
            dx = _backward(layer, plan, plan.bp_keep, group, dy)
            with np.errstate(invalid="ignore"):
                dy = dx * (sums[number - 1] > 0)
    return changed[::-1]


def _forward(
    layers: Sequence[LayerState], plans: Sequence[LayerPlan], group: int, x: Half
) -> tuple[list[Half], list[Single]]:
    """The input of each layer, and what its ReLU gets: of the last layer, the logits."""
    inputs, sums = [x], []
    for layer, plan in zip(layers, plans, strict=True):
        w16 = round_binary16(layer.weights)
        mask = golden.keep_mask(w16, plan.ff_keep, group, axis=0)
        y16 = round_binary16(golden.matmul(inputs[-1], w16, mask=mask))
        with np.errstate(all="ignore"):
            biased: Single = y16.astype(np.float32) + layer.bias
        sums.append(biased)
        inputs.append(round_binary16(np.maximum(biased, np.float32(0))))
    return inputs[:-1], sums


def _backward(layer: LayerState, plan: LayerPlan, keep: int, group: int, dy: Half) -> Half:
    """dX of a layer: its weights pruned keep:group along the outputs, or dY itself pruned."""
    w16 = round_binary16(layer.weights)
    if plan.masked_bp:
        w16 = golden.prune(w16, plan.ff_keep, group, axis=0)
    mask = golden.keep_mask(w16, keep, group, axis=1)
    if plan.dy_keep is not None:
        dy = golden.prune(dy, plan.dy_keep, group, axis=1)
    return round_binary16(golden.matmul(dy, w16.T, mask=mask.T))


def _updated(
    layer: LayerState,
    plan: LayerPlan,
    group: int,
    weight_gradient: Single,
    bias_gradient: Single,
    scalars: tuple[UpdateScalars, UpdateScalars],
) -> LayerState:
    pruned = None
    if plan.sr_decay:
        pruned = ~golden.keep_mask(round_binary16(layer.weights), plan.ff_keep, group, axis=0)
    weights = golden.update(
        layer.weights, layer.weights_velocity, weight_gradient, scalars[0], pruned
    )
    bias = golden.update(layer.bias, layer.bias_velocity, bias_gradient, scalars[1])
    return LayerState(*weights, *bias)

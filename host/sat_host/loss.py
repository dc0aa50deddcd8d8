# SPDX-License-Identifier: Apache-2.0
"""Softmax cross-entropy, and the dynamic scale that keeps binary16 gradients in range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MAX_SCALE = 2.0**24
MIN_SCALE = 1.0


def softmax_cross_entropy(
    logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], smoothing: float = 0.0
) -> tuple[float, npt.NDArray[np.float64]]:
    """Mean loss of logits (batch, classes) and its gradient, float64, same shape.

    smoothing: the part of each target, 0 to 1, that goes to all classes in equal shares.

    Binary64, so that the last bit of exp, in which CPUs differ, rarely survives the one rounding
    of the gradient to binary16. Non-finite logits give a non-finite loss.
    """
    with np.errstate(all="ignore"):
        wide = logits.astype(np.float64)
        shifted = wide - wide.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        totals = exponentials.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        losses = np.log(totals[:, 0]) - shifted[rows, labels]
        gradient = exponentials / totals
        if smoothing:
            losses += smoothing * (shifted[rows, labels] - shifted.mean(axis=1))
            gradient -= smoothing / logits.shape[1]
    loss = float(np.mean(losses))
    gradient[rows, labels] -= 1.0 - smoothing
    return loss, gradient / len(labels)


@dataclass
class LossScaler:
    """Dynamic loss scaling: halve after a skipped step, double after `growth`
    good ones. The scale stays a power of two from 1 to 2^24, so scaling is exact."""

    scale: float
    growth: int
    good_steps: int = 0

    def skipped(self) -> None:
        """The step had an infinite or NaN gradient and was not applied."""
        self.scale = max(self.scale / 2, MIN_SCALE)
        self.good_steps = 0

    def applied(self) -> None:
        """The step was applied."""
        self.good_steps += 1
        if self.good_steps == self.growth:
            self.scale = min(self.scale * 2, MAX_SCALE)
            self.good_steps = 0

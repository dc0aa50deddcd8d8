# SPDX-License-Identifier: Apache-2.0
"""ReLU, GELU and dropout, all in place."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .base import Layer, Run, Single
from .rows import pieces, scratch

# erf(x) = x * P(x^2) / Q(x^2) for |x| up to ERF_END, beyond which it is 1 in binary32 but for 8e-8;
# coefficients from the constant on. A rational function fitted to erf with weighted least squares
# (Lawson's iteration, so that the largest error is least): 1.1e-8 from erf where it is evaluated
# exactly, below 5e-7, absolute and relative, in binary32.
ERF_END = 3.8
ERF_P = (1.12837911, 0.188116297, 0.052547358, 0.00369361928, 0.000287999806, 2.13213434e-06)
ERF_Q = (1.0, 0.500045955, 0.113254949, 0.0148229394, 0.00115374697, 3.90978967e-05)


def erf(x: Single) -> Single:
    """The error function of float32, to within 5e-7; NaN for NaN."""
    clipped = np.clip(x, np.float32(-ERF_END), np.float32(ERF_END))
    square = clipped * clipped
    clipped *= _polynomial(ERF_P, square)
    clipped /= _polynomial(ERF_Q, square)
    return clipped


def _polynomial(coefficients: tuple[float, ...], x: Single) -> Single:
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total *= x
        total += np.float32(coefficient)
    return total


def exponential(x: Single) -> None:
    """e to the power of x, in place: computed in binary64, in which CPUs differ in the last bit,
    so that after the one rounding to binary32 they hardly ever do."""
    np.exp(x, out=x, dtype=np.float64, casting="same_kind")


class Relu(Layer):
    """max(x, 0). The gradient is multiplied by 1 where x > 0 and by 0 elsewhere."""

    kind = "relu"
    overwrites_input = True
    overwrites_gradient = True

    def forward(self, x: Single, run: Run) -> Single:
        if run.training:
            self._positive = x > 0
        return np.maximum(x, np.float32(0), out=x)

    def backward(self, dy: Single, run: Run) -> Single:
        with np.errstate(invalid="ignore"):
            dy *= self._positive
        del self._positive
        return dy


class Gelu(Layer):
    """x * (1 + erf(x / sqrt(2))) / 2: the exact form."""

    kind = "gelu"
    overwrites_input = True
    overwrites_gradient = True

    def forward(self, x: Single, run: Run) -> Single:
        flat = x.reshape(-1, x.shape[-1])
        if not run.training:
            with np.errstate(all="ignore"):
                for (piece,) in pieces(flat):
                    piece *= _normal_below(piece)
            return x
        slope = np.empty_like(flat)
        with np.errstate(all="ignore"):
            for piece, part in pieces(flat, slope):
                below = _normal_below(piece)
                np.multiply(piece, piece, out=part)
                part *= np.float32(-0.5)
                exponential(part)
                part *= np.float32(1 / math.sqrt(2 * math.pi))
                part *= piece
                part += below
                piece *= below
        self._slope = slope
        return x

    def backward(self, dy: Single, run: Run) -> Single:
        with np.errstate(all="ignore"):
            dy *= self._slope.reshape(dy.shape)
        del self._slope
        return dy


def _normal_below(x: Single) -> Single:
    """The probability that a normal variable is below x."""
    result = erf(x * np.float32(math.sqrt(0.5)))
    result += np.float32(1)
    result *= np.float32(0.5)
    return result


class Dropout(Layer):
    """In training, zero with probability `rate`, the others divided by 1 - rate.

    What is dropped depends on the run's seed, step and micro-batch, and on `number`, the layer's
    own among the network's dropouts, and on nothing else.
    """

    kind = "dropout"
    overwrites_input = True
    overwrites_gradient = True

    def __init__(self, rate: float, number: int) -> None:
        self.rate = rate
        self.number = number

    def forward(self, x: Single, run: Run) -> Single:
        if not run.training or self.rate == 0:
            return x
        words = np.random.SeedSequence((run.seed, run.step, run.micro, self.number))
        generator = np.random.Generator(np.random.Philox(words))
        self._kept = np.empty(x.shape, np.bool_)
        flat, kept = x.reshape(-1, x.shape[-1]), self._kept.reshape(-1, x.shape[-1])
        room = scratch(flat)
        for piece, part in pieces(flat, kept):
            draws = generator.random(dtype=np.float32, out=room[: len(piece)])
            np.greater_equal(draws, np.float32(self.rate), out=part)
            self._apply(piece, part)
        return x

    def backward(self, dy: Single, run: Run) -> Single:
        if self.rate:
            self._apply(dy, self._kept)
            del self._kept
        return dy

    def _apply(self, x: Single, kept: npt.NDArray[np.bool_]) -> None:
        with np.errstate(all="ignore"):
            x *= kept
            x *= np.float32(1 / (1 - self.rate))

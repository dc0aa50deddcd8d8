# SPDX-License-Identifier: Apache-2.0
"""Batch and layer normalisation: y = gain * (x - mean) / sqrt(variance + epsilon) + shift."""

from __future__ import annotations

import numpy as np

from .base import Layer, Run, Single
from .rows import ChannelRows, Double, column_sums, pieces, scratch
from .vectors import Vector


class BatchNorm(Layer):
    """Over all axes but the last: by the batch's statistics in training, else by running ones.

    The running mean and (unbiased) variance, float32, move towards each micro-batch's by
    `momentum`.
    """

    kind = "batch_norm"
    overwrites_input = True

    def __init__(self, gain: Vector, shift: Vector, momentum: float, epsilon: float) -> None:
        self.gain, self.shift = gain, shift
        self.momentum, self.epsilon = momentum, epsilon
        self.running_mean = np.zeros_like(gain.value)
        self.running_var = np.ones_like(gain.value)

    def forward(self, x: Single, run: Run) -> Single:
        rows = ChannelRows(x.size // x.shape[-1], x.shape[-1])
        with np.errstate(all="ignore"):
            return self._train(x, rows) if run.training else self._evaluate(x, rows)

    def backward(self, dy: Single, run: Run) -> Single:
        x, inverse = self._normalised, self._inverse
        del self._normalised
        count = x.size // x.shape[-1]
        rows = ChannelRows(count, x.shape[-1])
        dy_rows, x_rows = rows.wide(dy), rows.wide(x)
        room, sums, products = scratch(x_rows), rows.zeros(), rows.zeros()
        with np.errstate(all="ignore"):
            for dy_piece, x_piece in pieces(dy_rows, x_rows):
                sums += column_sums(dy_piece)
                product = np.multiply(dy_piece, x_piece, out=room[: len(x_piece)])
                products += column_sums(product)
            shift, gain = rows.total(sums), rows.total(products)
            self.shift.take_gradient(shift, run)
            self.gain.take_gradient(gain, run)
            # dX = gain / deviation * (dY - mean(dY) - X * mean(dY * X)), X normalised.
            scale = self.gain.value.astype(np.float64) * inverse
            of_dy = rows.repeated(scale)
            of_x = rows.repeated(-scale * gain / count)
            offset = rows.repeated(-scale * shift / count)
            for dy_piece, x_piece in pieces(dy_rows, x_rows):
                x_piece *= of_x
                x_piece += offset
                x_piece += np.multiply(dy_piece, of_dy, out=room[: len(x_piece)])
        return x

    def _train(self, x: Single, rows: ChannelRows) -> Single:
        count = x.size // x.shape[-1]
        mean, variance = _moments(rows.wide(x), rows, count)
        self._move(mean, variance * count / max(1, count - 1))
        self._inverse = 1 / np.sqrt(variance + self.epsilon)
        y = np.empty_like(x)
        mean_row, inverse_row = rows.repeated(mean), rows.repeated(self._inverse)
        gain_row, shift_row = rows.repeated(self.gain.value), rows.repeated(self.shift.value)
        for x_piece, y_piece in pieces(rows.wide(x), rows.wide(y)):
            x_piece -= mean_row
            x_piece *= inverse_row
            np.multiply(x_piece, gain_row, out=y_piece)
            y_piece += shift_row
        self._normalised = x
        return y

    def _evaluate(self, x: Single, rows: ChannelRows) -> Single:
        scale = self.gain.value / np.sqrt(self.running_var.astype(np.float64) + self.epsilon)
        scale_row = rows.repeated(scale)
        shift_row = rows.repeated(self.shift.value - self.running_mean * scale)
        for (piece,) in pieces(rows.wide(x)):
            piece *= scale_row
            piece += shift_row
        return x

    def _move(self, mean: Double, variance: Double) -> None:
        for running, batch in ((self.running_mean, mean), (self.running_var, variance)):
            running[...] = (1 - self.momentum) * running + self.momentum * batch


def _moments(x_rows: Single, rows: ChannelRows, count: int) -> tuple[Double, Double]:
    """Mean and (biased) variance by channel.

    One pass: sums of what remains after subtracting the first piece's mean, which is close enough
    to the whole's for the subtraction of squares to lose nothing.
    """
    first = next(pieces(x_rows))[0]
    near = rows.total(np.add.reduce(first, axis=0, dtype=np.float64)) * rows.channels / first.size
    near = near.astype(np.float32).astype(np.float64)
    near_row, room = rows.repeated(near), scratch(x_rows)
    sums, squares = rows.zeros(), rows.zeros()
    for (piece,) in pieces(x_rows):
        rest = np.subtract(piece, near_row, out=room[: len(piece)])
        sums += column_sums(rest)
        rest *= rest
        squares += column_sums(rest)
    mean = rows.total(sums) / count
    return near + mean, np.maximum(rows.total(squares) / count - mean * mean, 0)


class LayerNorm(Layer):
    """Over the last axis, each token or vector by itself."""

    kind = "layer_norm"

    def __init__(self, gain: Vector, shift: Vector, epsilon: float) -> None:
        self.gain, self.shift, self.epsilon = gain, shift, np.float32(epsilon)

    def forward(self, x: Single, run: Run) -> Single:
        normalised, y = np.empty_like(x), np.empty_like(x)
        width = x.shape[-1]
        inverse = np.empty((x.size // width, 1), np.float32)
        share = np.float32(1 / width)
        flat = (array.reshape(-1, width) for array in (x, normalised, y))
        with np.errstate(all="ignore"):
            for x_piece, rest, y_piece, factor in pieces(*flat, inverse):
                mean = np.add.reduce(x_piece, axis=1, keepdims=True)
                mean *= share
                np.subtract(x_piece, mean, out=rest)
                np.multiply(rest, rest, out=y_piece)
                variance = np.add.reduce(y_piece, axis=1, keepdims=True)
                variance *= share
                variance += self.epsilon
                np.divide(np.float32(1), np.sqrt(variance), out=factor)
                rest *= factor
                np.multiply(rest, self.gain.value, out=y_piece)
                y_piece += self.shift.value
        if run.training:
            self._normalised, self._inverse = normalised, inverse
        return y

    def backward(self, dy: Single, run: Run) -> Single:
        x, inverse = self._normalised, self._inverse
        del self._normalised, self._inverse
        width = x.shape[-1]
        x_rows, dy_rows = x.reshape(-1, width), dy.reshape(-1, width)
        room, share = scratch(x_rows), np.float32(1 / width)
        shift, gain = np.zeros(width), np.zeros(width)
        with np.errstate(all="ignore"):
            for x_piece, dy_piece, factor in pieces(x_rows, dy_rows, inverse):
                shift += column_sums(dy_piece)
                part = np.multiply(dy_piece, x_piece, out=room[: len(x_piece)])
                gain += column_sums(part)
                # dX = (G - mean(G) - X * mean(G * X)) / deviation, G = gain * dY, X normalised.
                part *= self.gain.value
                along = np.add.reduce(part, axis=1, keepdims=True)
                along *= -share
                x_piece *= along
                np.multiply(dy_piece, self.gain.value, out=part)
                mean = np.add.reduce(part, axis=1, keepdims=True)
                mean *= share
                part -= mean
                x_piece += part
                x_piece *= factor
            self.shift.take_gradient(shift, run)
            self.gain.take_gradient(gain, run)
        return x

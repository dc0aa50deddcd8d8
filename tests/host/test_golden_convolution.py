# SPDX-License-Identifier: Apache-2.0
"""The golden device's convolutions and batched products against their definitions, bit for bit."""

from __future__ import annotations

from typing import Any

import exact_reference as exact
import naive_convolution as naive
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host import golden, golden_sums
from sat_host.binary16 import round_binary16
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.device import Matrix
from sat_host.golden_device import GoldenDevice

Array = npt.NDArray[Any]

GROUP = 4
CONFIG = ArrayConfig(2, 4, GROUP, 8, 1, 8)
SPECIAL = np.array([0x8000, 0x0001, 0x83FF, 0x7BFF, 0x7C00, 0xFC00, 0x7E00, 0xF000], np.uint16)


def halves(rng: np.random.Generator, shape: tuple[int, ...], special: bool) -> Array:
    """Two magnitudes far apart, so that ties occur and large terms that cancel show the order of a
    sum even in binary16; with infinities, NaNs, subnormals and zeros on demand."""
    small = (rng.standard_normal(shape) / 16).astype(np.float16)
    large = rng.choice(np.array([-128, 128], np.float16), shape)
    values = np.where(rng.random(shape) < 0.4, large, small)
    if not special:
        return values
    return np.where(rng.random(shape) < 0.05, rng.choice(SPECIAL, shape).view(np.float16), values)


@st.composite
def shapes(draw: st.DrawFn, most: int, channels: int) -> Convolution:
    """A convolution with an output pixel, its strides now and then beyond its kernel."""
    pair = lambda low, high: (draw(st.integers(low, high)), draw(st.integers(low, high)))  # noqa: E731
    kernel, stride, padding = pair(1, 3), pair(1, 3), pair(0, 2)
    height, width = (
        draw(st.integers(max(1, k - 2 * p), max(most, k)))
        for k, p in zip(kernel, padding, strict=True)
    )
    filters = draw(st.integers(1, channels))
    depth = draw(st.integers(1, channels))
    images = draw(st.integers(1, 2))
    return Convolution(images, height, width, depth, filters, kernel, stride, padding)


class Layer:
    """Operands of a convolution, as tensors and in a golden device."""

    def __init__(self, shape: Convolution, keep: int, seed: int, special: bool) -> None:
        rng = np.random.default_rng(seed)
        self.shape, self.keep = shape, keep
        self.device = GoldenDevice(CONFIG)
        self.x = halves(rng, (shape.images, shape.height, shape.width, shape.channels), special)
        outputs = (shape.images, shape.out_height, shape.out_width, shape.filters)
        self.dy = halves(rng, outputs, special)
        self.w = halves(rng, (*shape.kernel, shape.channels, shape.filters), special)
        self.dw = rng.standard_normal(self.w.shape).astype(np.float32)
        rows = shape.weight_rows(CONFIG.lanes)
        self.ff = self.device.packed(rows, shape.filters, keep)
        self.bp = self.device.packed(shape.filters, rows, keep)
        weights = self.upload(self.laid_out(self.w))
        self.device.pack(weights, self.ff, self.bp)
        self.x_matrix = self.upload(self.x.reshape(shape.in_pixels, shape.channels))
        self.dy_matrix = self.upload(self.dy.reshape(shape.out_pixels, shape.filters))

    def upload(self, values: Array) -> Matrix:
        matrix = self.device.matrix(*values.shape, values.dtype)
        self.device.write(matrix, values)
        return matrix

    def laid_out(self, w: Array, fill: float = 0.0) -> Array:
        """Weights as their matrix of taps; `fill` in the rows that are no channel."""
        shape = self.shape
        step = shape.tap_rows(CONFIG.lanes)
        rows = np.full((shape.taps * step, shape.filters), fill, w.dtype)
        for tap, weights in enumerate(w.reshape(shape.taps, shape.channels, shape.filters)):
            rows[tap * step : tap * step + shape.channels] = weights
        return rows[: shape.weight_rows(CONFIG.lanes)]

    def forward(self) -> tuple[Array, int]:
        y = self.device.matrix(self.shape.out_pixels, self.shape.filters, np.float16)
        bad = self.device.convolve(y, self.x_matrix, self.ff, self.shape)
        return self.device.read(y).reshape(self.dy.shape), bad

    def backward(self, dy_keep: int | None = None) -> tuple[Array, int]:
        dx = self.device.matrix(self.shape.in_pixels, self.shape.channels, np.float16)
        self.device.write(dx, np.full((dx.rows, dx.columns), 7, np.float16))
        bad = self.device.convolve_backward(
            dx, self.dy_matrix, self.bp, self.shape, dy_keep=dy_keep
        )
        return self.device.read(dx).reshape(self.x.shape), bad

    def gradient(self, accumulate: bool) -> tuple[Array, int]:
        dw = self.upload(self.laid_out(self.dw, fill=5.0))
        bad = self.device.convolve_gradient(
            dw, self.x_matrix, self.dy_matrix, self.shape, accumulate=accumulate
        )
        return self.device.read(dw), bad


def nonfinite(values: Array) -> int:
    return int(np.count_nonzero(~np.isfinite(values)))


CASES = {
    "shape": shapes(4, 5),
    "keep": st.integers(1, GROUP),
    "seed": st.integers(0, 1 << 20),
    "special": st.booleans(),
}


@settings(max_examples=40)
@given(**CASES)
def test_convolve(shape: Convolution, keep: int, seed: int, special: bool) -> None:
    layer = Layer(shape, keep, seed, special)
    kept = naive.kept_along(layer.w, keep, GROUP, axis=2)
    want = round_binary16(naive.forward(layer.x, layer.w, kept, shape))
    got, bad = layer.forward()
    assert exact.same_bits(got, want)
    assert bad == nonfinite(want)


@settings(max_examples=40)
@given(dy_keep=st.none() | st.integers(1, GROUP), **CASES)
def test_convolve_backward(
    shape: Convolution, keep: int, seed: int, special: bool, dy_keep: int | None
) -> None:
    layer = Layer(shape, keep, seed, special)
    kept = naive.kept_along(layer.w, keep, GROUP, axis=3)
    dy = layer.dy
    if dy_keep is not None:
        dy = np.where(naive.kept_along(dy, dy_keep, GROUP, axis=3), dy, np.float16(0))
    want = round_binary16(naive.backward(dy, layer.w, kept, shape))
    got, bad = layer.backward(dy_keep)
    assert exact.same_bits(got, want)
    assert bad == nonfinite(want)


@settings(max_examples=40)
@given(accumulate=st.booleans(), **CASES)
def test_convolve_gradient(
    shape: Convolution, keep: int, seed: int, special: bool, accumulate: bool
) -> None:
    layer = Layer(shape, keep, seed, special)
    start = layer.dw if accumulate else np.zeros_like(layer.dw)
    want = naive.gradient(layer.x, layer.dy, start, shape)
    got, bad = layer.gradient(accumulate)
    # Rows that are no channel of a tap keep their values.
    assert exact.same_bits(got, layer.laid_out(want, fill=5.0))
    assert bad == nonfinite(want)


def im2col(x: Array, shape: Convolution) -> Array:
    """One row an output pixel: its window, tap by tap."""
    (top, left), (down, right) = shape.padding, shape.stride
    padded = np.pad(x, ((0, 0), (top, top), (left, left), (0, 0)))
    windows = [
        padded[n, oy * down :, ox * right :][: shape.kernel[0], : shape.kernel[1]].ravel()
        for n, oy, ox in np.ndindex(shape.images, shape.out_height, shape.out_width)
    ]
    return np.stack(windows)


@settings(max_examples=30)
@given(shape=shapes(11, 19), keep=st.integers(1, GROUP), seed=st.integers(0, 1 << 20))
def test_convolutions_are_products_with_the_im2col_matrix(
    shape: Convolution, keep: int, seed: int
) -> None:
    layer = Layer(shape, keep, seed, special=True)
    columns = im2col(layer.x, shape)
    w, dy = layer.w.reshape(-1, shape.filters), layer.dy.reshape(-1, shape.filters)
    mask = naive.kept_along(layer.w, keep, GROUP, axis=2).reshape(w.shape)
    y = round_binary16(golden.matmul(columns, w, mask=mask))
    assert exact.same_bits(layer.forward()[0], y.reshape(layer.dy.shape))
    dw = golden.matmul(np.ascontiguousarray(columns.T), dy)
    assert exact.same_bits(
        layer.gradient(False)[0], layer.laid_out(dw.reshape(layer.w.shape), fill=5.0)
    )


def test_padding_is_multiplied_and_skipped_taps_are_not() -> None:
    """An infinite weight times +0 is NaN: at the border of FF, and nowhere where no tap reaches."""
    shape = Convolution(1, 5, 5, 1, 1, (1, 1), (2, 2), (1, 1))
    layer = Layer(shape, GROUP, 0, special=False)
    layer.device.pack(layer.upload(np.array([[np.inf]], np.float16)), layer.ff, layer.bp)
    y, bad = layer.forward()
    border = np.ones((4, 4), bool)
    border[1:3, 1:3] = False
    assert np.array_equal(np.isnan(y[0, :, :, 0]), border[: y.shape[1], : y.shape[2]])
    assert bad == y.size
    dx, bad = layer.backward()
    reached = np.zeros((5, 5), bool)
    reached[1::2, 1::2] = True
    assert np.array_equal(np.isinf(dx[0, :, :, 0]), reached)
    assert not dx[0, ~reached].view(np.uint16).any()
    assert bad == 4


def test_an_output_beyond_the_last_one_is_zero_and_multiplied() -> None:
    """The last row is reached by a tap of a window that does not fit the image any more."""
    shape = Convolution(1, 4, 1, 1, 1, (2, 1), (3, 1), (0, 0))
    layer = Layer(shape, GROUP, 0, special=False)
    layer.device.pack(
        layer.upload(layer.laid_out(np.full((2, 1, 1, 1), np.inf, np.float16))), bp=layer.bp
    )
    dx, bad = layer.backward()
    assert [str(abs(value)) for value in dx.ravel()] == ["inf", "inf", "0.0", "nan"]
    assert bad == 3


def test_a_pruned_output_gradient_is_multiplied() -> None:
    shape = Convolution.linear(1, 3, GROUP + 1)
    layer = Layer(shape, GROUP, 0, special=False)
    layer.dy_matrix = layer.upload(np.array([[3, -4, 4, 1, 0.5]], np.float16))
    w = np.zeros((3, GROUP + 1), np.float16)
    w[0, 0], w[1, 2], w[2, 1] = np.inf, np.inf, 2
    layer.device.pack(layer.upload(w), bp=layer.bp)
    dx, bad = layer.backward(dy_keep=1)
    # -4 is kept in the first group, by its lower index; 0.5 alone in the second.
    assert np.isnan(dx.ravel()[:2]).all()
    assert dx.ravel()[2] == -8
    assert bad == 2


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_batch_is_products_one_after_the_other(
    transpose_a: bool, transpose_b: bool, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(9)
    a, b = halves(rng, (7, 5, 6), True), halves(rng, (7, 6, 3), True)
    want = np.stack([golden.matmul(*pair) for pair in zip(a, b, strict=True)])
    every, zeros = np.ones((6, 3), bool), np.zeros((5, 3), np.float32)
    assert exact.same_bits(want[0], exact.matmul(a[0], b[0], every, zeros))
    want = round_binary16(want) if dtype is np.float16 else want
    left = a.swapaxes(1, 2) if transpose_a else a
    right = b.swapaxes(1, 2) if transpose_b else b
    device = GoldenDevice(CONFIG)
    for block in (1 << 16, 32, 4):  # all at once, two at a time, one by one in blocks
        monkeypatch.setattr(golden_sums, "BLOCK", block)
        operands = []
        for values in (left, right):
            matrix = device.matrix(7 * values.shape[1], values.shape[2], np.float16)
            device.write(matrix, values.reshape(-1, values.shape[2]))
            operands.append(matrix)
        y = device.matrix(35, 3, dtype)
        bad = device.product_batch(
            y, *operands, 7, transpose_a=transpose_a, transpose_b=transpose_b
        )
        assert exact.same_bits(device.read(y), want.reshape(35, 3))
        assert bad == nonfinite(want)


@settings(max_examples=60)
@given(
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 25), st.integers(1, 40)),
    block=st.integers(1, 300),
    width=st.integers(1, 50),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 1 << 20),
)
def test_blocks_change_nothing(
    sizes: tuple[int, int, int], block: int, width: int, share: float, seed: int
) -> None:
    """Any mask, not only N:M ones: columns may keep different numbers of terms, or none."""
    rng = np.random.default_rng(seed)
    rows, reduction, columns = sizes
    a, b = halves(rng, (rows, reduction), True), halves(rng, (reduction, columns), True)
    mask = rng.random(b.shape) < share
    start = rng.standard_normal((rows, columns)).astype(np.float32)
    start[0, 0] = -0.0
    plain = start.copy()
    with np.errstate(all="ignore"):
        for k in range(reduction):
            terms = a[:, k, None].astype(np.float32) * b[k].astype(np.float32)
            plain = np.where(mask[k], plain + terms, plain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golden_sums, "BLOCK", block)
        patch.setattr(golden_sums, "WIDTH", width)
        assert exact.same_bits(golden.matmul(a, b, mask=mask, initial=start), plain)


def test_a_gradient_gathered_in_pieces_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = Convolution(5, 4, 3, 3, 6, (2, 3), (1, 1), (1, 1))
    layer = Layer(shape, GROUP, 1, special=True)
    whole, _ = layer.gradient(True)
    monkeypatch.setattr("sat_host.golden_convolution.GATHERED", 1000)
    pieces, _ = layer.gradient(True)
    assert exact.same_bits(whole, pieces)

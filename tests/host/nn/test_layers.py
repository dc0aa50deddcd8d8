# SPDX-License-Identifier: Apache-2.0
"""The host's layers against their definitions: gradients, erf, dropout, and what they keep."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_cases import TRAINING, both_ways, close, normal, vector
from sat_host.nn import Run, StageClock
from sat_host.nn.activations import Dropout, Gelu, Relu, erf, exponential
from sat_host.nn.base import Layer, Residual, Sequential
from sat_host.nn.normalise import BatchNorm, LayerNorm
from sat_host.nn.pooling import AveragePool, GlobalAveragePool, MaxPool, Windows
from sat_host.nn.rows import channel_sums
from sat_host.nn.tokens import ClassToken, Flatten, Patches, PositionalEmbedding, TakeToken

IMAGES, TOKENS = (3, 6, 6, 5), (3, 4, 7)

LAYERS: dict[str, tuple[Callable[[], Layer], tuple[int, ...]]] = {
    "batch_norm": (
        lambda: BatchNorm(vector(normal(1, 5)), vector(normal(2, 5)), 0.1, 1e-5),
        IMAGES,
    ),
    "layer_norm": (lambda: LayerNorm(vector(normal(1, 7)), vector(normal(2, 7)), 1e-6), TOKENS),
    "relu": (Relu, IMAGES),
    "gelu": (Gelu, TOKENS),
    "max_pool": (lambda: MaxPool(Windows((3, 2), (2, 2), (1, 1))), IMAGES),
    "avg_pool": (lambda: AveragePool(Windows((3, 2), (2, 2), (1, 1))), IMAGES),
    "global_avg_pool": (GlobalAveragePool, IMAGES),
    "dropout": (lambda: Dropout(0.4, 3), TOKENS),
    "flatten": (Flatten, IMAGES),
    "take_token": (lambda: TakeToken(2), TOKENS),
    "class_token": (lambda: ClassToken(vector(normal(1, 7))), TOKENS),
    "positions": (lambda: PositionalEmbedding(vector(normal(1, 4, 7))), TOKENS),
    "patches": (lambda: Patches(3), IMAGES),
    "residual": (
        lambda: Residual(Sequential([Gelu()]), Sequential([Relu(), Flatten(), _Unflatten()])),
        IMAGES,
    ),
}


class _Unflatten(Layer):
    overwrites_input = True
    overwrites_gradient = True

    def forward(self, x: np.ndarray, run: Run) -> np.ndarray:  # type: ignore[type-arg]
        return x.reshape(-1, *IMAGES[1:])

    def backward(self, dy: np.ndarray, run: Run) -> np.ndarray:  # type: ignore[type-arg]
        return dy.reshape(len(dy), -1)


@pytest.mark.parametrize("name", LAYERS)
def test_gradient_is_the_slope_of_the_outputs(name: str) -> None:
    """Along random directions, by central differences."""
    make, shape = LAYERS[name]
    x = normal(3, *shape)
    x += np.where(np.abs(x) < 0.05, np.float32(0.1), np.float32(0))  # off the kink of ReLU
    step = np.float32(1e-2)
    dy = normal(4, *make().forward(x.copy(), TRAINING).shape)
    _, dx = both_ways(make(), x, dy)
    for seed in (5, 6, 7):
        # Only a few elements move, so that no other pixel becomes a window's largest.
        direction = normal(seed, *shape) * (np.random.default_rng(seed).random(shape) < 0.1)
        direction = np.clip(direction, -2, 2).astype(np.float32)
        ahead, behind = (
            make().forward(x + sign * step * direction, TRAINING).astype(np.float64)
            for sign in (np.float32(1), np.float32(-1))
        )
        slope = float(((ahead - behind) * dy).sum()) / (2 * float(step))
        expected = float((dx.astype(np.float64) * direction).sum())
        assert slope == pytest.approx(expected, rel=2e-3, abs=5e-3)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "class_token", "positions"])
def test_gradient_of_what_is_learned(name: str) -> None:
    """The slope by each learned value, and the sum over micro-batches."""
    make, shape = LAYERS[name]
    x = normal(3, *shape)
    layer = make()
    dy = normal(4, *layer.forward(x.copy(), TRAINING).shape)
    learned = [name for name in ("gain", "shift", "token", "positions") if hasattr(layer, name)]
    both_ways(layer, x, dy)
    for name in learned:
        gradient = getattr(layer, name).gradient
        for index in np.ndindex(gradient.shape):
            outputs = []
            for step in (1e-2, -1e-2):
                moved = make()
                getattr(moved, name).value[index] += np.float32(step)
                outputs.append(moved.forward(x.copy(), TRAINING).astype(np.float64))
            slope = float(((outputs[0] - outputs[1]) * dy).sum()) / 2e-2
            assert slope == pytest.approx(float(gradient[index]), rel=2e-3, abs=5e-3)
    once = {name: getattr(layer, name).gradient.copy() for name in learned}
    both_ways(layer, x, dy, Run(training=True, accumulate=True))
    for name in learned:
        assert np.array_equal(getattr(layer, name).gradient, once[name] + once[name])


@pytest.mark.parametrize("name", LAYERS)
def test_layers_say_what_they_overwrite(name: str) -> None:
    make, shape = LAYERS[name]
    layer = make()
    x = normal(3, *shape)
    kept = x.copy()
    y = layer.forward(x, TRAINING)
    assert layer.overwrites_input or (np.array_equal(x, kept) and not np.shares_memory(x, y))
    dy = normal(4, *y.shape)
    kept = dy.copy()
    dx = layer.backward(dy, TRAINING)
    assert dx is not None
    assert layer.overwrites_gradient or (np.array_equal(dy, kept) and not np.shares_memory(dx, dy))


@pytest.mark.parametrize("name", LAYERS)
def test_equal_calls_give_equal_bits(name: str) -> None:
    make, shape = LAYERS[name]
    x = normal(3, *shape)
    dy = normal(4, *make().forward(x.copy(), TRAINING).shape)
    for first, second in zip(both_ways(make(), x, dy), both_ways(make(), x, dy), strict=True):
        assert np.array_equal(first.view(np.uint32), second.view(np.uint32))


@pytest.mark.parametrize("bad", [[np.nan], [np.inf, -np.inf]], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_what_overflowed_passes_through_without_a_word(name: str, bad: list[float]) -> None:
    """The product before a layer finds it, and the step is skipped; NumPy's warnings are errors."""
    make, shape = LAYERS[name]
    layer = make()
    x = 10 * normal(3, *shape)
    dy = normal(4, *layer.forward(x.copy(), TRAINING).shape)
    rng = np.random.default_rng(5)
    for part in (dy, x):
        for value in bad:
            part[rng.random(part.shape) < 0.5] = value
    dx = layer.backward(dy, TRAINING)
    assert dx is not None and not np.isfinite(dx).all()
    layer.forward(x.copy(), TRAINING)
    make().forward(x, Run())


def test_erf() -> None:
    x = np.concatenate([np.linspace(-6, 6, 200_001), np.logspace(-30, 0, 2001)]).astype(np.float32)
    exact = np.array([math.erf(value) for value in x.astype(np.float64)])
    got = erf(x).astype(np.float64)
    assert np.abs(got - exact).max() < 5e-7
    assert (np.abs(got - exact) / np.maximum(np.abs(exact), 1e-30))[x != 0].max() < 5e-7
    assert erf(np.array([0, np.inf, -np.inf], np.float32)).tolist() == [0, *erf(x[[200_000, 0]])]
    assert np.isnan(erf(np.array([np.nan], np.float32)))[0]


def test_exponentials_are_rounded_once() -> None:
    """And so are the same on every CPU; NumPy's own of binary32 is off by units of the last bit."""
    x = np.linspace(-87, 10, 100_001, dtype=np.float32)
    exact = np.array([math.exp(value) for value in x.astype(np.float64)], np.float32)
    exponential(x)
    assert np.array_equal(x, exact)


@given(st.integers(1, 3000), st.integers(1, 70), st.integers(0, 99))
def test_channel_sums_of_any_shape(rows: int, channels: int, seed: int) -> None:
    x = normal(seed, rows, channels) + np.float32(100)
    exact = x.astype(np.float64).sum(axis=0)
    assert np.abs(channel_sums(x) / exact - 1).max() < 1e-6


def test_batch_statistics_of_many_values_far_from_zero() -> None:
    """A million values whose mean is a thousand deviations: 24 bits leave 14 for the variance."""
    x = normal(1, 1 << 16, 16) + np.float32(1000)
    layer = BatchNorm(vector(np.ones(16)), vector(np.zeros(16)), 1.0, 0.0)
    layer.forward(x.copy(), TRAINING)
    exact = x.astype(np.float64)
    assert np.abs(layer.running_mean / exact.mean(axis=0) - 1).max() < 1e-7
    assert np.abs(layer.running_var / exact.var(axis=0, ddof=1) - 1).max() < 1e-5


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_drops_its_rate(rate: float) -> None:
    x = np.ones((64, 4096), np.float32)
    y = Dropout(rate, 0).forward(x.copy(), TRAINING)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1) * np.float32(1 / (1 - rate))}
    assert np.mean(y == 0) == pytest.approx(rate, abs=4e-3)
    assert np.array_equal(Dropout(rate, 0).forward(x.copy(), Run()), x)


def test_dropout_depends_on_seed_step_micro_batch_and_layer_alone() -> None:
    x = np.ones((8, 64), np.float32)
    places = [(1, 2, 3, 0), (9, 2, 3, 0), (1, 9, 3, 0), (1, 2, 9, 0), (1, 2, 3, 9)]
    dropped = []
    for seed, step, micro, number in places:
        run = Run(training=True, seed=seed, step=step, micro=micro)
        first, second = (Dropout(0.5, number).forward(x.copy(), run) for _ in range(2))
        assert np.array_equal(first, second)
        dropped.append(first.tobytes())
    assert len(set(dropped)) == len(places)


def test_patches_are_in_the_order_of_the_image() -> None:
    image = np.arange(2 * 4 * 6 * 3, dtype=np.float32).reshape(2, 4, 6, 3)
    tokens = Patches(2).forward(image.copy(), Run())
    for n, row, column in np.ndindex(2, 2, 3):
        patch = image[n, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert np.array_equal(tokens[n, 3 * row + column], patch.reshape(-1))


def test_stages_inside_others_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 3.0, 7.0, 10.0, 11.0])
    monkeypatch.setattr("sat_host.nn.clock.time.perf_counter", lambda: next(now))
    clock = StageClock()
    with clock("outer"), clock("inner"):
        pass
    with clock("inner"):
        pass
    assert clock.summary() == {"inner": 3.0, "outer": 5.0}


def test_close_sees_a_difference() -> None:
    close(np.ones(3, np.float32), np.ones(3))
    with pytest.raises(AssertionError):
        close(np.ones(3, np.float32), np.array([1, 1, 1.001]))

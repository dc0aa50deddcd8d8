# SPDX-License-Identifier: Apache-2.0
"""Every host layer, forward and backward, against PyTorch on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from layer_cases import TRAINING, Single, both_ways, close, normal, vector
from sat_host.loss import softmax_cross_entropy
from sat_host.nn import Run
from sat_host.nn.activations import Gelu, Relu
from sat_host.nn.attention import softmax, softmax_gradient
from sat_host.nn.base import Residual, Sequential
from sat_host.nn.normalise import BatchNorm, LayerNorm
from sat_host.nn.pooling import AveragePool, GlobalAveragePool, MaxPool, Windows

torch = pytest.importorskip("torch")

few = settings(max_examples=15)
seeds = st.integers(0, 2**16)
extents = st.integers(1, 9)
images = st.tuples(st.integers(1, 4), extents, extents, st.sampled_from([1, 3, 8, 17, 64]))
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


def tensor(x: Single) -> Any:
    """A leaf that gets a gradient; images become [N, C, H, W]."""
    moved = np.moveaxis(x, -1, 1) if x.ndim == 4 else x
    return torch.tensor(np.ascontiguousarray(moved), requires_grad=True)


def array(values: Any) -> Single:
    """The inverse of `tensor`."""
    x: Single = values.detach().numpy()
    return np.moveaxis(x, 1, -1) if x.ndim == 4 else x


def compare(layer: Any, module: Any, x: Single, seed: int) -> None:
    """y and dX of both, for a random dY."""
    given_x = tensor(x)
    wanted = module(given_x)
    dy = normal(seed + 1, *array(wanted).shape)
    wanted.backward(tensor(dy).detach())
    y, dx = both_ways(layer, x, dy)
    close(y, array(wanted))
    close(dx, array(given_x.grad))


@few
@given(seeds, images, st.booleans(), st.sampled_from([0.0, 3.0, -50.0]))
def test_batch_norm(seed: int, shape: tuple[int, ...], vectors: bool, offset: float) -> None:
    shape = (shape[0] * shape[1], shape[3]) if vectors else shape
    channels = shape[-1]
    # Few values, or many of a mean far from zero, leave a variance of few digits.
    assume(np.prod(shape[:-1]) > 3)
    gain, shift = normal(seed, channels), normal(seed + 1, channels)
    layer = BatchNorm(vector(gain), vector(shift), 0.1, 1e-5)
    module = (torch.nn.BatchNorm1d if vectors else torch.nn.BatchNorm2d)(channels)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(gain))
        module.bias.copy_(torch.tensor(shift))
    tolerance = 2e-5 * max(1.0, abs(offset))
    for step in range(2):
        x = normal(seed + 2 + step, *shape) + np.float32(offset)
        given_x = tensor(x)
        wanted = module(given_x)
        dy = normal(seed + 9, *shape)
        module.zero_grad()
        wanted.backward(tensor(dy).detach())
        y, dx = both_ways(layer, x, dy)
        close(y, array(wanted), tolerance)
        close(dx, array(given_x.grad), 10 * tolerance)
        close(layer.gain.gradient, array(module.weight.grad), 10 * tolerance)
        close(layer.shift.gradient, array(module.bias.grad))
        close(layer.running_mean, module.running_mean.numpy())
        close(layer.running_var, module.running_var.numpy(), tolerance)
    module.eval()
    x = normal(seed + 7, *shape)
    close(layer.forward(x.copy(), Run()), array(module(tensor(x))), tolerance)


@few
@given(seeds, st.integers(1, 4), st.integers(1, 9), st.integers(2, 70))
def test_layer_norm(seed: int, count: int, tokens: int, width: int) -> None:
    gain, shift = normal(seed, width), normal(seed + 1, width)
    layer = LayerNorm(vector(gain), vector(shift), 1e-6)
    module = torch.nn.LayerNorm(width, eps=1e-6)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(gain))
        module.bias.copy_(torch.tensor(shift))
    x = normal(seed + 2, count, tokens, width)
    x += np.linspace(-1, 1, width, dtype=np.float32)  # no token's values are all about equal
    compare(layer, module, x, seed)
    close(layer.gain.gradient, array(module.weight.grad))
    close(layer.shift.gradient, array(module.bias.grad))


@few
@given(seeds, images)
def test_activations(seed: int, shape: tuple[int, ...]) -> None:
    x = 3 * normal(seed, *shape)
    compare(Relu(), torch.nn.ReLU(), x, seed)
    compare(Gelu(), torch.nn.GELU(), x, seed)
    close(Gelu().forward(x.copy(), Run()), array(torch.nn.GELU()(tensor(x))))


@few
@given(seeds, images, pairs, pairs, st.data())
def test_pools(
    seed: int,
    shape: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    data: st.DataObject,
) -> None:
    padding = tuple(data.draw(st.integers(0, taps // 2)) for taps in kernel)
    windows = Windows(kernel, stride, (padding[0], padding[1]))
    assume(min(windows.out(*shape[1:3])) > 0)
    # Whole numbers, so that windows hold equal values: the first of them gets the gradient.
    x = np.round(2 * normal(seed, *shape))
    compare(MaxPool(windows), torch.nn.MaxPool2d(kernel, stride, padding), x, seed)
    compare(AveragePool(windows), torch.nn.AvgPool2d(kernel, stride, padding), x, seed)


@few
@given(seeds, images)
def test_global_average_pool(seed: int, shape: tuple[int, ...]) -> None:
    module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    compare(GlobalAveragePool(), module, normal(seed, *shape), seed)


@few
@given(seeds, st.integers(1, 9), st.integers(1, 70))
def test_softmax(seed: int, rows: int, columns: int) -> None:
    x, dy = 5 * normal(seed, rows, columns), normal(seed + 1, rows, columns)
    given_x = tensor(x)
    wanted = torch.softmax(given_x, dim=1)
    wanted.backward(torch.tensor(dy))
    softmax(x)
    close(x, array(wanted))
    softmax_gradient(x, dy)
    close(dy, array(given_x.grad))


@few
@given(seeds, st.integers(1, 9), st.integers(2, 70), st.sampled_from([0.0, 0.1, 0.7]))
def test_cross_entropy(seed: int, rows: int, classes: int, smoothing: float) -> None:
    logits = 5 * normal(seed, rows, classes)
    labels = np.random.default_rng(seed).integers(0, classes, rows)
    given_x = tensor(logits)
    wanted = torch.nn.functional.cross_entropy(
        given_x, torch.tensor(labels), label_smoothing=smoothing
    )
    wanted.backward()
    loss, gradient = softmax_cross_entropy(logits, labels, smoothing)
    assert loss == pytest.approx(wanted.item(), rel=1e-5, abs=1e-6)
    close(gradient, array(given_x.grad))


class _TorchResidual(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, body: Any, shortcut: Any) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Any) -> Any:
        return self.body(x) + self.shortcut(x)


@few
@given(seeds, images)
def test_residuals_of_layers_that_work_in_place(seed: int, shape: tuple[int, ...]) -> None:
    x, nn = normal(seed, *shape), torch.nn
    pool = Windows((1, 1), (1, 1), (0, 0))
    cases = [
        ([Relu(), Gelu()], None, nn.Sequential(nn.ReLU(), nn.GELU()), nn.Identity()),
        ([Gelu()], [Relu()], nn.GELU(), nn.ReLU()),
        ([MaxPool(pool), Relu()], [Gelu()], nn.ReLU(), nn.GELU()),
    ]
    for body, shortcut, torch_body, torch_shortcut in cases:
        layer = Residual(Sequential(body), Sequential(shortcut) if shortcut else None)
        kept = x.copy()
        y = layer.forward(x, TRAINING)
        assert layer.overwrites_input or np.array_equal(x, kept)
        dy = normal(seed + 1, *shape)
        dy_kept = dy.copy()
        dx = layer.backward(dy, TRAINING)
        assert layer.overwrites_gradient or np.array_equal(dy, dy_kept)
        given_x = tensor(kept)
        wanted = _TorchResidual(torch_body, torch_shortcut)(given_x)
        wanted.backward(tensor(dy_kept).detach())
        close(y, array(wanted))
        assert dx is not None
        close(dx, array(given_x.grad))
        x = kept

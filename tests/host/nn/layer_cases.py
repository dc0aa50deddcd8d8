# SPDX-License-Identifier: Apache-2.0
"""What the tests of the host's layers share: running one, and comparing in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sat_host.nn import Run
from sat_host.nn.base import Layer
from sat_host.nn.vectors import Vector

Single = npt.NDArray[np.float32]
TRAINING = Run(training=True)


def normal(seed: int, *shape: int) -> Single:
    """Standard normal float32 values."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def vector(values: npt.NDArray[Any]) -> Vector:
    """A learned vector outside of any store."""
    return Vector("v", values)


def both_ways(layer: Layer, x: Single, dy: Single, run: Run = TRAINING) -> tuple[Single, Single]:
    """y and dX; x and dy stay as they are, whatever the layer does to its own."""
    y = layer.forward(x.copy(), run)
    assert y.dtype == np.float32 and y.shape == dy.shape
    y = y.copy()
    dx = layer.backward(dy.copy(), run)
    assert dx is not None and dx.dtype == np.float32 and dx.shape == x.shape
    return y, dx


def close(got: npt.NDArray[Any], want: Any, tolerance: float = 2e-5) -> None:
    """Equal to within `tolerance` of the largest value wanted, as float32 sums allow."""
    wanted = np.asarray(want)
    assert got.shape == wanted.shape
    limit = tolerance * max(1.0, float(np.abs(wanted).max(initial=0)))
    worst = float(np.abs(got - wanted).max(initial=0))
    assert worst <= limit, f"off by {worst}, {limit} is allowed"

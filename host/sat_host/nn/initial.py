# SPDX-License-Identifier: Apache-2.0
"""Initial values of what is learned.

Weights are normal with variance gain / fan-in, where fan-in is kh * kw * C_in: gain 2 (He,
arXiv 1502.01852) in networks of convolutions and perceptrons, whose activation is ReLU, and gain 1
(LeCun) in networks with attention. Tokens and positions are normal with deviation 0.02. Gains are
1; shifts and biases are 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ..models.layers import Attention, Layer, Residual
from .base import Single

EMBEDDING_DEVIATION = 0.02


def has_attention(layers: Iterable[Layer]) -> bool:
    """Whether there is an attention among the layers or inside them."""
    return any(
        isinstance(layer, Attention)
        or (isinstance(layer, Residual) and has_attention((*layer.body, *layer.shortcut)))
        for layer in layers
    )


def weights(
    shape: tuple[int, int, int, int], gain: float, generator: np.random.Generator
) -> Single:
    """Initial weights [kh, kw, C_in, C_out]."""
    deviation = math.sqrt(gain / math.prod(shape[:3]))
    return (generator.standard_normal(shape) * deviation).astype(np.float32)


def embedding(shape: tuple[int, ...], generator: np.random.Generator) -> Single:
    """An initial token or positions."""
    return (generator.standard_normal(shape) * EMBEDDING_DEVIATION).astype(np.float32)

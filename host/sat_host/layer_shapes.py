# SPDX-License-Identifier: Apache-2.0
"""The layers of a training step as the array sees them: `layers` of a program.json."""

from __future__ import annotations

from dataclasses import dataclass

from .convolution import Convolution


@dataclass(frozen=True)
class WeightedLayer:
    """A convolution or linear layer as the array sees it, the first with its taps folded.

    ff_keep, bp_keep, dy_keep: N of the packed forms and of dY as BP loads it; bp_keep is 0 for the
    first layer, which has no BP; dy_keep is 0 where dY is not pruned. masked: the weights that FF
    prunes decay, and BP takes zeros for them.
    """

    name: str
    shape: Convolution
    ff_keep: int
    bp_keep: int
    dy_keep: int = 0
    masked: bool = False


@dataclass(frozen=True)
class ActivationLayer:
    """`copies` products [height, inner] . [inner, outer] of two activations. keys: the second one
    is stored as [outer, inner]."""

    name: str
    copies: int
    height: int
    inner: int
    outer: int
    keys: bool


LayerShape = WeightedLayer | ActivationLayer

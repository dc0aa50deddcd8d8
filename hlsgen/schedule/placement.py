# SPDX-License-Identifier: Apache-2.0
"""In which bank of device memory a tensor lies: the one rule of the cycle model and the program.

Layers are numbered in the order of the forward pass. A product's A, B and Y lie in banks of their
own where the card has three or more: X of layers in turns in two banks, dY in two, the packed forms
where neither is. Three banks are too few for BP of every other product of two activations, where A
and B share one.
"""

from __future__ import annotations

# By tensor, for layers of an even and of an odd number. x, y: of FF; dy, dx: of BP. ff, bp: packed
# forms. weights, velocity, gradient: of the update. other, d_other: an activation product's second
# factor and its gradient; dx_in_place: its first factor's gradient, in the place of x.
_FOUR = {
    "x": (0, 1),
    "y": (1, 0),
    "dy": (2, 3),
    "dx": (3, 2),
    "ff": (2, 2),
    "bp": (0, 0),
    "weights": (3, 1),
    "velocity": (2, 3),
    "gradient": (1, 0),
    "other": (3, 2),
    "d_other": (3, 2),
    "dx_in_place": (0, 1),
    "commands": (1, 1),
}
_THREE = {
    **_FOUR,
    "dy": (1, 2),
    "dx": (2, 1),
    "weights": (1, 1),
    "velocity": (0, 2),
    "gradient": (2, 0),
    "other": (2, 0),
    "d_other": (2, 0),
}
TENSORS = tuple(_FOUR)


def bank_of(tensor: str, number: int, banks: int) -> int:
    """The bank, 0 to `banks` - 1, of one of TENSORS of layer `number`.

    Of more than four banks the others stay free. Raises KeyError for another tensor, ValueError for
    less than one bank.
    """
    if banks < 1:
        raise ValueError(f"banks: expected at least 1, got {banks}")
    table = _THREE if banks == 3 else _FOUR
    return table[tensor][number % 2] % banks

# SPDX-License-Identifier: Apache-2.0
"""The types of memory ports in a kernel's signature: pointers, as the synthesis side has them."""

from __future__ import annotations

import re

_POINTERS = {"SAT_READ_PORT": r"const \1*", "SAT_WRITE_PORT": r"\1*"}


def with_pointers(text: str) -> str:
    """C++ with the macros of kernels/vitis/hls_macros.h replaced."""
    for macro, pointer in _POINTERS.items():
        text = re.sub(rf"\b{macro}\(([^()]*)\)", pointer, text)
    return text

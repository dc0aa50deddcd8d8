# SPDX-License-Identifier: Apache-2.0
"""Binary16 as every device and the training program round to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

CANONICAL_NAN = np.uint16(0x7E00)


def round_binary16(x: npt.NDArray[Any]) -> npt.NDArray[np.float16]:
    """`x`, rounded to binary32 first if it is wider, to binary16: nearest even, subnormals kept,
    overflow to infinity, any NaN 0x7E00 (docs/architecture.md, Numerics)."""
    with np.errstate(all="ignore"):
        half = np.asarray(x, np.float32).astype(np.float16)
    half[np.isnan(half)] = CANONICAL_NAN.view(np.float16)
    return half

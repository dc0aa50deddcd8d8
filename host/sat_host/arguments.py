# SPDX-License-Identifier: Apache-2.0
"""Checks of the arrays and numbers that users hand to a device; each failure is one line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DeviceError

Array = npt.NDArray[Any]


def describe(value: object) -> str:
    """What came, for an error's text: dtype and shape of an array, else the type's name."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return type(value).__name__


def matrix(name: str, value: object, dtype: npt.DTypeLike, form: str) -> Array:
    """`value` as a C-contiguous, non-empty 2-D array; its dtype must be `dtype` already."""
    wanted = np.dtype(dtype)
    if not isinstance(value, np.ndarray) or value.dtype != wanted or value.ndim != 2:
        raise DeviceError(f"{name}: expected a {wanted} array {form}, got {describe(value)}")
    if value.size == 0:
        raise DeviceError(f"{name}: expected a non-empty array {form}, got {describe(value)}")
    return np.ascontiguousarray(value)


def same_shape(name: str, value: object, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> Array:
    """`value` as a C-contiguous array of exactly this dtype and shape."""
    wanted = np.dtype(dtype)
    if not isinstance(value, np.ndarray) or value.dtype != wanted or value.shape != shape:
        raise DeviceError(f"{name}: expected a {wanted} array {shape}, got {describe(value)}")
    if value.size == 0:
        raise DeviceError(f"{name}: expected a non-empty array, got {describe(value)}")
    return np.ascontiguousarray(value)


def keep_count(value: object, group: int) -> int:
    """N of N:M, an integer from 1 to the group M."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise DeviceError(f"keep: expected an integer from 1 to {group}, got {value!r}")
    if not 1 <= value <= group:
        raise DeviceError(f"keep: expected 1 to {group} (the group M), got {value}")
    return int(value)


def axis_of_matrix(value: object) -> int:
    """0 or 1, from 0, 1, -1 or -2."""
    if isinstance(value, bool) or not isinstance(value, int) or not -2 <= value <= 1:
        raise DeviceError(f"axis: expected 0 (rows) or 1 (columns), got {value!r}")
    return value % 2


def scalar(name: str, value: object) -> float:
    """A number that is finite when rounded to binary32."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise DeviceError(f"{name}: expected a number, got {value!r}")
    with np.errstate(all="ignore"):
        rounded = float(np.float32(float(value)))
    if not math.isfinite(rounded):
        raise DeviceError(f"{name}: expected a finite binary32 number, got {value!r}")
    return rounded

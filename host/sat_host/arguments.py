# SPDX-License-Identifier: Apache-2.0
"""Checks of the arrays and numbers that users hand to a device; each failure is one line."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from .errors import ArgumentError

Array = npt.NDArray[Any]


def describe(value: object) -> str:
    """What came, for an error's text: dtype and shape of an array, else the type's name."""
    if isinstance(value, np.ma.MaskedArray):
        return "a masked array"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return type(value).__name__


def _show(value: object) -> str:
    """What came where a number was expected."""
    plain = isinstance(value, (bool, int, float, str, np.generic))
    return repr(value) if plain else describe(value)


def matrix(name: str, value: object, dtype: npt.DTypeLike, form: str) -> Array:
    """`value` as a C-contiguous, non-empty 2-D array; its dtype must be `dtype` already."""
    wanted = np.dtype(dtype)
    if not _is_plain(value, wanted) or value.ndim != 2:
        raise _not_the_array(name, value, wanted, form)
    if value.size == 0:
        raise ArgumentError(f"{name}: expected a non-empty array {form}, got {describe(value)}")
    return np.ascontiguousarray(value)


def same_shape(name: str, value: object, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> Array:
    """`value` as a C-contiguous array of exactly this dtype and shape."""
    wanted = np.dtype(dtype)
    if not _is_plain(value, wanted) or value.shape != shape:
        raise _not_the_array(name, value, wanted, str(shape))
    if value.size == 0:
        raise ArgumentError(f"{name}: expected a non-empty array, got {describe(value)}")
    return np.ascontiguousarray(value)


def values_for(name: str, value: object, dtype: npt.DTypeLike, count: int) -> Array:
    """`value` as a C-contiguous array of exactly this dtype and number of elements."""
    wanted = np.dtype(dtype)
    if not _is_plain(value, wanted) or value.size != count:
        raise _not_the_array(name, value, wanted, f"of {count} values")
    return np.ascontiguousarray(value)


def extent(name: str, value: object) -> int:
    """A number of rows or columns, an integer of at least 1."""
    if not _is_integer(value) or value < 1:
        raise ArgumentError(f"{name}: expected an integer of at least 1, got {_show(value)}")
    return int(value)


def keep_count(value: object, group: int, name: str = "keep") -> int:
    """N of N:M, an integer from 1 to the group M."""
    if not _is_integer(value):
        raise ArgumentError(f"{name}: expected an integer from 1 to {group}, got {_show(value)}")
    if not 1 <= value <= group:
        raise ArgumentError(f"{name}: expected 1 to {group} (the group M), got {value}")
    return int(value)


def axis_of_matrix(value: object) -> int:
    """0 or 1, from 0, 1, -1 or -2."""
    if not _is_integer(value) or not -2 <= value <= 1:
        raise ArgumentError(f"axis: expected 0 (rows) or 1 (columns), got {_show(value)}")
    return int(value % 2)


def scalar(name: str, value: object) -> float:
    """A number that is finite when rounded to binary32."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise ArgumentError(f"{name}: expected a number, got {_show(value)}")
    try:
        with np.errstate(all="ignore"):
            rounded = float(np.float32(float(value)))
    except OverflowError:  # an integer beyond binary64
        rounded = math.inf
    if not math.isfinite(rounded):
        raise ArgumentError(f"{name}: expected a finite binary32 number, got {_show(value)}")
    return rounded


def _is_plain(value: object, wanted: np.dtype[Any]) -> TypeGuard[Array]:
    """An array of the dtype; a masked one is not, as its mask would be lost on the way."""
    masked = isinstance(value, np.ma.MaskedArray)
    return isinstance(value, np.ndarray) and not masked and value.dtype == wanted


def _not_the_array(name: str, value: object, wanted: np.dtype[Any], form: str) -> ArgumentError:
    mend = ""
    if isinstance(value, np.ma.MaskedArray):
        mend = ": use .filled()"
    elif isinstance(value, np.ndarray) and value.dtype != wanted and value.dtype.kind in "biuf":
        mend = f": use .astype(np.{wanted})"
    return ArgumentError(f"{name}: expected a {wanted} array {form}, got {describe(value)}{mend}")


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)

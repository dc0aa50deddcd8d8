# SPDX-License-Identifier: Apache-2.0
"""Checks of matrices against each other, shared by all devices so that errors read the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import arguments
from .config import ArrayConfig
from .device import Array, Matrix, PackedMatrix
from .errors import ArgumentError

HALF = np.dtype(np.float16)
SINGLE = np.dtype(np.float32)


def _text(item: Matrix | PackedMatrix) -> str:
    if isinstance(item, PackedMatrix):
        return f"packed ({item.reduction}, {item.columns}) keep {item.keep}"
    return f"{item.dtype} ({item.rows}, {item.columns})"


def check_allocation(
    rows: object, columns: object, dtype: npt.DTypeLike
) -> tuple[int, int, np.dtype[np.generic]]:
    """Rows, columns and dtype of a new matrix."""
    try:
        kind = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):
        kind = None
    if kind not in (HALF, SINGLE):
        got = arguments.describe(dtype) if kind is None else kind
        raise ArgumentError(f"matrix: expected dtype float16 or float32, got {got}")
    return arguments.extent("rows", rows), arguments.extent("columns", columns), kind


def check_packed(
    reduction: object, columns: object, keep: object, config: ArrayConfig
) -> tuple[int, int, int]:
    """The extents and keep of new packed weights."""
    return (
        arguments.extent("reduction", reduction),
        arguments.extent("columns", columns),
        arguments.keep_count(keep, config.group),
    )


def check_write(target: Matrix, values: object) -> Array:
    """`values`, C-contiguous, when it has the shape and dtype of `target`."""
    return arguments.same_shape("values", values, target.dtype, (target.rows, target.columns))


def check_product(
    y: Matrix, a: Matrix, b: Matrix | PackedMatrix, transpose_a: bool, accumulate: bool
) -> tuple[int, int, int]:
    """(I, K, J) of y [I, J] = op(a) [I, K] . b [K, J], or ArgumentError."""
    if a.dtype != HALF or (isinstance(b, Matrix) and b.dtype != HALF):
        raise ArgumentError(f"product: operands must be float16, got {_text(a)} and {_text(b)}")
    i, k = (a.columns, a.rows) if transpose_a else (a.rows, a.columns)
    reduction = b.reduction if isinstance(b, PackedMatrix) else b.rows
    if reduction != k:
        raise ArgumentError(
            f"product: a reduces over {k} elements, b over {reduction} ({_text(b)})"
        )
    if (y.rows, y.columns) != (i, b.columns):
        raise ArgumentError(f"product: expected y ({i}, {b.columns}), got {_text(y)}")
    if accumulate and y.dtype != SINGLE:
        raise ArgumentError(f"product: accumulating needs a float32 y, got {_text(y)}")
    return i, k, b.columns


def check_pack(weights: Matrix, ff: PackedMatrix | None, bp: PackedMatrix | None) -> None:
    """ff must be weights' [K, J] and bp its transpose [J, K]."""
    k, j = weights.rows, weights.columns
    if ff is not None and (ff.reduction, ff.columns) != (k, j):
        raise ArgumentError(f"ff: expected packed ({k}, {j}), got {_text(ff)}")
    if bp is not None and (bp.reduction, bp.columns) != (j, k):
        raise ArgumentError(f"bp: expected packed ({j}, {k}), got {_text(bp)}")


def check_update(weights: Matrix, velocity: Matrix, gradient: Matrix) -> None:
    """The three float32 matrices of an update have one shape."""
    for name, item in (("weights", weights), ("velocity", velocity), ("gradient", gradient)):
        if item.dtype != SINGLE:
            raise ArgumentError(f"{name}: expected float32, got {_text(item)}")
        if (item.rows, item.columns) != (weights.rows, weights.columns):
            raise ArgumentError(
                f"{name}: expected ({weights.rows}, {weights.columns}), got {_text(item)}"
            )

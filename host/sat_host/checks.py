# SPDX-License-Identifier: Apache-2.0
"""Checks of matrices against each other, shared by all devices so that errors read the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import arguments
from .config import ArrayConfig
from .convolution import Convolution
from .device import Array, Matrix, PackedMatrix, UpdateScalars
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


def check_product_batch(
    y: Matrix, a: Matrix, b: Matrix, batch: object, transpose_a: bool, transpose_b: bool
) -> tuple[int, int, int, int]:
    """(n, I, K, J) of n products y_i [I, J] = op(a_i) [I, K] . op(b_i) [K, J]."""
    if a.dtype != HALF or b.dtype != HALF:
        raise ArgumentError(
            f"product_batch: operands must be float16, got {_text(a)} and {_text(b)}"
        )
    count = arguments.extent("batch", batch)
    for name, item in (("y", y), ("a", a), ("b", b)):
        if item.rows % count:
            raise ArgumentError(f"product_batch: {name} has no {count} equal parts, {_text(item)}")
    (i, k), (reduction, j) = (a.rows // count, a.columns), (b.rows // count, b.columns)
    if transpose_a:
        i, k = k, i
    if transpose_b:
        reduction, j = j, reduction
    if reduction != k:
        raise ArgumentError(
            f"product_batch: a reduces over {k} elements, b over {reduction} ({_text(b)})"
        )
    if (y.rows, y.columns) != (count * i, j):
        raise ArgumentError(f"product_batch: expected y ({count * i}, {j}), got {_text(y)}")
    return count, i, k, j


def check_convolution(
    y: Matrix, x: Matrix, weights: PackedMatrix, shape: object, config: ArrayConfig
) -> Convolution:
    """The geometry of an FF that fits its three matrices."""
    geometry = _geometry(shape)
    _expect("x", x, HALF, geometry.in_pixels, geometry.channels)
    _expect("y", y, HALF, geometry.out_pixels, geometry.filters)
    _expect_packed(weights, geometry.weight_rows(config.lanes), geometry.filters)
    return geometry


def check_convolution_backward(
    dx: Matrix,
    dy: Matrix,
    weights: PackedMatrix,
    shape: object,
    dy_keep: object,
    config: ArrayConfig,
) -> tuple[Convolution, int]:
    """The geometry of a BP that fits its three matrices, and dy's N; the group if none is given."""
    geometry = _geometry(shape)
    _expect("dx", dx, HALF, geometry.in_pixels, geometry.channels)
    _expect("dy", dy, HALF, geometry.out_pixels, geometry.filters)
    _expect_packed(weights, geometry.filters, geometry.weight_rows(config.lanes))
    if dy_keep is None:
        return geometry, config.group
    return geometry, arguments.keep_count(dy_keep, config.group, "dy_keep")


def check_convolution_gradient(
    dw: Matrix, x: Matrix, dy: Matrix, shape: object, config: ArrayConfig
) -> Convolution:
    """The geometry of a WU that fits its three matrices."""
    geometry = _geometry(shape)
    _expect("dw", dw, SINGLE, geometry.weight_rows(config.lanes), geometry.filters)
    _expect("x", x, HALF, geometry.in_pixels, geometry.channels)
    _expect("dy", dy, HALF, geometry.out_pixels, geometry.filters)
    return geometry


def _geometry(shape: object) -> Convolution:
    if not isinstance(shape, Convolution):
        got = arguments.describe(shape)
        raise ArgumentError(f"shape: expected a Convolution, got {got}")
    return shape


def _expect(name: str, item: Matrix, dtype: np.dtype[np.generic], rows: int, columns: int) -> None:
    if not isinstance(item, Matrix) or (item.dtype, item.rows, item.columns) != (
        dtype,
        rows,
        columns,
    ):
        raise ArgumentError(f"{name}: expected {dtype} ({rows}, {columns}), got {_text(item)}")


def _expect_packed(weights: PackedMatrix, reduction: int, columns: int) -> None:
    if not isinstance(weights, PackedMatrix) or (weights.reduction, weights.columns) != (
        reduction,
        columns,
    ):
        raise ArgumentError(
            f"weights: expected packed ({reduction}, {columns}), got {_text(weights)}"
        )


def check_pack(
    weights: Matrix, ff: PackedMatrix | None, bp: PackedMatrix | None, masked_bp: bool = False
) -> None:
    """ff must be weights' [K, J] and bp its transpose [J, K]; masked_bp needs ff."""
    k, j = weights.rows, weights.columns
    if ff is not None and (ff.reduction, ff.columns) != (k, j):
        raise ArgumentError(f"ff: expected packed ({k}, {j}), got {_text(ff)}")
    if bp is not None and (bp.reduction, bp.columns) != (j, k):
        raise ArgumentError(f"bp: expected packed ({j}, {k}), got {_text(bp)}")
    if masked_bp and ff is None:
        raise ArgumentError("masked_bp: needs ff, whose pruned weights it leaves out")


def check_update(
    weights: Matrix,
    velocity: Matrix,
    gradient: Matrix,
    scalars: UpdateScalars,
    ff: PackedMatrix | None,
) -> bool:
    """The three float32 matrices of an update have one shape, and sr_decay has its ff.

    Returns whether the term of sr_decay is there: it isn't when binary32 rounds it to zero.
    """
    for name, item in (("weights", weights), ("velocity", velocity), ("gradient", gradient)):
        if item.dtype != SINGLE:
            raise ArgumentError(f"{name}: expected float32, got {_text(item)}")
        if (item.rows, item.columns) != (weights.rows, weights.columns):
            raise ArgumentError(
                f"{name}: expected ({weights.rows}, {weights.columns}), got {_text(item)}"
            )
    decays = scalars.sr_decay != 0
    if decays:
        with np.errstate(all="ignore"):
            decays = bool(np.asarray(scalars.sr_decay, np.float64).astype(np.float32) != 0)
    if decays and ff is None:
        raise ArgumentError("sr_decay: needs ff, whose pruned weights it decays")
    return decays

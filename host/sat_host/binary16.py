# SPDX-License-Identifier: Apache-2.0
"""Binary16 as every device and the training program round to it.

NumPy converts number by number, and takes a hundred times as long for a subnormal as for another;
gradients have many. The conversions here take the same time whatever the values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

CANONICAL_NAN = np.uint16(0x7E00)

_PIECE = 1 << 15  # elements: their bits and two temporaries stay in a core's cache
_MAGNITUDE = np.uint32(0x7FFFFFFF)
_EXPONENT = np.uint32(0x7F800000)
_INFINITY = np.uint32(0x7F800000)
_OVERFLOW = np.uint32(143 << 23)  # 2^16, which becomes binary16's infinity
_SMALLEST_NORMAL = np.uint32((127 - 14) << 23)
# The float of exponent e + 13 has units of binary16's last place at e, so that adding it rounds. Of
# these units it has another 2048, which takes 126 from the exponents of the sum (see _round).
_TO_LAST_PLACE = np.uint32((13 << 23) + 2048)


def round_binary16(
    x: npt.NDArray[Any], out: npt.NDArray[np.float16] | None = None
) -> npt.NDArray[np.float16]:
    """`x`, rounded to binary32 first if it is wider, to binary16: nearest even, subnormals kept,
    overflow to infinity, any NaN 0x7E00 (docs/architecture.md, Numerics).

    out: C-contiguous, of the shape of x, gets the result and is returned.
    """
    with np.errstate(all="ignore"):
        single = np.asarray(x, np.float32, order="C")
    half = np.empty(single.shape, np.float16) if out is None else out
    source, target = single.reshape(-1).view(np.uint32), half.reshape(-1).view(np.uint16)
    size = min(_PIECE, source.size)
    first, second = np.empty(size, np.uint32), np.empty(size, np.uint32)
    for start in range(0, source.size, _PIECE):
        bits = source[start : start + _PIECE]
        _round(bits, target[start : start + _PIECE], first[: bits.size], second[: bits.size])
    return half


def _round(
    bits: npt.NDArray[np.uint32],
    half: npt.NDArray[np.uint16],
    total: npt.NDArray[np.uint32],
    other: npt.NDArray[np.uint32],
) -> None:
    """Round the bits of binary32 numbers; `total` and `other` are room for as many.

    With e the exponent, at least -14, |x| + 2^(e + 13) is rounded to units of binary16's last
    place at e. How many of them |x| has is in its low bits then, and e in its exponent, whose
    offset is 126 too large for binary16: 126 * 2^10 is -2048 modulo 2^16. What is above the low 16
    bits is of no meaning.
    """
    largest = np.maximum.reduce(bits)
    signed = largest > _MAGNITUDE
    magnitude = bits
    if signed:
        magnitude = np.bitwise_and(bits, _MAGNITUDE, out=total)
        largest = np.maximum.reduce(magnitude)
    if largest >= _OVERFLOW:
        magnitude = np.minimum(magnitude, _OVERFLOW, out=total)
    np.bitwise_and(magnitude, _EXPONENT, out=other)
    np.maximum(other, _SMALLEST_NORMAL, out=other)
    np.add(other, _TO_LAST_PLACE, out=other)
    np.add(magnitude.view(np.float32), other.view(np.float32), out=total.view(np.float32))
    np.right_shift(total, np.uint32(13), out=other)
    np.add(total, other, out=total)
    if signed:
        np.right_shift(bits, np.uint32(16), out=other)
        np.bitwise_and(other, np.uint32(0x8000), out=other)
        np.add(total, other, out=total)
    half[:] = total
    if largest > _INFINITY:
        half[np.isnan(bits.view(np.float32))] = CANONICAL_NAN


def widen_binary16(x: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    """`x` as binary32: exact."""
    result = np.empty(x.shape, np.float32)
    source, target = np.ascontiguousarray(x).view(np.uint16).reshape(-1), result.reshape(-1)
    places = np.empty(min(_PIECE, source.size), np.intp)
    for start in range(0, source.size, _PIECE):
        part = target[start : start + _PIECE]
        index = places[: part.size]
        index[:] = source[start : start + _PIECE]
        # "wrap" never applies, since there are as many values as indices; it spares a check.
        np.take(_ALL_VALUES, index, out=part, mode="wrap")
    return result


_ALL_VALUES = (
    np.arange(1 << 16, dtype=np.uint32).astype(np.uint16).view(np.float16).astype(np.float32)
)

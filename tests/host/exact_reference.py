# SPDX-License-Identifier: Apache-2.0
"""Floating point one scalar at a time on exact rationals: slow, and independent of NumPy's."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

UNBOUNDED = -100_000
SMALLEST_NORMAL = Fraction(1, 2**126)


def round_to(value: Fraction, bits: int = 24, emin: int = -126, emax: int = 127) -> float:
    """Nearest-even rounding to `bits` of significand, normal exponents emin..emax; zero is +0."""
    if value == 0:
        return 0.0
    size = abs(value)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if Fraction(2) ** exponent > size:
        exponent -= 1
    quantum = Fraction(2) ** (max(exponent, emin) - bits + 1)
    rounded = round(size / quantum) * quantum
    result = math.inf if rounded >= Fraction(2) ** (emax + 1) else float(rounded)
    return math.copysign(result, value)


def to_binary16(x: float) -> float:
    """Binary32 (as a float) to binary16; the sign of zero stays."""
    if math.isnan(x) or math.isinf(x):
        return x
    return math.copysign(round_to(Fraction(x), 11, -14, 15), x)


def add(x: float, y: float) -> float:
    """One binary32 addition."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return x + y
    total = Fraction(x) + Fraction(y)
    if total == 0:
        both_negative = math.copysign(1, x) < 0 and math.copysign(1, y) < 0
        return -0.0 if both_negative else 0.0
    return round_to(total)


def multiply(x: float, y: float) -> float:
    """One binary32 multiplication."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return x * y
    return math.copysign(round_to(Fraction(x) * Fraction(y)), _sign(x, y))


def flush(x: float) -> float:
    """Subnormal binary32 to a zero of its sign."""
    return math.copysign(0.0, x) if abs(x) < SMALLEST_NORMAL else x


def flushing(operation: Callable[[float, float], float]) -> Callable[[float, float], float]:
    """`multiply` or `add` with inputs and result flushed, tininess seen after rounding."""

    def flushed(x: float, y: float) -> float:
        x, y = flush(x), flush(y)
        if operation is multiply and math.isfinite(x) and math.isfinite(y):
            exact = abs(Fraction(x) * Fraction(y))
            # float() of the 24-bit rounding would underflow for the tiniest; they flush anyway.
            if exact < SMALLEST_NORMAL / 2:
                return math.copysign(0.0, _sign(x, y))
            if round_to(exact, emin=UNBOUNDED) < SMALLEST_NORMAL:
                return math.copysign(0.0, _sign(x, y))
        return flush(operation(x, y))

    return flushed


def matmul(a: np.ndarray, b: np.ndarray, mask: np.ndarray, initial: np.ndarray) -> np.ndarray:
    """a · b over binary16 values, one multiplication and one addition a kept term, in order."""
    result = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            total = float(initial[i, j])
            for k in range(a.shape[1]):
                if mask[k, j]:
                    total = add(total, multiply(float(a[i, k]), float(b[k, j])))
            result[i, j] = total
    return result


def update(
    w: float,
    v: float,
    dw: float,
    lr: float,
    momentum: float,
    decay: float,
    inv_scale: float,
    sr_decay: float | None = None,
) -> tuple[float, float]:
    """One momentum SGD step of a single weight, flushed; sr_decay: of a pruned weight."""
    times, plus = flushing(multiply), flushing(add)
    g = plus(times(dw, inv_scale), times(w, decay))
    if sr_decay is not None:
        g = plus(g, times(w, sr_decay))
    v = plus(times(v, momentum), g)
    return plus(w, -times(v, lr)), v


def same_bits(x: np.ndarray, y: np.ndarray) -> bool:
    """Equal shapes, dtypes and bits, all NaNs being one."""
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    integers = {2: np.uint16, 4: np.uint32}[x.dtype.itemsize]
    nan = np.isnan(x) & np.isnan(y)
    return bool(np.all(nan | (x.view(integers) == y.view(integers))))


def _sign(x: float, y: float) -> float:
    return math.copysign(1, x) * math.copysign(1, y)

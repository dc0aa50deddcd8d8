# SPDX-License-Identifier: Apache-2.0
"""Conversions from and to binary16 against NumPy's own, which are slow but known to be right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sat_host.binary16 import CANONICAL_NAN, round_binary16, widen_binary16

ALL = np.arange(1 << 16, dtype=np.uint32).astype(np.uint16).view(np.float16)


def by_numpy(x: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    with np.errstate(all="ignore"):
        bits = x.astype(np.float16).view(np.uint16)
    return np.where(np.isnan(x), CANONICAL_NAN, bits)


def neighbours() -> npt.NDArray[np.float32]:
    """Every binary16 number, the midpoint above it, and the binary32 numbers next to both."""
    finite = np.sort(ALL[np.isfinite(ALL)].astype(np.float32))
    points = np.concatenate([finite, (finite[1:] + finite[:-1]) / 2, [65520.0, -65520.0]])
    points = points.astype(np.float32)
    return np.concatenate(
        [
            points,
            np.nextafter(points, np.float32(np.inf)),
            np.nextafter(points, -np.float32(np.inf)),
        ]
    )


@pytest.mark.parametrize("kind", ["neighbours", "any bits", "specials"])
def test_rounding(kind: str) -> None:
    if kind == "neighbours":
        x = neighbours()
    elif kind == "any bits":
        bits = np.random.default_rng(1).integers(0, 1 << 32, 300_001, dtype=np.uint32)
        x = bits.view(np.float32)
    else:
        patterns = [0, 1, 0x7F800000, 0x7F800001, 0x7FFFFFFF, 0x007FFFFF, 0x00800000, 0x7F7FFFFF]
        x = np.array([p | s for p in patterns for s in (0, 1 << 31)], np.uint32).view(np.float32)
    before = x.copy()
    got = round_binary16(x)
    assert got.dtype == np.float16
    assert np.array_equal(got.view(np.uint16), by_numpy(x))
    assert np.array_equal(x.view(np.uint32), before.view(np.uint32))


def test_rounding_of_any_layout_and_width() -> None:
    x = np.random.default_rng(2).standard_normal((6, 5, 4))
    for given in (x, x.T, x[:, ::2], x.astype(np.float32)[1:, :, ::3], x[:0], x[0, 0, 0]):
        wanted = by_numpy(np.asarray(given, np.float32))
        got = round_binary16(np.asarray(given))
        assert got.shape == np.shape(given)
        assert np.array_equal(got.view(np.uint16), wanted)
    # Two roundings: to binary32 first, which makes a midpoint of a number just above it.
    assert round_binary16(np.array([1 + 2.0**-11 + 2.0**-40])) == np.float16(1)


def test_widening() -> None:
    for given in (ALL, ALL.reshape(256, 256).T, ALL[::3], ALL[:0]):
        wanted = given.astype(np.float32)
        got = widen_binary16(given)
        assert got.dtype == np.float32 and got.flags.c_contiguous
        assert np.array_equal(got.view(np.uint32), np.ascontiguousarray(wanted).view(np.uint32))

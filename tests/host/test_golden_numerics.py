# SPDX-License-Identifier: Apache-2.0
"""The golden products, rounding and update against exact rational arithmetic, bit for bit."""

from __future__ import annotations

import warnings
from fractions import Fraction

import exact_reference as exact
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host import golden
from sat_host.binary16 import round_binary16
from sat_host.device import UpdateScalars

SPECIAL_HALVES = np.array(
    [
        0x0000,
        0x8000,
        0x0001,
        0x83FF,
        0x0400,
        0x3C00,
        0xBC00,
        0x7BFF,
        0xFBFF,
        0x7C00,
        0xFC00,
        0x7E00,
    ],
    np.uint16,
)
CORNERS = [0.0, -0.0, 2.0**-126, -(2.0**-149), 2.0**-127, 1.0, 2.0**127, float("inf")]


def halves(rng: np.random.Generator, shape: tuple[int, int], kind: str) -> np.ndarray:
    """Random binary16: any finite bits, subnormals, or with infinities, NaNs and signed zeros."""
    if kind == "subnormal":
        return rng.integers(0, 0x800, shape).astype(np.uint16).view(np.float16)
    bits = rng.integers(0, 0x7C00, shape) | (rng.integers(0, 2, shape) << 15)
    if kind == "special":
        bits = np.where(rng.random(shape) < 0.4, rng.choice(SPECIAL_HALVES, shape), bits)
    return bits.astype(np.uint16).view(np.float16)


@pytest.mark.parametrize("kind", ["finite", "subnormal", "special"])
@pytest.mark.parametrize("seed", range(4))
def test_matmul_is_the_ordered_exact_sum(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = halves(rng, (4, 11), kind), halves(rng, (11, 5), kind)
    mask = rng.random(b.shape) < 0.5
    initial = rng.standard_normal((4, 5)).astype(np.float32)
    zero, every = np.zeros_like(initial), np.ones_like(mask)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dense = golden.matmul(a, b)
        pruned = golden.matmul(a, b, mask=mask)
        accumulated = golden.matmul(a, b, mask=mask, initial=initial)
    assert exact.same_bits(dense, exact.matmul(a, b, every, zero))
    assert exact.same_bits(pruned, exact.matmul(a, b, mask, zero))
    assert exact.same_bits(accumulated, exact.matmul(a, b, mask, initial))


def test_matmul_depends_on_the_order_of_the_reduction() -> None:
    a = np.array([[256, 2.0**-15, -256]], np.float16)
    b = np.array([[256], [1], [256]], np.float16)
    assert golden.matmul(a, b)[0, 0] == 0
    assert golden.matmul(a[:, [0, 2, 1]], b[[0, 2, 1]])[0, 0] == np.float32(2.0**-15)


def test_matmul_skips_pruned_terms() -> None:
    a = np.array([[np.inf, -1]], np.float16)
    b = np.array([[0], [0]], np.float16)
    assert np.isnan(golden.matmul(a, b)[0, 0])
    assert golden.matmul(a, b, mask=np.array([[False], [True]])).view(np.uint32)[0, 0] == 0


def test_round_binary16_is_exact() -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 1 << 32, 2000, dtype=np.uint32)
    near = halves(rng, (1, 2000), "finite").astype(np.float32).view(np.uint32)[0]
    ties = near + rng.choice(np.array([0, 0xFFF, 0x1000, 0x1001], np.uint32), near.shape)
    corners = np.array(
        [0.0, -0.0, 65504, 65519.996, 65520, -65520, 2.0**-25, 2.0**-25 * 1.5, np.inf, -np.inf],
        np.float32,
    ).view(np.uint32)
    x = np.concatenate([bits, ties, corners]).view(np.float32)
    x = x[~np.isnan(x)]
    expected = np.array([exact.to_binary16(float(value)) for value in x]).astype(np.float16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert exact.same_bits(round_binary16(x), expected)


@pytest.mark.parametrize("bits", [0x7FC00000, 0xFFC00000, 0x7F800001, 0x7FFFFFFF])
def test_round_binary16_makes_one_nan(bits: int) -> None:
    x = np.array([bits], np.uint32).view(np.float32)
    assert round_binary16(x).view(np.uint16)[0] == 0x7E00


single = st.floats(width=32, allow_subnormal=True) | st.sampled_from(CORNERS)
scalar = st.floats(-4, 4, width=32) | st.sampled_from([0.0, 2.0**-126, 2.0**-140, 2.0**-60])


@settings(max_examples=400)
@given(single, single, single, scalar, scalar, scalar, scalar)
def test_update_is_exact(
    w: float, v: float, dw: float, lr: float, mu: float, decay: float, inv: float
) -> None:
    arrays = [np.array([[x]], np.float32) for x in (w, v, dw)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = golden.update(*arrays, UpdateScalars(lr, mu, decay, inv))
    for value, expected in zip(got, exact.update(w, v, dw, lr, mu, decay, inv), strict=True):
        assert exact.same_bits(value, np.array([[expected]], np.float32))


@settings(max_examples=400)
@given(single, single, single, scalar, scalar, scalar, scalar, scalar)
def test_a_pruned_weight_decays_more(
    w: float, v: float, dw: float, lr: float, mu: float, decay: float, inv: float, more: float
) -> None:
    """One weight that is pruned beside one that is not."""
    arrays = [np.array([[x, x]], np.float32) for x in (w, v, dw)]
    pruned = np.array([[True, False]])
    got = golden.update(*arrays, UpdateScalars(lr, mu, decay, inv, more), pruned)
    scalars = (lr, mu, decay, inv)
    columns = exact.update(w, v, dw, *scalars, more), exact.update(w, v, dw, *scalars)
    for value, expected in zip(got, zip(*columns, strict=True), strict=True):
        assert exact.same_bits(value, np.array([expected], np.float32))


@pytest.mark.parametrize(
    ("significands", "kept"),
    [
        ((2**24 - 1, 2**23), False),  # 2^-126 - 2^-150, a 24-bit number below normal
        ((18631, 1801), True),  # 31·601·1801 = 2^25 - 1: the tie at 2^-126 - 2^-151
        ((2**23 + 1, 2**24 - 2), True),  # 2^-126·(1 - 2^-46), which rounds up
        ((2**23, 2**23), True),  # 2^-126 itself
    ],
)
def test_update_flushes_a_product_by_its_rounded_value(
    significands: tuple[int, int], kept: bool
) -> None:
    product = Fraction(significands[0] * significands[1])
    shift = 126 + (significands[0] * significands[1] - 1).bit_length()
    x = float(Fraction(significands[0], 2**60))
    y = float(Fraction(significands[1]) / 2 ** (shift - 60))
    assert product / 2**shift <= Fraction(1, 2**126)
    zero = np.zeros((1, 1), np.float32)
    gradient = np.array([[-x]], np.float32)
    _, v = golden.update(zero, zero, gradient, UpdateScalars(0.0, 0.0, 0.0, y))
    assert v[0, 0] == (-np.float32(2.0**-126) if kept else 0)


def test_update_flushes_a_tiny_difference() -> None:
    w = np.array([[2.0**-126]], np.float32)
    gradient = np.array([[1.5 * 2.0**-126]], np.float32)
    got, v = golden.update(w, np.zeros_like(w), gradient, UpdateScalars(1.0, 0.0, 0.0, 1.0))
    assert v[0, 0] == gradient[0, 0]
    assert got.view(np.uint32)[0, 0] == 0x80000000

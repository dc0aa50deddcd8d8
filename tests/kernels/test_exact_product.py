# SPDX-License-Identifier: Apache-2.0
"""The hardware multiplier, unpacking and rounding, beside IEEE 754 arithmetic of the CPU."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from accelerators import SYNTHESIS_FLAGS, probe

Probe = Callable[[str], ctypes.CDLL]

SEED = 20230913
PAIRS = 10_000_000

# Exported names do not clash: each side is a library of its own.
COMMON = """
#include <hls_vector.h>
#include <lane_words.h>

#define PROBE extern "C" __attribute__((visibility("default")))

template <int Lanes>
void round_words(const float* in, std::uint16_t* out, std::int64_t count) {
  for (std::int64_t first = 0; first < count; first += Lanes) {
    hls::vector<float, Lanes> word(0.0f);
    for (int c = 0; c < Lanes && first + c < count; ++c) word[c] = in[first + c];
    const auto halves = sat::round_lanes<Lanes, hls::vector<std::uint16_t, Lanes>>(word);
    for (int c = 0; c < Lanes && first + c < count; ++c) out[first + c] = halves[c];
  }
}

// The conversions of wide words, and of parts of narrow ones, may be others.
PROBE void round_all(const float* in, std::uint16_t* out, std::int64_t count, int lanes) {
  if (lanes == 4) round_words<4>(in, out, count);
  if (lanes == 8) round_words<8>(in, out, count);
  if (lanes == 32) round_words<32>(in, out, count);
}
"""

CSIM = (
    '#include <cstdint>\n#include "uspe_operand.h"\n'
    + COMMON
    + """
PROBE void unpack_all(std::uint32_t* out) {
  for (std::uint32_t h = 0; h < 65536u; ++h) {
    out[h] = sat::as_bits(sat::unpack(static_cast<std::uint16_t>(h)));
  }
}
"""
)

VITIS = (
    '#include <cstdint>\n#include <random>\n#include "uspe_operand.h"\n'
    + COMMON
    + """
PROBE void unpack_all(std::uint32_t* out) {
  for (std::uint32_t h = 0; h < 65536u; ++h) out[h] = sat::unpack(static_cast<std::uint16_t>(h));
}

// 0 when the product has the bits of values[a] * values[b], NaN as NaN.
static bool differs(const float* values, std::uint16_t a, std::uint16_t b) {
  const std::uint32_t got = sat::as_bits(sat::exact::multiply(sat::unpack(a), sat::unpack(b)));
  const std::uint32_t want = sat::as_bits(values[a] * values[b]);
  const bool nans = (got & 0x7FFFFFFFu) > 0x7F800000u && (want & 0x7FFFFFFFu) > 0x7F800000u;
  return got != want && !nans;
}

// How many products differ, both ways round; the last wrong pair goes to `wrong`.
PROBE std::int64_t against_all(const float* values, const std::uint16_t* some, int count,
                               std::uint16_t* wrong) {
  std::int64_t faults = 0;
  for (int i = 0; i < count; ++i) {
    for (std::uint32_t h = 0; h < 65536u; ++h) {
      const std::uint16_t half = static_cast<std::uint16_t>(h);
      if (differs(values, half, some[i]) || differs(values, some[i], half)) {
        ++faults;
        wrong[0] = half;
        wrong[1] = some[i];
      }
    }
  }
  return faults;
}

PROBE std::int64_t random_pairs(const float* values, std::uint64_t seed, std::int64_t count,
                                std::uint16_t* wrong) {
  std::mt19937_64 random(seed);
  std::int64_t faults = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t bits = random();
    const std::uint16_t a = static_cast<std::uint16_t>(bits >> 48);
    const std::uint16_t b = static_cast<std::uint16_t>(bits >> 32);
    if (differs(values, a, b)) {
      ++faults;
      wrong[0] = a;
      wrong[1] = b;
    }
  }
  return faults;
}
"""
)

ALL = np.arange(65536, dtype=np.uint32).astype(np.uint16)


def values_of_all() -> npt.NDArray[np.float32]:
    """The value of every binary16, built from its fields and not by a conversion."""
    exponent, fraction = (ALL >> 10 & 31).astype(int), (ALL & 1023).astype(float)
    normal = np.ldexp(1.0 + fraction / 1024.0, exponent - 15)
    value = np.where(exponent == 0, np.ldexp(fraction, -24), normal)
    value = np.where(exponent == 31, np.where(fraction == 0, np.inf, np.nan), value)
    return np.where(ALL >> 15, -value, value).astype(np.float32)


def same(got: npt.NDArray[np.float32], want: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    bits = got.view(np.uint32) == want.view(np.uint32)
    return np.asarray(bits | (np.isnan(got) & np.isnan(want)))


@pytest.fixture(scope="module")
def csim() -> ctypes.CDLL:
    return probe(CSIM, (".", "kernels", "kernels/csim"))


@pytest.fixture(scope="module")
def vitis() -> ctypes.CDLL:
    folders = (".", "kernels", "kernels/vitis", "kernels/csim")
    library = probe(VITIS, folders, (*SYNTHESIS_FLAGS, "-ffp-contract=off"))
    library.against_all.restype = library.random_pairs.restype = ctypes.c_int64
    return library


def pointer(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def representatives() -> npt.NDArray[np.uint16]:
    """Both signs of every exponent (zeros, subnormals, infinities and NaNs among them) with the
    extremes of the fraction and some between."""
    fractions = np.array([0, 1, 2, 0x155, 0x1FF, 0x200, 0x2AA, 0x3FE, 0x3FF], np.uint16)
    high = np.arange(64, dtype=np.uint16) << np.uint16(10)
    return (high[:, None] | fractions).ravel()


@pytest.mark.slow
def test_products_of_every_half_with_every_kind(vitis: ctypes.CDLL) -> None:
    values, some, wrong = values_of_all(), representatives(), np.zeros(2, np.uint16)
    faults = vitis.against_all(pointer(values), pointer(some), len(some), pointer(wrong))
    assert faults == 0, [hex(half) for half in wrong]


def test_products_of_random_pairs(vitis: ctypes.CDLL) -> None:
    print(f"{PAIRS} pairs, seed {SEED}")
    values, wrong = values_of_all(), np.zeros(2, np.uint16)
    count, seed = ctypes.c_int64(PAIRS), ctypes.c_uint64(SEED)
    faults = vitis.random_pairs(pointer(values), seed, count, pointer(wrong))
    assert faults == 0, [hex(half) for half in wrong]


def test_csim_unpacks_every_half(csim: ctypes.CDLL) -> None:
    found = np.zeros(65536, np.uint32)
    csim.unpack_all(pointer(found))
    assert same(found.view(np.float32), values_of_all()).all()


def test_hardware_unpacks_every_half(vitis: ctypes.CDLL) -> None:
    operands = np.zeros(65536, np.uint32)
    vitis.unpack_all(pointer(operands))
    assert (operands < 1 << 17).all()
    sign, exponent, fraction = operands >> 16, operands >> 10 & 63, operands & 1023
    value = np.ldexp(1.0 + fraction / 1024.0, exponent.astype(int) - 25)
    value = np.where(exponent == 0, 0.0, value)
    value = np.where(exponent == 63, np.where(fraction == 0, np.inf, np.nan), value)
    value = np.where(sign, -value, value).astype(np.float32)
    assert same(value, values_of_all()).all()
    assert ((exponent <= 40) | (exponent == 63)).all()
    assert (fraction[exponent == 0] == 0).all()


def rounded(library: ctypes.CDLL, values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    found = [np.zeros(values.size, np.uint16) for _ in (4, 8, 32)]
    for lanes, halves in zip((4, 8, 32), found, strict=True):
        library.round_all(pointer(values), pointer(halves), ctypes.c_int64(values.size), lanes)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    return found[0]


def check_rounding(library: ctypes.CDLL, values: npt.NDArray[np.float32]) -> None:
    with np.errstate(all="ignore"):
        want = values.astype(np.float16).view(np.uint16)
    want = np.where(np.isnan(values), np.uint16(0x7E00), want)
    found = rounded(library, values)
    wrong = np.flatnonzero(found != want)[:5]
    assert not wrong.size, [(values[i], hex(found[i]), hex(want[i])) for i in wrong]


@pytest.mark.parametrize("side", ["csim", "vitis"])
def test_rounding_to_binary16(side: str, request: pytest.FixtureRequest) -> None:
    library: ctypes.CDLL = request.getfixturevalue(side)
    values = values_of_all()
    numbers = ~np.isnan(values)
    assert np.array_equal(rounded(library, values)[numbers], ALL[numbers])
    check_rounding(library, values)
    # Midpoints of neighbours, up to the one above the largest, and what lies beside them.
    magnitudes = np.concatenate([values[:0x7C00].astype(np.float64), [65536.0]])
    middles = ((magnitudes[:-1] + magnitudes[1:]) / 2).astype(np.float32)
    for middle in (middles, -middles):
        bits = middle.view(np.uint32).astype(np.int64)
        for offset in range(-2, 3):
            check_rounding(library, (bits + offset).astype(np.uint32).view(np.float32))
    # Every exponent of binary32, subnormals, infinities and NaNs among them.
    fractions = np.array([0, 1, 0xFFF, 0x1000, 0x1001, 0x3FFFFF, 0x400000, 0x7FFFFF], np.uint32)
    high = np.arange(512, dtype=np.uint32) << np.uint32(23)
    check_rounding(library, (high[:, None] | fractions).ravel().view(np.float32))
    random = np.random.default_rng(SEED).integers(0, 1 << 32, 1_000_000, dtype=np.uint32)
    check_rounding(library, random.view(np.float32))

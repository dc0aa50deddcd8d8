// SPDX-License-Identifier: Apache-2.0
//
// Views of binary32 as bits, and binary16 <-> binary32 in integers: exact for every input, so that
// csim and hardware agree where the vendor's `half` does not (it flushes subnormals).
#pragma once

#include <cstdint>

#include "hls_macros.h"

namespace sat {

// Through a union: the one form of bit cast that both GCC and Vitis HLS document.
union FloatBits {
  float value;
  std::uint32_t bits;
};

inline float as_float(std::uint32_t bits) {
  SAT_INLINE
  FloatBits cast;
  cast.bits = bits;
  return cast.value;
}

inline std::uint32_t as_bits(float value) {
  SAT_INLINE
  FloatBits cast;
  cast.value = value;
  return cast.bits;
}

constexpr std::uint16_t kHalfMagnitude = 0x7FFF;
constexpr std::uint16_t kHalfInfinity = 0x7C00;
constexpr std::uint16_t kHalfNan = 0x7E00;
constexpr std::uint16_t kHalfMinusZero = 0x8000;

// binary32 to binary16: nearest even, subnormals kept, overflow to infinity, one canonical NaN.
inline std::uint16_t round_binary16(float value) {
  SAT_INLINE
  const std::uint32_t bits = as_bits(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;

  // Normal result: round at bit 13, then move the exponent's bias from 127 to 15. A carry out of
  // the fraction runs into the exponent, up to infinity, as it must.
  const std::uint32_t normal = (magnitude + 0xFFFu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13;

  // Subnormal result: the significand in units of 2^-24, shifted out by 14 to 25 places.
  const std::uint32_t exponent = magnitude >> 23;
  const std::uint32_t distance = exponent < 101u ? 25u : 126u - exponent;
  const std::uint32_t shift = exponent > 112u ? 14u : distance;  // unused above: any legal shift
  const std::uint32_t significand = (magnitude & 0x7FFFFFu) | 0x800000u;
  const std::uint32_t kept = significand >> shift;
  const std::uint32_t lost = significand & ((1u << shift) - 1u);
  const std::uint32_t tie = 1u << (shift - 1u);
  const std::uint32_t up = (lost > tie || (lost == tie && (kept & 1u))) ? 1u : 0u;
  const std::uint32_t subnormal = exponent == 0u ? 0u : kept + up;

  const std::uint32_t finite = magnitude < 0x38800000u ? subnormal : normal;
  const std::uint32_t bounded = magnitude >= 0x477FF000u ? kHalfInfinity : finite;
  return static_cast<std::uint16_t>(magnitude > 0x7F800000u ? kHalfNan : (sign | bounded));
}

inline bool is_finite_binary16(std::uint16_t bits) {
  SAT_INLINE
  return (bits & kHalfInfinity) != kHalfInfinity;
}

inline bool is_finite_binary32(float value) {
  SAT_INLINE
  return (as_bits(value) & 0x7F800000u) != 0x7F800000u;
}

}  // namespace sat

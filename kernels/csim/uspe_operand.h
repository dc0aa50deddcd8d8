// SPDX-License-Identifier: Apache-2.0
//
// What a USPE multiplies on a CPU: the binary16 value as a binary32. The product of two is exact in
// binary32, so a multiply-add gives the bits of exact_product.h and one addition, fused or not.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "float_bits.h"

namespace sat {

using Operand = float;

inline Operand unpack(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & kHalfMinusZero) << 16;
  const std::uint32_t magnitude = half & kHalfMagnitude;
  const std::uint32_t shifted = magnitude << 13;
  const std::uint32_t normal = shifted + (112u << 23);
  const std::uint32_t special = shifted + (224u << 23);
  // A subnormal is its fraction times 2^-24: an exact integer, scaled exactly.
  const std::uint32_t subnormal =
      as_bits(static_cast<float>(static_cast<std::int32_t>(magnitude)) * 5.9604644775390625e-8f);
  const std::uint32_t finite = magnitude < 0x400u ? subnormal : normal;
  return as_float(sign | (magnitude >= kHalfInfinity ? special : finite));
}

// All lanes of a word. The CPU's own conversion gives the same bits, but for a NaN's.
template <int Count, class Lanes, class Halves>
inline Lanes unpack_lanes(const Halves& halves) {
  Lanes lanes;
  int c = 0;
#if defined(__F16C__)
  for (; c + 8 <= Count; c += 8) {
    const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&halves[c]));
    _mm256_storeu_ps(&lanes[c], _mm256_cvtph_ps(part));
  }
#endif
  for (; c < Count; ++c) lanes[c] = unpack(halves[c]);
  return lanes;
}

}  // namespace sat

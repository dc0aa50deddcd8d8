// SPDX-License-Identifier: Apache-2.0
//
// The CPU's side of kernels/vitis/lane_words.h. It is little-endian: binary32 lanes lie in memory as
// they lie in words.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "float_bits.h"

namespace sat {

// As wide as the weights, with which it shares vectors.
using LaneRank = std::uint16_t;

#if defined(__F16C__)
constexpr int kToNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
constexpr std::uint32_t kSingleNan = 0x7FC00000u;

inline __m128i round_part(__m256 value) {
  const __m256 nan = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
  const __m256 number = _mm256_blendv_ps(value, _mm256_set1_ps(as_float(kSingleNan)), nan);
  return _mm256_cvtps_ph(number, kToNearest);
}
#endif
#if defined(__AVX512F__)
inline __m256i round_part(__m512 value) {
  const __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  const __m512 number = _mm512_mask_blend_ps(nan, value, _mm512_set1_ps(as_float(kSingleNan)));
  // Of all 16: the form without a mask has GCC warn of what it leaves undefined.
  return _mm512_maskz_cvtps_ph(0xFFFF, number, kToNearest);
}
#endif

template <int Count, class Wide, class Narrow>
inline Wide join_lanes(const Narrow& low, const Narrow& high) {
  Wide bits;
  std::memcpy(&bits[0], &low[0], sizeof low);
  std::memcpy(&bits[Count / 2], &high[0], sizeof high);
  return bits;
}

template <int Count, class Narrow, class Wide>
inline Narrow split_lanes(const Wide& bits, int first) {
  static_assert(sizeof(Narrow) == Count * sizeof(std::uint16_t), "a place is a binary16");
  Narrow word;
  std::memcpy(&word[0], &bits[first], sizeof word);
  return word;
}

// The CPU's own conversion gives the same bits, but for a NaN's. A word is put together in registers:
// stored in parts, it could not be loaded whole for some cycles.
template <int Count, class Halves, class Singles>
inline Halves round_lanes(const Singles& value) {
  Halves rounded;
  int c = 0;
#if defined(__AVX512F__)
  for (; c + 32 <= Count; c += 32) {
    const __m512i low = _mm512_castsi256_si512(round_part(_mm512_loadu_ps(&value[c])));
    const __m256i high = round_part(_mm512_loadu_ps(&value[c + 16]));
    _mm512_storeu_si512(&rounded[c], _mm512_maskz_inserti64x4(0xFF, low, high, 1));
  }
#endif
#if defined(__F16C__)
  for (; c + 8 <= Count; c += 8) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(&rounded[c]), round_part(_mm256_loadu_ps(&value[c])));
  }
#endif
  for (; c < Count; ++c) rounded[c] = round_binary16(value[c]);
  return rounded;
}

}  // namespace sat

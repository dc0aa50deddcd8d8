// SPDX-License-Identifier: Apache-2.0
//
// Lane-wise conversions between memory words, operands and binary32. A binary32 lane is two
// consecutive binary16 places, low bits first, so `lanes` of them fill two words.
#pragma once

#include <lane_words.h>

#include "float_bits.h"
#include "types.h"

namespace sat {

// Raw bits of binary32 lanes.
template <class Config>
using BitsWord = hls::vector<std::uint32_t, Config::kLanes>;

template <class Config>
inline BitsWord<Config> join_bits(const Word<Config>& low, const Word<Config>& high) {
  SAT_INLINE
  return join_lanes<Config::kLanes, BitsWord<Config>>(low, high);
}

// Lanes first ... first + lanes/2 - 1, as a memory word.
template <class Config>
inline Word<Config> split_bits(const BitsWord<Config>& bits, int first) {
  SAT_INLINE
  return split_lanes<Config::kLanes, Word<Config>>(bits, first);
}

// Applies Op to every lane.
template <class Config, class To, class From, To (*Op)(From)>
inline hls::vector<To, Config::kLanes> map_lanes(const hls::vector<From, Config::kLanes>& value) {
  SAT_INLINE
  hls::vector<To, Config::kLanes> mapped;
  SAT_LOOP(MapLanes_Lane)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    mapped[c] = Op(value[c]);
  }
  return mapped;
}

inline std::uint32_t widen(std::uint16_t bits) { return bits; }

// Binary16 bits, each in the low half of a lane.
template <class Config>
inline BitsWord<Config> widen_bits(const Word<Config>& word) {
  SAT_INLINE
  return map_lanes<Config, std::uint32_t, std::uint16_t, widen>(word);
}

inline std::uint16_t narrow(std::uint32_t bits) { return static_cast<std::uint16_t>(bits); }

// The low half of each lane.
template <class Config>
inline Word<Config> narrow_bits(const BitsWord<Config>& bits) {
  SAT_INLINE
  return map_lanes<Config, std::uint16_t, std::uint32_t, narrow>(bits);
}

template <class Config>
inline SumWord<Config> bits_to_sum(const BitsWord<Config>& bits) {
  SAT_INLINE
  return map_lanes<Config, float, std::uint32_t, as_float>(bits);
}

template <class Config>
inline BitsWord<Config> sum_to_bits(const SumWord<Config>& sum) {
  SAT_INLINE
  return map_lanes<Config, std::uint32_t, float, as_bits>(sum);
}

template <class Config>
inline Word<Config> round_word(const SumWord<Config>& value) {
  SAT_INLINE
  return round_lanes<Config::kLanes, Word<Config>>(value);
}

template <class Config>
inline OperandWord<Config> unpack_word(const Word<Config>& word) {
  SAT_INLINE
  return unpack_lanes<Config::kLanes, OperandWord<Config>>(word);
}

// Lanes from `columns` on become +0, so that memory stays zero beyond a matrix's columns.
template <class Config>
inline SumWord<Config> mask_columns(const SumWord<Config>& value, int columns) {
  SAT_INLINE
  SumWord<Config> masked;
  SAT_LOOP(MaskColumns_Lane)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    masked[c] = c < columns ? value[c] : 0.0f;
  }
  return masked;
}

template <class Config>
inline std::uint32_t count_nonfinite(const SumWord<Config>& value) {
  SAT_INLINE
  std::uint32_t count = 0;
  SAT_LOOP(CountNonfinite_Binary32)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    count += is_finite_binary32(value[c]) ? 0u : 1u;
  }
  return count;
}

template <class Config>
inline std::uint32_t count_nonfinite(const Word<Config>& value) {
  SAT_INLINE
  std::uint32_t count = 0;
  SAT_LOOP(CountNonfinite_Binary16)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    count += is_finite_binary16(value[c]) ? 0u : 1u;
  }
  return count;
}

}  // namespace sat

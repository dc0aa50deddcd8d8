// SPDX-License-Identifier: Apache-2.0
//
// What the lanes of a word become on the FPGA: wires, and a rounding circuit for each lane.
#pragma once

#include "float_bits.h"

namespace sat {

// A place in a group, or a count of its elements.
using LaneRank = std::uint8_t;

// Binary32 bits of `Count` lanes, each two consecutive places of `low` and then `high`.
template <int Count, class Wide, class Narrow>
inline Wide join_lanes(const Narrow& low, const Narrow& high) {
  SAT_INLINE
  constexpr int kHalf = Count / 2;
  Wide bits;
  SAT_LOOP(JoinLanes_Lane)
  for (int c = 0; c < kHalf; ++c) {
    SAT_UNROLL
    bits[c] = low[2 * c] | static_cast<std::uint32_t>(low[2 * c + 1]) << 16;
    bits[c + kHalf] = high[2 * c] | static_cast<std::uint32_t>(high[2 * c + 1]) << 16;
  }
  return bits;
}

// Lanes first ... first + Count/2 - 1, as `Count` places.
template <int Count, class Narrow, class Wide>
inline Narrow split_lanes(const Wide& bits, int first) {
  SAT_INLINE
  Narrow word;
  SAT_LOOP(SplitLanes_Lane)
  for (int c = 0; c < Count / 2; ++c) {
    SAT_UNROLL
    word[2 * c] = static_cast<std::uint16_t>(bits[first + c]);
    word[2 * c + 1] = static_cast<std::uint16_t>(bits[first + c] >> 16);
  }
  return word;
}

// round_binary16 of all lanes.
template <int Count, class Halves, class Singles>
inline Halves round_lanes(const Singles& value) {
  SAT_INLINE
  Halves rounded;
  SAT_LOOP(RoundLanes_Lane)
  for (int c = 0; c < Count; ++c) {
    SAT_UNROLL
    rounded[c] = round_binary16(value[c]);
  }
  return rounded;
}

}  // namespace sat

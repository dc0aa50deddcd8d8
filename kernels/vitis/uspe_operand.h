// SPDX-License-Identifier: Apache-2.0
//
// What a USPE multiplies on the FPGA: the 17-bit operand of exact_product.h.
#pragma once

#include "exact_product.h"

namespace sat {

using Operand = exact::Operand;

inline Operand unpack(std::uint16_t half) {
  SAT_INLINE
  return exact::unpack(half);
}

// All lanes of a word.
template <int Count, class Lanes, class Halves>
inline Lanes unpack_lanes(const Halves& halves) {
  SAT_INLINE
  Lanes lanes;
  SAT_LOOP(UnpackLanes_Lane)
  for (int c = 0; c < Count; ++c) {
    SAT_UNROLL
    lanes[c] = unpack(halves[c]);
  }
  return lanes;
}

}  // namespace sat

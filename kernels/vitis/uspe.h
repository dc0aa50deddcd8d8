// SPDX-License-Identifier: Apache-2.0
//
// A row of USPEs: in each lane the M:1 multiplexer picks an activation of the group, the multiplier
// makes the exact product, and one binary32 addition joins it to the running sum.
#pragma once

#include "types.h"

namespace sat {

// For each of `cycles` (one, in hardware; see SAT_STEADY), in each lane:
//   sums[slot] = start + activations[row][first + index] * packet.value
// with slot and row counting on. `start` is +0 when fresh, otherwise sums[slot]; the index is
// dense_index for a dense packet, otherwise the packet's own.
template <class Config>
inline void multiply_accumulate(int cycles, bool fresh, SumWord<Config>* sums, int slot,
                                const OperandWord<Config>* activations, int row, int first,
                                const Packet<Config>& packet, bool dense, int dense_index) {
  SAT_INLINE
  SAT_LOOP(MultiplyAccumulate_Cycle)
  for (int i = 0; i < cycles; ++i) {
    SAT_UNROLL
    const OperandWord<Config> activation = activations[row + i];
    SumWord<Config> sum = sums[slot + i];
    SAT_LOOP(MultiplyAccumulate_Lane)
    for (int c = 0; c < Config::kLanes; ++c) {
      SAT_UNROLL
      const int index = dense ? dense_index : static_cast<int>(packet.index[c]);
      const float start = fresh ? 0.0f : sum[c];
      sum[c] = start + exact::multiply(activation[first + index], packet.value[c]);
    }
    sums[slot + i] = sum;
  }
}

}  // namespace sat

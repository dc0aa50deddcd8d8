// SPDX-License-Identifier: Apache-2.0
//
// A row of USPEs: in each lane the M:1 multiplexer picks an activation of the group, the multiplier
// makes the exact product, and one binary32 addition joins it to the running sum.
#pragma once

#include "types.h"

namespace sat {

// For each of `cycles` (one, in hardware; see SAT_STEADY), in each lane:
//   sum = start + activations[row][group * M + index] * packet.value
// with slot and row counting on. `start` is +0 when fresh, otherwise running[slot]. A finished sum
// goes to leaving[slot], another back to running[slot]. (Whether the packet is dense, and then the
// one index of all lanes, is what the simulator asks for; here every packet carries its indices.)
template <class Config>
inline void multiply_accumulate(int cycles, bool fresh, bool finished, SumWord<Config>* running,
                                SumWord<Config>* leaving, int slot,
                                const OperandWord<Config>* activations, int row, int group,
                                const Packet<Config>& packet, bool, int) {
  SAT_INLINE
  SAT_LOOP(MultiplyAccumulate_Cycle)
  for (int i = 0; i < cycles; ++i) {
    SAT_UNROLL
    const OperandWord<Config> word = activations[row + i];
    Operand candidates[Config::kGroup];
    SAT_PARTITION(candidates, 1)
    SAT_LOOP(MultiplyAccumulate_Candidate)
    for (int m = 0; m < Config::kGroup; ++m) {
      SAT_UNROLL
      candidates[m] = word[group * Config::kGroup + m];
    }
    SumWord<Config> sum = running[slot + i];
    SAT_LOOP(MultiplyAccumulate_Lane)
    for (int c = 0; c < Config::kLanes; ++c) {
      SAT_UNROLL
      const float start = fresh ? 0.0f : sum[c];
      sum[c] = start + exact::multiply(candidates[packet.index[c]], packet.value[c]);
    }
    if (finished) {
      leaving[slot + i] = sum;
    } else {
      running[slot + i] = sum;
    }
  }
}

}  // namespace sat

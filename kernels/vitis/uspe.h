// SPDX-License-Identifier: Apache-2.0
//
// A row of USPEs: in each lane the M:1 multiplexer picks an activation of the group, the multiplier
// makes the exact product, and one binary32 addition joins it to the running sum.
#pragma once

#include "types.h"

namespace sat {

// For each of `cycles` (one, in hardware; see SAT_STEADY), in each lane:
//   sum = start + activations[row][group * M + index] * packet.value
// with row and slot counting on. `start` is +0, the running sum, or what the chain brings; the sum goes
// back, or where finished ones leave from, or down the chain. (Whether the packet is dense, and then
// the one index of all lanes, is what the simulator asks for; here every packet carries its indices.)
template <class Config>
inline void multiply_accumulate(int cycles, const UspePass& pass,
                                const HeldRows<Config>& activations,
                                const Packet<Config>& packet, SumWord<Config>* running,
                                SumWord<Config>* leaving, hls::stream<SumWord<Config>>& sums_in,
                                hls::stream<SumWord<Config>>& sums_out) {
  SAT_INLINE
  SAT_LOOP(MultiplyAccumulate_Cycle)
  for (int i = 0; i < cycles; ++i) {
    SAT_UNROLL
    const int row = pass.row + i;
    const OperandWord<Config> word = activations[row / Config::kFeed][row % Config::kFeed];
    Operand candidates[Config::kGroup];
    SAT_PARTITION(candidates, 1)
    SAT_LOOP(MultiplyAccumulate_Candidate)
    for (int m = 0; m < Config::kGroup; ++m) {
      SAT_UNROLL
      candidates[m] = word[pass.group * Config::kGroup + m];
    }
    SumWord<Config> sum = running[pass.slot + i];
    if (pass.from_stream) sum = sums_in.read();
    SAT_LOOP(MultiplyAccumulate_Lane)
    for (int c = 0; c < Config::kLanes; ++c) {
      SAT_UNROLL
      const float start = pass.from_zero ? 0.0f : sum[c];
      float next = start + exact::multiply(candidates[packet.index[c]], packet.value[c]);
      SAT_OPERATOR_LATENCY(next, fadd, fulldsp, Geometry<Config>::kAddLatency)
      sum[c] = next;
    }
    if (pass.to_stream) {
      sums_out.write(sum);
    } else if (pass.to_leaving) {
      leaving[pass.leaving_slot + i * pass.leaving_step] = sum;
    } else {
      running[pass.slot + i] = sum;
    }
  }
}

}  // namespace sat

// SPDX-License-Identifier: Apache-2.0
//
// One row of USPEs for one cycle: in each lane the M:1 multiplexer picks an activation of the
// group, the multiplier makes the exact product, and one binary32 addition joins it to the sum.
#pragma once

#include "types.h"

namespace sat {

// sum[c] = start + activations[first + select[c]] * packet.value[c]. `start` is +0 when fresh,
// otherwise sum[c]; `select` is dense_index for a dense packet, otherwise the packet's own index.
template <class Config>
inline void multiply_accumulate(SumWord<Config>& sum, bool fresh,
                                const OperandWord<Config>& activations, int first,
                                const Packet<Config>& packet, bool dense, int dense_index) {
  SAT_INLINE
  SAT_LOOP(MultiplyAccumulate_Lane)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    const int index = dense ? dense_index : static_cast<int>(packet.index[c]);
    const float start = fresh ? 0.0f : sum[c];
    sum[c] = start + exact::multiply(activations[first + index], packet.value[c]);
  }
}

}  // namespace sat

// SPDX-License-Identifier: Apache-2.0
//
// The CPU's side of kernels/vitis/uspe.h: the lanes are a vector loop, the M:1 multiplexer is a
// permutation of the group's activations. A product is exact in binary32, so a
// fused multiply-add gives the same bits.
#pragma once

#include <cstring>

#include "lane_vectors.h"
#include "panel_products.h"
#include "types.h"

namespace sat {

template <class Config>
inline void accumulate_dense(SumWord<Config>* sums, int cycles,
                             const OperandWord<Config>* activations, int element,
                             const OperandWord<Config>& weights) {
  const OperandWord<Config> fixed = weights;
  for (int i = 0; i < cycles; ++i) {
    const float activation = activations[i][element];
    for (int c = 0; c < Config::kLanes; ++c) sums[i][c] += activation * fixed[c];
  }
}

template <class Config>
inline void accumulate_sparse(SumWord<Config>* sums, int cycles,
                              const OperandWord<Config>* activations, int first,
                              const Packet<Config>& packet) {
  constexpr int kWidth = permuted_lanes(Config::kLanes, Config::kGroup);
  constexpr int kParts = Config::kLanes / kWidth;
  using Vectors = LaneVectors<kWidth>;
  using Values = typename Vectors::Values;
  using Places = typename Vectors::Places;
  static_assert(sizeof(packet.index[0]) == 1, "an index is a byte");
  Places places[kParts];
  Values weights[kParts];
  // A group lies in one aligned window of kWidth activations, which is loaded whole.
  const int window = first / kWidth * kWidth;
  const std::int32_t offset = first - window;
  for (int part = 0; part < kParts; ++part) {
    typename Vectors::Bytes bytes;
    std::memcpy(&bytes, &packet.index[part * kWidth], sizeof bytes);
    places[part] = __builtin_convertvector(bytes, Places) + offset;
    std::memcpy(&weights[part], &packet.value[part * kWidth], sizeof weights[part]);
  }
  for (int i = 0; i < cycles; ++i) {
    Values group;
    std::memcpy(&group, &activations[i][window], sizeof group);
    for (int part = 0; part < kParts; ++part) {
      Values picked;
      Values sum;
      pick_lanes<kWidth>(picked, group, places[part]);
      std::memcpy(&sum, &sums[i][part * kWidth], sizeof sum);
      sum += picked * weights[part];
      std::memcpy(&sums[i][part * kWidth], &sum, sizeof sum);
    }
  }
}

template <class Config>
__attribute__((always_inline)) inline void multiply_accumulate(int cycles, const UspePass& pass,
                                const HeldRows<Config>& activations,
                                const Packet<Config>& packet, SumWord<Config>* running,
                                SumWord<Config>* leaving, hls::stream<SumWord<Config>>& sums_in,
                                hls::stream<SumWord<Config>>& sums_out) {
  const int first = pass.group * Config::kGroup;
  SumWord<Config>* const sums = running + pass.slot;
  const OperandWord<Config>* const rows = &activations[0][0] + pass.row;
  if (pass.from_zero) {
    for (int i = 0; i < cycles; ++i) sums[i] = SumWord<Config>(0.0f);
  } else if (pass.from_stream) {
    for (int i = 0; i < cycles; ++i) sums[i] = sums_in.read();
  }
  if (pass.dense) {
    accumulate_dense<Config>(sums, cycles, rows, first + pass.element, packet.value);
  } else {
    accumulate_sparse<Config>(sums, cycles, rows, first, packet);
  }
  if (pass.to_leaving) {
    for (int i = 0; i < cycles; ++i) leaving[pass.leaving_slot + i * pass.leaving_step] = sums[i];
  } else if (pass.to_stream) {
    for (int i = 0; i < cycles; ++i) sums_out.write(sums[i]);
  }
}

}  // namespace sat

// SPDX-License-Identifier: Apache-2.0
//
// The CPU's side of kernels/vitis/uspe.h: the lanes are a vector loop, the M:1 multiplexer is a
// permutation of the group's activations.
#pragma once

#include <cstring>

#include "types.h"

namespace sat {

#if defined(__clang__)
// Clang has no run-time shuffle of generic vectors; its gather gives the same values.
template <int Lanes, int Group, class Index>
inline void select_activations(float* picked, const float* group, const Index& index) {
  for (int c = 0; c < Lanes; ++c) picked[c] = group[index[c]];
}
#else
template <int Group>
struct GroupVectors {
  typedef float Values __attribute__((vector_size(4 * Group)));
  typedef std::int32_t Places __attribute__((vector_size(4 * Group)));
};

template <int Lanes, int Group, class Index>
inline void select_activations(float* picked, const float* group, const Index& index) {
  using Values = typename GroupVectors<Group>::Values;
  using Places = typename GroupVectors<Group>::Places;
  Values values;
  std::memcpy(&values, group, sizeof values);
  for (int c = 0; c < Lanes; c += Group) {
    Places places;
    for (int i = 0; i < Group; ++i) places[i] = index[c + i];
    const Values chosen = __builtin_shuffle(values, places);
    std::memcpy(picked + c, &chosen, sizeof chosen);
  }
}
#endif

template <class Config>
inline void multiply_accumulate(SumWord<Config>& sum, bool fresh,
                                const OperandWord<Config>& activations, int first,
                                const Packet<Config>& packet, bool dense, int dense_index) {
  if (dense) {
    const float activation = activations[first + dense_index];
    for (int c = 0; c < Config::kLanes; ++c) {
      sum[c] = (fresh ? 0.0f : sum[c]) + activation * packet.value[c];
    }
  } else {
    float picked[Config::kLanes];
    select_activations<Config::kLanes, Config::kGroup>(picked, &activations[first], packet.index);
    for (int c = 0; c < Config::kLanes; ++c) {
      sum[c] = (fresh ? 0.0f : sum[c]) + picked[c] * packet.value[c];
    }
  }
}

}  // namespace sat

// SPDX-License-Identifier: Apache-2.0
//
// Vectors of lanes, and the M:1 multiplexer as a permutation of the group's activations.
#pragma once

#include <cstdint>

namespace sat {

template <int Width>
struct LaneVectors {
  typedef float Values __attribute__((vector_size(4 * Width)));
  typedef std::int32_t Places __attribute__((vector_size(4 * Width)));
  typedef std::uint8_t Bytes __attribute__((vector_size(Width)));
};

template <int Width, class Values = typename LaneVectors<Width>::Values,
          class Places = typename LaneVectors<Width>::Places>
inline void pick_lanes(Values& picked, const Values& values, const Places& places) {
#if defined(__clang__)
  // Clang has no run-time shuffle of generic vectors.
  for (int i = 0; i < Width; ++i) picked[i] = values[places[i]];
#else
  picked = __builtin_shuffle(values, places);
#endif
}

// Vector registers for running sums: half of those that the CPU has.
#if defined(__AVX512F__)
constexpr int kSumRegisters = 16;
#else
constexpr int kSumRegisters = 8;
#endif

// Lanes that are permuted at once: as many as a register holds, but no fewer than a group.
constexpr int permuted_lanes(int lanes, int group) {
#if defined(__AVX512F__)
  constexpr int kRegister = 16;
#else
  constexpr int kRegister = 8;
#endif
  return group > kRegister ? group : lanes < kRegister ? lanes : kRegister;
}

}  // namespace sat

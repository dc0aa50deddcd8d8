// SPDX-License-Identifier: Apache-2.0
//
// A block of lanes x lanes binary16 values on the FPGA. Every element is a register: a column takes one
// value from each row.
#pragma once

#include "types.h"

namespace sat {

template <class Config>
struct Block {
  std::uint16_t element[Config::kLanes][Config::kLanes];

  void set_row(int row, const Word<Config>& word) {
    SAT_INLINE
    SAT_LOOP(Block_SetRow)
    for (int c = 0; c < Config::kLanes; ++c) {
      SAT_UNROLL
      element[row][c] = word[c];
    }
  }

  Word<Config> column(int index) const {
    SAT_INLINE
    Word<Config> word;
    SAT_LOOP(Block_Column)
    for (int r = 0; r < Config::kLanes; ++r) {
      SAT_UNROLL
      word[r] = element[r][index];
    }
    return word;
  }
};

}  // namespace sat

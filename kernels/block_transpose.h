// SPDX-License-Identifier: Apache-2.0
//
// A block of lanes x lanes binary16 values that is written by rows and read by columns.
#pragma once

#include <block_registers.h>

#include "types.h"

namespace sat {

// The first `real` rows from a stream, zeros in the others.
template <class Config>
void fill_block(int real, hls::stream<Word<Config>>& words, Block<Config>& block) {
  SAT_INLINE
  SAT_LOOP(FillBlock_Row)
  for (int row = 0; row < Config::kLanes; ++row) {
    SAT_PIPELINE(1)  // writes one row of registers
    block.set_row(row, row < real ? words.read() : zero_word<Config>());
  }
}

}  // namespace sat

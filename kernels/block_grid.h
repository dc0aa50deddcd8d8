// SPDX-License-Identifier: Apache-2.0
//
// The order in which WUVE and SORE go through a weight matrix: blocks of lanes x lanes, row of
// blocks by row of blocks.
#pragma once

#include "types.h"

namespace sat {

// Blocks of a matrix and the rows of it that each holds.
template <class Config>
struct BlockGrid {
  int rows;
  int block_rows;
  int block_columns;

  explicit BlockGrid(const WuveCommand& command)
      : rows(static_cast<int>(command.rows)),
        block_rows(ceil_div(static_cast<int>(command.rows), Config::kLanes)),
        block_columns(ceil_div(static_cast<int>(command.columns), Config::kLanes)) {}

  int rows_in(int block_row) const {
    SAT_INLINE
    return shorter(rows - block_row * Config::kLanes, Config::kLanes);
  }
};

}  // namespace sat

// SPDX-License-Identifier: Apache-2.0
//
// The order in which WUVE and SORE go through a weight matrix: blocks of lanes x lanes, row of
// blocks by row of blocks.
//
// A process goes through a whole matrix in one pipelined loop: one for each block would fill and
// drain its pipeline every few turns. So no place is worked out from a loop's counter: products are
// taken once, before the loop, and a turn only adds and compares.
#pragma once

#include "types.h"

namespace sat {

// Blocks of a matrix.
template <class Config>
struct BlockGrid {
  int rows;  // of the matrix
  int block_rows;
  int block_columns;

  explicit BlockGrid(const WuveCommand& command)
      : rows(static_cast<int>(command.rows)),
        block_rows(ceil_div(static_cast<int>(command.rows), Config::kLanes)),
        block_columns(ceil_div(static_cast<int>(command.columns), Config::kLanes)) {}
};

// A block, and the way to the next one.
template <class Config>
struct BlockPlace {
  int rows_left;  // of the matrix, from this row of blocks on
  int rows;       // of the matrix that the block holds
  int block;      // of the row of blocks
  int block_columns;

  explicit BlockPlace(const BlockGrid<Config>& grid)
      : rows_left(grid.rows),
        rows(shorter(grid.rows, Config::kLanes)),
        block(0),
        block_columns(grid.block_columns) {}

  // True when the next block begins another row of blocks.
  bool next() {
    SAT_INLINE
    if (++block < block_columns) return false;
    block = 0;
    rows_left -= Config::kLanes;
    rows = shorter(rows_left, Config::kLanes);
    return true;
  }
};

// The rows of a matrix, block after block, and where they lie in memory.
template <class Config>
struct BlockRows {
  int turns;  // rows in all
  BlockPlace<Config> place;
  int row;                        // of the block
  std::uint32_t pitch;            // words from row to row,
  std::uint32_t block_step;       // ... from block to block
  std::uint32_t block_row_step;   // ... and from row of blocks to row of blocks
  std::uint32_t address;          // of the row,
  std::uint32_t block_start;      // ... of its block's first row
  std::uint32_t block_row_start;  // ... and of that of the row of blocks

  // The row of a block is `words` words.
  BlockRows(const WuveCommand& command, std::uint32_t start, std::uint32_t words)
      : turns(0),
        place(BlockGrid<Config>(command)),
        row(0),
        pitch(command.pitch),
        block_step(words),
        block_row_step(command.pitch * static_cast<std::uint32_t>(Config::kLanes)),
        address(start),
        block_start(start),
        block_row_start(start) {
    turns = place.rows_left * place.block_columns;
  }

  void next() {
    SAT_INLINE
    address += pitch;
    if (++row < place.rows) return;
    row = 0;
    block_start += block_step;
    if (place.next()) {
      block_row_start += block_row_step;
      block_start = block_row_start;
    }
    address = block_start;
  }
};

}  // namespace sat

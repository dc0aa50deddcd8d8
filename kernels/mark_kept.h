// SPDX-License-Identifier: Apache-2.0
//
// SR-STE's marks: which of the old weights FF kept. Beside the way of the weights to the update goes
// a copy of them, in binary16, whose groups are ranked here; the update takes one mask a row.
#pragma once

#include "block_grid.h"
#include "group_ranking.h"
#include "types.h"
#include "wuve_flags.h"

namespace sat {

// A row takes two cycles, one to be ranked and one to be marked: no less than to read it from
// memory, so that one ranking suffices. The rows that the last block lacks are zeros behind it.
template <class Config>
void mark_kept_rows(int count, hls::stream<WuveCommand>& commands,
                    hls::stream<Word<Config>>& rows, hls::stream<LaneMask<Config>>& masks) {
  GroupRanking<Config> ranking;
  SAT_PARTITION(ranking.value, 0)
  SAT_PARTITION(ranking.rank, 0)
  SAT_LOOP(MarkKeptRows_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(64)
    const WuveCommand command = commands.read();
    const BlockGrid<Config> grid(command);
    const int keep = static_cast<int>(command.ff_keep);
    const int block_rows = decays_pruned(command) ? grid.block_rows : 0;
    SAT_LOOP(MarkKeptRows_BlockRow)
    for (int block_row = 0; block_row < block_rows; ++block_row) {
      SAT_TRIPCOUNT(16)
      const int valid = grid.rows_in(block_row);
      const int groups = ceil_div(valid, Config::kGroup);
      const int cycles = grid.block_columns * groups * 2 * Config::kGroup;
      int first = 0;
      int element = 0;
      bool marking = false;
      SAT_LOOP(MarkKeptRows_Row)
      for (int cycle = 0; cycle < cycles; ++cycle) {
        SAT_PIPELINE(1)  // the ranks of a group change by one increment a cycle
        SAT_TRIPCOUNT(1024)
        const bool real = first + element < valid;
        if (marking) {
          if (real) masks.write(ranking.kept(element, keep));
        } else {
          Word<Config> word = zero_word<Config>();
          if (real) word = rows.read();
          ranking.take(element, word);
        }
        if (++element == Config::kGroup) {
          element = 0;
          if (marking) first = first + Config::kGroup < valid ? first + Config::kGroup : 0;
          marking = !marking;
        }
      }
    }
  }
}

}  // namespace sat

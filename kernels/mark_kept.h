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

// A row takes two cycles, one to be ranked and one to be marked: no more than to read it from
// memory, so that one ranking suffices. Half a group of rows comes while the group before it is
// marked, and waits in its stream. The rows that the last block lacks are zeros behind it.
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
    const int groups = grid.block_columns * ceil_div(grid.rows, Config::kGroup);
    const int cycles = decays_pruned(command) ? groups * 2 * Config::kGroup : 0;
    BlockPlace<Config> place(grid);
    int first = 0;  // row of the group in its block
    int element = 0;
    bool marking = false;
    SAT_LOOP(MarkKeptRows_Row)
    for (int cycle = 0; cycle < cycles; ++cycle) {
      SAT_PIPELINE(1)  // the ranks of a group change by one increment a cycle
      SAT_TRIPCOUNT(8192)
      const bool real = first + element < place.rows;
      if (marking) {
        if (real) masks.write(ranking.kept(element, keep));
      } else {
        Word<Config> word = zero_word<Config>();
        if (real) word = rows.read();
        ranking.take(element, word);
      }
      if (++element == Config::kGroup) {
        element = 0;
        if (marking) {
          first += Config::kGroup;
          if (first >= place.rows) {
            first = 0;
            place.next();
          }
        }
        marking = !marking;
      }
    }
  }
}

}  // namespace sat

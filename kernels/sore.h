// SPDX-License-Identifier: Apache-2.0
//
// SORE: the online N:M selector. It takes the binary16 rows of blocks of lanes x lanes weights and
// writes packed records (docs/architecture.md): the `keep` largest magnitudes of every group of `group`
// consecutive rows, a tie to the earlier one, in ascending order, with their indices.
//
// One selector serves both directions. Forward, a lane is an output channel and the rows are input
// channels; backward, the block is transposed before it, and the roles are exchanged.
#pragma once

#include <block_registers.h>

#include "block_grid.h"
#include "group_ranking.h"
#include "packed_index.h"
#include "types.h"
#include "wuve_flags.h"

namespace sat {

// Where the words of the records go, block after block. Forward, the records of a column of blocks
// follow each other.
template <class Config>
struct ForwardRecords {
  BlockPlace<Config> place;
  int words;
  int word;                   // of the record
  std::uint32_t record_step;  // to the record of the next block
  std::uint32_t address;      // of the word,
  std::uint32_t start;        // ... of its record
  std::uint32_t row_start;    // ... and of the first one of the row of blocks

  ForwardRecords(const BlockGrid<Config>& grid, std::uint32_t first, int record_words)
      : place(grid),
        words(record_words),
        word(0),
        record_step(static_cast<std::uint32_t>(grid.block_rows * record_words)),
        address(first),
        start(first),
        row_start(first) {}

  void next() {
    SAT_INLINE
    ++address;
    if (++word < words) return;
    word = 0;
    start += record_step;
    if (place.next()) {
      row_start += static_cast<std::uint32_t>(words);
      start = row_start;
    }
    address = start;
  }
};

// Backward, they lie in the order of the blocks.
template <class Config>
struct BackwardRecords {
  std::uint32_t address;

  BackwardRecords(const BlockGrid<Config>&, std::uint32_t first, int) : address(first) {}

  void next() {
    SAT_INLINE
    ++address;
  }
};

// The two directions: N, and where the records go.
struct ForwardAxis {
  template <class Config>
  using Records = ForwardRecords<Config>;
  static std::uint32_t keep(const WuveCommand& command) { return command.ff_keep; }
  static std::uint32_t address(const WuveCommand& command) { return command.ff_address; }
};
struct BackwardAxis {
  template <class Config>
  using Records = BackwardRecords<Config>;
  static std::uint32_t keep(const WuveCommand& command) { return command.bp_keep; }
  static std::uint32_t address(const WuveCommand& command) { return command.bp_address; }
};

// The rows of a block become its columns; with masks, those of the forward selector go over it. It
// fills and empties in turn: 2 x lanes cycles, as many as the update takes for the block.
template <class Config>
void transpose_blocks(int count, hls::stream<WuveCommand>& commands,
                      hls::stream<WuveCommand>& forward, hls::stream<Word<Config>>& rows,
                      hls::stream<LaneMask<Config>>& masks,
                      hls::stream<Word<Config>>& columns) {
  Block<Config> block;
  SAT_PARTITION(block.element, 0)
  SAT_LOOP(TransposeBlocks_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(64)
    const WuveCommand command = commands.read();
    forward.write(command);
    const BlockGrid<Config> grid(command);
    const bool masked = masks_bp(command);
    const int blocks = command.bp_keep ? grid.block_rows * grid.block_columns : 0;
    const int turns = blocks * 2 * Config::kLanes;
    bool filling = true;
    int line = 0;  // row or column
    SAT_LOOP(TransposeBlocks_Line)
    for (int turn = 0; turn < turns; ++turn) {
      SAT_PIPELINE(1)  // writes one row of registers, or reads one column
      SAT_TRIPCOUNT(8192)
      if (filling) {
        Word<Config> word = rows.read();
        if (masked) word = mask_word<Config>(word, masks.read());
        block.set_row(line, word);
      } else {
        columns.write(block.column(line));
      }
      if (++line == Config::kLanes) {
        line = 0;
        filling = !filling;
      }
    }
  }
}

// A group takes `group` cycles to come in; the kept elements of the one before leave meanwhile, and
// a mask for each of its rows when they are `marked`.
template <class Config, class Axis, class Masks>
inline void select_groups(int count, hls::stream<WuveCommand>& commands,
                          hls::stream<WuveCommand>& forward, hls::stream<Word<Config>>& rows,
                          hls::stream<Selection<Config>>& selections, Masks& masks) {
  SAT_INLINE
  GroupRanking<Config> entering;
  GroupRanking<Config> leaving;
  SAT_PARTITION(entering.value, 0)
  SAT_PARTITION(entering.rank, 0)
  SAT_PARTITION(leaving.value, 0)
  SAT_PARTITION(leaving.rank, 0)
  SAT_LOOP(SelectGroups_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(64)
    const WuveCommand command = commands.read();
    forward.write(command);
    const BlockGrid<Config> grid(command);
    const int keep = static_cast<int>(Axis::keep(command));
    const bool marked = masks_bp(command);
    const int groups = keep ? grid.block_rows * grid.block_columns *
                                  Geometry<Config>::kGroupsPerPanel
                            : 0;
    const int cycles = groups ? (groups + 1) * Config::kGroup : 0;
    int group = 0;
    int element = 0;
    SAT_LOOP(SelectGroups_Row)
    for (int cycle = 0; cycle < cycles; ++cycle) {
      SAT_PIPELINE(1)  // the ranks of a group change by one increment a cycle
      SAT_TRIPCOUNT(4096)
      if (group > 0 && element < keep) selections.write(leaving.pick(element, keep));
      if (group > 0 && marked) masks.write(leaving.kept(element, keep));
      if (group < groups) entering.take(element, rows.read());
      if (++element == Config::kGroup) {
        element = 0;
        ++group;
        leaving.copy(entering);
      }
    }
  }
}

template <class Config>
void select_forward(int count, hls::stream<WuveCommand>& commands,
                    hls::stream<WuveCommand>& forward, hls::stream<Word<Config>>& rows,
                    hls::stream<Selection<Config>>& selections,
                    hls::stream<LaneMask<Config>>& masks) {
  select_groups<Config, ForwardAxis>(count, commands, forward, rows, selections, masks);
}

template <class Config>
void select_backward(int count, hls::stream<WuveCommand>& commands,
                     hls::stream<WuveCommand>& forward, hls::stream<Word<Config>>& columns,
                     hls::stream<Selection<Config>>& selections) {
  NoStream<LaneMask<Config>> no_masks;
  select_groups<Config, BackwardAxis>(count, commands, forward, columns, selections, no_masks);
}

// Orders a block's selections as a record: value words first, then the index words.
template <class Config, class Axis>
void assemble_records(int count, hls::stream<WuveCommand>& commands,
                      hls::stream<WuveCommand>& forward,
                      hls::stream<Selection<Config>>& selections,
                      hls::stream<Word<Config>>& words) {
  Word<Config> indices[Geometry<Config>::kMaxIndexWords];
  SAT_STORAGE(indices, ram_2p, lutram)
  SAT_LOOP(AssembleRecords_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(64)
    const WuveCommand command = commands.read();
    forward.write(command);
    const BlockGrid<Config> grid(command);
    const int keep = static_cast<int>(Axis::keep(command));
    const int blocks = keep ? grid.block_rows * grid.block_columns : 0;
    const int values = Geometry<Config>::value_words(keep);
    const int index_words = keep ? Geometry<Config>::index_words(keep) : 0;
    const int record = values + index_words;
    const int turns = blocks * record;
    IndexPlace<Config> place;
    Word<Config> gathered = zero_word<Config>();
    int word = 0;  // of the record
    SAT_LOOP(AssembleRecords_Word)
    for (int turn = 0; turn < turns; ++turn) {
      SAT_PIPELINE(1)  // the gathered word is a register; one memory read or write
      SAT_TRIPCOUNT(8192)
      if (word < values) {
        const Selection<Config> selection = selections.read();
        words.write(selection.value);
        put_indices<Config>(gathered, place.slot, selection.index);
        if (place.word < index_words) indices[place.word] = gathered;
        place.advance();
      } else {
        words.write(indices[word - values]);
      }
      if (++word == record) {
        word = 0;
        place = IndexPlace<Config>();
      }
    }
  }
}

template <class Config, class Axis>
void write_records(int count, SAT_WRITE_PORT(Word<Config>) memory,
                   hls::stream<WuveCommand>& commands, hls::stream<Word<Config>>& words) {
  SAT_LOOP(WriteRecords_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(64)
    const WuveCommand command = commands.read();
    const BlockGrid<Config> grid(command);
    const int keep = static_cast<int>(Axis::keep(command));
    const int record = Geometry<Config>::record_words(keep);
    const int turns = keep ? grid.block_rows * grid.block_columns * record : 0;
    typename Axis::template Records<Config> at(grid, Axis::address(command), record);
    SAT_LOOP(WriteRecords_Word)
    for (int turn = 0; turn < turns; ++turn) {
      SAT_PIPELINE(1)  // a word, at addresses that follow each other within a record
      SAT_TRIPCOUNT(8192)
      memory[at.address] = words.read();
      at.next();
    }
  }
}

}  // namespace sat

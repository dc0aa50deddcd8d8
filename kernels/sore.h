// SPDX-License-Identifier: Apache-2.0
//
// SORE: the online N:M selector. It takes the binary16 rows of blocks of lanes x lanes weights and
// writes packed records (docs/architecture.md): the `keep` largest magnitudes of every group of `group`
// consecutive rows, a tie to the earlier one, in ascending order, with their indices.
//
// One selector serves both directions. Forward, a lane is an output channel and the rows are input
// channels; backward, the block is transposed before it, and the roles are exchanged.
#pragma once

#include "block_grid.h"
#include "block_transpose.h"
#include "group_ranking.h"
#include "packed_index.h"
#include "types.h"
#include "wuve_flags.h"

namespace sat {

// The two directions: N, and where the record of block (block_row, block) belongs.
struct ForwardAxis {
  static std::uint32_t keep(const WuveCommand& command) { return command.ff_keep; }
  static std::uint32_t address(const WuveCommand& command) { return command.ff_address; }
  template <class Config>
  static int record(const BlockGrid<Config>& grid, int block_row, int block) {
    return block * grid.block_rows + block_row;
  }
};
struct BackwardAxis {
  static std::uint32_t keep(const WuveCommand& command) { return command.bp_keep; }
  static std::uint32_t address(const WuveCommand& command) { return command.bp_address; }
  template <class Config>
  static int record(const BlockGrid<Config>& grid, int block_row, int block) {
    return block_row * grid.block_columns + block;
  }
};

// The rows of a block become its columns; with masks, those of the forward selector go over it.
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
    SAT_LOOP(TransposeBlocks_Block)
    for (int b = 0; b < blocks; ++b) {
      SAT_TRIPCOUNT(256)
      SAT_LOOP(TransposeBlocks_Fill)
      for (int row = 0; row < Config::kLanes; ++row) {
        SAT_PIPELINE(1)  // writes one row of registers
        Word<Config> word = rows.read();
        if (masked) word = mask_word<Config>(word, masks.read());
        block.set_row(row, word);
      }
      SAT_LOOP(TransposeBlocks_Empty)
      for (int column = 0; column < Config::kLanes; ++column) {
        SAT_PIPELINE(1)  // reads one column of registers
        columns.write(block.column(column));
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
    SAT_LOOP(AssembleRecords_Block)
    for (int b = 0; b < blocks; ++b) {
      SAT_TRIPCOUNT(256)
      IndexPlace<Config> place;
      Word<Config> gathered = zero_word<Config>();
      SAT_LOOP(AssembleRecords_Value)
      for (int v = 0; v < values; ++v) {
        SAT_PIPELINE(1)  // the gathered word is a register
        SAT_TRIPCOUNT(32)
        const Selection<Config> selection = selections.read();
        words.write(selection.value);
        put_indices<Config>(gathered, place.slot, selection.index);
        if (place.word < index_words) indices[place.word] = gathered;
        place.advance();
      }
      SAT_LOOP(AssembleRecords_Index)
      for (int w = 0; w < index_words; ++w) {
        SAT_PIPELINE(1)  // one memory read, one write
        SAT_TRIPCOUNT(8)
        words.write(indices[w]);
      }
    }
  }
}

template <class Config, class Axis>
void write_records(int count, Word<Config>* memory, hls::stream<WuveCommand>& commands,
                   hls::stream<Word<Config>>& words) {
  SAT_LOOP(WriteRecords_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(64)
    const WuveCommand command = commands.read();
    const BlockGrid<Config> grid(command);
    const int keep = static_cast<int>(Axis::keep(command));
    const int block_rows = keep ? grid.block_rows : 0;
    const int record = Geometry<Config>::record_words(keep);
    SAT_LOOP(WriteRecords_BlockRow)
    for (int block_row = 0; block_row < block_rows; ++block_row) {
      SAT_TRIPCOUNT(16)
      SAT_LOOP(WriteRecords_Block)
      for (int block = 0; block < grid.block_columns; ++block) {
        SAT_TRIPCOUNT(16)
        const int place = Axis::template record<Config>(grid, block_row, block);
        const std::uint32_t address =
            Axis::address(command) + static_cast<std::uint32_t>(place * record);
        SAT_LOOP(WriteRecords_Word)
        for (int w = 0; w < record; ++w) {
          SAT_PIPELINE(1)  // consecutive addresses: one burst
          SAT_TRIPCOUNT(40)
          memory[address + static_cast<std::uint32_t>(w)] = words.read();
        }
      }
    }
  }
}

}  // namespace sat

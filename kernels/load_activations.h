// SPDX-License-Identifier: Apache-2.0
//
// The A side: activations from memory to the head of the chain.
//
// For each tile, for each panel p of `lanes` reduction elements, for each row i of rows x
// interleave, the chain gets one word: elements p * lanes and on of output row i. The first
// `interleave` words are the last row unit's, which is farthest, and so on up to the first unit's.
// Rows beyond the tile's valid ones are zeros. Elements beyond the reduction are zeros too: memory
// holds zeros beyond a matrix's columns, and the transposed path fills them in.
#pragma once

#include "block_transpose.h"
#include "types.h"
#include "words.h"

namespace sat {

// A as stored, rows x reduction: one word a row, rows `pitch` apart.
template <class Config>
void read_rows(const StceCommand& command, const Word<Config>* memory,
               hls::stream<Word<Config>>& words) {
  const int panels = ceil_div(static_cast<int>(command.reduction), Config::kLanes);
  const int rows = static_cast<int>(command.rows);
  const int total = panels * rows;
  std::uint32_t first = command.a_address;
  std::uint32_t address = first;
  int row = 0;
  SAT_LOOP(ReadRows_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // one read a cycle; the address is an addition
    SAT_TRIPCOUNT(16384)
    words.write(memory[address]);
    if (++row == rows) {
      row = 0;
      address = ++first;
    } else {
      address += command.a_pitch;
    }
  }
}

// A as stored, reduction x rows: blocks of `lanes` words, to be transposed.
template <class Config>
void read_blocks(const StceCommand& command, const Word<Config>* memory,
                 hls::stream<Word<Config>>& words) {
  const int reduction = static_cast<int>(command.reduction);
  const int blocks = ceil_div(static_cast<int>(command.a_skip + command.rows), Config::kLanes);
  const int total = reduction * blocks;
  int panel = 0;  // first reduction element of the panel
  int elements = shorter(reduction, Config::kLanes);  // of the panel
  int block = 0;
  int element = 0;
  std::uint32_t panel_address = command.a_address;
  std::uint32_t block_address = panel_address;
  std::uint32_t address = panel_address;
  SAT_LOOP(ReadBlocks_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // one read a cycle; within a block the address is an addition
    SAT_TRIPCOUNT(16384)
    words.write(memory[address]);
    address += command.a_pitch;
    if (++element == elements) {
      element = 0;
      ++block_address;
      if (++block == blocks) {
        block = 0;
        panel += Config::kLanes;
        elements = shorter(reduction - panel, Config::kLanes);
        panel_address += command.a_pitch * static_cast<std::uint32_t>(Config::kLanes);
        block_address = panel_address;
      }
      address = block_address;
    }
  }
}

template <class Config>
void read_activations(int count, const Word<Config>* memory,
                      hls::stream<StceCommand>& commands, hls::stream<StceCommand>& forward,
                      hls::stream<Word<Config>>& words) {
  SAT_LOOP(ReadActivations_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    forward.write(command);
    if (command.flags & kStceTransposeA) {
      read_blocks<Config>(command, memory, words);
    } else {
      read_rows<Config>(command, memory, words);
    }
  }
}

// `words` from memory, then zeros up to the rows that the chain takes.
template <class Config>
void arrange_rows(const StceCommand& command, hls::stream<Word<Config>>& words,
                  hls::stream<OperandWord<Config>>& activations) {
  const int panels = ceil_div(static_cast<int>(command.reduction), Config::kLanes);
  const int taken = Config::kRows * static_cast<int>(command.interleave);
  const int rows = static_cast<int>(command.rows);
  const int total = panels * taken;
  int row = 0;
  SAT_LOOP(ArrangeRows_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // feed-forward: read, unpack, write
    SAT_TRIPCOUNT(16384)
    const Word<Config> word = row < rows ? words.read() : zero_word<Config>();
    activations.write(unpack_word<Config>(word));
    row = row + 1 == taken ? 0 : row + 1;
  }
}

// Transposes block by block: fills a block with one word a reduction element, empties it with one
// word an output row: two cycles a word.
template <class Config>
void arrange_blocks(const StceCommand& command, hls::stream<Word<Config>>& words,
                    hls::stream<OperandWord<Config>>& activations) {
  Block<Config> block;
  SAT_PARTITION(block.element, 0)
  const int reduction = static_cast<int>(command.reduction);
  const int rows = static_cast<int>(command.rows);
  const int skip = static_cast<int>(command.a_skip);
  const int taken = Config::kRows * static_cast<int>(command.interleave);
  const int blocks = ceil_div(skip + rows, Config::kLanes);
  SAT_LOOP(ArrangeBlocks_Panel)
  for (int panel = 0; panel < reduction; panel += Config::kLanes) {
    SAT_TRIPCOUNT(64)
    SAT_LOOP(ArrangeBlocks_Block)
    for (int b = 0; b < blocks; ++b) {
      SAT_TRIPCOUNT(16)
      SAT_LOOP(ArrangeBlocks_Fill)
      for (int element = 0; element < Config::kLanes; ++element) {
        SAT_PIPELINE(1)  // writes one row of registers
        const bool real = panel + element < reduction;
        block.set_row(element, real ? words.read() : zero_word<Config>());
      }
      const int first = b == 0 ? skip : 0;
      const int end = shorter(skip + rows - b * Config::kLanes, Config::kLanes);
      SAT_LOOP(ArrangeBlocks_Empty)
      for (int column = first; column < end; ++column) {
        SAT_PIPELINE(1)  // reads one column of registers
        SAT_TRIPCOUNT(32)
        activations.write(unpack_word<Config>(block.column(column)));
      }
    }
    SAT_LOOP(ArrangeBlocks_Pad)
    for (int row = rows; row < taken; ++row) {
      SAT_PIPELINE(1)
      SAT_TRIPCOUNT(512)
      activations.write(unpack_word<Config>(zero_word<Config>()));
    }
  }
}

template <class Config>
void arrange_activations(int count, hls::stream<StceCommand>& commands,
                         hls::stream<Word<Config>>& words,
                         hls::stream<OperandWord<Config>>& activations) {
  SAT_LOOP(ArrangeActivations_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    if (command.flags & kStceTransposeA) {
      arrange_blocks<Config>(command, words, activations);
    } else {
      arrange_rows<Config>(command, words, activations);
    }
  }
}

}  // namespace sat

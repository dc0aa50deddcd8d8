// SPDX-License-Identifier: Apache-2.0
//
// The A side: activations from memory to the head of the chain.
//
// For each tile, for each panel, for each row i of rows x interleave, the chain gets one word: the
// panel's `lanes` reduction elements of output row i. A panel is a word of channels of one tap; with
// transposed A it is `lanes` output pixels. The first `interleave` words are the last row unit's,
// which is farthest, and so on up to the first unit's. Rows beyond the tile's valid ones are zeros.
// Elements beyond the reduction are zeros too: memory holds zeros beyond a matrix's columns, and
// the transposed path fills them in.
#pragma once

#include "block_transpose.h"
#include "pixels.h"
#include "prune_word.h"
#include "types.h"
#include "words.h"

namespace sat {

// Pixels are the output rows: a word of each for every tap and channel word.
template <class Config>
void read_rows(const StceCommand& command, const Word<Config>* memory,
               hls::stream<Word<Config>>& words) {
  const int rows = static_cast<int>(command.rows);
  const int total = panels_of<Config>(command) * rows;
  const PixelWalk first(command);
  PixelWalk pixel = first;
  TapWalk tap(command);
  int row = 0;
  SAT_LOOP(ReadRows_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // at most one read a cycle; both walks are counters and additions
    SAT_TRIPCOUNT(16384)
    words.write(read_pixel<Config>(command, memory, pixel, tap));
    pixel.advance(command);
    if (++row == rows) {
      row = 0;
      pixel = first;
      tap.advance(command);
    }
  }
}

// Pixels are the reduction, to be transposed: `lanes` of them a block, a block for each word of
// the tile's output rows, which are channels of taps.
template <class Config>
void read_blocks(const StceCommand& command, const Word<Config>* memory,
                 hls::stream<Word<Config>>& words) {
  const int reduction = static_cast<int>(command.reduction);
  const int blocks = command.a_words;
  const int total = reduction * blocks;
  int left = reduction;
  int elements = shorter(left, Config::kLanes);  // of the panel
  int block = 0;
  int element = 0;
  PixelWalk panel(command);  // its first pixel
  PixelWalk pixel = panel;
  TapWalk tap(command);
  SAT_LOOP(ReadBlocks_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // at most one read a cycle; both walks are counters and additions
    SAT_TRIPCOUNT(16384)
    words.write(read_pixel<Config>(command, memory, pixel, tap));
    pixel.advance(command);
    if (++element == elements) {
      element = 0;
      if (++block == blocks) {
        block = 0;
        tap = TapWalk(command);
        panel = pixel;
        left -= Config::kLanes;
        elements = shorter(left, Config::kLanes);
      } else {
        tap.advance(command);
        pixel = panel;
      }
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

// `words` from memory, pruned if the command says so, then zeros up to the rows that the chain takes.
template <class Config>
void arrange_rows(const StceCommand& command, hls::stream<Word<Config>>& words,
                  hls::stream<OperandWord<Config>>& activations) {
  const int taken = Config::kRows * static_cast<int>(command.interleave);
  const int rows = static_cast<int>(command.rows);
  const int keep = command.a_keep;
  const int total = panels_of<Config>(command) * taken;
  int row = 0;
  SAT_LOOP(ArrangeRows_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // feed-forward: read, prune, unpack, write
    SAT_TRIPCOUNT(16384)
    const Word<Config> word = row < rows ? words.read() : zero_word<Config>();
    activations.write(unpack_word<Config>(keep ? prune_word<Config>(word, keep) : word));
    row = row + 1 == taken ? 0 : row + 1;
  }
}

// Transposes block by block: fills a block with one word a pixel, empties it with one word an output
// row: two cycles a word. Lanes beyond a tap's channels are no rows.
template <class Config>
void arrange_blocks(const StceCommand& command, hls::stream<Word<Config>>& words,
                    hls::stream<OperandWord<Config>>& activations) {
  Block<Config> block;
  SAT_PARTITION(block.element, 0)
  const int reduction = static_cast<int>(command.reduction);
  const int channels = static_cast<int>(command.a_channels);
  const int rows = static_cast<int>(command.rows);
  const int taken = Config::kRows * static_cast<int>(command.interleave);
  SAT_LOOP(ArrangeBlocks_Panel)
  for (int panel = 0; panel < reduction; panel += Config::kLanes) {
    SAT_TRIPCOUNT(64)
    std::uint32_t tap_block = command.a_block;
    int first = command.a_skip;
    int left = rows;
    SAT_LOOP(ArrangeBlocks_Block)
    for (int b = 0; b < static_cast<int>(command.a_words); ++b) {
      SAT_TRIPCOUNT(16)
      fill_block<Config>(reduction - panel, words, block);
      const int real = channels - static_cast<int>(tap_block) * Config::kLanes;
      const int end = shorter(shorter(real, Config::kLanes), first + left);
      SAT_LOOP(ArrangeBlocks_Empty)
      for (int column = first; column < end; ++column) {
        SAT_PIPELINE(1)  // reads one column of registers
        SAT_TRIPCOUNT(32)
        activations.write(unpack_word<Config>(block.column(column)));
      }
      left -= end - first;
      first = 0;
      tap_block = tap_block + 1 == command.a_blocks ? 0 : tap_block + 1;
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

// SPDX-License-Identifier: Apache-2.0
//
// The chain's end of the A side: held words become what the row units take.
//
// For each tile, for each set of output rows, for each panel, for each row of the set the chain gets
// the panel's `lanes` reduction elements, in tokens of kFeed rows. A panel is a word of channels of one
// tap; with transposed A it is `lanes` output pixels. The first rows are the last row unit's, which is
// farthest, and so on up to the first unit's. Rows and elements beyond the command's are zeros: memory
// holds zeros beyond a matrix's columns, and the transposer fills them in.
#pragma once

#include "block_transpose.h"
#include "prune_word.h"
#include "read_activations.h"
#include "types.h"
#include "words.h"

namespace sat {

// Held tokens, pruned if the command says so.
template <class Config>
void arrange_rows(const StceCommand& command, hls::stream<WordToken<Config>>& held,
                  hls::stream<Activations<Config>>& activations) {
  const int total = row_tokens<Config>(command);
  const int keep = command.a_keep;
  SAT_LOOP(ArrangeRows_Token)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // feed-forward: read, prune, unpack, write
    SAT_TRIPCOUNT(16384)
    const WordToken<Config> token = held.read();
    Activations<Config> arranged;
    SAT_LOOP(ArrangeRows_Row)
    for (int f = 0; f < Config::kFeed; ++f) {
      SAT_UNROLL
      const Word<Config> word = token.row[f];
      arranged.row[f] = unpack_word<Config>(keep ? prune_word<Config>(word, keep) : word);
    }
    activations.write(arranged);
  }
}

// A block of transposed A: `lanes` pixels of a word of channels, of which some are output rows.
struct ChannelBlock {
  bool valid;
  int elements;  // pixels
  int first;     // channel that is an output row
  int end;
  int padding;   // rows behind them that the panel lacks
};

// Goes through the blocks of a command, tile by tile, panel by panel.
template <class Config>
struct ChannelBlocks {
  int tiles_left;
  int pixels_left;  // of the tile
  int block;        // of the panel
  int rows_left;
  std::uint32_t tap_block;
  int skip;

  explicit ChannelBlocks(const StceCommand& command)
      : tiles_left(tiles_of<Config>(command)), pixels_left(static_cast<int>(command.reduction)) {
    start_panel(command);
  }

  void start_panel(const StceCommand& command) {
    block = 0;
    rows_left = static_cast<int>(command.rows);
    tap_block = command.a_block;
    skip = command.a_skip;
  }

  ChannelBlock next(const StceCommand& command) {
    SAT_INLINE
    ChannelBlock found = ChannelBlock();
    if (tiles_left == 0) return found;
    const int channels = static_cast<int>(command.a_channels);
    const int real = channels - static_cast<int>(tap_block) * Config::kLanes;
    found.valid = true;
    found.elements = shorter(pixels_left, Config::kLanes);
    found.first = skip;
    // Lanes beyond a tap's channels are no rows.
    found.end = shorter(shorter(real, Config::kLanes), skip + rows_left);
    rows_left -= found.end - found.first;
    skip = 0;
    tap_block = tap_block + 1 == command.a_blocks ? 0 : tap_block + 1;
    if (++block < static_cast<int>(command.a_words)) return found;
    found.padding = set_rows<Config>(command) - static_cast<int>(command.rows);
    pixels_left -= found.elements;
    start_panel(command);
    if (pixels_left == 0) {
      --tiles_left;
      pixels_left = static_cast<int>(command.reduction);
    }
    return found;
  }
};

// Collects output rows in tokens. Every unit of `interleave` rows begins a new one.
template <class Config>
struct TokenWriter {
  Activations<Config> token;
  int place;
  int row;  // of the unit

  TokenWriter() : place(0), row(0) {}

  void write(int interleave, const Word<Config>& word,
             hls::stream<Activations<Config>>& activations) {
    SAT_INLINE
    if (place == 0) {
      SAT_LOOP(TokenWriter_Clear)
      for (int f = 1; f < Config::kFeed; ++f) {
        SAT_UNROLL
        token.row[f] = unpack_word<Config>(zero_word<Config>());
      }
    }
    token.row[place] = unpack_word<Config>(word);
    const bool unit_ends = ++row == interleave;
    if (unit_ends) row = 0;
    if (++place == Config::kFeed || unit_ends) {
      place = 0;
      activations.write(token);
    }
  }
};

// Two blocks in turns: one takes a word a pixel while the other gives one an output row.
template <class Config>
void arrange_blocks(const StceCommand& command, hls::stream<WordToken<Config>>& held,
                    hls::stream<Activations<Config>>& activations) {
  Block<Config> even;
  Block<Config> odd;
  SAT_PARTITION(even.element, 0)
  SAT_PARTITION(odd.element, 0)
  const int interleave = static_cast<int>(command.interleave);
  ChannelBlocks<Config> walk(command);
  TokenWriter<Config> writer;
  SAT_PARTITION(writer.token.row, 1)
  ChannelBlock emptying = ChannelBlock();
  ChannelBlock filling = walk.next(command);
  bool fills_even = true;
  SAT_LOOP(ArrangeBlocks_Turn)
  while (filling.valid || emptying.valid) {
    SAT_TRIPCOUNT(4096)
    const int rows = emptying.valid ? emptying.end - emptying.first : 0;
    const int given = emptying.valid ? rows + emptying.padding : 0;
    const int taken = filling.valid ? Config::kLanes : 0;
    SAT_LOOP(ArrangeBlocks_Word)
    for (int i = 0; i < longer(given, taken); ++i) {
      SAT_PIPELINE(1)  // writes one row of registers, reads one column of the others
      SAT_TRIPCOUNT(32)
      if (i < taken) {
        const bool real = i < filling.elements;
        const Word<Config> word = real ? held.read().row[0] : zero_word<Config>();
        if (fills_even) {
          even.set_row(i, word);
        } else {
          odd.set_row(i, word);
        }
      }
      if (i < given) {
        const int column = emptying.first + i;
        Word<Config> word = zero_word<Config>();
        if (i < rows) word = fills_even ? odd.column(column) : even.column(column);
        writer.write(interleave, word, activations);
      }
    }
    emptying = filling;
    filling = walk.next(command);
    fills_even = !fills_even;
  }
}

template <class Config>
void arrange_activations(int count, hls::stream<StceCommand>& commands,
                         hls::stream<WordToken<Config>>& held,
                         hls::stream<Activations<Config>>& activations) {
  SAT_LOOP(ArrangeActivations_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    if (command.flags & kStceTransposeA) {
      arrange_blocks<Config>(command, held, activations);
    } else {
      arrange_rows<Config>(command, held, activations);
    }
  }
}

}  // namespace sat

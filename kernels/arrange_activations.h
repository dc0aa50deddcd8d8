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

#include <block_registers.h>

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

// A block of transposed A: `lanes` pixels of a word of channels, of which some are output rows. One
// that takes nothing is none.
struct ChannelBlock {
  int taken;   // words: of the pixels, and zeros for those that a tile's last panel lacks
  int pixels;
  int first;   // channel that is an output row
  int rows;
  int given;   // words: the rows, and zeros for those that the panel lacks, behind its last
};

// Goes through the blocks of a command, tile by tile, panel by panel.
template <class Config>
struct ChannelBlocks {
  int last_channels;  // of a tap's last word; its other lanes are no rows
  int padding;        // rows that a panel lacks
  int tiles_left;
  int pixels_left;  // of the tile
  int block;        // of the panel
  int lanes_left;   // of the panel: those of its rows, and those before them in its first word
  std::uint32_t tap_block;
  int skip;

  explicit ChannelBlocks(const StceCommand& command)
      : last_channels(static_cast<int>(command.a_channels - command.a_blocks * Config::kLanes) +
                      Config::kLanes),
        padding(set_rows<Config>(command) - static_cast<int>(command.rows)),
        tiles_left(tiles_of<Config>(command)),
        pixels_left(static_cast<int>(command.reduction)) {
    start_panel(command);
  }

  void start_panel(const StceCommand& command) {
    block = 0;
    lanes_left = static_cast<int>(command.a_skip) + static_cast<int>(command.rows);
    tap_block = command.a_block;
    skip = command.a_skip;
  }

  ChannelBlock next(const StceCommand& command) {
    SAT_INLINE
    ChannelBlock found = ChannelBlock();
    if (tiles_left == 0) return found;
    const bool tap_ends = tap_block + 1 == command.a_blocks;
    const int lanes = shorter(tap_ends ? last_channels : Config::kLanes, lanes_left);
    found.taken = Config::kLanes;
    found.pixels = shorter(pixels_left, Config::kLanes);
    found.first = skip;
    found.rows = lanes - skip;
    found.given = found.rows;
    lanes_left -= lanes;
    skip = 0;
    tap_block = tap_ends ? 0 : tap_block + 1;
    if (++block < static_cast<int>(command.a_words)) return found;
    found.given += padding;
    pixels_left -= found.pixels;
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

// Two blocks take turns: one takes a word a pixel while the other gives one an output row. The words
// of a command's blocks are one loop, which goes from block to block without a gap.
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
  int turn = filling.taken;  // words for which the blocks stay what they are; none: all is done
  int word = 0;              // of them
  // Why II = 1 holds: a cycle writes one row of a block's registers and reads one column of the
  // other's; what is written is there in the next cycle, so the blocks may change. From block to block
  // the walk counts, compares and adds, all of it constants or what it carries.
  SAT_LOOP(ArrangeBlocks_Word)
  while (turn > 0) {
    SAT_PIPELINE(1)
    SAT_TRIPCOUNT(16384)
    if (word < filling.taken) {
      const bool real = word < filling.pixels;
      const Word<Config> channels = real ? held.read().row[0] : zero_word<Config>();
      if (fills_even) {
        even.set_row(word, channels);
      } else {
        odd.set_row(word, channels);
      }
    }
    if (word < emptying.given) {
      const int column = emptying.first + word;
      Word<Config> pixels = zero_word<Config>();
      if (word < emptying.rows) pixels = fills_even ? odd.column(column) : even.column(column);
      writer.write(interleave, pixels, activations);
    }
    if (++word == turn) {
      word = 0;
      emptying = filling;
      filling = walk.next(command);
      fills_even = !fills_even;
      turn = longer(emptying.given, filling.taken);
    }
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

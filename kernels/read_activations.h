// SPDX-License-Identifier: Apache-2.0
//
// The memory's end of the A side: words of activations, in one of three orders.
//
//   a held strip      the words that the strip's pixels touch at any tap, once, end to end
//   row by row        for each tile the words as the chain takes them, each at its own address
//   pixel by pixel    transposed A: for each tile all pixels of the reduction, of each the words that
//                     the strip's output rows (channels of taps) lie in
#pragma once

#include "pixels.h"
#include "types.h"

namespace sat {

// Sets of output rows that go through the whole reduction together: all of an output-stationary
// strip, or a batch.
template <class Config>
inline int sets_of(const StceCommand& command) {
  return is_weight_stationary<Config>(command) ? batches_of(command) : 1;
}

// Units of `interleave` rows in a set.
template <class Config>
inline int units_of(const StceCommand& command) {
  return is_weight_stationary<Config>(command) ? 1 : Config::kRows;
}

template <class Config>
inline int set_rows(const StceCommand& command) {
  return units_of<Config>(command) * static_cast<int>(command.interleave);
}

// Tokens of a command, unless A is transposed.
template <class Config>
inline int row_tokens(const StceCommand& command) {
  return tiles_of<Config>(command) * sets_of<Config>(command) * panels_of<Config>(command) *
         units_of<Config>(command) * tokens_of<Config>(command.interleave);
}

// A loop that reads memory waits for the port's latency when it is entered, so a command enters one of
// those below, once, for all of its tiles. The next command is taken outside of them: a pipeline that
// waited for it would hold up the words that are on their way, and it may come only after these did.

template <class Config>
void read_strip(const StceCommand& command, SAT_READ_PORT(Word<Config>) memory,
                hls::stream<Word<Config>>& words) {
  const int total = command.strip_words;
  SAT_LOOP(ReadStrip_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE_READING(1, memory)  // consecutive addresses, unconditional: the port's bursts
    SAT_TRIPCOUNT(4096)
    words.write(memory[command.strip_address + static_cast<std::uint32_t>(i)]);
  }
}

template <class Config>
void read_rows(const StceCommand& command, int tiles, SAT_READ_PORT(Word<Config>) memory,
               hls::stream<Word<Config>>& words) {
  const int rows = static_cast<int>(command.rows);
  const int most = set_rows<Config>(command);
  const int panels = panels_of<Config>(command);
  const int total = tiles * panels * rows;
  int left = rows;  // of the tile, from this set on
  int row = 0;      // of the set
  int panel = 0;
  const PixelWalk tile(command);  // the first pixel of each tile,
  PixelWalk first = tile;         // ... of the set
  PixelWalk pixel = tile;
  TapWalk tap(command);
  SAT_LOOP(ReadRows_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE_READING(1, memory)  // at most one read; walks count, add, and begin anew
    SAT_TRIPCOUNT(16384)
    const SourceWord source = source_word(command, pixel, tap);
    words.write(source.inside ? memory[source.address] : zero_word<Config>());
    pixel.advance(command);
    if (++row == shorter(left, most)) {
      row = 0;
      if (++panel == panels) {
        panel = 0;
        left -= most;
        if (left <= 0) {
          left = rows;
          pixel = tile;
        }
        first = pixel;
        tap = TapWalk(command);
      } else {
        pixel = first;
        tap.advance(command);
      }
    }
  }
}

template <class Config>
void read_pixels(const StceCommand& command, int tiles, SAT_READ_PORT(Word<Config>) memory,
                 hls::stream<Word<Config>>& words) {
  const int pixels = static_cast<int>(command.reduction);
  const int pixel_words = static_cast<int>(command.a_words);
  const int total = tiles * pixels * pixel_words;
  int left = pixels;  // of the tile
  int word = 0;       // of the pixel
  const PixelWalk tile(command);  // the first pixel of each tile
  PixelWalk pixel = tile;
  TapWalk tap(command);
  SAT_LOOP(ReadPixels_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE_READING(1, memory)  // at most one read; walks count, add, and begin anew
    SAT_TRIPCOUNT(16384)
    const SourceWord source = source_word(command, pixel, tap);
    words.write(source.inside ? memory[source.address] : zero_word<Config>());
    if (++word < pixel_words) {
      tap.advance(command);
    } else {
      word = 0;
      tap = TapWalk(command);
      pixel.advance(command);
      if (--left == 0) {
        left = pixels;
        pixel = tile;
      }
    }
  }
}

template <class Config>
void read_activations(int count, SAT_READ_PORT(Word<Config>) memory,
                      hls::stream<StceCommand>& commands, hls::stream<StceCommand>& forward,
                      hls::stream<Word<Config>>& words) {
  SAT_LOOP(ReadActivations_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    forward.write(command);
    const int tiles = tiles_of<Config>(command);
    if (command.flags & kStceTransposeA) {
      read_pixels<Config>(command, tiles, memory, words);
    } else if (command.strip_words > 0) {
      read_strip<Config>(command, memory, words);
    } else {
      read_rows<Config>(command, tiles, memory, words);
    }
  }
}

}  // namespace sat

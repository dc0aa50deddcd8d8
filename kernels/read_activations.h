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

template <class Config>
void read_strip(const StceCommand& command, const Word<Config>* memory,
                hls::stream<Word<Config>>& words) {
  const int total = command.strip_words;
  SAT_LOOP(ReadStrip_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // consecutive addresses, unconditional: bursts as long as the port's
    SAT_TRIPCOUNT(4096)
    words.write(memory[command.strip_address + static_cast<std::uint32_t>(i)]);
  }
}

template <class Config>
void read_rows(const StceCommand& command, const Word<Config>* memory,
               hls::stream<Word<Config>>& words) {
  const int rows = static_cast<int>(command.rows);
  const int most = set_rows<Config>(command);
  const int panels = panels_of<Config>(command);
  const int total = panels * rows;  // of all sets
  int left = rows;                  // from this set on
  int row = 0;                      // of the set
  int panel = 0;
  PixelWalk first(command);  // of the set
  PixelWalk pixel = first;
  TapWalk tap(command);
  SAT_LOOP(ReadRows_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // at most one read a cycle; both walks are counters and additions
    SAT_TRIPCOUNT(16384)
    words.write(read_pixel<Config>(command, memory, 0, pixel, tap));
    pixel.advance(command);
    if (++row == shorter(left, most)) {
      row = 0;
      if (++panel == panels) {
        panel = 0;
        left -= most;
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
void read_pixels(const StceCommand& command, const Word<Config>* memory,
                 hls::stream<Word<Config>>& words) {
  const int total = static_cast<int>(command.reduction) * static_cast<int>(command.a_words);
  int word = 0;  // of the pixel
  PixelWalk pixel(command);
  TapWalk tap(command);
  SAT_LOOP(ReadPixels_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // at most one read a cycle; both walks are counters and additions
    SAT_TRIPCOUNT(16384)
    words.write(read_pixel<Config>(command, memory, 0, pixel, tap));
    if (++word == static_cast<int>(command.a_words)) {
      word = 0;
      tap = TapWalk(command);
      pixel.advance(command);
    } else {
      tap.advance(command);
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
    const bool transposed = (command.flags & kStceTransposeA) != 0;
    const bool once = !transposed && command.strip_words > 0;
    const int times = once ? 1 : tiles_of<Config>(command);
    SAT_LOOP(ReadActivations_Tile)
    for (int tile = 0; tile < times; ++tile) {
      SAT_TRIPCOUNT(4)
      if (transposed) {
        read_pixels<Config>(command, memory, words);
      } else if (once) {
        read_strip<Config>(command, memory, words);
      } else {
        read_rows<Config>(command, memory, words);
      }
    }
  }
}

}  // namespace sat

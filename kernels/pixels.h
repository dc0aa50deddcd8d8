// SPDX-License-Identifier: Apache-2.0
//
// Image-to-column addresses, made as the words are read: no matrix of columns is ever stored.
//
// Output pixels go by column, row, image; the taps of a kernel by column, row; the channel words of
// a tap follow each other. An address is the sum of both walks, each of which only adds: the host
// works out the jumps at the ends of rows and images (sat_host/program.py). Addresses wrap around,
// so a jump may go back.
#pragma once

#include "types.h"

namespace sat {

// Where an output pixel's source lies, but for the tap's part.
struct PixelWalk {
  int column;  // of the output image
  int row;
  int x;  // of the source image
  int y;
  std::uint32_t address;

  explicit PixelWalk(const StceCommand& command)
      : column(command.out_x),
        row(command.out_y),
        x(command.a_x),
        y(command.a_y),
        address(command.a_address) {}

  void advance(const StceCommand& command) {
    SAT_INLINE
    const int last_column = static_cast<int>(command.out_width) - 1;
    const int last_row = static_cast<int>(command.out_height) - 1;
    if (column < last_column) {
      ++column;
      x += command.a_stride_x;
      address += command.a_step;
      return;
    }
    column = 0;
    x -= last_column * command.a_stride_x;
    if (row < last_row) {
      ++row;
      y += command.a_stride_y;
      address += command.a_row_jump;
    } else {
      row = 0;
      y -= last_row * command.a_stride_y;
      address += command.a_image_jump;
    }
  }
};

// The part of a tap and of one of its channel words.
struct TapWalk {
  int column;  // of the kernel
  std::uint32_t block;
  int x;  // what it adds to the source's place
  int y;
  std::uint32_t address;

  explicit TapWalk(const StceCommand& command)
      : column(command.tap_x), block(command.a_block), x(0), y(0), address(0) {}

  void advance(const StceCommand& command) {
    SAT_INLINE
    if (++block < command.a_blocks) return;
    block = 0;
    const int direction = (command.flags & kStceBackwardTaps) ? -1 : 1;
    const int last = static_cast<int>(command.taps_x) - 1;
    if (column < last) {
      ++column;
      x += direction;
      address += command.a_tap_step;
    } else {
      column = 0;
      x -= last * direction;
      y += direction;
      address += command.a_tap_jump;
    }
  }
};

// Where a word of the source lies.
struct SourceWord {
  bool inside;  // of the image; outside of it are zeros
  std::uint32_t address;
};

// The word of a pixel, a tap and its channels.
inline SourceWord source_word(const StceCommand& command, const PixelWalk& pixel,
                              const TapWalk& tap) {
  SAT_INLINE
  const int x = pixel.x + tap.x;
  const int y = pixel.y + tap.y;
  SourceWord source;
  source.inside = x >= 0 && x < static_cast<int>(command.a_width) && y >= 0 &&
                  y < static_cast<int>(command.a_height);
  source.address = pixel.address + tap.address + tap.block;
  return source;
}

}  // namespace sat

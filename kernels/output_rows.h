// SPDX-License-Identifier: Apache-2.0
//
// Where the rows of a tile lie in Y. They are output pixels, and may lie apart, as those of a strided
// convolution's BP do; or, with transposed A, the channels of taps, whose padding lies between. A
// walk through them only adds, as the loader's (pixels.h) does.
#pragma once

#include "types.h"

namespace sat {

// What the two ends of the chain of sums need of a command.
struct OutputTile {
  std::uint32_t valid;       // 0 ends the list
  std::uint32_t stationary;  // weight stationary
  std::uint32_t units;       // of `interleave` rows: row units, or (weight stationary) batches
  std::uint32_t interleave;
  std::uint32_t blocks;   // column blocks of `lanes`
  std::uint32_t rows;     // valid rows of the tile
  std::uint32_t columns;  // valid columns of the tile
  std::uint32_t binary32;
  std::uint32_t address;
  std::uint32_t pitch;
  std::uint32_t row_jump;
  std::uint32_t image_jump;
  std::uint32_t column;  // the tile's first pixel in its image
  std::uint32_t row;
  std::uint32_t width;  // of an image
  std::uint32_t height;
};

inline OutputTile end_of_output() { return OutputTile(); }

// The tile of `columns` columns from column block `first_block` on.
template <class Config>
OutputTile output_of(const StceCommand& command, std::uint32_t first_block, int columns) {
  SAT_INLINE
  OutputTile tile;
  tile.valid = 1;
  tile.stationary = is_weight_stationary<Config>(command) ? 1 : 0;
  tile.units = static_cast<std::uint32_t>(tile.stationary ? batches_of(command) : Config::kRows);
  tile.interleave = command.interleave;
  tile.blocks = static_cast<std::uint32_t>(ceil_div(columns, Config::kLanes));
  tile.rows = command.rows;
  tile.columns = static_cast<std::uint32_t>(columns);
  tile.binary32 = (command.flags & kStceBinary32) ? 1 : 0;
  tile.address = command.y_address + first_block * (tile.binary32 ? 2u : 1u);
  tile.pitch = command.y_pitch;
  tile.row_jump = command.y_row_jump;
  tile.image_jump = command.y_image_jump;
  if (command.flags & kStceTransposeA) {
    // An image of taps by channels, of which there is one.
    tile.column = command.a_block * static_cast<std::uint32_t>(Config::kLanes) + command.a_skip;
    tile.row = 0;
    tile.width = command.a_channels;
    tile.height = 0xFFFFFFFFu;
  } else {
    tile.column = command.out_x;
    tile.row = command.out_y;
    tile.width = command.out_width;
    tile.height = command.out_height;
  }
  return tile;
}

// Where a tile's stored sums lie: binary32, in a mirror of Y with twice its steps when Y is binary16.
template <class Config>
OutputTile stored_sums_of(const StceCommand& command, std::uint32_t first_block, int columns) {
  SAT_INLINE
  OutputTile tile = output_of<Config>(command, first_block, columns);
  const std::uint32_t scale = tile.binary32 ? 1u : 2u;
  tile.address = command.sums_address + 2u * first_block;
  tile.pitch *= scale;
  tile.row_jump *= scale;
  tile.image_jump *= scale;
  return tile;
}

struct RowWalk {
  std::uint32_t address;
  std::uint32_t column;
  std::uint32_t row;

  void start(const OutputTile& tile) {
    SAT_INLINE
    address = tile.address;
    column = tile.column;
    row = tile.row;
  }

  void advance(const OutputTile& tile) {
    SAT_INLINE
    if (++column < tile.width) {
      address += tile.pitch;
      return;
    }
    column = 0;
    if (++row < tile.height) {
      address += tile.row_jump;
    } else {
      row = 0;
      address += tile.image_jump;
    }
  }
};

// Sends where the first row of each unit lies, for every tile, in the order in which the units' sums
// come to the store: batches from the first on; of row units the first one, which holds the tile's
// last rows, first. A process of its own, so that the store never waits for the walk through a tile's
// rows.
template <class Config>
void place_units(hls::stream<OutputTile>& tiles, hls::stream<OutputTile>& forward,
                 hls::stream<RowWalk>& places) {
  RowWalk first[Config::kRows];
  OutputTile tile = tiles.read();
  SAT_LOOP(PlaceUnits_Tile)
  while (tile.valid) {
    SAT_TRIPCOUNT(4096)
    forward.write(tile);
    const int interleave = static_cast<int>(tile.interleave);
    RowWalk walk;
    walk.start(tile);
    int unit = 0;
    int row = 0;  // of the unit
    SAT_LOOP(PlaceUnits_Row)
    for (int i = 0; i < static_cast<int>(tile.units) * interleave; ++i) {
      SAT_PIPELINE(1)  // counters and an addition
      SAT_TRIPCOUNT(512)
      if (row == 0) {
        if (tile.stationary) {
          places.write(walk);
        } else {
          first[unit] = walk;
        }
      }
      walk.advance(tile);
      if (++row == interleave) {
        row = 0;
        ++unit;
      }
    }
    SAT_LOOP(PlaceUnits_Unit)
    for (int u = tile.stationary ? -1 : Config::kRows - 1; u >= 0; --u) {
      SAT_PIPELINE(1)  // one memory read
      SAT_TRIPCOUNT(Config::kRows)
      places.write(first[u]);
    }
    tile = tiles.read();
  }
  forward.write(end_of_output());
}

}  // namespace sat

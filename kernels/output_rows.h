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
  std::uint32_t blocks;     // column blocks of `lanes`
  std::uint32_t first_row;  // of the unit whose sums come to the store first
  std::uint32_t rows;       // valid rows of the tile
  std::uint32_t columns;    // valid columns of the tile
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
  const std::uint32_t last_unit = static_cast<std::uint32_t>(Config::kRows - 1);
  tile.first_row = tile.stationary ? 0u : last_unit * tile.interleave;
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

// Where the stored sums of a command's first tile lie: binary32, in a mirror of Y with twice its steps
// when Y is binary16.
template <class Config>
OutputTile stored_sums_of(const StceCommand& command) {
  SAT_INLINE
  const int columns = shorter(static_cast<int>(command.columns), tile_columns<Config>(command));
  OutputTile tile = output_of<Config>(command, 0, columns);
  const std::uint32_t scale = tile.binary32 ? 1u : 2u;
  tile.address = command.sums_address;
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

// Walks through the rows of a tile, unit by unit.
struct UnitWalk {
  OutputTile tile;
  RowWalk walk;
  int unit;
  int row;    // of the unit
  int last;   // ... and its last one
  int units;  // left, from this one on

  void start(const OutputTile& next) {
    SAT_INLINE
    tile = next;
    walk.start(next);
    unit = 0;
    row = 0;
    last = static_cast<int>(tile.interleave) - 1;
    units = tile.valid ? static_cast<int>(tile.units) : 0;
  }

  bool ends_tile() const { return units == 1 && row == last; }

  void advance() {
    SAT_INLINE
    walk.advance(tile);
    if (row != last) {
      ++row;
      return;
    }
    row = 0;
    ++unit;
    --units;
  }
};

// Sends where the first row of each unit lies, for every tile, in the order in which the units' sums
// come to the store: batches from the first on; of row units the first one, which holds the tile's
// last rows, first. These leave while the next tile is walked through, which fetching has sent by
// then, as it is more than a tile ahead of the store. A process of its own, with a turn for a row and
// none for a tile, so that the store never waits for the walk.
template <class Config>
void place_units(hls::stream<OutputTile>& tiles, hls::stream<OutputTile>& forward,
                 hls::stream<RowWalk>& places) {
  RowWalk first[2][Config::kRows];
  int bank = 0;  // that the walk fills
  int left = 0;  // row units of the tile before whose places have not left
  UnitWalk at;
  at.start(tiles.read());
  forward.write(at.tile);
  SAT_LOOP(PlaceUnits_Row)
  while (at.tile.valid || left > 0) {
    SAT_PIPELINE(1)  // counters and an addition; one bank is written, the other one read
    SAT_TRIPCOUNT(65536)
    const bool stationary = at.tile.stationary != 0;
    const bool walks = at.units > 0 && (!stationary || left == 0);  // batches' places wait
    const bool walked = walks ? at.ends_tile() : at.units == 0;
    const bool places_batch = walks && stationary && at.row == 0;
    const bool all_left = left <= 1;
    if (left > 0 || places_batch) places.write(left > 0 ? first[1 - bank][left - 1] : at.walk);
    if (left > 0) --left;
    if (walks) {
      if (at.row == 0 && !stationary) first[bank][at.unit] = at.walk;
      at.advance();
    }
    if (at.tile.valid && walked && all_left) {
      left = stationary ? 0 : Config::kRows;
      bank = 1 - bank;
      at.start(tiles.read());
      forward.write(at.tile);
    }
  }
}

}  // namespace sat

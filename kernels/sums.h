// SPDX-License-Identifier: Apache-2.0
//
// Both ends of the chain of sums. read_sums gives a tile the stored values it starts from, when the
// command accumulates; store_tiles takes finished tiles, rounds and writes them.
//
// A tile's sums travel by units: row units, each with `interleave` rows, or, weight stationary,
// batches. Stored sums enter by the tile's rows: for the last row unit first, which holds the first
// ones; in a unit by column blocks, then by rows. Finished sums leave row units from the first one
// on, so they come to the store from the tile's last rows upwards, and in a unit row by row: the
// blocks of a row lie side by side in memory. Batches leave as they entered.
#pragma once

#include "output_rows.h"
#include "types.h"
#include "words.h"

namespace sat {

// Steps through a tile in the order of the sums; `step` is from one unit's rows to the next one's.
// From sum to sum, registers are only compared and added to.
struct SumPlace {
  bool by_rows;  // in a unit: row by row, each block by block; else the other way round
  int row;       // output row of the tile
  int block;     // column block
  int first;     // output row of the current unit's first sum
  int last;      // ... and of its last one
  int step;
  int units;  // left, from this one on

  SumPlace(bool rows_outer, const OutputTile& tile, int first_row, int unit_step)
      : by_rows(rows_outer),
        row(first_row),
        block(0),
        first(first_row),
        last(first_row + static_cast<int>(tile.interleave) - 1),
        step(unit_step),
        units(static_cast<int>(tile.units)) {}

  bool starts_unit() const { return row == first && block == 0; }
  // The walk through the rows of a unit begins anew, or goes on to the next one.
  bool restarts_rows() const { return !by_rows && row == first; }
  bool ends_row(int blocks) const { return !by_rows || block == blocks - 1; }
  bool ends_tile(int blocks) const { return units == 1 && row == last && block == blocks - 1; }

  void advance(int blocks) {
    SAT_INLINE
    const bool last_row = row == last;
    const bool last_block = block == blocks - 1;
    const bool row_ends = !by_rows || last_block;
    const bool block_ends = by_rows || last_row;
    if (last_row && last_block) {
      first += step;
      last += step;
      row = first;
      block = 0;
      --units;
      return;
    }
    if (row_ends) row = last_row ? first : row + 1;
    if (block_ends) block = last_block ? 0 : block + 1;
  }
};

// Goes through a command's stored sums, tile by tile, in the order in which they enter.
template <class Config>
struct StoredWalk {
  bool valid;
  OutputTile tile;
  int columns;  // of the next tile, none or less when there is none
  int beyond;   // ... and behind it
  int width;    // of a tile
  std::uint32_t tile_step;
  SumPlace place;
  RowWalk walk;
  RowWalk unit;  // the walk at the unit's first row

  explicit StoredWalk(const StceCommand& command)
      : valid((command.flags & kStceAccumulate) && command.columns > 0),
        tile(stored_sums_of<Config>(command)),
        columns(0),
        beyond(static_cast<int>(command.columns)),
        width(tile_columns<Config>(command)),
        tile_step(2u * command.blocks),
        place(first_place()) {
    beyond -= width;
    columns = shorter(beyond, width);
    beyond -= width;
    walk.start(tile);
    unit = walk;
  }

  SumPlace first_place() const {
    return SumPlace(false, tile, 0, static_cast<int>(tile.interleave));
  }

  // The walk of a unit's last block ends where the next unit begins.
  void find() {
    SAT_INLINE
    if (place.starts_unit()) {
      unit = walk;
    } else if (place.restarts_rows()) {
      walk = unit;
    }
  }

  bool real() const { return place.row < static_cast<int>(tile.rows); }

  void advance() {
    SAT_INLINE
    const int blocks = static_cast<int>(tile.blocks);
    const bool tile_ends = place.ends_tile(blocks);
    walk.advance(tile);
    place.advance(blocks);
    if (!tile_ends) return;
    valid = columns > 0;
    tile.blocks = static_cast<std::uint32_t>(ceil_div(columns, Config::kLanes));
    columns = shorter(beyond, width);
    beyond -= width;
    tile.address += tile_step;
    walk.start(tile);
    place = first_place();
  }
};

// A loop a command, as in read_weights.h: no sum on its way waits for the next command.
template <class Config>
void read_sums(int count, SAT_READ_PORT(Word<Config>) memory, hls::stream<StceCommand>& commands,
               hls::stream<SumWord<Config>>& sums) {
  SAT_LOOP(ReadSums_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    StoredWalk<Config> at(commands.read());
    Word<Config> low = zero_word<Config>();
    bool second = false;  // word of the sum
    SAT_LOOP(ReadSums_Word)
    while (at.valid) {
      SAT_PIPELINE_READING(1, memory)  // one memory word; a word later it is the sum's first one
      SAT_TRIPCOUNT(8192)
      at.find();
      Word<Config> word = zero_word<Config>();
      if (at.real()) {
        const std::uint32_t block = static_cast<std::uint32_t>(at.place.block);
        word = memory[at.walk.address + 2u * block + (second ? 1u : 0u)];
      }
      if (second) {
        sums.write(bits_to_sum<Config>(join_bits<Config>(low, word)));
        at.advance();
      }
      low = word;
      second = !second;
    }
  }
}

// Goes through a tile's sums as they come to the store.
template <class Config>
struct StoreWalk {
  OutputTile tile;
  SumPlace place;
  RowWalk walk;
  RowWalk unit;  // the walk at the unit's first row

  explicit StoreWalk(const OutputTile& next)
      : tile(next),
        place(!next.stationary, next, static_cast<int>(next.first_row),
              static_cast<int>(next.stationary ? next.interleave : 0u - next.interleave)) {
    walk.start(next);
    unit = walk;
  }

  // The next sum, without lanes beyond the tile's columns.
  SumWord<Config> next(hls::stream<RowWalk>& places, hls::stream<SumWord<Config>>& sums) {
    SAT_INLINE
    if (place.starts_unit()) unit = places.read();
    if (place.starts_unit() || place.restarts_rows()) walk = unit;
    const int columns = static_cast<int>(tile.columns) - place.block * Config::kLanes;
    return mask_columns<Config>(sums.read(), columns);
  }

  bool real() const { return place.row < static_cast<int>(tile.rows); }
  bool ends_tile() const { return place.ends_tile(static_cast<int>(tile.blocks)); }

  void advance() {
    SAT_INLINE
    const int blocks = static_cast<int>(tile.blocks);
    if (place.ends_row(blocks)) walk.advance(tile);
    place.advance(blocks);
  }
};

// Writes tiles until the end of the list, rounded or as they are; `nonfinite[0]` receives how many
// valid results, as stored, are infinite or NaN.
template <class Config>
void store_tiles(SAT_WRITE_PORT(Word<Config>) memory, SAT_WRITE_PORT(std::uint32_t) nonfinite,
                 hls::stream<OutputTile>& tiles, hls::stream<RowWalk>& places,
                 hls::stream<SumWord<Config>>& sums) {
  std::uint32_t faults = 0;
  StoreWalk<Config> at(tiles.read());
  SumWord<Config> sum = SumWord<Config>(0.0f);
  bool second = false;  // word of a binary32 sum
  SAT_LOOP(StoreTiles_Word)
  while (at.tile.valid) {
    SAT_PIPELINE(1)  // one memory word; the next tile only takes the place of this one
    SAT_TRIPCOUNT(65536)
    if (!second) sum = at.next(places, sums);
    const bool binary32 = at.tile.binary32 != 0;
    const std::uint32_t block = static_cast<std::uint32_t>(at.place.block);
    const std::uint32_t offset = binary32 ? 2u * block + (second ? 1u : 0u) : block;
    if (at.real()) {
      Word<Config> word;
      std::uint32_t found = 0;
      if (binary32) {
        const BitsWord<Config> bits = sum_to_bits<Config>(sum);
        word = second ? split_bits<Config>(bits, Config::kLanes / 2) : split_bits<Config>(bits, 0);
        found = second ? 0u : count_nonfinite<Config>(sum);
      } else {
        word = round_word<Config>(sum);
        found = count_nonfinite<Config>(word);
      }
      memory[at.walk.address + offset] = word;
      faults += found;
    }
    second = binary32 && !second;
    if (!second) {
      const bool tile_ends = at.ends_tile();
      at.advance();
      if (tile_ends) at = StoreWalk<Config>(tiles.read());
    }
  }
  nonfinite[0] = faults;
}

}  // namespace sat

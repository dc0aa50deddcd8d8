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
struct SumPlace {
  bool by_rows;  // in a unit: row by row, each block by block; else the other way round
  int row;       // output row of the tile
  int block;     // column block
  int first;     // output row of the current unit's first sum
  int step;

  SumPlace(bool rows_outer, int first_row, int unit_step)
      : by_rows(rows_outer), row(first_row), block(0), first(first_row), step(unit_step) {}

  bool starts_unit() const { return row == first && block == 0; }
  // The walk through the rows of a unit begins anew, or goes on to the next one.
  bool restarts_rows() const { return !by_rows && row == first; }
  bool ends_row(int blocks) const { return !by_rows || block == blocks - 1; }

  void advance(int interleave, int blocks) {
    SAT_INLINE
    const bool last_row = row == first + interleave - 1;
    const bool last_block = block == blocks - 1;
    const bool row_ends = !by_rows || last_block;
    const bool block_ends = by_rows || last_row;
    if (last_row && last_block) {
      first += step;
      row = first;
      block = 0;
      return;
    }
    if (row_ends) row = last_row ? first : row + 1;
    if (block_ends) block = last_block ? 0 : block + 1;
  }
};

template <class Config>
void read_tile_sums(const OutputTile& tile, const Word<Config>* memory,
                    hls::stream<SumWord<Config>>& sums) {
  const int interleave = static_cast<int>(tile.interleave);
  const int blocks = static_cast<int>(tile.blocks);
  const int total = static_cast<int>(tile.units) * interleave * blocks;
  SumPlace place(false, 0, interleave);
  RowWalk walk;
  walk.start(tile);
  RowWalk unit = walk;
  SAT_LOOP(ReadTileSums_Sum)
  for (int s = 0; s < total; ++s) {
    SAT_PIPELINE(2)  // two memory words a sum
    SAT_TRIPCOUNT(4096)
    // The walk of a unit's last block ends where the next unit begins.
    if (place.starts_unit()) {
      unit = walk;
    } else if (place.restarts_rows()) {
      walk = unit;
    }
    SumWord<Config> sum = SumWord<Config>(0.0f);
    if (place.row < static_cast<int>(tile.rows)) {
      const std::uint32_t address = walk.address + 2u * static_cast<std::uint32_t>(place.block);
      sum = bits_to_sum<Config>(join_bits<Config>(memory[address], memory[address + 1]));
    }
    sums.write(sum);
    walk.advance(tile);
    place.advance(interleave, blocks);
  }
}

template <class Config>
void read_sums(int count, const Word<Config>* memory, hls::stream<StceCommand>& commands,
               hls::stream<SumWord<Config>>& sums) {
  SAT_LOOP(ReadSums_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    const bool accumulate = (command.flags & kStceAccumulate) != 0;
    const int width = tile_columns<Config>(command);
    int left = accumulate ? static_cast<int>(command.columns) : 0;
    std::uint32_t first_block = 0;
    SAT_LOOP(ReadSums_Tile)
    while (left > 0) {
      SAT_TRIPCOUNT(4)
      const int columns = shorter(left, width);
      read_tile_sums<Config>(stored_sums_of<Config>(command, first_block, columns), memory, sums);
      left -= columns;
      first_block += command.blocks;
    }
  }
}

// Goes through a tile's sums as they come to the store.
template <class Config>
struct StoreWalk {
  int interleave;
  int blocks;
  int total;
  SumPlace place;
  RowWalk walk;
  RowWalk unit;  // the walk at the unit's first row

  explicit StoreWalk(const OutputTile& tile)
      : interleave(static_cast<int>(tile.interleave)),
        blocks(static_cast<int>(tile.blocks)),
        total(static_cast<int>(tile.units) * interleave * blocks),
        place(!tile.stationary, tile.stationary ? 0 : (Config::kRows - 1) * interleave,
              tile.stationary ? interleave : -interleave) {
    walk.start(tile);
    unit = walk;
  }

  // The next sum, without lanes beyond the tile's columns.
  SumWord<Config> next(const OutputTile& tile, hls::stream<RowWalk>& places,
                       hls::stream<SumWord<Config>>& sums) {
    SAT_INLINE
    if (place.starts_unit()) unit = places.read();
    if (place.starts_unit() || place.restarts_rows()) walk = unit;
    const int columns = static_cast<int>(tile.columns) - place.block * Config::kLanes;
    return mask_columns<Config>(sums.read(), columns);
  }

  bool real(const OutputTile& tile) const { return place.row < static_cast<int>(tile.rows); }

  void advance(const OutputTile& tile) {
    SAT_INLINE
    if (place.ends_row(blocks)) walk.advance(tile);
    place.advance(interleave, blocks);
  }
};

// Writes a tile, rounded; the number of its results that are infinite or NaN.
template <class Config>
std::uint32_t store_binary16(Word<Config>* memory, const OutputTile& tile,
                             hls::stream<RowWalk>& places, hls::stream<SumWord<Config>>& sums) {
  std::uint32_t faults = 0;
  StoreWalk<Config> at(tile);
  SAT_LOOP(StoreBinary16_Sum)
  for (int s = 0; s < at.total; ++s) {
    SAT_PIPELINE(1)  // one memory word a sum
    SAT_TRIPCOUNT(4096)
    const Word<Config> rounded = round_word<Config>(at.next(tile, places, sums));
    if (at.real(tile)) {
      memory[at.walk.address + static_cast<std::uint32_t>(at.place.block)] = rounded;
      faults += count_nonfinite<Config>(rounded);
    }
    at.advance(tile);
  }
  return faults;
}

// Writes a tile as it is; the number of its results that are infinite or NaN.
template <class Config>
std::uint32_t store_binary32(Word<Config>* memory, const OutputTile& tile,
                             hls::stream<RowWalk>& places, hls::stream<SumWord<Config>>& sums) {
  std::uint32_t faults = 0;
  StoreWalk<Config> at(tile);
  SAT_LOOP(StoreBinary32_Sum)
  for (int s = 0; s < at.total; ++s) {
    SAT_PIPELINE(2)  // two memory words a sum
    SAT_TRIPCOUNT(4096)
    const SumWord<Config> sum = at.next(tile, places, sums);
    if (at.real(tile)) {
      const std::uint32_t address =
          at.walk.address + 2u * static_cast<std::uint32_t>(at.place.block);
      const BitsWord<Config> bits = sum_to_bits<Config>(sum);
      memory[address] = split_bits<Config>(bits, 0);
      memory[address + 1u] = split_bits<Config>(bits, Config::kLanes / 2);
      faults += count_nonfinite<Config>(sum);
    }
    at.advance(tile);
  }
  return faults;
}

// Writes tiles until the end of the list; `nonfinite[0]` receives how many valid results, as
// stored, are infinite or NaN.
template <class Config>
void store_tiles(Word<Config>* memory, std::uint32_t* nonfinite, hls::stream<OutputTile>& tiles,
                 hls::stream<RowWalk>& places, hls::stream<SumWord<Config>>& sums) {
  std::uint32_t faults = 0;
  OutputTile tile = tiles.read();
  SAT_LOOP(StoreTiles_Tile)
  while (tile.valid) {
    SAT_TRIPCOUNT(4096)
    faults += tile.binary32 ? store_binary32<Config>(memory, tile, places, sums)
                            : store_binary16<Config>(memory, tile, places, sums);
    tile = tiles.read();
  }
  nonfinite[0] = faults;
}

}  // namespace sat

// SPDX-License-Identifier: Apache-2.0
//
// Both ends of the chain of sums. read_sums gives a tile the stored values it starts from, when the
// command accumulates; store_tiles takes finished tiles, rounds and writes them.
//
// A tile's sums travel by row units: in each, by column blocks, then by its activation rows. Stored
// sums enter for the last unit first, which holds the tile's first rows; finished sums leave from
// the first unit first, so they come to the store from the tile's last rows upwards.
#pragma once

#include "output_rows.h"
#include "types.h"
#include "words.h"

namespace sat {

// Steps through a tile in the order of the sums; `step` is from one unit's rows to the next one's.
struct SumPlace {
  int row;    // output row of the tile
  int block;  // column block
  int first;  // output row of the current row unit's first sum
  int step;

  SumPlace(int first_row, int unit_step)
      : row(first_row), block(0), first(first_row), step(unit_step) {}

  bool starts_block() const { return row == first; }
  bool starts_unit() const { return starts_block() && block == 0; }

  void advance(int interleave, int blocks) {
    SAT_INLINE
    if (++row == first + interleave) {
      if (++block == blocks) {
        block = 0;
        first += step;
      }
      row = first;
    }
  }
};

template <class Config>
void read_sums(int count, const Word<Config>* memory, hls::stream<StceCommand>& commands,
               hls::stream<SumWord<Config>>& sums) {
  SAT_LOOP(ReadSums_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    const OutputTile tile = output_of<Config>(command);
    const int interleave = static_cast<int>(tile.interleave);
    const int blocks = static_cast<int>(tile.blocks);
    const bool accumulate = (command.flags & kStceAccumulate) != 0;
    const int total = accumulate ? Config::kRows * interleave * blocks : 0;
    SumPlace place(0, interleave);
    RowWalk walk;
    walk.start(tile);
    RowWalk unit = walk;
    SAT_LOOP(ReadSums_Sum)
    for (int s = 0; s < total; ++s) {
      SAT_PIPELINE(2)  // two memory words a sum
      SAT_TRIPCOUNT(4096)
      // The walk of a unit's last block ends where the next unit begins.
      if (place.starts_unit()) {
        unit = walk;
      } else if (place.starts_block()) {
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
    const int interleave = static_cast<int>(tile.interleave);
    const int blocks = static_cast<int>(tile.blocks);
    const int total = Config::kRows * interleave * blocks;
    SumPlace place((Config::kRows - 1) * interleave, -interleave);
    RowWalk walk;
    walk.start(tile);
    RowWalk unit = walk;
    SAT_LOOP(StoreTiles_Sum)
    for (int s = 0; s < total; ++s) {
      SAT_PIPELINE(2)  // two memory words a binary32 sum
      SAT_TRIPCOUNT(4096)
      if (place.starts_unit()) unit = places.read();
      if (place.starts_block()) walk = unit;
      const int columns = static_cast<int>(tile.columns) - place.block * Config::kLanes;
      const SumWord<Config> sum = mask_columns<Config>(sums.read(), columns);
      if (place.row < static_cast<int>(tile.rows)) {
        const std::uint32_t block = static_cast<std::uint32_t>(place.block);
        if (tile.binary32) {
          const std::uint32_t address = walk.address + 2u * block;
          const BitsWord<Config> bits = sum_to_bits<Config>(sum);
          memory[address] = split_bits<Config>(bits, 0);
          memory[address + 1u] = split_bits<Config>(bits, Config::kLanes / 2);
          faults += count_nonfinite<Config>(sum);
        } else {
          const Word<Config> rounded = round_word<Config>(sum);
          memory[walk.address + block] = rounded;
          faults += count_nonfinite<Config>(rounded);
        }
      }
      walk.advance(tile);
      place.advance(interleave, blocks);
    }
    tile = tiles.read();
  }
  nonfinite[0] = faults;
}

}  // namespace sat

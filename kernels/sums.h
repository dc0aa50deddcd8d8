// SPDX-License-Identifier: Apache-2.0
//
// Both ends of the chain of sums. read_sums gives a tile the stored values it starts from, when the
// command accumulates; store_tiles takes finished tiles, rounds and writes them.
//
// A tile's sums travel by row units: in each, by column blocks, then by its activation rows. Stored
// sums enter for the last unit first, which holds the tile's first rows; finished sums leave from
// the first unit first, so they come to the store from the tile's last rows upwards.
#pragma once

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
    const int interleave = static_cast<int>(command.interleave);
    const int blocks = ceil_div(static_cast<int>(command.columns), Config::kLanes);
    const bool accumulate = (command.flags & kStceAccumulate) != 0;
    const int total = accumulate ? Config::kRows * interleave * blocks : 0;
    SumPlace place(0, interleave);
    SAT_LOOP(ReadSums_Sum)
    for (int s = 0; s < total; ++s) {
      SAT_PIPELINE(2)  // two memory words a sum
      SAT_TRIPCOUNT(4096)
      SumWord<Config> sum = SumWord<Config>(0.0f);
      if (place.row < static_cast<int>(command.rows)) {
        const std::uint32_t address = command.y_address +
                                      static_cast<std::uint32_t>(place.row) * command.y_pitch +
                                      2u * static_cast<std::uint32_t>(place.block);
        sum = bits_to_sum<Config>(join_bits<Config>(memory[address], memory[address + 1]));
      }
      sums.write(sum);
      place.advance(interleave, blocks);
    }
  }
}

// Where a row of the tile lies in memory. Rows that pad a tap's channels to whole words are not
// stored.
struct RowPlace {
  std::uint32_t address;
  bool stored;
};

// The places of the tile's rows, first to last: its pixels may lie apart, as those of a strided
// convolution's BP do, and the sums come in another order.
template <class Config>
void place_rows(const Tile& tile, RowPlace* places) {
  std::uint32_t address = tile.y_address;
  std::uint32_t tap_row = tile.tap_row;
  int column = tile.out_x;
  int row = tile.out_y;
  SAT_LOOP(PlaceRows_Row)
  for (int i = 0; i < static_cast<int>(tile.rows); ++i) {
    SAT_PIPELINE(1)  // counters and an addition
    SAT_TRIPCOUNT(512)
    places[i].address = address;
    places[i].stored = tap_row < tile.tap_channels;
    if (++tap_row == tile.tap_rows) tap_row = 0;
    if (++column < static_cast<int>(tile.out_width)) {
      address += tile.y_pitch;
    } else {
      column = 0;
      if (++row < static_cast<int>(tile.out_height)) {
        address += tile.y_row_jump;
      } else {
        row = 0;
        address += tile.y_image_jump;
      }
    }
  }
}

// Writes tiles until the end of the list; `nonfinite[0]` receives how many valid results, as
// stored, are infinite or NaN.
template <class Config>
void store_tiles(Word<Config>* memory, std::uint32_t* nonfinite, hls::stream<Tile>& tiles,
                 hls::stream<SumWord<Config>>& sums) {
  RowPlace places[Config::kRows * Config::kInterleave];
  SAT_STORAGE(places, ram_s2p, bram)
  std::uint32_t faults = 0;
  Tile tile = tiles.read();
  SAT_LOOP(StoreTiles_Tile)
  while (tile.valid) {
    SAT_TRIPCOUNT(4096)
    const int interleave = static_cast<int>(tile.interleave);
    const int blocks = static_cast<int>(tile.blocks);
    const int total = Config::kRows * interleave * blocks;
    place_rows<Config>(tile, places);
    SumPlace place((Config::kRows - 1) * interleave, -interleave);
    SAT_LOOP(StoreTiles_Sum)
    for (int s = 0; s < total; ++s) {
      SAT_PIPELINE(2)  // two memory words a binary32 sum
      SAT_TRIPCOUNT(4096)
      const int columns = static_cast<int>(tile.columns) - place.block * Config::kLanes;
      const SumWord<Config> sum = mask_columns<Config>(sums.read(), columns);
      if (place.row < static_cast<int>(tile.rows) && places[place.row].stored) {
        const std::uint32_t address = places[place.row].address;
        const std::uint32_t block = static_cast<std::uint32_t>(place.block);
        if (tile.binary32) {
          const BitsWord<Config> bits = sum_to_bits<Config>(sum);
          memory[address + 2u * block] = split_bits<Config>(bits, 0);
          memory[address + 2u * block + 1u] = split_bits<Config>(bits, Config::kLanes / 2);
          faults += count_nonfinite<Config>(sum);
        } else {
          const Word<Config> rounded = round_word<Config>(sum);
          memory[address + block] = rounded;
          faults += count_nonfinite<Config>(rounded);
        }
      }
      place.advance(interleave, blocks);
    }
    tile = tiles.read();
  }
  nonfinite[0] = faults;
}

}  // namespace sat

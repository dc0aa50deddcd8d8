// SPDX-License-Identifier: Apache-2.0
//
// The memory's end of the B side: weights, or, in WU and attention, activations.
//
// Packed B: record of (column block, panel) = the kept values, `lanes` a word, then their indices;
// the records of a tap's panels follow each other. Matrix B: dense, one word a (row, block), or,
// stored as columns x reduction, one word a (column, panel) to be transposed.
#pragma once

#include "types.h"

namespace sat {

// How a panel of a tile of `columns` columns, `elements` of the reduction, lies in memory: runs of
// consecutive words.
struct PanelRuns {
  int runs;
  int words;  // of a run
  std::uint32_t step;

  template <class Config>
  static PanelRuns of(const StceCommand& command, int columns, int elements) {
    SAT_INLINE
    const int blocks = ceil_div(columns, Config::kLanes);
    PanelRuns panel;
    panel.step = command.b_pitch;
    if (command.flags & kStcePackedB) {
      panel.runs = blocks;
      panel.words = Geometry<Config>::record_words(command.keep);
      panel.step = command.b_block_step;
    } else if (command.flags & kStceTransposeB) {
      panel.runs = columns;
      panel.words = 1;
    } else {
      panel.runs = elements;
      panel.words = blocks;
    }
    return panel;
  }

  // Words from a panel to the next one of its tap.
  template <class Config>
  static std::uint32_t panel_step(const StceCommand& command) {
    SAT_INLINE
    if (command.flags & kStcePackedB) {
      return static_cast<std::uint32_t>(Geometry<Config>::record_words(command.keep));
    }
    const bool transposed = (command.flags & kStceTransposeB) != 0;
    return transposed ? 1u : command.b_pitch * static_cast<std::uint32_t>(Config::kLanes);
  }

  // Words from a column tile to the next.
  template <class Config>
  static std::uint32_t tile_step(const StceCommand& command) {
    SAT_INLINE
    const std::uint32_t blocks = command.blocks;
    if (command.flags & kStcePackedB) return blocks * command.b_block_step;
    const bool transposed = (command.flags & kStceTransposeB) != 0;
    return transposed ? blocks * Config::kLanes * command.b_pitch : blocks;
  }
};

template <class Config>
void read_panel(const PanelRuns& panel, std::uint32_t start, const Word<Config>* memory,
                hls::stream<Word<Config>>& words) {
  std::uint32_t address = start;
  SAT_LOOP(ReadPanel_Run)
  for (int run = 0; run < panel.runs; ++run) {
    SAT_TRIPCOUNT(32)
    SAT_LOOP(ReadPanel_Word)
    for (int word = 0; word < panel.words; ++word) {
      SAT_PIPELINE(1)  // consecutive addresses, unconditional: one burst of a run
      SAT_TRIPCOUNT(40)
      words.write(memory[address + static_cast<std::uint32_t>(word)]);
    }
    address += panel.step;
  }
}

// All panels of a tile of `columns` columns, tap by tap.
template <class Config>
void read_tile(const StceCommand& command, int columns, std::uint32_t start,
               const Word<Config>* memory, hls::stream<Word<Config>>& words) {
  const std::uint32_t panel_step = PanelRuns::panel_step<Config>(command);
  std::uint32_t tap_address = start;
  int tap_column = 0;
  SAT_LOOP(ReadTile_Tap)
  for (int tap = 0; tap < taps_of(command); ++tap) {
    SAT_TRIPCOUNT(9)
    std::uint32_t address = tap_address;
    SAT_LOOP(ReadTile_Panel)
    for (int left = static_cast<int>(command.reduction); left > 0; left -= Config::kLanes) {
      SAT_TRIPCOUNT(64)
      const int elements = shorter(left, Config::kLanes);
      const PanelRuns panel = PanelRuns::of<Config>(command, columns, elements);
      read_panel<Config>(panel, address, memory, words);
      address += panel_step;
    }
    const bool row_ends = tap_column == static_cast<int>(command.taps_x) - 1;
    tap_address += row_ends ? command.b_tap_jump : command.b_tap_step;
    tap_column = row_ends ? 0 : tap_column + 1;
  }
}

template <class Config>
void read_weights(int count, const Word<Config>* memory, hls::stream<StceCommand>& commands,
                  hls::stream<StceCommand>& forward, hls::stream<Word<Config>>& words) {
  SAT_LOOP(ReadWeights_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    forward.write(command);
    const int width = tile_columns<Config>(command);
    std::uint32_t address = command.b_address;
    SAT_LOOP(ReadWeights_Tile)
    for (int left = static_cast<int>(command.columns); left > 0; left -= width) {
      SAT_TRIPCOUNT(4)
      read_tile<Config>(command, shorter(left, width), address, memory, words);
      address += PanelRuns::tile_step<Config>(command);
    }
  }
}

}  // namespace sat

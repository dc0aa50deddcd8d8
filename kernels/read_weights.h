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

// Goes through the words of a command: tile by tile, in it tap by tap, panel by panel and run by run.
// What takes a product or a division is the command's and worked out before the first word; from word
// to word, registers are only counted, compared and added to, each by itself.
template <class Config>
struct WeightWalk {
  StceCommand command;
  // Of the tile at hand: a panel of a tap, and the tap's last one.
  PanelRuns full;
  PanelRuns tail;
  bool valid;
  int columns;  // of the next tile, none or less when there is none
  int beyond;   // ... and behind it
  // What is left of the tile's rows of taps, of taps, panels, runs, and words of the run.
  int tap_rows;
  int tap_columns;
  int panels;
  int runs;
  int words;
  // Where the word lies, and the first one of its run, panel, tap and tile.
  std::uint32_t address;
  std::uint32_t run;
  std::uint32_t panel;
  std::uint32_t tap;
  std::uint32_t tile;
  // Of the command.
  int width;  // columns of a tile
  int all_tap_rows;
  int all_tap_columns;
  int tap_panels;
  int tail_elements;
  std::uint32_t panel_step;
  std::uint32_t tile_step;

  explicit WeightWalk(const StceCommand& given) : command(given) {
    SAT_INLINE
    const int reduction = static_cast<int>(command.reduction);
    const bool one_tap = (command.flags & kStceTransposeA) != 0;
    width = tile_columns<Config>(command);
    all_tap_rows = one_tap ? 1 : static_cast<int>(command.taps_y);
    all_tap_columns = one_tap ? 1 : static_cast<int>(command.taps_x);
    tap_panels = ceil_div(reduction, Config::kLanes);
    tail_elements = reduction - (tap_panels - 1) * Config::kLanes;
    panel_step = PanelRuns::panel_step<Config>(command);
    tile_step = PanelRuns::tile_step<Config>(command);
    columns = shorter(static_cast<int>(command.columns), width);
    beyond = static_cast<int>(command.columns) - width;
    tile = command.b_address;
    start_tile();
  }

  void start_tile() {
    SAT_INLINE
    valid = columns > 0;
    full = PanelRuns::of<Config>(command, columns, Config::kLanes);
    tail = PanelRuns::of<Config>(command, columns, tail_elements);
    columns = shorter(beyond, width);
    beyond -= width;
    tap_rows = all_tap_rows;
    tap_columns = all_tap_columns;
    start_tap(tile);
  }

  void start_tap(std::uint32_t first) {
    SAT_INLINE
    tap = first;
    panels = tap_panels;
    start_panel(first);
  }

  void start_panel(std::uint32_t first) {
    SAT_INLINE
    panel = first;
    runs = panels == 1 ? tail.runs : full.runs;
    start_run(first);
  }

  void start_run(std::uint32_t first) {
    SAT_INLINE
    run = first;
    address = first;
    words = full.words;  // a tail has as many
  }

  void advance() {
    SAT_INLINE
    ++address;
    if (--words > 0) return;
    if (--runs > 0) {
      start_run(run + full.step);
    } else if (--panels > 0) {
      start_panel(panel + panel_step);
    } else if (--tap_columns > 0) {
      start_tap(tap + command.b_tap_step);
    } else if (--tap_rows > 0) {
      tap_columns = all_tap_columns;
      start_tap(tap + command.b_tap_jump);
    } else {
      tile += tile_step;
      start_tile();
    }
  }
};

// A loop a command and not one for the list: a turn that waits for the next command would hold up the
// words that are on their way, and what they feed may be what that command waits for.
template <class Config>
void read_weights(int count, SAT_READ_PORT(Word<Config>) memory,
                  hls::stream<StceCommand>& commands, hls::stream<StceCommand>& forward,
                  hls::stream<Word<Config>>& words) {
  SAT_LOOP(ReadWeights_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    forward.write(command);
    WeightWalk<Config> at(command);
    SAT_LOOP(ReadWeights_Word)
    while (at.valid) {
      SAT_PIPELINE_READING(1, memory)  // one request; counters that a comparison or a sum advances
      SAT_TRIPCOUNT(65536)
      words.write(memory[at.address]);
      at.advance();
    }
  }
}

}  // namespace sat

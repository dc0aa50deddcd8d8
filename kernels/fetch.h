// SPDX-License-Identifier: Apache-2.0
//
// Reads the command list, hands each command to the loaders, and its tiles to the chain and to the
// store.
//
// Contract: the commands of one list are independent; none reads what another writes, because the
// loaders run ahead of the store by several tiles.
#pragma once

#include "output_rows.h"
#include "period.h"
#include "types.h"

namespace sat {

// A tile of `columns` columns.
template <class Config>
Tile tile_of(const StceCommand& command, int columns) {
  SAT_INLINE
  const int reduction = static_cast<int>(command.reduction);
  const int keep = command.keep;
  const int interleave = command.interleave;
  const int blocks = ceil_div(columns, Config::kLanes);
  const int sums = interleave * blocks;
  const int pass_cycles = longer(sums, Config::kAdderLatency);
  const int taps = taps_of(command);
  const int tap_panels = ceil_div(reduction, Config::kLanes);
  const int tail = reduction - (tap_panels - 1) * Config::kLanes;
  const int full_rows = packet_rows<Config>(Config::kLanes, keep);
  const int tail_rows = packet_rows<Config>(tail, keep);
  const int all_rows = taps * ((tap_panels - 1) * full_rows + tail_rows);
  const int full_cycles = panel_cycles<Config>(full_rows * pass_cycles, interleave);
  const int tail_cycles = panel_cycles<Config>(tail_rows * pass_cycles, interleave);
  const int body_cycles = taps * (tap_panels - 1) * full_cycles + (taps - 1) * tail_cycles;
  Tile tile;
  tile.valid = 1;
  tile.interleave = command.interleave;
  tile.keep = command.keep;
  tile.accumulate = (command.flags & kStceAccumulate) ? 1 : 0;
  tile.sums = static_cast<std::uint32_t>(sums);
  tile.slow = (command.flags & kStceBinary32) ? 1 : 0;
  tile.pass_cycles = static_cast<std::uint32_t>(pass_cycles);
  tile.panels = static_cast<std::uint32_t>(taps * tap_panels);
  tile.tap_panels = static_cast<std::uint32_t>(tap_panels);
  tile.full_products = static_cast<std::uint32_t>(full_rows * pass_cycles);
  tile.tail_products = static_cast<std::uint32_t>(tail_rows * pass_cycles);
  tile.body_cycles = static_cast<std::uint32_t>(body_cycles);
  tile.stationary = is_weight_stationary<Config>(command) ? 1 : 0;
  tile.blocks = static_cast<std::uint32_t>(blocks);
  tile.batches = static_cast<std::uint32_t>(batches_of(command));
  tile.chunk = static_cast<std::uint32_t>(ceil_div(all_rows, Config::kRows));
  tile.packet_rows = static_cast<std::uint32_t>(all_rows);
  return tile;
}

// The tiles of a command, to the chain and to the store.
template <class Config>
void send_tiles(const StceCommand& command, hls::stream<Tile>& to_rows,
                hls::stream<OutputTile>& to_store) {
  const int width = tile_columns<Config>(command);
  std::uint32_t first_block = 0;
  SAT_LOOP(SendTiles_Tile)
  for (int left = static_cast<int>(command.columns); left > 0; left -= width) {
    SAT_PIPELINE(1)  // feed-forward but for the counters
    SAT_TRIPCOUNT(4)
    const int columns = shorter(left, width);
    to_rows.write(tile_of<Config>(command, columns));
    to_store.write(output_of<Config>(command, first_block, columns));
    first_block += command.blocks;
  }
}

// The A side is a command ahead of the others. It serves a strip while it takes the next one in, so it
// waits for the next command before the first tile of the one at hand; and that comes in time however
// many tiles there are.
template <class Config>
void fetch_commands(int count, SAT_READ_PORT(CommandBeat) commands,
                    hls::stream<StceCommand>& to_activations, hls::stream<StceCommand>& to_weights,
                    hls::stream<StceCommand>& to_sums, hls::stream<Tile>& to_rows,
                    hls::stream<OutputTile>& to_store) {
  StceCommand command = StceCommand();
  SAT_LOOP(FetchCommands_Command)
  for (int i = 0; i <= count; ++i) {
    SAT_TRIPCOUNT(4096)
    StceCommand next = StceCommand();
    if (i < count) {
      next = read_stce(commands, i);
      to_activations.write(next);
    }
    if (i > 0) {
      to_weights.write(command);
      to_sums.write(command);
      send_tiles<Config>(command, to_rows, to_store);
    }
    command = next;
  }
  to_rows.write(end_of_tiles());
  to_store.write(end_of_output());
}

}  // namespace sat

// SPDX-License-Identifier: Apache-2.0
//
// Reads the command list and hands each command to the loaders, to the chain and to the store.
//
// Contract: the commands of one list are independent; none reads what another writes, because the
// loaders run ahead of the store by several tiles.
#pragma once

#include "output_rows.h"
#include "period.h"
#include "types.h"

namespace sat {

template <class Config>
Tile tile_of(const StceCommand& command) {
  SAT_INLINE
  const int reduction = static_cast<int>(command.reduction);
  const int keep = command.keep;
  const int interleave = command.interleave;
  const int blocks = ceil_div(static_cast<int>(command.columns), Config::kLanes);
  const int sums = interleave * blocks;
  const int pass_cycles = longer(sums, Config::kAdderLatency);
  const int taps = taps_of(command);
  const int tap_panels = ceil_div(reduction, Config::kLanes);
  const int tail = reduction - (tap_panels - 1) * Config::kLanes;
  const int full_products = packet_rows<Config>(Config::kLanes, keep) * pass_cycles;
  const int tail_products = packet_rows<Config>(tail, keep) * pass_cycles;
  const int full_cycles = panel_cycles<Config>(full_products, interleave);
  const int tail_cycles = panel_cycles<Config>(tail_products, interleave);
  const int body_cycles = taps * (tap_panels - 1) * full_cycles + (taps - 1) * tail_cycles;
  Tile tile;
  tile.valid = 1;
  tile.row = 0;
  tile.interleave = command.interleave;
  tile.keep = command.keep;
  tile.accumulate = (command.flags & kStceAccumulate) ? 1 : 0;
  tile.sums = static_cast<std::uint32_t>(sums);
  tile.pass_cycles = static_cast<std::uint32_t>(pass_cycles);
  tile.panels = static_cast<std::uint32_t>(taps * tap_panels);
  tile.tap_panels = static_cast<std::uint32_t>(tap_panels);
  tile.full_products = static_cast<std::uint32_t>(full_products);
  tile.tail_products = static_cast<std::uint32_t>(tail_products);
  tile.body_cycles = static_cast<std::uint32_t>(body_cycles);
  return tile;
}

template <class Config>
void fetch_commands(int count, const StceCommand* commands,
                    hls::stream<StceCommand>& to_activations, hls::stream<StceCommand>& to_weights,
                    hls::stream<StceCommand>& to_sums, hls::stream<Tile>& to_rows,
                    hls::stream<OutputTile>& to_store) {
  SAT_LOOP(FetchCommands_Command)
  for (int i = 0; i < count; ++i) {
    SAT_PIPELINE(1)
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands[i];
    to_activations.write(command);
    to_weights.write(command);
    to_sums.write(command);
    to_rows.write(tile_of<Config>(command));
    to_store.write(output_of<Config>(command));
  }
  to_rows.write(end_of_tiles());
  to_store.write(end_of_output());
}

}  // namespace sat

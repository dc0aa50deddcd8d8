// SPDX-License-Identifier: Apache-2.0
//
// Reads the command list and hands each command to the loaders and to the chain.
//
// Contract: the commands of one list are independent; none reads what another writes, because the
// loaders run ahead of the store by several tiles.
#pragma once

#include "types.h"

namespace sat {

template <class Config>
Tile tile_of(const StceCommand& command) {
  SAT_INLINE
  const int reduction = static_cast<int>(command.reduction);
  const int keep = static_cast<int>(command.keep);
  const int blocks = ceil_div(static_cast<int>(command.columns), Config::kLanes);
  const int sums = static_cast<int>(command.interleave) * blocks;
  const int pass_cycles = longer(sums, Config::kAdderLatency);
  const int panels = ceil_div(reduction, Config::kLanes);
  const int last_elements = reduction - (panels - 1) * Config::kLanes;
  const int last_groups = ceil_div(last_elements, Config::kGroup);
  Tile tile;
  tile.valid = 1;
  tile.row = 0;
  tile.interleave = command.interleave;
  tile.keep = command.keep;
  tile.accumulate = (command.flags & kStceAccumulate) ? 1 : 0;
  tile.sums = static_cast<std::uint32_t>(sums);
  tile.pass_cycles = static_cast<std::uint32_t>(pass_cycles);
  tile.panels = static_cast<std::uint32_t>(panels);
  tile.full_products =
      static_cast<std::uint32_t>(Geometry<Config>::kGroupsPerPanel * keep * pass_cycles);
  tile.last_products = static_cast<std::uint32_t>(last_groups * keep * pass_cycles);
  tile.blocks = static_cast<std::uint32_t>(blocks);
  tile.binary32 = (command.flags & kStceBinary32) ? 1 : 0;
  tile.rows = command.rows;
  tile.columns = command.columns;
  tile.y_address = command.y_address;
  tile.y_pitch = command.y_pitch;
  return tile;
}

template <class Config>
void fetch_commands(int count, const StceCommand* commands,
                    hls::stream<StceCommand>& to_activations, hls::stream<StceCommand>& to_weights,
                    hls::stream<StceCommand>& to_sums, hls::stream<Tile>& to_rows) {
  SAT_LOOP(FetchCommands_Command)
  for (int i = 0; i < count; ++i) {
    SAT_PIPELINE(1)
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands[i];
    to_activations.write(command);
    to_weights.write(command);
    to_sums.write(command);
    to_rows.write(tile_of<Config>(command));
  }
  to_rows.write(end_of_tiles());
}

}  // namespace sat

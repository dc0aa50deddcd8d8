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
  const int keep = command.keep;
  const int blocks = ceil_div(static_cast<int>(command.columns), Config::kLanes);
  const int sums = static_cast<int>(command.interleave) * blocks;
  const int pass_cycles = longer(sums, Config::kAdderLatency);
  const int panels = ceil_div(reduction, Config::kLanes);
  const int tail = reduction - (panels - 1) * Config::kLanes;
  // The rows of a transposed A are rows of a matrix, as if each were an image of one pixel.
  const bool pixels = (command.flags & kStceTransposeA) == 0;
  Tile tile;
  tile.valid = 1;
  tile.row = 0;
  tile.interleave = command.interleave;
  tile.keep = command.keep;
  tile.accumulate = (command.flags & kStceAccumulate) ? 1 : 0;
  tile.sums = static_cast<std::uint32_t>(sums);
  tile.pass_cycles = static_cast<std::uint32_t>(pass_cycles);
  tile.taps = static_cast<std::uint32_t>(taps_of(command));
  tile.panels = static_cast<std::uint32_t>(panels);
  tile.full_products =
      static_cast<std::uint32_t>(packet_rows<Config>(Config::kLanes, keep) * pass_cycles);
  tile.tail_products = static_cast<std::uint32_t>(packet_rows<Config>(tail, keep) * pass_cycles);
  tile.blocks = static_cast<std::uint32_t>(blocks);
  tile.binary32 = (command.flags & kStceBinary32) ? 1 : 0;
  tile.rows = command.rows;
  tile.columns = command.columns;
  tile.y_address = command.y_address;
  tile.y_pitch = command.y_pitch;
  tile.y_row_jump = command.y_row_jump;
  tile.y_image_jump = pixels ? command.y_image_jump : command.y_pitch;
  tile.tap_row = 0;
  tile.tap_rows = 1;
  tile.tap_channels = 1;
  if (!pixels) {
    const std::uint32_t lanes = static_cast<std::uint32_t>(Config::kLanes);
    tile.tap_row = command.a_block * lanes + command.a_skip;
    tile.tap_rows = command.a_blocks * lanes;
    tile.tap_channels = command.a_channels;
  }
  tile.out_y = pixels ? command.out_y : std::uint16_t{0};
  tile.out_x = pixels ? command.out_x : std::uint16_t{0};
  tile.out_height = pixels ? command.out_height : std::uint16_t{1};
  tile.out_width = pixels ? command.out_width : std::uint16_t{1};
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

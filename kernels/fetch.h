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
    to_rows.write(tile_of(command, Config::kLanes));
  }
  to_rows.write(end_of_tiles());
}

}  // namespace sat

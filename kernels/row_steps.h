// SPDX-License-Identifier: Apache-2.0
//
// The order of a row unit's periods. All rows go through the same ones.
//
// Output-stationary tiles follow each other with one period each, in which the one before leaves and
// the one behind sends its first activations. A weight-stationary tile has a period a batch, in which
// the packets of the one behind come in, and those that its batches are too few for in one more.
// Between the dataflows the chain runs empty.
#pragma once

#include "period.h"

namespace sat {

struct RowStep {
  bool stationary;
  bool computes;   // a batch of the computed tile
  bool feeds;      // a batch comes in: the next one of the computed tile, or the entering one's first
  bool ends_tile;  // the computed tile is done
  bool enters;     // then the entering one is computed
  int packets;     // of the entering tile that come in
};

template <class Config>
inline RowStep next_step(const PeriodTiles& tiles, int batch, int packets_taken) {
  SAT_INLINE
  const Tile& computed = tiles.computed;
  const Tile& entering = tiles.entering;
  const bool loads = Config::kWeightStationary && entering.valid && entering.stationary;
  const bool flows = Config::kWeightStationary && computed.valid && computed.stationary;
  const bool empty = !tiles.drained.valid && !computed.valid;
  RowStep step;
  step.stationary = flows || (empty && loads);
  if (!step.stationary) {
    step.computes = step.feeds = false;
    step.packets = 0;
    step.ends_tile = true;
    step.enters = entering.valid && !entering.stationary;
    return step;
  }
  const int left =
      loads ? static_cast<int>(entering.packet_rows * entering.blocks) - packets_taken : 0;
  const int batches = flows ? static_cast<int>(computed.batches) : 0;
  step.computes = batch < batches;
  step.packets = step.computes ? shorter(left, Config::kBatchTokens) : left;
  step.feeds = step.computes ? batch + 1 < batches || loads : !flows;
  step.ends_tile = batch + 1 >= batches && step.packets == left;
  step.enters = loads;
  return step;
}

// Moves on to what follows a step. The tile behind the one that enters is still to be taken.
inline void finish_step(const RowStep& step, PeriodTiles& tiles, int& batch, int& packets_taken) {
  SAT_INLINE
  packets_taken += step.packets;
  ++batch;
  if (!step.ends_tile) return;
  batch = 0;
  packets_taken = 0;
  tiles.drained = step.stationary ? end_of_tiles() : tiles.computed;
  tiles.computed = step.enters ? tiles.entering : end_of_tiles();
}

template <class Config>
inline PeriodPlan<Config> period_of(const RowStep& step, const PeriodTiles& tiles, int batch,
                                    int packets_taken) {
  SAT_INLINE
  if (!Config::kWeightStationary || !step.stationary) {
    PeriodTiles part = tiles;
    if (!step.enters) part.entering = end_of_tiles();
    return PeriodPlan<Config>(part);
  }
  const Tile none = end_of_tiles();
  const bool again = step.computes && batch + 1 < static_cast<int>(tiles.computed.batches);
  const Tile& fed = !step.feeds ? none : again ? tiles.computed : tiles.entering;
  return PeriodPlan<Config>(tiles.row, step.computes ? tiles.computed : none, fed,
                            step.packets > 0 ? tiles.entering : none, packets_taken,
                            step.packets);
}

}  // namespace sat

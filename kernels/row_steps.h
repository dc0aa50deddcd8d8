// SPDX-License-Identifier: Apache-2.0
//
// The order of the row units' periods: all rows go through the same ones.
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
  // Copies under conditions: synthesis takes structs apart, but not those behind a chosen reference.
  Tile computed = end_of_tiles();
  Tile fed = end_of_tiles();
  Tile next = end_of_tiles();
  if (step.computes) computed = tiles.computed;
  if (step.feeds) fed = tiles.entering;
  if (step.feeds && batch + 1 < static_cast<int>(computed.batches)) fed = tiles.computed;
  if (step.packets > 0) next = tiles.entering;
  return PeriodPlan<Config>(computed, fed, next, packets_taken, step.packets, step.ends_tile);
}

// Plans the periods of the first row unit, one after the other, ahead of it: a process of its own, so
// that the row units go from period to period without a gap.
//
// While it waits for a tile, plans under way wait too: at most two of them, by SAT_LATENCY. The chain
// that needs these has had no part of the commands behind, of which the loaders' streams hold four, so
// the tile comes.
template <class Config>
void plan_periods(hls::stream<Tile>& tiles_in, hls::stream<PeriodPlan<Config>>& plans) {
  SAT_STAGE(plans, 15)
  PeriodTiles tiles;
  tiles.drained = end_of_tiles();
  tiles.computed = end_of_tiles();
  tiles.entering = tiles_in.read();
  int batch = 0;
  int packets_taken = 0;  // of the entering tile
  SAT_LOOP(PlanPeriods_Period)
  while (tiles.drained.valid || tiles.computed.valid || tiles.entering.valid) {
    SAT_PIPELINE(8)  // what the next turn needs are flags, counts and the tiles; few periods are shorter
    SAT_LATENCY(16)
    SAT_TRIPCOUNT(4096)
    const RowStep step = next_step<Config>(tiles, batch, packets_taken);
    plans.write(period_of<Config>(step, tiles, batch, packets_taken));
    finish_step(step, tiles, batch, packets_taken);
    if (step.ends_tile && step.enters) tiles.entering = tiles_in.read();
  }
  plans.write(PeriodPlan<Config>());
}

}  // namespace sat

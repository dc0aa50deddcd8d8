// SPDX-License-Identifier: Apache-2.0
//
// What a row unit does in one period, as counts: a period computes one tile while the one before
// leaves and the one after enters. The array's schedule is all here; row_unit.h carries it out.
#pragma once

#include "types.h"

namespace sat {

// The tiles that a period touches; an invalid one has no part in it.
struct PeriodTiles {
  std::uint32_t row;  // of this unit in the chain
  Tile drained;
  Tile computed;
  Tile entering;
};

inline int tile_sums(const Tile& tile) {
  SAT_INLINE
  return static_cast<int>(tile.interleave * tile.blocks);
}

// Work of one period, counted before its loop, whose only exit test is then a counter. All rows
// get the same cycles; where the shares of the rows lie in them depends on the row.
template <class Config>
struct PeriodPlan {
  int interleave;
  int keep;
  bool dense;
  bool from_zero;
  int panels;
  int pass_sums;      // cycles of a pass with a product
  int pass_cycles;    // with the idle ones that cover the adder's latency
  int full_products;  // cycles of a full panel's products
  int last_products;
  int next_interleave;  // of the entering tile, whose first panel comes in beside the last one
  int below;            // row units below this one
  int above_end;        // traffic: finished sums of the rows above,
  int own_end;          // ... of this row,
  int drained_end;      // ... and the cycles in which the rows below send theirs;
  int below_end;        // the sums that the entering tile starts from, of the rows below,
  int enter_end;        // ... of this row,
  int traffic;          // ... and the cycles in which the rows above take theirs
  int cycles;

  explicit PeriodPlan(const PeriodTiles& tiles) {
    SAT_INLINE
    below = Config::kRows - 1 - static_cast<int>(tiles.row);
    plan_products(tiles);
    plan_traffic(tiles);
    const int full = longer(full_products, Config::kRows * interleave);
    const int last = longer(last_products, Config::kRows * next_interleave);
    cycles = longer((panels - 1) * full + last, traffic);
  }

  static int longer(int a, int b) { return a > b ? a : b; }

 private:
  void plan_products(const PeriodTiles& tiles) {
    SAT_INLINE
    const Tile& tile = tiles.computed;
    const int reduction = static_cast<int>(tile.reduction);
    interleave = static_cast<int>(tile.interleave);
    keep = static_cast<int>(tile.keep);
    dense = keep == Config::kGroup;
    from_zero = !tile.accumulate;
    next_interleave = tiles.entering.valid ? static_cast<int>(tiles.entering.interleave) : 0;
    // Without a computed tile, one empty panel carries the intake.
    panels = tile.valid ? ceil_div(reduction, Config::kLanes) : 1;
    pass_sums = tile_sums(tile);
    pass_cycles = longer(pass_sums, Config::kAdderLatency);
    const int last_elements = reduction - (panels - 1) * Config::kLanes;
    full_products = Geometry<Config>::kGroupsPerPanel * keep * pass_cycles;
    last_products = tile.valid ? ceil_div(last_elements, Config::kGroup) * keep * pass_cycles : 0;
  }

  void plan_traffic(const PeriodTiles& tiles) {
    SAT_INLINE
    const int row = static_cast<int>(tiles.row);
    const int own = tiles.drained.valid ? tile_sums(tiles.drained) : 0;
    const bool enters = tiles.entering.valid && tiles.entering.accumulate;
    const int start = enters ? tile_sums(tiles.entering) : 0;
    above_end = row * own;
    own_end = above_end + own;
    drained_end = Config::kRows * own;
    below_end = drained_end + below * start;
    enter_end = below_end + start;
    traffic = drained_end + Config::kRows * start;
  }
};

// Where a period stands: the panel, and the place of its products.
struct PeriodPlace {
  int panel;
  int panel_cycle;
  int group;  // of the panel
  int n;      // of keep
  int slot;   // of the pass: the sum that is touched
  int first;  // slot at which the packet in use began; slot - first is the activation row

  PeriodPlace() : panel(0), panel_cycle(0), group(0), n(0), slot(0), first(0) {}

  // `cycles` further, with no event of the pass inside.
  template <class Config>
  void advance_products(int cycles, const PeriodPlan<Config>& plan) {
    SAT_INLINE
    slot += cycles;
    if (slot == first + plan.interleave) first = slot;
    if (slot == plan.pass_cycles) {
      slot = 0;
      first = 0;
      if (++n == plan.keep) {
        n = 0;
        ++group;
      }
    }
  }
};

// What goes on beside each other in the panel at hand.
struct PanelWork {
  int forwarded;  // activation words for the rows below,
  int words;      // ... and with this row's own
  int products;
  int cycles;
};

template <class Config>
inline PanelWork panel_work(const PeriodPlan<Config>& plan, int panel) {
  SAT_INLINE
  const bool last = panel == plan.panels - 1;
  const bool done = panel >= plan.panels;  // only traffic is left
  const int interleave = done ? 0 : last ? plan.next_interleave : plan.interleave;
  PanelWork work;
  work.forwarded = plan.below * interleave;
  work.words = work.forwarded + interleave;
  work.products = done ? 0 : last ? plan.last_products : plan.full_products;
  work.cycles = PeriodPlan<Config>::longer(work.products, Config::kRows * interleave);
  return work;
}

// Cycles from `now` in which `event` does not fall, if fewer than `steady`.
inline int until(int steady, int now, int event) {
  return event > now && event - now < steady ? event - now : steady;
}

// How many cycles from here on take the same path through the loop below.
template <class Config>
inline int steady_cycles(int cycle, const PeriodPlan<Config>& plan, const PanelWork& work,
                         const PeriodPlace& place) {
  int steady = plan.cycles - cycle;
  steady = until(steady, cycle, plan.above_end);
  steady = until(steady, cycle, plan.own_end);
  steady = until(steady, cycle, plan.drained_end);
  steady = until(steady, cycle, plan.below_end);
  steady = until(steady, cycle, plan.enter_end);
  steady = until(steady, place.panel_cycle, work.forwarded);
  steady = until(steady, place.panel_cycle, work.words);
  steady = until(steady, place.panel_cycle, work.products);
  steady = until(steady, place.panel_cycle, work.cycles);
  if (place.panel_cycle < work.products) {
    steady = until(steady, place.slot, place.first + plan.interleave);
    steady = until(steady, place.slot, plan.pass_sums);
    steady = until(steady, place.slot, plan.pass_cycles);
  }
  return steady;
}

}  // namespace sat

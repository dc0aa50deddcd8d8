// SPDX-License-Identifier: Apache-2.0
//
// What a row unit does in one period, as counts: a period computes one tile while the one before
// leaves. The array's schedule is all here; row_unit.h carries it out.
//
//   cycle 0          enter_end                      drained_end              cycles
//     | sums enter    | finished sums leave           |                         |
//     |   (only when the tile accumulates)            |                         |
//     |      idle     | products, panel by panel ........... last pass ......... |
//
// The last pass puts its sums where the leaving ones were, so it may not begin before those are
// gone: products start at products_start, which all rows share.
#pragma once

#include "types.h"

namespace sat {

// The tiles that a period touches; an invalid one has no part in it. Of the entering one, the first
// panel's activations come in beside the last panel.
struct PeriodTiles {
  std::uint32_t row;  // of this unit in the chain
  Tile drained;
  Tile computed;
  Tile entering;
};

// What goes on beside each other in a panel.
struct PanelWork {
  int forwarded;  // activation words for the rows below,
  int words;      // ... and with this row's own
  int products;
  int cycles;
};

// Cycles of a panel: its products, and beside them the intake of the next one's activations.
template <class Config>
inline int panel_cycles(int products, int incoming) {
  return longer(products, Config::kRows * incoming);
}

// Work of one period, counted before its loop, whose only exit test is then a counter. All rows
// get the same cycles; where the shares of the rows lie in them depends on the row.
template <class Config>
struct PeriodPlan {
  int interleave;
  int keep;
  bool dense;
  bool from_zero;
  int panels;      // of all taps
  int tap_panels;  // of each, of which the last is the tail
  int pass_sums;
  int pass_cycles;
  PanelWork full;
  PanelWork tail;
  PanelWork last;   // the last tap's tail, beside which the next tile's first panel comes in
  int body_cycles;  // of the panels before it
  int last_pass;    // cycle of the last panel in which the last pass begins
  int below_end;    // traffic: sums of the computed tile, entering for the rows below,
  int own_enters;   // ... for this row,
  int enter_end;    // ... and the cycles in which the rows above take theirs;
  int above_end;    // finished sums of the drained tile, of the rows above,
  int own_leaves;   // ... of this row,
  int drained_end;  // ... and the cycles in which the rows below send theirs
  int products_start;
  int cycles;

  explicit PeriodPlan(const PeriodTiles& tiles) {
    SAT_INLINE
    const int row = static_cast<int>(tiles.row);
    const int below = Config::kRows - 1 - row;
    const Tile& tile = tiles.computed;
    interleave = static_cast<int>(tile.interleave);
    keep = static_cast<int>(tile.keep);
    dense = keep == Config::kGroup;
    from_zero = !tile.accumulate;
    pass_sums = static_cast<int>(tile.sums);
    pass_cycles = static_cast<int>(tile.pass_cycles);
    plan_panels(tiles, below);
    plan_traffic(tiles, row, below);
    last_pass = tile.valid ? last.products - pass_cycles : 0;
    // A sum that entered is read no sooner than one that an addition wrote.
    const int entered = enter_end ? enter_end + Config::kAdderLatency : 0;
    products_start = longer(entered, drained_end - (body_cycles + last_pass));
    cycles = longer(products_start + body_cycles + last.cycles, drained_end);
  }

 private:
  static PanelWork work(int products, int incoming, int below) {
    PanelWork panel;
    panel.forwarded = below * incoming;
    panel.words = panel.forwarded + incoming;
    panel.products = products;
    panel.cycles = panel_cycles<Config>(products, incoming);
    return panel;
  }

  void plan_panels(const PeriodTiles& tiles, int below) {
    SAT_INLINE
    const Tile& tile = tiles.computed;
    const int next = tiles.entering.valid ? static_cast<int>(tiles.entering.interleave) : 0;
    // Without a computed tile, one panel without products carries the intake.
    panels = tile.valid ? static_cast<int>(tile.panels) : 1;
    tap_panels = tile.valid ? static_cast<int>(tile.tap_panels) : 1;
    body_cycles = static_cast<int>(tile.body_cycles);
    full = work(static_cast<int>(tile.full_products), interleave, below);
    tail = work(static_cast<int>(tile.tail_products), interleave, below);
    last = work(tile.valid ? static_cast<int>(tile.tail_products) : 0, next, below);
  }

  void plan_traffic(const PeriodTiles& tiles, int row, int below) {
    SAT_INLINE
    const bool enters = tiles.computed.valid && tiles.computed.accumulate;
    const int start = enters ? pass_sums : 0;
    const int own = tiles.drained.valid ? static_cast<int>(tiles.drained.sums) : 0;
    below_end = below * start;
    own_enters = below_end + start;
    enter_end = Config::kRows * start;
    above_end = enter_end + row * own;
    own_leaves = above_end + own;
    drained_end = enter_end + Config::kRows * own;
  }
};

// Where the products of a period stand.
struct PeriodPlace {
  int panels_left;      // of all taps, with the one at hand,
  int tap_panels_left;  // ... and of the tap at hand
  bool first_panel;
  int panel_cycle;
  int group;  // of the panel
  int n;      // of keep
  int slot;   // of the pass: the sum that is touched
  int first;  // slot at which the packet in use began; slot - first is the activation row

  template <class Config>
  explicit PeriodPlace(const PeriodPlan<Config>& plan)
      : panels_left(plan.panels),
        tap_panels_left(plan.tap_panels),
        first_panel(true),
        panel_cycle(0),
        group(0),
        n(0),
        slot(0),
        first(0) {}

  // The work of the first panel.
  template <class Config>
  static PanelWork first_work(const PeriodPlan<Config>& plan) {
    SAT_INLINE
    if (plan.panels == 1) return plan.last;
    return plan.tap_panels == 1 ? plan.tail : plan.full;
  }

  // The work of the panel after this one, chosen by the counters as they are before it: all
  // comparisons go side by side.
  template <class Config>
  PanelWork next_work(const PeriodPlan<Config>& plan) const {
    SAT_INLINE
    if (panels_left == 2) return plan.last;
    return plan.tap_panels == 1 || tap_panels_left == 2 ? plan.tail : plan.full;
  }

  // To the start of the panel after this one.
  template <class Config>
  void next_panel(const PeriodPlan<Config>& plan) {
    SAT_INLINE
    --panels_left;
    tap_panels_left = tap_panels_left == 1 ? plan.tap_panels : tap_panels_left - 1;
    first_panel = false;
    panel_cycle = 0;
    group = 0;
    n = 0;
    slot = 0;
    first = 0;
  }

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

// Cycles from `now` in which `event` does not fall, if fewer than `steady`.
inline int until(int steady, int now, int event) {
  return event > now && event - now < steady ? event - now : steady;
}

// How many cycles from here on take the same path through run_period (row_unit.h): every bound that
// it compares a counter with is listed here.
template <class Config>
inline int steady_cycles(int cycle, const PeriodPlan<Config>& plan, const PanelWork& work,
                         const PeriodPlace& place) {
  int steady = plan.cycles - cycle;
  steady = until(steady, cycle, plan.below_end);
  steady = until(steady, cycle, plan.own_enters);
  steady = until(steady, cycle, plan.enter_end);
  steady = until(steady, cycle, plan.above_end);
  steady = until(steady, cycle, plan.own_leaves);
  steady = until(steady, cycle, plan.drained_end);
  steady = until(steady, cycle, plan.products_start);
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

// SPDX-License-Identifier: Apache-2.0
//
// Where a row unit stands in a period: counters that only add and compare, and how far they may run
// without an event between.
#pragma once

#include "period.h"

namespace sat {

// Where the products of a period stand.
struct PeriodPlace {
  int panels_left;      // of all taps, with the one at hand,
  int tap_panels_left;  // ... and of the tap at hand
  bool first_panel;
  int panel_cycle;
  int group;  // of the panel
  int n;      // of keep; weight stationary: of the packets held
  int slot;   // of the pass: the sum that is touched
  int first;  // slot at which the packet in use began; slot - first is the activation row
  int block;  // column block of the packet

  template <class Config>
  explicit PeriodPlace(const PeriodPlan<Config>& plan)
      : panels_left(plan.panels),
        tap_panels_left(plan.tap_panels),
        first_panel(true),
        panel_cycle(0),
        group(0),
        n(0),
        slot(0),
        first(0),
        block(0) {}

  // The work of the first panel.
  template <class Config>
  static PanelWork first_work(const PeriodPlan<Config>& plan) {
    SAT_INLINE
    if (plan.panels == 1) return plan.last;
    if (plan.tap_panels == 1) return plan.tail;
    return plan.full;
  }

  // The work of the panel after this one, chosen by the counters as they are before it: all
  // comparisons go side by side.
  template <class Config>
  PanelWork next_work(const PeriodPlan<Config>& plan) const {
    SAT_INLINE
    if (panels_left == 2) return plan.last;
    if (plan.tap_panels == 1 || tap_panels_left == 2) return plan.tail;
    return plan.full;
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
    block = 0;
  }

  // `cycles` further, with no event of the pass inside.
  template <class Config>
  void advance_products(int cycles, const PeriodPlan<Config>& plan) {
    SAT_INLINE
    slot += cycles;
    if (slot == first + plan.interleave) {
      first = slot;
      ++block;
    }
    if (slot == plan.pass_cycles) {
      slot = 0;
      first = 0;
      block = 0;
      if (++n == plan.keep && !plan.stationary()) {
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
  steady = until(steady, cycle, plan.leave_begin);
  steady = until(steady, cycle, plan.above_end);
  steady = until(steady, cycle, plan.own_leaves);
  steady = until(steady, cycle, plan.drained_end);
  steady = until(steady, cycle, plan.products_start);
  steady = until(steady, cycle, plan.above_packets);
  steady = until(steady, cycle, plan.own_packets);
  steady = until(steady, cycle, plan.packets_end);
  steady = until(steady, place.panel_cycle, work.forwarded);
  steady = until(steady, place.panel_cycle, work.tokens);
  steady = until(steady, place.panel_cycle, work.products);
  steady = until(steady, place.panel_cycle, work.cycles);
  if (place.panels_left == 1) steady = until(steady, place.panel_cycle, plan.last_pass);
  if (plan.stationary() && place.panel_cycle < work.products) {
    steady = until(steady, place.slot, place.first + plan.interleave);
    steady = until(steady, place.slot, plan.pass_sums);
    steady = until(steady, place.slot, plan.pass_cycles);
  }
  return steady;
}

}  // namespace sat

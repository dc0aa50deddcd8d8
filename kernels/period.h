// SPDX-License-Identifier: Apache-2.0
//
// What a row unit does in one period, as counts. The array's schedule is all here; row_unit.h carries
// it out. All rows count the same cycles; where the shares of the rows lie in them depends on the row.
//
// Output stationary, a period computes one tile while the one before leaves:
//
//   cycle 0          enter_end    leave_begin       drained_end              cycles
//     | sums enter    |             | finished sums leave |                     |
//     |   (only when the tile accumulates)                |                     |
//     |      idle     | products, panel by panel ........... last pass ......... |
//
// The last pass puts its sums where the leaving ones were, so it may not begin before those are
// gone: products start at products_start, which all rows share. And sums leave only when the additions
// of the last pass before are through, adder_latency into the period, which follows without a gap.
//
// Weight stationary, a period computes one batch of output rows. Its first pass takes the sums from
// the row above, its last pass hands them on; meanwhile come the next batch's activations, and some
// of the next tile's packets.
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
  int forwarded;  // activation tokens for the rows below,
  int tokens;     // ... and with this row's own
  int products;
  int cycles;
};

// Cycles of a panel: its products, and beside them the intake of the next one's activations.
template <class Config>
inline int panel_cycles(int products, int interleave) {
  return longer(products, Config::kRows * tokens_of<Config>(interleave));
}

// Work of one period, counted before it begins: the row unit only compares counters with it. All
// rows get the same cycles; where the shares of the rows lie in them depends on the row.
template <class Config>
struct PeriodPlan {
  bool valid;      // false: the list is done
  bool first_row;  // of the chain
  int interleave;
  int keep;
  bool dense;
  bool from_zero;
  int panels;      // of all taps
  int tap_panels;  // of each, of which the last is the tail
  int blocks;
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
  int leave_begin;  // finished sums of the drained tile: from here on
  int above_end;    // ... those of the rows above,
  int own_leaves;   // ... of this row,
  int drained_end;  // ... and the cycles in which the rows below send theirs
  int products_start;
  int cycles;
  bool batched;      // weight stationary:
  int held;          // ... packets of each block in this row
  int packet_begin;  // ... of the next tile: number of the first one of this period,
  int own_begin;     // ... and of the first one that this row holds;
  int above_packets; // ... cycles in which come those that rows above hold,
  int own_packets;   // ... and those of this row,
  int packets_end;   // ... and all;
  bool packets_swap; // ... after the period the next tile's packets are used

  PeriodPlan() = default;  // as a stream makes it, all zeros: the end

  // A constant without the hardware for it.
  bool stationary() const { return Config::kWeightStationary && batched; }

  // An output-stationary period.
  explicit PeriodPlan(const PeriodTiles& tiles) {
    SAT_INLINE
    const int row = static_cast<int>(tiles.row);
    const int below = Config::kRows - 1 - row;
    const Tile& tile = tiles.computed;
    valid = true;
    first_row = row == 0;
    take_shape(tile);
    batched = packets_swap = false;
    held = packet_begin = own_begin = above_packets = own_packets = packets_end = 0;
    plan_panels(tiles, below);
    plan_traffic(tiles, row, below);
    last_pass = tile.valid ? last.products - pass_cycles : 0;
    // A sum that entered is read no sooner than one that an addition wrote.
    const int entered = enter_end ? enter_end + Config::kAdderLatency : 0;
    products_start = longer(entered, drained_end - (body_cycles + last_pass));
    cycles = longer(products_start + body_cycles + last.cycles, drained_end);
  }

  // A weight-stationary period: a batch of `computed`, while a batch of `fed` and, from number `first`
  // on, `packets` packets of `next` come in. An invalid tile has no part in it. swaps: the next
  // period uses them.
  PeriodPlan(std::uint32_t row_number, const Tile& computed, const Tile& fed, const Tile& next,
             int first, int packets, bool swaps) {
    SAT_INLINE
    const int row = static_cast<int>(row_number);
    valid = batched = true;
    first_row = row == 0;
    packets_swap = swaps;
    take_shape(computed);
    held = held_by(row, computed);
    panels = tap_panels = 1;
    body_cycles = products_start = 0;
    below_end = own_enters = enter_end = leave_begin = above_end = own_leaves = drained_end = 0;
    last.products = static_cast<int>(computed.chunk) * pass_cycles;
    last.tokens = static_cast<int>(fed.panels) *
                  tokens_of<Config>(static_cast<int>(fed.interleave));
    last.forwarded = last.tokens;
    last.cycles = longer(longer(last.products, last.tokens), packets);
    full = tail = last;
    last_pass = (held - 1) * pass_cycles;
    packet_begin = first;
    own_begin = row * static_cast<int>(next.chunk * next.blocks);
    const int own_end = own_begin + held_by(row, next) * static_cast<int>(next.blocks);
    above_packets = within(own_begin - first, packets);
    own_packets = within(own_end - first, packets);
    packets_end = packets;
    cycles = last.cycles;
  }

 private:
  void take_shape(const Tile& tile) {
    SAT_INLINE
    interleave = static_cast<int>(tile.interleave);
    keep = static_cast<int>(tile.keep);
    dense = keep == Config::kGroup;
    from_zero = !tile.accumulate;
    blocks = static_cast<int>(tile.blocks);
    pass_sums = static_cast<int>(tile.sums);
    pass_cycles = static_cast<int>(tile.pass_cycles);
  }

  static int within(int count, int most) { return longer(0, shorter(count, most)); }

  // Packets of each block that a row holds: a chunk, or what is left of the reduction.
  static int held_by(int row, const Tile& tile) {
    SAT_INLINE
    const int rows = static_cast<int>(tile.packet_rows);
    const int chunk = static_cast<int>(tile.chunk);
    return within(rows - row * chunk, chunk);
  }

  static PanelWork work(int products, int next_interleave, int below) {
    PanelWork panel;
    const int incoming = tokens_of<Config>(next_interleave);
    panel.forwarded = below * incoming;
    panel.tokens = panel.forwarded + incoming;
    panel.products = products;
    panel.cycles = panel_cycles<Config>(products, next_interleave);
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
    leave_begin = own ? longer(enter_end, Config::kAdderLatency) : enter_end;
    above_end = leave_begin + row * own;
    own_leaves = above_end + own;
    drained_end = leave_begin + Config::kRows * own;
  }
};

}  // namespace sat

// SPDX-License-Identifier: Apache-2.0
//
// What a row unit does in one period, as counts. The array's schedule is all here; row_unit.h carries
// it out. All rows count the same cycles; where the shares of the rows lie in them depends on the row:
// a plan is made for the first row, and each row hands it on to the one below with its shares moved on.
//
// Output stationary, a period computes one tile while the one before leaves:
//
//   cycle 0          enter_end    leave_begin       drained_end              cycles
//     | sums enter    |             | finished sums leave |                     |
//     |   (only when the tile accumulates)                |                     |
//     |      idle     | products, panel by panel ........... last pass ......... |
//
// The last pass puts its sums where the leaving ones were, so it may not begin before those are
// gone: products start at products_start, which all rows share. Those that are stored in binary32 leave
// every other cycle, since the store takes two for each. And sums leave only when the additions
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

  // As the row below has it. (What all rows keep is all forwarded, and stays.)
  PanelWork below() const {
    SAT_INLINE
    PanelWork next = *this;
    next.tokens = forwarded;
    next.forwarded = forwarded - (tokens - forwarded);
    return next;
  }
};

// Cycles of a panel: its products, and beside them the intake of the next one's activations.
template <class Config>
inline int panel_cycles(int products, int interleave) {
  return longer(products, Config::kRows * tokens_of<Config>(interleave));
}

// Work of one period, counted before it begins: the row unit only compares counters with it.
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
  bool slow;        // ... one in two cycles
  int products_start;
  int cycles;
  bool batched;      // weight stationary:
  int held;          // ... packets of each block in this row,
  int chunk;         // ... in a row that is full,
  int rows_left;     // ... and those that no row above holds
  int packet_begin;  // ... of the next tile: number of the first one of this period,
  int own_begin;     // ... of the first one that this row holds,
  int share;         // ... how many a full row holds,
  int share_left;    // ... and those that no row above does;
  int above_packets; // ... cycles in which come those that rows above hold,
  int own_packets;   // ... and those of this row,
  int packets_end;   // ... and all;
  bool packets_swap; // ... after the period the next tile's packets are used

  PeriodPlan() = default;  // as a stream makes it, all zeros: the end

  // A constant without the hardware for it.
  bool stationary() const { return Config::kWeightStationary && batched; }

  // An output-stationary period of the first row.
  explicit PeriodPlan(const PeriodTiles& tiles) {
    SAT_INLINE
    const Tile& tile = tiles.computed;
    valid = first_row = true;
    take_shape(tile);
    batched = packets_swap = slow = false;
    held = chunk = rows_left = share = share_left = 0;
    packet_begin = own_begin = above_packets = own_packets = packets_end = 0;
    plan_panels(tiles);
    plan_traffic(tiles);
    last_pass = tile.valid ? last.products - pass_cycles : 0;
    // A sum that entered is read no sooner than one that an addition wrote.
    const int entered = enter_end ? enter_end + Config::kAdderLatency : 0;
    products_start = longer(entered, drained_end - (body_cycles + last_pass));
    cycles = longer(products_start + body_cycles + last.cycles, drained_end);
  }

  // A weight-stationary period of the first row: a batch of `computed`, while a batch of `fed` and,
  // from number `first` on, `packets` packets of `next` come in. An invalid tile has no part in it.
  // swaps: the next period uses them.
  PeriodPlan(const Tile& computed, const Tile& fed, const Tile& next, int first, int packets,
             bool swaps) {
    SAT_INLINE
    valid = first_row = batched = true;
    packets_swap = swaps;
    slow = false;
    take_shape(computed);
    chunk = static_cast<int>(computed.chunk);
    rows_left = static_cast<int>(computed.packet_rows);
    held = shorter(rows_left, chunk);
    panels = tap_panels = 1;
    body_cycles = last_pass = products_start = 0;
    below_end = own_enters = enter_end = leave_begin = above_end = own_leaves = drained_end = 0;
    last.products = chunk * pass_cycles;
    last.tokens = static_cast<int>(fed.panels) *
                  tokens_of<Config>(static_cast<int>(fed.interleave));
    last.forwarded = last.tokens;
    last.cycles = longer(longer(last.products, last.tokens), packets);
    full = tail = last;
    packet_begin = first;
    own_begin = above_packets = 0;
    share = static_cast<int>(next.chunk * next.blocks);
    share_left = static_cast<int>(next.packet_rows * next.blocks);
    own_packets = within(shorter(share, share_left) - first, packets);
    packets_end = packets;
    cycles = last.cycles;
  }

  // As the row below has it: one row less below, one more above.
  PeriodPlan below() const {
    SAT_INLINE
    PeriodPlan next = *this;
    next.first_row = false;
    next.full = full.below();
    next.tail = tail.below();
    next.last = last.below();
    next.own_enters = below_end;
    next.below_end = below_end - (own_enters - below_end);
    next.above_end = own_leaves;
    next.own_leaves = own_leaves + (own_leaves - above_end);
    next.rows_left = rows_left - chunk;
    next.held = within(next.rows_left, chunk);
    next.own_begin = own_begin + within(share_left, share);
    next.share_left = share_left - share;
    const int own_end = next.own_begin + within(next.share_left, share);
    next.above_packets = own_packets;
    next.own_packets = within(own_end - packet_begin, packets_end);
    return next;
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

  static PanelWork work(int products, int next_interleave) {
    SAT_INLINE
    PanelWork panel;
    const int incoming = tokens_of<Config>(next_interleave);
    panel.forwarded = (Config::kRows - 1) * incoming;
    panel.tokens = Config::kRows * incoming;
    panel.products = products;
    panel.cycles = panel_cycles<Config>(products, next_interleave);
    return panel;
  }

  void plan_panels(const PeriodTiles& tiles) {
    SAT_INLINE
    const Tile& tile = tiles.computed;
    const int next = tiles.entering.valid ? static_cast<int>(tiles.entering.interleave) : 0;
    // Without a computed tile, one panel without products carries the intake.
    panels = tile.valid ? static_cast<int>(tile.panels) : 1;
    tap_panels = tile.valid ? static_cast<int>(tile.tap_panels) : 1;
    body_cycles = static_cast<int>(tile.body_cycles);
    full = work(static_cast<int>(tile.full_products), interleave);
    tail = work(static_cast<int>(tile.tail_products), interleave);
    last = work(tile.valid ? static_cast<int>(tile.tail_products) : 0, next);
  }

  void plan_traffic(const PeriodTiles& tiles) {
    SAT_INLINE
    const bool enters = tiles.computed.valid && tiles.computed.accumulate;
    const int start = enters ? pass_sums : 0;
    const int sums = tiles.drained.valid ? static_cast<int>(tiles.drained.sums) : 0;
    slow = tiles.drained.valid && tiles.drained.slow;
    const int own = slow ? 2 * sums : sums;
    below_end = (Config::kRows - 1) * start;
    own_enters = enter_end = Config::kRows * start;
    leave_begin = own ? longer(enter_end, Config::kAdderLatency) : enter_end;
    above_end = leave_begin;
    own_leaves = leave_begin + own;
    drained_end = leave_begin + Config::kRows * own;
  }
};

}  // namespace sat

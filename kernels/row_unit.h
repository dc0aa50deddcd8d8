// SPDX-License-Identifier: Apache-2.0
//
// A row unit: `lanes` USPEs, the activations of up to `interleave` output rows, and the memory tile
// of their sums. Row units form a chain; each keeps its own share of what passes and hands on the
// rest. All of it is one loop at II = 1 in which three things go on side by side:
//
//   intake   the activation words of the next panel: those of the rows below go on, then own ones
//   traffic  on the chain of sums: when the tile accumulates, its stored sums enter before any
//            product, those of the rows below first; then the previous tile's finished sums leave,
//            rows above first
//   products of the current tile, output stationary: for each group, for n < keep, for each column
//            block one packet is used for `interleave` cycles
//
// Sums run in one memory; the last pass puts them in another, from which they leave while the next
// tile runs. Activations have two banks, one for the panel at hand and one for the next.
//
// Why it can't deadlock: the chain is systolic. All rows count the same cycles (period.h), and what
// a row writes in a cycle the next row reads in the same cycle of its own count. So a row is behind
// the one above by the latency of the loop's body, and a stream holds no more than that.
//
// Why II = 1 holds: the interleave mapping. A sum that a pass wrote is read by the next pass, and a
// pass lasts at least adder_latency cycles (idle ones are added to a tile that is too small), in
// which the tool fits read, addition and write. Each memory has one read and one write a cycle.
//
// Contract per tile and row unit r of R: reads (R - r) * interleave words a panel, of which it
// forwards all but the last `interleave`; reads and forwards packet_rows * blocks packets; sends
// (r + 1) * interleave * blocks sums. Row unit r holds output rows (R - 1 - r) * interleave and on.
#pragma once

#include "period.h"
#include "types.h"
#include "uspe.h"

namespace sat {

template <class Config>
struct RowState {
  OperandWord<Config> activations[2][Config::kInterleave];
  SumWord<Config> running[Geometry<Config>::kTileSums];
  SumWord<Config> leaving[Geometry<Config>::kTileSums];
};

// The next panel's activation words, into the bank that no product reads.
template <class Config, class ActivationsOut>
inline void take_activations(int cycle, int cycles, const PanelWork& work,
                             OperandWord<Config>* activations,
                             hls::stream<OperandWord<Config>>& activations_in,
                             ActivationsOut& activations_out) {
  SAT_INLINE
  if (cycle < work.forwarded) {
    SAT_LOOP(RowUnit_ForwardActivations)
    for (int i = 0; i < cycles; ++i) {
      SAT_UNROLL
      activations_out.write(activations_in.read());
    }
  } else if (cycle < work.words) {
    SAT_LOOP(RowUnit_KeepActivations)
    for (int i = 0; i < cycles; ++i) {
      SAT_UNROLL
      activations[cycle - work.forwarded + i] = activations_in.read();
    }
  }
}

// Traffic on the chain of sums.
template <class Config>
inline void move_sums(int cycle, int cycles, const PeriodPlan<Config>& plan,
                      RowState<Config>& state, hls::stream<SumWord<Config>>& sums_in,
                      hls::stream<SumWord<Config>>& sums_out) {
  SAT_INLINE
  const bool passes_down = cycle < plan.below_end;
  const bool passes_up = cycle >= plan.enter_end && cycle < plan.above_end;
  if (passes_down || passes_up) {
    SAT_LOOP(RowUnit_PassSums)
    for (int i = 0; i < cycles; ++i) {
      SAT_UNROLL
      sums_out.write(sums_in.read());
    }
  } else if (cycle < plan.own_enters) {
    SAT_LOOP(RowUnit_TakeSums)
    for (int i = 0; i < cycles; ++i) {
      SAT_UNROLL
      state.running[cycle - plan.below_end + i] = sums_in.read();
    }
  } else if (cycle >= plan.above_end && cycle < plan.own_leaves) {
    SAT_LOOP(RowUnit_SendSums)
    for (int i = 0; i < cycles; ++i) {
      SAT_UNROLL
      sums_out.write(state.leaving[cycle - plan.above_end + i]);
    }
  }
}

// The products of `cycles` cycles: one packet, or none in the idle cycles of a pass.
template <class Config, class PacketsOut>
inline void make_products(int cycles, const PeriodPlan<Config>& plan, const PeriodPlace& place,
                          const OperandWord<Config>* activations, Packet<Config>& packet,
                          RowState<Config>& state, hls::stream<Packet<Config>>& packets_in,
                          PacketsOut& packets_out) {
  SAT_INLINE
  if (place.slot >= plan.pass_sums) return;
  if (place.slot == place.first) {
    packet = packets_in.read();
    packets_out.write(packet);
  }
  const bool fresh = plan.from_zero && place.first_panel && place.group == 0 && place.n == 0;
  const bool finished = place.panels_left == 1 && place.panel_cycle >= plan.last_pass;
  multiply_accumulate<Config>(cycles, fresh, finished, state.running, state.leaving, place.slot,
                              activations, place.slot - place.first, place.group, packet,
                              plan.dense, place.n);
}

template <class Config, class ActivationsOut, class PacketsOut>
void run_period(const PeriodTiles& tiles, int& bank, RowState<Config>& state,
                hls::stream<OperandWord<Config>>& activations_in, ActivationsOut& activations_out,
                hls::stream<Packet<Config>>& packets_in, PacketsOut& packets_out,
                hls::stream<SumWord<Config>>& sums_in, hls::stream<SumWord<Config>>& sums_out) {
  SAT_INLINE
  const PeriodPlan<Config> plan(tiles);
  PeriodPlace place(plan);
  PanelWork work = PeriodPlace::first_work(plan);
  Packet<Config> packet = Packet<Config>();
  int cycles = 1;
  SAT_LOOP(RowUnit_Cycle)
  for (int cycle = 0; cycle < plan.cycles; cycle += cycles) {
    SAT_PIPELINE(1)
    SAT_TRIPCOUNT(16384)
    SAT_RECURRENCE(state.running, Config::kAdderLatency)
    cycles = SAT_STEADY(steady_cycles(cycle, plan, work, place));

    move_sums<Config>(cycle, cycles, plan, state, sums_in, sums_out);

    if (cycle >= plan.products_start && place.panels_left > 0) {
      take_activations<Config>(place.panel_cycle, cycles, work, state.activations[1 - bank],
                               activations_in, activations_out);
      if (place.panel_cycle < work.products) {
        make_products<Config>(cycles, plan, place, state.activations[bank], packet, state,
                              packets_in, packets_out);
        place.advance_products(cycles, plan);
      }
      place.panel_cycle += cycles;
      if (place.panel_cycle == work.cycles) {
        work = place.next_work(plan);
        place.next_panel(plan);
        bank = 1 - bank;
      }
    }
  }
}

template <class TilesOut>
inline Tile take_tile(hls::stream<Tile>& tiles_in, TilesOut& tiles_out) {
  SAT_INLINE
  const Tile tile = tiles_in.read();
  Tile forwarded = tile;
  ++forwarded.row;
  tiles_out.write(forwarded);
  return tile;
}

template <class Config, class TilesOut, class ActivationsOut, class PacketsOut>
void row_unit(hls::stream<Tile>& tiles_in, hls::stream<OperandWord<Config>>& activations_in,
              hls::stream<Packet<Config>>& packets_in, hls::stream<SumWord<Config>>& sums_in,
              TilesOut& tiles_out, ActivationsOut& activations_out, PacketsOut& packets_out,
              hls::stream<SumWord<Config>>& sums_out) {
  RowState<Config> state;
  SAT_PARTITION(state.activations, 1)
  SAT_STORAGE(state.activations, ram_s2p, lutram)
  SAT_STORAGE(state.running, ram_s2p, bram)
  SAT_STORAGE(state.leaving, ram_s2p, bram)

  int bank = 0;  // of the activations: the current panel's
  PeriodTiles tiles;
  tiles.drained = end_of_tiles();
  tiles.computed = end_of_tiles();
  tiles.entering = take_tile(tiles_in, tiles_out);
  tiles.row = tiles.entering.row;  // even the token that ends the list counts the rows
  SAT_LOOP(RowUnit_Period)
  while (tiles.drained.valid || tiles.computed.valid || tiles.entering.valid) {
    SAT_TRIPCOUNT(4096)
    // Periods must not overlap: the memories' claims hold within one.
    run_period<Config>(tiles, bank, state, activations_in, activations_out, packets_in,
                       packets_out, sums_in, sums_out);
    tiles.drained = tiles.computed;
    tiles.computed = tiles.entering;
    if (tiles.entering.valid) tiles.entering = take_tile(tiles_in, tiles_out);
  }
}

template <class Config>
void last_row_unit(hls::stream<Tile>& tiles_in, hls::stream<OperandWord<Config>>& activations_in,
                   hls::stream<Packet<Config>>& packets_in,
                   hls::stream<SumWord<Config>>& sums_in,
                   hls::stream<SumWord<Config>>& sums_out) {
  NoStream<Tile> no_tiles;
  NoStream<OperandWord<Config>> no_activations;
  NoStream<Packet<Config>> no_packets;
  row_unit<Config>(tiles_in, activations_in, packets_in, sums_in, no_tiles, no_activations,
                   no_packets, sums_out);
}

}  // namespace sat

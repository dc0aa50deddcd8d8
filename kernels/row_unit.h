// SPDX-License-Identifier: Apache-2.0
//
// A row unit: `lanes` USPEs, the activations of up to `interleave` output rows, and the memory tile
// of their sums. Row units form a chain; each keeps its own share of what passes and hands on the
// rest. All of it is one loop at II = 1 in which three things go on side by side:
//
//   intake   the activation words of the next panel: those of the rows below go on, then own ones
//   traffic  on the chain of sums: the previous tile's finished sums leave, rows above first; then,
//            when the next tile accumulates, its stored sums enter, those of the rows below first
//   products of the current tile, output stationary: for each group, for n < keep, for each column
//            block one packet is used for `interleave` cycles
//
// A period (period.h) is one tile's products with the traffic of its neighbours. Both memories are
// double, so nothing waits but for the longest of the three; a period lasts as long as that.
//
// Why it can't deadlock: the chain is systolic. All rows count the same cycles, and what a row
// writes in a cycle the next row reads in the same cycle of its own count. So a row is behind the
// one above by the latency of the loop's body, and a stream holds no more than that.
//
// Why II = 1 is legal: the interleave mapping. The same sum is touched once a pass, and a pass
// lasts at least adder_latency cycles (idle ones are added to a tile that is too small).
//
// Contract per tile and row unit r of R: reads (R - r) * interleave words a panel, of which it
// forwards all but the last `interleave`; reads and forwards groups * keep * blocks packets; sends
// (r + 1) * interleave * blocks sums. Row unit r holds output rows (R - 1 - r) * interleave and on.
#pragma once

#include "period.h"
#include "types.h"
#include "uspe.h"

namespace sat {

// What the last row unit writes to: nothing comes after it.
template <class T>
struct EndOfChain {
  void write(const T&) { SAT_INLINE }
};

template <class Config>
struct RowState {
  OperandWord<Config> activations[2][Config::kInterleave];
  SumWord<Config> sums[2][Geometry<Config>::kTileSums];
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
    for (int i = cycle; i < cycle + cycles; ++i) {
      SAT_UNROLL
      activations[i - work.forwarded] = activations_in.read();
    }
  }
}

// Traffic on the chain of sums. `sums` is the half that no product touches.
template <class Config>
inline void move_sums(int cycle, int cycles, const PeriodPlan<Config>& plan, SumWord<Config>* sums,
                      hls::stream<SumWord<Config>>& sums_in,
                      hls::stream<SumWord<Config>>& sums_out) {
  SAT_INLINE
  const bool below_enters = cycle >= plan.drained_end && cycle < plan.below_end;
  if (cycle < plan.above_end || below_enters) {
    SAT_LOOP(RowUnit_PassSums)
    for (int i = 0; i < cycles; ++i) {
      SAT_UNROLL
      sums_out.write(sums_in.read());
    }
  } else if (cycle < plan.own_end) {
    SAT_LOOP(RowUnit_SendSums)
    for (int i = cycle; i < cycle + cycles; ++i) {
      SAT_UNROLL
      sums_out.write(sums[i - plan.above_end]);
    }
  } else if (cycle >= plan.below_end && cycle < plan.enter_end) {
    SAT_LOOP(RowUnit_TakeSums)
    for (int i = cycle; i < cycle + cycles; ++i) {
      SAT_UNROLL
      sums[i - plan.below_end] = sums_in.read();
    }
  }
}

template <class Config, class ActivationsOut, class PacketsOut>
void run_period(const PeriodTiles& tiles, int half, int& bank, RowState<Config>& state,
                hls::stream<OperandWord<Config>>& activations_in, ActivationsOut& activations_out,
                hls::stream<Packet<Config>>& packets_in, PacketsOut& packets_out,
                hls::stream<SumWord<Config>>& sums_in, hls::stream<SumWord<Config>>& sums_out) {
  SAT_INLINE
  const PeriodPlan<Config> plan(tiles);
  PeriodPlace place;
  PanelWork work = panel_work(plan, 0);
  Packet<Config> packet = Packet<Config>();
  int cycles = 1;
  SAT_LOOP(RowUnit_Cycle)
  for (int cycle = 0; cycle < plan.cycles; cycle += cycles) {
    SAT_PIPELINE(1)  // a sum returns to its place before the next pass reads it
    SAT_TRIPCOUNT(16384)
    // The two halves of `sums` are used apart, and within one half a pass is long enough.
    SAT_INDEPENDENT(state.sums)
    // The bank that is taken in is read only after it is complete.
    SAT_INDEPENDENT(state.activations)
    cycles = SAT_STEADY(steady_cycles(cycle, plan, work, place));

    take_activations<Config>(place.panel_cycle, cycles, work, state.activations[1 - bank],
                             activations_in, activations_out);
    move_sums<Config>(cycle, cycles, plan, state.sums[1 - half], sums_in, sums_out);

    if (place.panel_cycle < work.products) {
      if (place.slot < plan.pass_sums) {
        if (place.slot == place.first) {
          packet = packets_in.read();
          packets_out.write(packet);
        }
        const bool fresh = plan.from_zero && place.panel == 0 && place.group == 0 && place.n == 0;
        multiply_accumulate<Config>(cycles, fresh, state.sums[half], place.slot,
                                    state.activations[bank], place.slot - place.first,
                                    place.group * Config::kGroup, packet, plan.dense, place.n);
      }
      place.advance_products(cycles, plan);
    }

    place.panel_cycle += cycles;
    if (place.panel_cycle == work.cycles) {
      const int next = place.panel + 1;
      place = PeriodPlace();
      place.panel = next;
      work = panel_work(plan, next);
      bank = 1 - bank;
    }
  }
}

inline Tile take_tile(hls::stream<Tile>& tiles_in, hls::stream<Tile>& tiles_out) {
  SAT_INLINE
  const Tile tile = tiles_in.read();
  Tile forwarded = tile;
  ++forwarded.row;
  tiles_out.write(forwarded);
  return tile;
}

template <class Config, class ActivationsOut, class PacketsOut>
void row_unit(hls::stream<Tile>& tiles_in, hls::stream<OperandWord<Config>>& activations_in,
              hls::stream<Packet<Config>>& packets_in, hls::stream<SumWord<Config>>& sums_in,
              hls::stream<Tile>& tiles_out, ActivationsOut& activations_out,
              PacketsOut& packets_out, hls::stream<SumWord<Config>>& sums_out) {
  RowState<Config> state;
  SAT_PARTITION(state.activations, 1)
  SAT_STORAGE(state.activations, ram_2p, lutram)
  SAT_PARTITION(state.sums, 1)
  SAT_STORAGE(state.sums, ram_2p, bram)

  int half = 0;  // of the sums: the computed tile's
  int bank = 0;  // of the activations: the current panel's
  PeriodTiles tiles;
  tiles.drained = end_of_tiles();
  tiles.computed = end_of_tiles();
  tiles.entering = take_tile(tiles_in, tiles_out);
  tiles.row = tiles.entering.row;  // even the token that ends the list counts the rows
  SAT_LOOP(RowUnit_Period)
  while (tiles.drained.valid || tiles.computed.valid || tiles.entering.valid) {
    SAT_TRIPCOUNT(4096)
    run_period<Config>(tiles, half, bank, state, activations_in, activations_out, packets_in,
                       packets_out, sums_in, sums_out);
    tiles.drained = tiles.computed;
    tiles.computed = tiles.entering;
    if (tiles.entering.valid) tiles.entering = take_tile(tiles_in, tiles_out);
    half = 1 - half;
  }
}

}  // namespace sat

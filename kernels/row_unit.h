// SPDX-License-Identifier: Apache-2.0
//
// A row unit: `lanes` USPEs, the activations of up to `interleave` output rows, and the memory tile
// of their sums. Row units form a chain; each keeps its own share of what passes and hands on the
// rest. All of it is one loop at II = 1, whichever dataflow a tile has.
//
// Output stationary: a row unit holds sums. Three things go on side by side:
//
//   intake   the activation tokens of the next panel: those of the rows below go on, then own ones
//   traffic  on the chain of sums: when the tile accumulates, its stored sums enter before any
//            product, those of the rows below first; then the previous tile's finished sums leave,
//            rows above first
//   products of the current tile: for each group, for n < keep, for each column block one packet is
//            used for `interleave` cycles
//
// Sums run in one memory; the last pass puts them in another, from which they leave while the next
// tile runs. Activations have two banks, one for the panel at hand and one for the next. What a period
// does is planned ahead (row_steps.h) and handed down the chain as the period begins: the loop goes
// from one to the next without a gap.
//
// Weight stationary: a row unit holds packets, a run of the reduction: the first row the first ones,
// and so on. Sums enter, collect its terms in order, and go on to the row below, so that a sum passes
// the chain once, whatever the reduction's length. A period is a batch of `interleave` output rows;
// beside its products come the activations of the next batch, which every row keeps and hands on,
// and packets of the next tile.
//
// Why it can't deadlock. Output stationary, the chain is systolic: all rows count the same cycles
// (period.h), and what a row writes in a cycle the next row reads in the same cycle of its own count.
// So a row is behind the one above by the latency of the loop's body, and a stream holds no more than
// that. Weight stationary, a row waits for the sums of the row above, and so is behind it by up to a
// period and that latency. The streams between hold the activations and packets of both: kBatchTokens
// of a period, and one for each stage of the loop's body (hlsgen/fifos.py).
//
// Why II = 1 holds: the interleave mapping. A sum that a pass wrote is read by the next pass, and a
// pass lasts at least adder_latency cycles (idle ones are added to a tile that is too small), in
// which the tool fits read, addition and write. A finished sum leaves no sooner either: the first one
// adder_latency cycles into the next period. Each memory has one read and one write a cycle. Each
// stream has one read or write a cycle: its uses lie in branches of one condition, or are told apart by
// `stationary` alone. The next plan is there before it is needed, so the loop carries no more than
// counters.
//
// Contract per output-stationary tile and row unit r of R, with t = tokens_of(interleave): reads
// (R - r) * t tokens a panel, of which it forwards all but the last t; reads and forwards
// packet_rows * blocks packets; sends (r + 1) * interleave * blocks sums. Row unit r holds output rows
// (R - 1 - r) * interleave and on. Weight stationary: reads and forwards panels * t tokens a batch;
// reads packets from number r * chunk * blocks on, of which it keeps chunk * blocks; reads (but for row
// 0, unless the tile accumulates) and sends interleave * blocks sums a batch.
#pragma once

#include "period_place.h"
#include "row_steps.h"
#include "row_traffic.h"
#include "types.h"
#include "uspe.h"

namespace sat {

// Which of the two banks the products read; the other one is filled.
struct Banks {
  int activations;
  int packets;
};

// The products of `cycles` cycles: one packet, or none in the idle cycles of a pass.
template <class Config, class PacketsOut>
inline void make_products(int cycles, const PeriodPlan<Config>& plan, const PeriodPlace& place,
                          const HeldRows<Config>& activations, const Packet<Config>* packets,
                          Packet<Config>& packet, SumWord<Config>* running,
                          SumWord<Config>* leaving, hls::stream<Packet<Config>>& packets_in,
                          PacketsOut& packets_out, hls::stream<SumWord<Config>>& sums_in,
                          hls::stream<SumWord<Config>>& sums_out) {
  SAT_INLINE
  if (place.slot >= plan.pass_sums) return;
  const bool stationary = plan.stationary();
  const bool first_pass = place.first_panel && place.group == 0 && place.n == 0;
  if (stationary && place.n >= plan.held) {
    // A row without packets of this tile hands its sums on.
    if (plan.held == 0 && first_pass) {
      SAT_LOOP(RowUnit_HandOn)
      for (int i = 0; i < cycles; ++i) {
        SAT_UNROLL
        sums_out.write(sums_in.read());
      }
    }
    return;
  }
  if (stationary) {
    packet = packets[place.n * plan.blocks + place.block];
  } else if (place.slot == place.first) {
    packet = packets_in.read();
    packets_out.write(packet);
  }
  const int token_rows = tokens_of<Config>(plan.interleave) * Config::kFeed;
  const bool from_start = plan.from_zero && (!stationary || plan.first_row);
  const bool last_panel_pass = place.panels_left == 1 && place.panel_cycle >= plan.last_pass;
  UspePass pass;
  pass.from_zero = first_pass && from_start;
  pass.from_stream = stationary && first_pass && !from_start;
  pass.to_stream = stationary && place.n == plan.held - 1;
  pass.to_leaving = !stationary && last_panel_pass;
  pass.slot = place.slot;
  // Finished sums leave row by row.
  pass.leaving_slot = (place.slot - place.first) * plan.blocks + place.block;
  pass.leaving_step = plan.blocks;
  pass.row = place.slot - place.first + (stationary ? packet.place.word * token_rows : 0);
  pass.group = stationary ? packet.place.group : place.group;
  pass.dense = plan.dense;
  pass.element = stationary ? packet.place.element : place.n;
  multiply_accumulate<Config>(cycles, pass, activations, packet, running, leaving, sums_in, sums_out);
}

// The plan of the next period, while the row below gets its own.
template <class Config, class PlansOut>
inline PeriodPlan<Config> take_plan(hls::stream<PeriodPlan<Config>>& plans_in,
                                    PlansOut& plans_out) {
  SAT_INLINE
  const PeriodPlan<Config> plan = plans_in.read();
  plans_out.write(plan.below());
  return plan;
}

template <class Config, class PlansOut, class ActivationsOut, class PacketsOut>
void row_unit(hls::stream<PeriodPlan<Config>>& plans_in,
              hls::stream<Activations<Config>>& activations_in,
              hls::stream<Packet<Config>>& packets_in, hls::stream<SumWord<Config>>& sums_in,
              PlansOut& plans_out, ActivationsOut& activations_out, PacketsOut& packets_out,
              hls::stream<SumWord<Config>>& sums_out) {
  // Of the two banks, the products read one while the other is filled: a read and a write a cycle.
  HeldRows<Config> activations[2];
  Packet<Config> packets[2][Geometry<Config>::kHeldPackets];
  SumWord<Config> running[Geometry<Config>::kTileSums];
  SumWord<Config> leaving[Geometry<Config>::kTileSums];
  SAT_PARTITION(activations, 3)
  SAT_STORAGE(activations, ram_s2p, lutram)
  SAT_STORAGE(running, ram_s2p, bram)
  SAT_STORAGE(leaving, ram_s2p, bram)
  SAT_STORAGE(packets, ram_s2p, uram)

  // What a row hands on leaves in its first stages; sums meet the products, and leave in its last.
  SAT_STAGE(plans_out, 1)
  SAT_STAGE(activations_out, 1)
  SAT_STAGE(packets_out, 1)
  SAT_STAGE(sums_in, Config::kOperandStages)
  SAT_STAGE(sums_out, Geometry<Config>::kUnitStages)

  Banks banks = Banks();
  Packet<Config> packet = Packet<Config>();
  PeriodPlan<Config> plan = take_plan<Config>(plans_in, plans_out);
  PeriodPlace place(plan);
  PanelWork work = PeriodPlace::first_work(plan);
  int cycle = 0;  // of the period
  SAT_LOOP(RowUnit_Cycle)
  while (plan.valid) {
    SAT_PIPELINE(1)
    SAT_LATENCY(Geometry<Config>::kUnitStages + 1)
    SAT_TRIPCOUNT(16384)
    SAT_RECURRENCE(running, Config::kAdderLatency)
    SAT_RECURRENCE(leaving, Config::kAdderLatency)
    const int cycles = SAT_STEADY(steady_cycles(cycle, plan, work, place));

    // One branch or the other, so that each memory of sums has one write a cycle.
    if (cycle < plan.enter_end) {
      take_sums<Config>(cycle, cycles, plan, running, sums_in, sums_out);
    } else {
      if (plan.stationary()) {
        take_packets<Config>(cycle, cycles, plan, packets[1 - banks.packets], packets_in,
                             packets_out);
      } else {
        send_sums<Config>(cycle, cycles, plan, leaving, sums_in, sums_out);
      }
      if (cycle >= plan.products_start && place.panels_left > 0) {
        take_activations<Config>(place.panel_cycle, cycles, work, plan.stationary(),
                                 activations[1 - banks.activations], activations_in,
                                 activations_out);
        if (place.panel_cycle < work.products) {
          SAT_AT_ONCE(!plan.stationary(),
                      multiply_panel<Config>(plan, work, place, activations[banks.activations],
                                             running, leaving, packets_in, packets_out))
          make_products<Config>(cycles, plan, place, activations[banks.activations],
                                packets[banks.packets], packet, running, leaving, packets_in,
                                packets_out, sums_in, sums_out);
          place.advance_products(cycles, plan);
        }
        place.panel_cycle += cycles;
        if (place.panel_cycle == work.cycles) {
          if (work.tokens > 0) banks.activations = 1 - banks.activations;
          work = place.next_work(plan);
          place.next_panel(plan);
        }
      }
    }
    cycle += cycles;
    if (cycle == plan.cycles) {
      if (plan.packets_swap) banks.packets = 1 - banks.packets;
      plan = take_plan<Config>(plans_in, plans_out);
      place = PeriodPlace(plan);
      work = PeriodPlace::first_work(plan);
      cycle = 0;
    }
  }
}

template <class Config>
void last_row_unit(hls::stream<PeriodPlan<Config>>& plans_in,
                   hls::stream<Activations<Config>>& activations_in,
                   hls::stream<Packet<Config>>& packets_in,
                   hls::stream<SumWord<Config>>& sums_in,
                   hls::stream<SumWord<Config>>& sums_out) {
  NoStream<PeriodPlan<Config>> no_plans;
  NoStream<Activations<Config>> no_activations;
  NoStream<Packet<Config>> no_packets;
  row_unit<Config>(plans_in, activations_in, packets_in, sums_in, no_plans, no_activations,
                   no_packets, sums_out);
}

}  // namespace sat

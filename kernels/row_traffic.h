// SPDX-License-Identifier: Apache-2.0
//
// What passes a row unit beside its products (row_unit.h): activations and packets that come in for
// what is next, and the sums on the chain. `cycles` is one in hardware; the simulator takes as many as
// go the same way.
#pragma once

#include "period.h"
#include "types.h"

namespace sat {

// The next panel's activation tokens, or the next batch's, into the bank that no product reads.
template <class Config, class ActivationsOut>
inline void take_activations(int cycle, int cycles, const PanelWork& work, bool keeps_all,
                             HeldRows<Config>& activations,
                             hls::stream<Activations<Config>>& activations_in,
                             ActivationsOut& activations_out) {
  SAT_INLINE
  if (cycle >= work.tokens) return;
  const bool forwards = cycle < work.forwarded;
  if (forwards && !keeps_all) {
    SAT_PASS(cycles, activations_in, activations_out)
    return;
  }
  const int first = keeps_all ? 0 : work.forwarded;
  SAT_LOOP(RowUnit_TakeActivations)
  for (int i = 0; i < cycles; ++i) {
    SAT_UNROLL
    const Activations<Config> token = activations_in.read();
    if (forwards) activations_out.write(token);
    if (keeps_all || !forwards) {
      SAT_LOOP(RowUnit_KeepActivations)
      for (int f = 0; f < Config::kFeed; ++f) {
        SAT_UNROLL
        activations[cycle - first + i][f] = token.row[f];
      }
    }
  }
}

// Packets of the next weight-stationary tile, into the bank that no product reads.
template <class Config, class PacketsOut>
inline void take_packets(int cycle, int cycles, const PeriodPlan<Config>& plan,
                         Packet<Config>* packets, hls::stream<Packet<Config>>& packets_in,
                         PacketsOut& packets_out) {
  SAT_INLINE
  // Those of the rows above were kept there, though their cycles pass here too.
  if (cycle < plan.above_packets || cycle >= plan.packets_end) return;
  SAT_LOOP(RowUnit_TakePackets)
  for (int i = 0; i < cycles; ++i) {
    SAT_UNROLL
    const Packet<Config> packet = packets_in.read();
    if (cycle < plan.own_packets) {
      packets[plan.packet_begin - plan.own_begin + cycle + i] = packet;
    } else {
      packets_out.write(packet);
    }
  }
}

// Stored sums on the chain of sums, output stationary, before any product.
template <class Config>
inline void take_sums(int cycle, int cycles, const PeriodPlan<Config>& plan,
                      SumWord<Config>* running, hls::stream<SumWord<Config>>& sums_in,
                      hls::stream<SumWord<Config>>& sums_out) {
  SAT_INLINE
  if (cycle >= plan.own_enters) return;
  if (cycle < plan.below_end) {
    SAT_PASS(cycles, sums_in, sums_out)
    return;
  }
  SAT_LOOP(RowUnit_TakeSums)
  for (int i = 0; i < cycles; ++i) {
    SAT_UNROLL
    running[cycle - plan.below_end + i] = sums_in.read();
  }
}

// Finished sums on the chain of sums, output stationary.
template <class Config>
inline void send_sums(int cycle, int cycles, const PeriodPlan<Config>& plan,
                      const SumWord<Config>* leaving, hls::stream<SumWord<Config>>& sums_in,
                      hls::stream<SumWord<Config>>& sums_out) {
  SAT_INLINE
  if (cycle < plan.leave_begin || cycle >= plan.own_leaves) return;
  const int begun = cycle - plan.leave_begin;
  const int own = cycle - plan.above_end;
  if (cycle < plan.above_end) {
    const int count = plan.slow ? (cycles + 1 - (begun & 1)) >> 1 : cycles;
    if (count > 0) {
      SAT_PASS(count, sums_in, sums_out)
    }
    return;
  }
  SAT_LOOP(RowUnit_SendSums)
  for (int i = 0; i < cycles; ++i) {
    SAT_UNROLL
    const bool leaves = !plan.slow || ((begun + i) & 1) == 0;
    if (leaves) sums_out.write(leaving[plan.slow ? (own + i) >> 1 : own + i]);
  }
}

}  // namespace sat

// SPDX-License-Identifier: Apache-2.0
//
// The products of a whole panel, output stationary, as a CPU makes them best: sums stay in registers
// over all passes of the panel, where hardware goes once through all sums in each pass. Each sum takes
// its terms in the same order, so the bits are the same.
#pragma once

#include <cstring>

#include "lane_vectors.h"
#include "period_place.h"
#include "types.h"

#define SAT_INLINED inline __attribute__((always_inline))

namespace sat {

// Vectors of a word of lanes.
template <class Config>
struct WordVectors {
  static constexpr int kWidth = permuted_lanes(Config::kLanes, Config::kGroup);
  static constexpr int kParts = Config::kLanes / kWidth;
  using Values = typename LaneVectors<kWidth>::Values;
  using Places = typename LaneVectors<kWidth>::Places;
  typedef Values Memory __attribute__((may_alias));

  // Sums that registers hold, in words.
  static constexpr int kHeld = longer(1, kSumRegisters / kParts);

  static Memory* at(SumWord<Config>& word) { return reinterpret_cast<Memory*>(&word); }
  static const Memory* at(const OperandWord<Config>& word) {
    return reinterpret_cast<const Memory*>(&word);
  }
};

// What the passes of a panel multiply with: weights, block by block, pass by pass; of sparse ones the
// places of their activations, in the window of vector width in which their group lies.
template <class Config>
struct PanelWeights {
  using Vectors = WordVectors<Config>;
  static constexpr int kMost = Config::kMemoryTile * Config::kLanes;

  typename Vectors::Values values[kMost][Vectors::kParts];
  typename Vectors::Places places[kMost][Vectors::kParts];
  int windows[Config::kLanes];

  // Copies the next packets of `packets`, for passes `begin` to `end`: they come pass by pass, block by
  // block.
  void copy(const PeriodPlan<Config>& plan, int begin, int end,
            const hls::stream<Packet<Config>>& packets) {
    const int passes = end - begin;
    for (int pass = 0; pass < passes; ++pass) {
      windows[pass] = (begin + pass) / plan.keep * Config::kGroup / Vectors::kWidth;
    }
    int pass = 0;
    int block = 0;
    packets.peek(passes * plan.blocks, [&](const Packet<Config>& packet) {
      const int at = block * passes + pass;
      std::memcpy(values[at], &packet.value, sizeof values[at]);
      if (!plan.dense) {
        widen(packet, (begin + pass) / plan.keep * Config::kGroup % Vectors::kWidth, at);
      }
      if (++block < plan.blocks) return;
      block = 0;
      ++pass;
    });
  }

 private:
  void widen(const Packet<Config>& packet, std::int32_t offset, int at) {
    static_assert(sizeof packet.index[0] == 1, "an index is a byte");
    std::uint8_t bytes[Config::kLanes];
    std::int32_t wide[Config::kLanes];
    std::memcpy(bytes, &packet.index, sizeof bytes);
    for (int c = 0; c < Config::kLanes; ++c) wide[c] = bytes[c] + offset;
    std::memcpy(places[at], wide, sizeof wide);
  }
};

// Sums of `Rows` output rows and `Blocks` column blocks, in registers. Loops are unrolled, or else the
// compiler keeps the array in memory.
template <class Config, int Rows, int Blocks>
struct HeldSums {
  using Vectors = WordVectors<Config>;
  using Values = typename Vectors::Values;
  static constexpr int kParts = Vectors::kParts;

  Values sum[Blocks][Rows][kParts];

  SAT_INLINED void load(SumWord<Config>* sums, int block_step, bool from_zero) {
#pragma GCC unroll 16
    for (int q = 0; q < Blocks; ++q) {
#pragma GCC unroll 16
      for (int t = 0; t < Rows; ++t) {
#pragma GCC unroll 16
        for (int part = 0; part < kParts; ++part) {
          sum[q][t][part] = from_zero ? Values{} : Vectors::at(sums[q * block_step + t])[part];
        }
      }
    }
  }

  SAT_INLINED void store(SumWord<Config>* sums, int block_step, int row_step) const {
#pragma GCC unroll 16
    for (int q = 0; q < Blocks; ++q) {
#pragma GCC unroll 16
      for (int t = 0; t < Rows; ++t) {
#pragma GCC unroll 16
        for (int part = 0; part < kParts; ++part) {
          Vectors::at(sums[q * block_step + t * row_step])[part] = sum[q][t][part];
        }
      }
    }
  }

  // A pass whose weights are those of one element of the panel.
  SAT_INLINED void add_dense(const OperandWord<Config>* rows, int element,
                             const Values (*weights)[kParts], int block_step) {
    Values weight[Blocks][kParts];
#pragma GCC unroll 16
    for (int q = 0; q < Blocks; ++q) {
#pragma GCC unroll 16
      for (int part = 0; part < kParts; ++part) weight[q][part] = weights[q * block_step][part];
    }
#pragma GCC unroll 16
    for (int t = 0; t < Rows; ++t) {
      const float activation = rows[t][element];
#pragma GCC unroll 16
      for (int q = 0; q < Blocks; ++q) {
#pragma GCC unroll 16
        for (int part = 0; part < kParts; ++part) sum[q][t][part] += activation * weight[q][part];
      }
    }
  }

  // A pass whose weights each name their activation.
  SAT_INLINED void add_sparse(const OperandWord<Config>* rows, int window,
                              const Values (*weights)[kParts],
                              const typename Vectors::Places (*places)[kParts], int block_step) {
#pragma GCC unroll 16
    for (int q = 0; q < Blocks; ++q) {
#pragma GCC unroll 16
      for (int t = 0; t < Rows; ++t) {
        const Values group = Vectors::at(rows[t])[window];
#pragma GCC unroll 16
        for (int part = 0; part < kParts; ++part) {
          Values picked;
          pick_lanes<Vectors::kWidth>(picked, group, places[q * block_step][part]);
          sum[q][t][part] += picked * weights[q * block_step][part];
        }
      }
    }
  }
};

// Passes `begin` to `end` of a panel over all sums of a tile. from_zero: they start at +0. finish: they
// end there, so sums go where finished ones leave from.
template <class Config>
struct PanelPasses {
  const PeriodPlan<Config>& plan;
  const PanelWeights<Config>& weights;
  const OperandWord<Config>* rows;
  SumWord<Config>* running;
  SumWord<Config>* leaving;
  int begin;
  int end;
  bool from_zero;
  bool finish;

  // As many rows as there is room for; few leave room for more blocks.
  void multiply() const {
    constexpr int kHeld = WordVectors<Config>::kHeld;
    const int room = kHeld / shorter(plan.interleave, kHeld);
    for (int block = 0; block < plan.blocks;) {
      const int most = shorter(room, plan.blocks - block);
      if (most >= 4) {
        block += blocks_of<4>(block);
      } else if (most >= 2) {
        block += blocks_of<2>(block);
      } else {
        block += blocks_of<1>(block);
      }
    }
  }

 private:
  template <int Blocks>
  int blocks_of(int block) const {
    rows_of<longer(1, WordVectors<Config>::kHeld / Blocks), Blocks>(0, block);
    return Blocks;
  }

  template <int Rows, int Blocks>
  void rows_of(int row, int block) const {
    for (; row + Rows <= plan.interleave; row += Rows) tile<Rows, Blocks>(row, block);
    if (Rows > 1) rows_of<longer(1, Rows / 2), Blocks>(row, block);
  }

  template <int Rows, int Blocks>
  void tile(int row, int block) const {
    const int passes = end - begin;
    SumWord<Config>* const own = running + block * plan.interleave + row;
    const auto* const values = weights.values + block * passes;
    const auto* const places = weights.places + block * passes;
    HeldSums<Config, Rows, Blocks> sums;
    sums.load(own, plan.interleave, from_zero);
    if (plan.dense) {
      for (int pass = 0; pass < passes; ++pass) {
        sums.add_dense(rows + row, begin + pass, values + pass, passes);
      }
    } else {
      for (int pass = 0; pass < passes; ++pass) {
        sums.add_sparse(rows + row, weights.windows[pass], values + pass, places + pass, passes);
      }
    }
    if (finish) {
      sums.store(leaving + row * plan.blocks + block, 1, plan.blocks);
    } else {
      sums.store(own, plan.interleave, 1);
    }
  }
};

// All products of an output-stationary panel as it begins, but for the last pass of its tile, which
// may put finished sums where others leave from only when its own cycle comes.
template <class Config, class PacketsOut>
inline void multiply_panel(const PeriodPlan<Config>& plan, const PanelWork& work,
                           const PeriodPlace& place, const HeldRows<Config>& activations,
                           SumWord<Config>* running, SumWord<Config>* leaving,
                           hls::stream<Packet<Config>>& packets_in, PacketsOut& packets_out) {
  const bool last_panel = place.panels_left == 1;
  const bool finish = last_panel && place.panel_cycle == plan.last_pass;
  if (place.panel_cycle != 0 && !finish) return;
  const int passes = work.products / plan.pass_cycles;
  const int begin = finish ? passes - 1 : 0;
  const int end = finish || !last_panel ? passes : passes - 1;
  if (begin == end) return;
  const int packets = (end - begin) * plan.blocks;
  // The weights are this thread's, and so other row units': from here on no process may wait.
  static thread_local PanelWeights<Config> weights;
  if (packets_in.await(packets)) {
    weights.copy(plan, begin, end, packets_in);
    const bool from_zero = plan.from_zero && place.first_panel && begin == 0;
    PanelPasses<Config>{plan,    weights, &activations[0][0], running, leaving,
                        begin,   end,     from_zero,          finish}
        .multiply();
  }
  packets_in.pass_on(packets, packets_out);  // an error, where some are missing
}

}  // namespace sat

#undef SAT_INLINED

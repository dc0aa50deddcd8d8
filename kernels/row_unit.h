// SPDX-License-Identifier: Apache-2.0
//
// A row unit: `lanes` USPEs, the activations of up to `interleave` output rows, and the memory tile
// of their sums. Row units form a chain; each keeps its own share of what passes and hands on the
// rest. All of it is one loop at II = 1 in which three things go on side by side:
//
//   intake   the activation words of the next panel: the first `interleave` are kept, the rest go on
//   traffic  on the chain of sums: the previous tile's finished sums leave, rows above first; then,
//            when the next tile accumulates, its stored sums enter, own first
//   products of the current tile, output stationary: for each group, for n < keep, for each column
//            block one packet is used for `interleave` cycles
//
// A period is one tile's products with the traffic of its neighbours. Both memories are double, so
// nothing waits but for the longest of the three; a period lasts as long as that.
//
// The interleave mapping makes II = 1 legal: the same sum is touched once a pass, and a pass lasts
// at least adder_latency cycles (idle ones are added to a tile that is too small).
//
// Contract per tile and row unit r of R: reads (R - r) * interleave words a panel and forwards those
// of the rows below; reads and forwards groups * keep * blocks packets; sends (r + 1) * interleave *
// blocks sums. Failure: a chain fed less than that stalls; csim names the stream.
#pragma once

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

// The tiles that a period touches; an invalid one has no part in it.
struct PeriodTiles {
  Tile drained;
  Tile computed;
  Tile entering;
};

inline int tile_sums(const Tile& tile) {
  SAT_INLINE
  return static_cast<int>(tile.interleave * tile.blocks);
}

// Work of one period, counted before its loop, whose only exit test is then a counter.
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
  int next_words;  // intake beside a panel: the next panel of the same tile
  int last_words;  // intake beside the last panel: the first panel of the entering tile,
  int last_kept;   // ... of which this row keeps these
  int above_sums;  // finished sums of the rows above
  int own_end;     // ... and this row's
  int enter_end;   // ... and the sums this row starts the entering tile from
  int traffic;     // ... and those of the rows below
  int cycles;

  explicit PeriodPlan(const PeriodTiles& tiles) {
    SAT_INLINE
    plan_products(tiles);
    plan_traffic(tiles);
    const int full = full_products > next_words ? full_products : next_words;
    const int last = last_products > last_words ? last_products : last_words;
    const int work = (panels - 1) * full + last;
    cycles = work > traffic ? work : traffic;
  }

 private:
  static int share(const Tile& tile) {
    return (Config::kRows - static_cast<int>(tile.row)) * static_cast<int>(tile.interleave);
  }

  void plan_products(const PeriodTiles& tiles) {
    SAT_INLINE
    const Tile& tile = tiles.computed;
    const int reduction = static_cast<int>(tile.reduction);
    interleave = static_cast<int>(tile.interleave);
    keep = static_cast<int>(tile.keep);
    dense = keep == Config::kGroup;
    from_zero = !tile.accumulate;
    const int idle_panels = 1;  // without a computed tile, one empty panel carries the intake
    panels = tile.valid ? ceil_div(reduction, Config::kLanes) : idle_panels;
    pass_sums = tile_sums(tile);
    pass_cycles = pass_sums < Config::kAdderLatency ? Config::kAdderLatency : pass_sums;
    const int last_elements = reduction - (panels - 1) * Config::kLanes;
    full_products = Geometry<Config>::kGroupsPerPanel * keep * pass_cycles;
    last_products = tile.valid ? ceil_div(last_elements, Config::kGroup) * keep * pass_cycles : 0;
    next_words = share(tile);
    last_words = tiles.entering.valid ? share(tiles.entering) : 0;
    last_kept = static_cast<int>(tiles.entering.interleave);
  }

  void plan_traffic(const PeriodTiles& tiles) {
    SAT_INLINE
    const int row = static_cast<int>(tiles.drained.row);
    const int own = tiles.drained.valid ? tile_sums(tiles.drained) : 0;
    const bool enters = tiles.entering.valid && tiles.entering.accumulate;
    const int start = enters ? tile_sums(tiles.entering) : 0;
    above_sums = row * own;
    own_end = above_sums + own;
    enter_end = own_end + start;
    traffic = own_end + (Config::kRows - static_cast<int>(tiles.entering.row)) * start;
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
  int kept_words;  // activation words that this row keeps,
  int words;       // ... and with those it forwards
  int products;
  int cycles;
};

template <class Config>
inline PanelWork panel_work(const PeriodPlan<Config>& plan, int panel) {
  SAT_INLINE
  const bool last = panel == plan.panels - 1;
  const bool none = panel >= plan.panels;
  PanelWork work;
  work.kept_words = last ? plan.last_kept : plan.interleave;
  work.words = none ? 0 : last ? plan.last_words : plan.next_words;
  work.products = none ? 0 : last ? plan.last_products : plan.full_products;
  work.cycles = work.words > work.products ? work.words : work.products;
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
  steady = until(steady, cycle, plan.above_sums);
  steady = until(steady, cycle, plan.own_end);
  steady = until(steady, cycle, plan.enter_end);
  steady = until(steady, cycle, plan.traffic);
  steady = until(steady, place.panel_cycle, work.kept_words);
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

// Traffic on the chain of sums. `sums` is the half that no product touches.
template <class Config>
inline void move_sums(int cycle, int cycles, const PeriodPlan<Config>& plan, SumWord<Config>* sums,
                      hls::stream<SumWord<Config>>& sums_in,
                      hls::stream<SumWord<Config>>& sums_out) {
  SAT_INLINE
  SAT_LOOP(RowUnit_MoveSums)
  for (int i = cycle; i < cycle + cycles; ++i) {
    SAT_UNROLL
    if (cycle < plan.above_sums) {
      sums_out.write(sums_in.read());
    } else if (cycle < plan.own_end) {
      sums_out.write(sums[i - plan.above_sums]);
    } else if (cycle < plan.enter_end) {
      sums[i - plan.own_end] = sums_in.read();
    } else {
      sums_out.write(sums_in.read());
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

    if (place.panel_cycle < work.words) {
      SAT_LOOP(RowUnit_Intake)
      for (int i = place.panel_cycle; i < place.panel_cycle + cycles; ++i) {
        SAT_UNROLL
        const OperandWord<Config> word = activations_in.read();
        if (place.panel_cycle < work.kept_words) {
          state.activations[1 - bank][i] = word;
        } else {
          activations_out.write(word);
        }
      }
    }

    if (cycle < plan.traffic) {
      move_sums<Config>(cycle, cycles, plan, state.sums[1 - half], sums_in, sums_out);
    }

    if (place.panel_cycle < work.products) {
      if (place.slot < plan.pass_sums) {
        if (place.slot == place.first) {
          packet = packets_in.read();
          packets_out.write(packet);
        }
        const bool fresh = plan.from_zero && place.panel == 0 && place.group == 0 && place.n == 0;
        SAT_LOOP(RowUnit_Products)
        for (int slot = place.slot; slot < place.slot + cycles; ++slot) {
          SAT_UNROLL
          multiply_accumulate<Config>(state.sums[half][slot], fresh,
                                      state.activations[bank][slot - place.first],
                                      place.group * Config::kGroup, packet, plan.dense, place.n);
        }
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

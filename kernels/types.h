// SPDX-License-Identifier: Apache-2.0
//
// The geometry of one accelerator and the tokens that its streams carry. `Config` is the rendered
// sat_config.h: rows, lanes, group, interleave, memory tile, adder latency. All else derives here.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>
#include <hls_vector.h>
#include <uspe_operand.h>

#include <cstdint>

#include "sat_descriptor.h"

namespace sat {

constexpr int ceil_div(int numerator, int denominator) {
  return (numerator + denominator - 1) / denominator;
}

constexpr int shorter(int a, int b) { return a < b ? a : b; }
constexpr int longer(int a, int b) { return a > b ? a : b; }

constexpr int log2_exact(int power) { return power <= 1 ? 0 : 1 + log2_exact(power / 2); }

template <class Config>
struct Geometry {
  static constexpr int kRows = Config::kRows;
  static constexpr int kLanes = Config::kLanes;
  static constexpr int kGroup = Config::kGroup;
  static_assert(kRows >= 1, "the chain needs a row unit");
  static_assert((kLanes & (kLanes - 1)) == 0 && kLanes >= 4 && kLanes <= 64,
                "a word of `lanes` binary16 must be a legal AXI width: 64 to 1024 bits");
  static_assert((kGroup & (kGroup - 1)) == 0 && kGroup >= 4 && kGroup <= 32, "group is 4 to 32");
  static_assert(kLanes % kGroup == 0, "a word must hold whole groups");

  static constexpr int kIndexBits = log2_exact(kGroup);
  // Indices of one lane that share its 16 bits of an index word.
  static constexpr int kIndexSlots = 16 / kIndexBits;
  // A panel is the `lanes` reduction elements that one word of activations holds.
  static constexpr int kGroupsPerPanel = kLanes / kGroup;
  static constexpr int kMaxIndexWords =
      ceil_div(kGroupsPerPanel * (kGroup - 1), kIndexSlots);

  // Accumulators of one row unit: the interleaved rows times the column blocks of a tile.
  static constexpr int kTileSums = Config::kInterleave * Config::kMemoryTile;
  static_assert(kTileSums >= Config::kAdderLatency,
                "interleave x memory tile must cover the adder's latency");

  // Of those cycles a block RAM takes one to read and one to write; the addition has the others, of
  // which its implementation can use 12 (UG1399, BIND_OP).
  static constexpr int kAddLatency = shorter(12, longer(0, Config::kAdderLatency - 2));
  // Of a row unit, from the start of a turn to the sum that it sends. A row lags behind the one above by
  // the last part of it; the streams between hold what comes meanwhile.
  static constexpr int kUnitStages = Config::kOperandStages + Config::kAdderLatency;

  // Packets that a row unit holds when it is weight stationary: as many as sums, but at least its
  // share of a panel.
  static constexpr int kHeldPackets =
      Config::kWeightStationary ? longer(kTileSums, ceil_div(kLanes, kRows)) : 1;
  // Tokens of activations that a row unit holds, of kFeed words each: of a panel, or of a batch.
  static constexpr int kHeldTokens = longer(ceil_div(Config::kInterleave, Config::kFeed),
                                            Config::kWeightStationary ? Config::kBatchTokens : 0);
  static_assert(Config::kStripWords >= kLanes * (kRows + 1), "a transposed panel must fit");

  static int value_words(int keep) { return kGroupsPerPanel * keep; }
  static int index_words(int keep) {
    return keep == kGroup ? 0 : ceil_div(kGroupsPerPanel * keep, kIndexSlots);
  }
  static int record_words(int keep) { return value_words(keep) + index_words(keep); }
};

// Taps that a sum runs over: with transposed A they are output rows instead.
inline int taps_of(const StceCommand& command) {
  const int taps = static_cast<int>(command.taps_y) * static_cast<int>(command.taps_x);
  return (command.flags & kStceTransposeA) ? 1 : taps;
}

// Panels that a sum runs over, tap by tap.
template <class Config>
inline int panels_of(const StceCommand& command) {
  return taps_of(command) * ceil_div(static_cast<int>(command.reduction), Config::kLanes);
}

// Tokens in which the activation rows of a row unit travel, for each word of the reduction.
template <class Config>
inline int tokens_of(int interleave) {
  return ceil_div(interleave, Config::kFeed);
}

// A command's columns go in tiles of `blocks` column blocks; the last tile has what is left. (At least
// one, here and in batches_of: the simulator reads a command of zeros from a stream that ran dry.)
template <class Config>
inline int tile_columns(const StceCommand& command) {
  return longer(static_cast<int>(command.blocks), 1) * Config::kLanes;
}

template <class Config>
inline int tiles_of(const StceCommand& command) {
  return ceil_div(static_cast<int>(command.columns), tile_columns<Config>(command));
}

// Without weight-stationary hardware this is a constant, and all that hangs on it goes.
template <class Config>
inline bool is_weight_stationary(const StceCommand& command) {
  return Config::kWeightStationary && (command.flags & kStceWeightStationary) != 0;
}

// Batches of a weight-stationary command: `interleave` output rows each.
inline int batches_of(const StceCommand& command) {
  return ceil_div(static_cast<int>(command.rows), longer(static_cast<int>(command.interleave), 1));
}

// Packets that a panel of `elements` needs for each column block: kept weights of whole groups, or,
// dense, the elements themselves.
template <class Config>
inline int packet_rows(int elements, int keep) {
  return keep == Config::kGroup ? elements : ceil_div(elements, Config::kGroup) * keep;
}

// One memory word: `lanes` raw binary16 values. Binary32 lanes take two words.
template <class Config>
using Word = hls::vector<std::uint16_t, Config::kLanes>;

template <class Config>
using OperandWord = hls::vector<Operand, Config::kLanes>;

template <class Config>
using SumWord = hls::vector<float, Config::kLanes>;

template <class Config>
using IndexWord = hls::vector<ap_uint<Geometry<Config>::kIndexBits>, Config::kLanes>;

// What moves down the chain of activations in a cycle: a word of each of kFeed output rows.
template <class Config>
struct Activations {
  OperandWord<Config> row[Config::kFeed];
};

// The same as it comes from memory.
template <class Config>
struct WordToken {
  Word<Config> row[Config::kFeed];
};

// Activation rows that a row unit holds, in tokens. The rows of a token are written in one cycle, so
// each has a memory of its own.
template <class Config>
using HeldRows = OperandWord<Config>[Geometry<Config>::kHeldTokens][Config::kFeed];

// The activations that a packet's weights meet: a word of the reduction and a group of it. Dense,
// `element` is the one of the group.
struct PacketPlace {
  std::uint16_t word;
  std::uint8_t group;
  std::uint8_t element;
};

// B, as it runs down the chain: for each lane a weight and the index of its activation.
template <class Config>
struct Packet {
  OperandWord<Config> value;
  IndexWord<Config> index;
  PacketPlace place;
};

// What a packet meets: activation rows from `row` on, in lanes of `group` (dense: its `element` for
// all), and sums from `slot` on.
struct UspePass {
  bool from_zero;    // sums start at +0,
  bool from_stream;  // ... come from the chain, or else are running ones;
  bool to_stream;    // they go on along the chain,
  bool to_leaving;   // ... to the memory of finished ones, or else go on running
  int slot;
  int leaving_slot;  // where the first sum leaves from,
  int leaving_step;  // ... and how far from it the next one
  int row;
  int group;
  bool dense;
  int element;
};

// One output tile, as the plans of its periods need it.
struct Tile {
  std::uint32_t valid;  // 0 ends the list
  std::uint32_t interleave;
  std::uint32_t keep;
  std::uint32_t accumulate;
  std::uint32_t sums;           // of a row unit: interleave x column blocks
  std::uint32_t slow;           // 1: they leave every other cycle, as fast as binary32 is stored
  std::uint32_t pass_cycles;    // a pass over them, with idle cycles up to the adder's latency
  std::uint32_t panels;         // of the reduction, over all taps
  std::uint32_t tap_panels;     // ... and of one tap, of which the last is the tail
  std::uint32_t full_products;  // cycles of a full panel's products
  std::uint32_t tail_products;  // ... and of a tail's
  std::uint32_t body_cycles;    // of all panels but the last
  std::uint32_t stationary;     // weight stationary:
  std::uint32_t blocks;         // ... column blocks,
  std::uint32_t batches;        // ... of `interleave` output rows,
  std::uint32_t chunk;          // ... packets of each block in a row unit, the last ones with fewer,
  std::uint32_t packet_rows;    // ... and of the whole reduction
};

inline Tile end_of_tiles() { return Tile(); }

template <class Config>
inline Word<Config> zero_word() {
  return Word<Config>(std::uint16_t{0});
}

// In place of a stream that a process does not have.
template <class T>
struct NoStream {
  void write(const T&) { SAT_INLINE }
};

}  // namespace sat

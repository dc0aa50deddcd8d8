// SPDX-License-Identifier: Apache-2.0
//
// WUVE: momentum SGD in binary32 over blocks of lanes x lanes weights, and the new binary16 weights
// for SORE. Blocks go row of blocks by row of blocks; a block is `lanes` rows of one word each.
//
// Rounds after each operation, never fused; subnormals are flushed by the FPGA's operators, and by
// the CPU's flush mode in csim:
//   g = dW * inv_scale;  g = g + weight_decay * w;  [g = g + sr_decay * w where FF prunes w]
//   v = momentum * v + g;  w = w - lr * v
#pragma once

#include "block_grid.h"
#include "group_ranking.h"
#include "types.h"
#include "words.h"
#include "wuve_flags.h"

namespace sat {

// Which matrix of an update a reader or a writer serves.
struct WeightsMatrix {
  static std::uint32_t address(const WuveCommand& command) { return command.weights_address; }
};
struct VelocityMatrix {
  static std::uint32_t address(const WuveCommand& command) { return command.velocity_address; }
};
struct GradientMatrix {
  static std::uint32_t address(const WuveCommand& command) { return command.gradient_address; }
};

template <class Config>
void fetch_updates(int count, SAT_READ_PORT(CommandBeat) commands,
                   hls::stream<WuveCommand>& to_weights, hls::stream<WuveCommand>& to_velocity,
                   hls::stream<WuveCommand>& to_gradient, hls::stream<WuveCommand>& to_marks,
                   hls::stream<WuveCommand>& to_update) {
  SAT_LOOP(FetchUpdates_Command)
  for (int i = 0; i < count; ++i) {
    SAT_PIPELINE_READING(1, commands)  // a command is one beat
    SAT_TRIPCOUNT(64)
    const WuveCommand command = read_wuve(commands, i);
    to_weights.write(command);
    to_velocity.write(command);
    to_gradient.write(command);
    to_marks.write(command);
    to_update.write(command);
  }
}

// The valid rows of every block, in block order. A binary16 matrix has half the words. When `copied`,
// binary16 copies go to the marks.
template <class Config, class Copies>
void read_block_rows(const WuveCommand& command, std::uint32_t start, bool binary16,
                     SAT_READ_PORT(Word<Config>) memory, hls::stream<BitsWord<Config>>& rows,
                     bool copied, Copies& copies) {
  SAT_INLINE
  BlockRows<Config> at(command, start, binary16 ? 1u : 2u);
  SAT_LOOP(ReadBlockRows_Row)
  for (int turn = 0; turn < at.turns; ++turn) {
    SAT_PIPELINE_READING(2, memory)  // two memory words a row of binary32
    SAT_TRIPCOUNT(4096)
    const Word<Config> low = memory[at.address];
    const Word<Config> high = binary16 ? low : memory[at.address + 1];
    const BitsWord<Config> bits =
        binary16 ? widen_bits<Config>(low) : join_bits<Config>(low, high);
    rows.write(bits);
    if (copied) copies.write(round_word<Config>(bits_to_sum<Config>(bits)));
    at.next();
  }
}

template <class Config>
void read_weight_rows(int count, SAT_READ_PORT(Word<Config>) memory,
                      hls::stream<WuveCommand>& commands, hls::stream<BitsWord<Config>>& rows,
                      hls::stream<Word<Config>>& rows_to_mark) {
  SAT_LOOP(ReadWeightRows_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(64)
    const WuveCommand command = commands.read();
    const bool binary16 = (command.flags & kWuveBinary16Weights) != 0;
    read_block_rows<Config>(command, WeightsMatrix::address(command), binary16, memory, rows,
                            decays_pruned(command), rows_to_mark);
  }
}

template <class Config, class Matrix>
void read_update_rows(int count, SAT_READ_PORT(Word<Config>) memory,
                      hls::stream<WuveCommand>& commands,
                      hls::stream<BitsWord<Config>>& rows) {
  NoStream<Word<Config>> no_copies;
  SAT_LOOP(ReadUpdateRows_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(64)
    const WuveCommand command = commands.read();
    if (command.flags & kWuveUpdate) {
      read_block_rows<Config>(command, Matrix::address(command), false, memory, rows, false,
                              no_copies);
    }
  }
}

// The gradients of a row with weight decay. SR-STE's term is for the weights that are not kept.
template <class Config>
inline SumWord<Config> decayed_gradients(const WuveCommand& command,
                                         const LaneMask<Config>& kept,
                                         const BitsWord<Config>& gradient,
                                         const BitsWord<Config>& weights) {
  SAT_INLINE
  SumWord<Config> decayed;
  SAT_LOOP(DecayedGradients_Weight)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    float scaled = as_float(gradient[c]) * command.inv_scale;
    SAT_OPERATOR(scaled, fmul, maxdsp)
    float decay = command.weight_decay * as_float(weights[c]);
    SAT_OPERATOR(decay, fmul, maxdsp)
    float g = scaled + decay;
    SAT_OPERATOR(g, fadd, fulldsp)
    decayed[c] = g;
  }
  if (decays_pruned(command)) {
    SAT_LOOP(DecayedGradients_Pruned)
    for (int c = 0; c < Config::kLanes; ++c) {
      SAT_UNROLL
      float decay = command.sr_decay * as_float(weights[c]);
      SAT_OPERATOR(decay, fmul, maxdsp)
      float g = decayed[c] + decay;
      SAT_OPERATOR(g, fadd, fulldsp)
      decayed[c] = kept[c] ? decayed[c] : g;
    }
  }
  return decayed;
}

// One weight's step: w and v change.
inline void update_lane(const WuveCommand& command, float gradient, float& w, float& v) {
  SAT_INLINE
  float kept = command.momentum * v;
  SAT_OPERATOR(kept, fmul, maxdsp)
  float velocity = kept + gradient;
  SAT_OPERATOR(velocity, fadd, fulldsp)
  float step = command.lr * velocity;
  SAT_OPERATOR(step, fmul, maxdsp)
  float weight = w - step;
  SAT_OPERATOR(weight, fsub, fulldsp)
  v = velocity;
  w = weight;
}

// One row of a block: raw bits in, new bits and binary16 weights out, zero beyond the columns. `kept`
// tells which weights FF kept, if the command asks for it.
template <class Config>
inline void update_row(const WuveCommand& command, int columns, const LaneMask<Config>& kept,
                       const BitsWord<Config>& gradient, BitsWord<Config>& weights,
                       BitsWord<Config>& velocity, Word<Config>& binary16) {
  SAT_INLINE
  const bool update = (command.flags & kWuveUpdate) != 0;
  const bool already16 = (command.flags & kWuveBinary16Weights) != 0;
  const SumWord<Config> g = decayed_gradients<Config>(command, kept, gradient, weights);
  SumWord<Config> stepped;
  SAT_LOOP(UpdateRow_Lane)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    float w = as_float(weights[c]);
    float v = as_float(velocity[c]);
    if (update) update_lane(command, g[c], w, v);
    stepped[c] = w;
    velocity[c] = c < columns ? as_bits(v) : 0u;
  }
  const Word<Config> rounded = already16 ? narrow_bits<Config>(weights) : round_word<Config>(stepped);
  SAT_LOOP(UpdateRow_Real)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    weights[c] = c < columns ? as_bits(stepped[c]) : 0u;
    binary16[c] = c < columns ? rounded[c] : std::uint16_t{0};
  }
}

template <class Config>
void update_blocks(int count, hls::stream<WuveCommand>& commands,
                   hls::stream<BitsWord<Config>>& weights_in,
                   hls::stream<LaneMask<Config>>& kept_in,
                   hls::stream<BitsWord<Config>>& velocity_in,
                   hls::stream<BitsWord<Config>>& gradient,
                   hls::stream<WuveCommand>& to_weights, hls::stream<WuveCommand>& to_velocity,
                   hls::stream<WuveCommand>& to_ff, hls::stream<WuveCommand>& to_bp,
                   hls::stream<BitsWord<Config>>& weights_out,
                   hls::stream<BitsWord<Config>>& velocity_out,
                   hls::stream<Word<Config>>& ff_rows, hls::stream<Word<Config>>& bp_rows) {
  SAT_LOOP(UpdateBlocks_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(64)
    const WuveCommand command = commands.read();
    to_weights.write(command);
    to_velocity.write(command);
    to_ff.write(command);
    to_bp.write(command);
    const BlockGrid<Config> grid(command);
    const bool update = (command.flags & kWuveUpdate) != 0;
    const bool decay = decays_pruned(command);
    BlockPlace<Config> place(grid);
    int row = 0;
    const int total = grid.block_rows * grid.block_columns * Config::kLanes;
    SAT_LOOP(UpdateBlocks_Row)
    for (int r = 0; r < total; ++r) {
      SAT_PIPELINE(2)  // as fast as its inputs come; so two lanes share an operator
      SAT_TRIPCOUNT(4096)
      const bool real = row < place.rows;
      BitsWord<Config> weights = BitsWord<Config>(0u);
      BitsWord<Config> velocity = BitsWord<Config>(0u);
      BitsWord<Config> change = BitsWord<Config>(0u);
      LaneMask<Config> kept = LaneMask<Config>(1);
      if (real) weights = weights_in.read();
      if (real && decay) kept = kept_in.read();
      if (real && update) {
        velocity = velocity_in.read();
        change = gradient.read();
      }
      Word<Config> binary16 = zero_word<Config>();
      if (real) {
        const int columns = static_cast<int>(command.columns) - place.block * Config::kLanes;
        update_row<Config>(command, columns, kept, change, weights, velocity, binary16);
      }
      if (real && update) {
        weights_out.write(weights);
        velocity_out.write(velocity);
      }
      if (command.ff_keep) ff_rows.write(binary16);
      if (command.bp_keep) bp_rows.write(binary16);
      if (++row == Config::kLanes) {
        row = 0;
        place.next();
      }
    }
  }
}

template <class Config, class Matrix>
void write_update_rows(int count, SAT_WRITE_PORT(Word<Config>) memory,
                       hls::stream<WuveCommand>& commands, hls::stream<BitsWord<Config>>& rows) {
  SAT_LOOP(WriteUpdateRows_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(64)
    const WuveCommand command = commands.read();
    BlockRows<Config> at(command, Matrix::address(command), 2u);
    const int turns = (command.flags & kWuveUpdate) ? at.turns : 0;
    SAT_LOOP(WriteUpdateRows_Row)
    for (int turn = 0; turn < turns; ++turn) {
      SAT_PIPELINE(2)  // two memory words a row
      SAT_TRIPCOUNT(4096)
      const BitsWord<Config> bits = rows.read();
      memory[at.address] = split_bits<Config>(bits, 0);
      memory[at.address + 1] = split_bits<Config>(bits, Config::kLanes / 2);
      at.next();
    }
  }
}

}  // namespace sat

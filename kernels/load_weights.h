// SPDX-License-Identifier: Apache-2.0
//
// The B side: weights (or, in WU, output gradients) from memory to the head of the chain.
//
// Packed B: record of (column block, panel) = the kept values, `lanes` a word, then their indices;
// the records of a column block follow each other. Row-major B: dense, one word a (row, block).
// Either way a panel is buffered whole, then leaves as packets in the order of the sums:
// for each group, for n < keep, for each column block.
#pragma once

#include "packed_index.h"
#include "types.h"

namespace sat {

template <class Config>
void read_weights(int count, const Word<Config>* memory, hls::stream<StceCommand>& commands,
                  hls::stream<StceCommand>& forward, hls::stream<Word<Config>>& words) {
  SAT_LOOP(ReadWeights_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    forward.write(command);
    const bool packed = (command.flags & kStcePackedB) != 0;
    const int reduction = static_cast<int>(command.reduction);
    const int panels = ceil_div(reduction, Config::kLanes);
    const int blocks = ceil_div(static_cast<int>(command.columns), Config::kLanes);
    const int record = Geometry<Config>::record_words(static_cast<int>(command.keep));
    // A run is consecutive in memory: a record, or one row across the tile's blocks.
    const std::uint32_t run_step =
        packed ? static_cast<std::uint32_t>(panels * record) : command.b_pitch;
    const int run_words = packed ? record : blocks;
    std::uint32_t panel_address = command.b_address;
    SAT_LOOP(ReadWeights_Panel)
    for (int panel = 0; panel < panels; ++panel) {
      SAT_TRIPCOUNT(64)
      const int elements = shorter(reduction - panel * Config::kLanes, Config::kLanes);
      const int runs = packed ? blocks : elements;
      std::uint32_t run_address = panel_address;
      SAT_LOOP(ReadWeights_Run)
      for (int run = 0; run < runs; ++run) {
        SAT_TRIPCOUNT(32)
        SAT_LOOP(ReadWeights_Word)
        for (int word = 0; word < run_words; ++word) {
          SAT_PIPELINE(1)  // consecutive addresses, unconditional: one burst of a run
          SAT_TRIPCOUNT(40)
          words.write(memory[run_address + static_cast<std::uint32_t>(word)]);
        }
        run_address += run_step;
      }
      panel_address += packed ? static_cast<std::uint32_t>(record)
                              : command.b_pitch * static_cast<std::uint32_t>(Config::kLanes);
    }
  }
}

// One panel of all the tile's column blocks.
template <class Config>
struct Panel {
  Word<Config> values[Config::kMemoryTile * Config::kLanes];
  Word<Config> indices[Config::kMemoryTile * Geometry<Config>::kMaxIndexWords];
};

template <class Config>
void fill_panel(const StceCommand& command, int elements, int blocks,
                hls::stream<Word<Config>>& words, Panel<Config>& panel) {
  const int keep = static_cast<int>(command.keep);
  const bool packed = (command.flags & kStcePackedB) != 0;
  const int values = Geometry<Config>::value_words(keep);
  const int runs = packed ? blocks : elements;
  const int run_words = packed ? Geometry<Config>::record_words(keep) : blocks;
  const int total = runs * run_words;
  int run = 0;
  int word = 0;
  SAT_LOOP(FillPanel_Word)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // one word in, one memory write
    SAT_TRIPCOUNT(320)
    const Word<Config> data = words.read();
    if (!packed) {
      panel.values[word * Config::kLanes + run] = data;
    } else if (word < values) {
      panel.values[run * Config::kLanes + word] = data;
    } else {
      panel.indices[run * Geometry<Config>::kMaxIndexWords + word - values] = data;
    }
    if (++word == run_words) {
      word = 0;
      ++run;
    }
  }
}

template <class Config>
Packet<Config> make_packet(const Word<Config>& values, const Word<Config>& indices, int slot,
                           bool dense, int dense_index, int elements) {
  SAT_INLINE
  Packet<Config> packet;
  SAT_LOOP(MakePacket_Lane)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    const int index = dense ? dense_index : get_index<Config>(indices[c], slot);
    // Beyond the reduction the product must not change the sum: -0 times the +0 activation.
    const std::uint16_t value = index < elements ? values[c] : kHalfMinusZero;
    packet.value[c] = unpack(value);
    packet.index[c] = index;
  }
  return packet;
}

template <class Config>
void empty_panel(int keep, int elements, int blocks, const Panel<Config>& panel,
                 hls::stream<Packet<Config>>& packets) {
  const bool dense = keep == Config::kGroup;
  const int groups = ceil_div(elements, Config::kGroup);
  const int total = groups * keep * blocks;
  int block = 0;
  int n = 0;
  int value_word = 0;
  IndexPlace<Config> place;  // stays at the start for dense weights, which have no indices
  int left = elements;  // real reduction elements from this group on
  SAT_LOOP(EmptyPanel_Packet)
  for (int i = 0; i < total; ++i) {
    SAT_PIPELINE(1)  // two memory reads a packet, from two memories
    SAT_TRIPCOUNT(256)
    const Word<Config> values = panel.values[block * Config::kLanes + value_word];
    const Word<Config> indices =
        panel.indices[block * Geometry<Config>::kMaxIndexWords + place.word];
    packets.write(make_packet<Config>(values, indices, place.slot, dense, n, left));
    if (++block == blocks) {
      block = 0;
      ++value_word;
      if (!dense) place.advance();
      if (++n == keep) {
        n = 0;
        left -= Config::kGroup;
      }
    }
  }
}

template <class Config>
void form_packets(int count, hls::stream<StceCommand>& commands, hls::stream<Word<Config>>& words,
                  hls::stream<Packet<Config>>& packets) {
  Panel<Config> panel = Panel<Config>();
  SAT_STORAGE(panel.values, ram_2p, bram)
  SAT_STORAGE(panel.indices, ram_2p, lutram)
  SAT_LOOP(FormPackets_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    const int blocks = ceil_div(static_cast<int>(command.columns), Config::kLanes);
    SAT_LOOP(FormPackets_Panel)
    for (int left = static_cast<int>(command.reduction); left > 0; left -= Config::kLanes) {
      SAT_TRIPCOUNT(64)
      // Filling and emptying take turns. The array uses a packet for `interleave` cycles, so a tile
      // whose interleave is 1 or 2 waits for this loader.
      const int elements = shorter(left, Config::kLanes);
      fill_panel<Config>(command, elements, blocks, words, panel);
      empty_panel<Config>(static_cast<int>(command.keep), elements, blocks, panel, packets);
    }
  }
}

}  // namespace sat

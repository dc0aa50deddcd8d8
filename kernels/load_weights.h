// SPDX-License-Identifier: Apache-2.0
//
// The B side: weights (or, in WU and attention, activations) from memory to the head of the chain.
//
// Packed B: record of (column block, panel) = the kept values, `lanes` a word, then their indices;
// the records of a tap's panels follow each other. Matrix B: dense, one word a (row, block), or,
// stored as columns x reduction, one word a (column, panel) to be transposed.
// Either way a panel is buffered whole, then leaves as packets in the order of the sums:
// for each group, for n < keep, for each column block.
#pragma once

#include "block_transpose.h"
#include "packed_index.h"
#include "types.h"

namespace sat {

// How a panel of the tile, `elements` of the reduction, lies in memory: runs of consecutive words.
struct PanelRuns {
  int runs;
  int words;  // of a run
  std::uint32_t step;

  template <class Config>
  static PanelRuns of(const StceCommand& command, int elements) {
    SAT_INLINE
    const int columns = static_cast<int>(command.columns);
    const int blocks = ceil_div(columns, Config::kLanes);
    PanelRuns panel;
    panel.step = command.b_pitch;
    if (command.flags & kStcePackedB) {
      panel.runs = blocks;
      panel.words = Geometry<Config>::record_words(command.keep);
      panel.step = command.b_block_step;
    } else if (command.flags & kStceTransposeB) {
      panel.runs = columns;
      panel.words = 1;
    } else {
      panel.runs = elements;
      panel.words = blocks;
    }
    return panel;
  }

  // Words from a panel to the next one of its tap.
  template <class Config>
  static std::uint32_t panel_step(const StceCommand& command) {
    SAT_INLINE
    if (command.flags & kStcePackedB) {
      return static_cast<std::uint32_t>(Geometry<Config>::record_words(command.keep));
    }
    const bool transposed = (command.flags & kStceTransposeB) != 0;
    return transposed ? 1u : command.b_pitch * static_cast<std::uint32_t>(Config::kLanes);
  }
};

template <class Config>
void read_panel(const PanelRuns& panel, std::uint32_t start, const Word<Config>* memory,
                hls::stream<Word<Config>>& words) {
  std::uint32_t address = start;
  SAT_LOOP(ReadPanel_Run)
  for (int run = 0; run < panel.runs; ++run) {
    SAT_TRIPCOUNT(32)
    SAT_LOOP(ReadPanel_Word)
    for (int word = 0; word < panel.words; ++word) {
      SAT_PIPELINE(1)  // consecutive addresses, unconditional: one burst of a run
      SAT_TRIPCOUNT(40)
      words.write(memory[address + static_cast<std::uint32_t>(word)]);
    }
    address += panel.step;
  }
}

template <class Config>
void read_weights(int count, const Word<Config>* memory, hls::stream<StceCommand>& commands,
                  hls::stream<StceCommand>& forward, hls::stream<Word<Config>>& words) {
  SAT_LOOP(ReadWeights_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    forward.write(command);
    const int reduction = static_cast<int>(command.reduction);
    const std::uint32_t panel_step = PanelRuns::panel_step<Config>(command);
    const int taps = taps_of(command);
    std::uint32_t tap_address = command.b_address;
    int tap_column = 0;
    SAT_LOOP(ReadWeights_Tap)
    for (int tap = 0; tap < taps; ++tap) {
      SAT_TRIPCOUNT(9)
      std::uint32_t address = tap_address;
      SAT_LOOP(ReadWeights_Panel)
      for (int left = reduction; left > 0; left -= Config::kLanes) {
        SAT_TRIPCOUNT(64)
        const int elements = shorter(left, Config::kLanes);
        read_panel<Config>(PanelRuns::of<Config>(command, elements), address, memory, words);
        address += panel_step;
      }
      const bool row_ends = tap_column == static_cast<int>(command.taps_x) - 1;
      tap_address += row_ends ? command.b_tap_jump : command.b_tap_step;
      tap_column = row_ends ? 0 : tap_column + 1;
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
void fill_panel(const StceCommand& command, int elements, hls::stream<Word<Config>>& words,
                Panel<Config>& panel) {
  const bool packed = (command.flags & kStcePackedB) != 0;
  const int values = Geometry<Config>::value_words(command.keep);
  const PanelRuns order = PanelRuns::of<Config>(command, elements);
  const int total = order.runs * order.words;
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
    if (++word == order.words) {
      word = 0;
      ++run;
    }
  }
}

// The same from a matrix stored as columns x reduction: two cycles a word.
template <class Config>
void fill_panel_transposed(int elements, int columns, hls::stream<Word<Config>>& words,
                           Block<Config>& block, Panel<Config>& panel) {
  SAT_LOOP(FillTransposed_Block)
  for (int first = 0; first < columns; first += Config::kLanes) {
    SAT_TRIPCOUNT(8)
    fill_block<Config>(columns - first, words, block);
    SAT_LOOP(FillTransposed_Empty)
    for (int element = 0; element < elements; ++element) {
      SAT_PIPELINE(1)  // reads one column of registers
      SAT_TRIPCOUNT(32)
      panel.values[first + element] = block.column(element);
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
    // Beyond the tap's channels the product must not change the sum: -0 times the +0 activation.
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
  const int total = packet_rows<Config>(elements, keep) * blocks;
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
  Block<Config> block;
  SAT_PARTITION(block.element, 0)
  SAT_LOOP(FormPackets_Command)
  for (int i = 0; i < count; ++i) {
    SAT_TRIPCOUNT(4096)
    const StceCommand command = commands.read();
    const int reduction = static_cast<int>(command.reduction);
    const int columns = static_cast<int>(command.columns);
    const int blocks = ceil_div(columns, Config::kLanes);
    const int panels = panels_of<Config>(command);
    int left = reduction;  // of the tap
    SAT_LOOP(FormPackets_Panel)
    for (int p = 0; p < panels; ++p) {
      SAT_TRIPCOUNT(64)
      // Filling and emptying take turns. The array uses a packet for `interleave` cycles, so a tile
      // whose interleave is 1 or 2 waits for this loader.
      const int elements = shorter(left, Config::kLanes);
      if (command.flags & kStceTransposeB) {
        fill_panel_transposed<Config>(elements, columns, words, block, panel);
      } else {
        fill_panel<Config>(command, elements, words, panel);
      }
      empty_panel<Config>(command.keep, elements, blocks, panel, packets);
      left -= elements;
      if (left == 0) left = reduction;
    }
  }
}

}  // namespace sat

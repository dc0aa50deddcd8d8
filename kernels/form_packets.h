// SPDX-License-Identifier: Apache-2.0
//
// The chain's end of the B side. A panel of a tile (read_weights.h) is buffered whole, then leaves as
// packets in the order of the sums: for each group, for n < keep, for each column block. Two panels
// take turns: while one leaves, the next one comes, be it of another tile or command.
#pragma once

#include <block_registers.h>

#include "packed_index.h"
#include "read_weights.h"
#include "types.h"

namespace sat {

// Two panels, each of all a tile's column blocks.
template <class Config>
struct Panels {
  Word<Config> values[2][Config::kMemoryTile * Config::kLanes];
  Word<Config> indices[2][Config::kMemoryTile * Geometry<Config>::kMaxIndexWords];
};

struct PanelJob {
  bool valid;
  int columns;   // of the tile
  int elements;  // of the reduction
  int word;      // number of the panel in the reduction
  StceCommand command;
};

// Goes through the panels of all tiles of all commands.
template <class Config>
struct PanelJobs {
  int commands_left;
  int columns_left;   // of the command, from the tile on; 0: none
  int panels_left;    // of the tile
  int elements_left;  // of the tap
  int word;
  StceCommand command;

  explicit PanelJobs(int count)
      : commands_left(count),
        columns_left(0),
        panels_left(0),
        elements_left(0),
        word(0),
        command(StceCommand()) {}

  void start_tile() {
    panels_left = panels_of<Config>(command);
    elements_left = static_cast<int>(command.reduction);
    word = 0;
  }

  PanelJob next(hls::stream<StceCommand>& commands) {
    SAT_INLINE
    PanelJob job = PanelJob();
    if (columns_left <= 0) {
      if (commands_left == 0) return job;
      --commands_left;
      command = commands.read();
      columns_left = static_cast<int>(command.columns);
      start_tile();
    }
    job.valid = columns_left > 0;  // not so in the simulator, of a command from a stream that ran dry
    job.columns = shorter(columns_left, tile_columns<Config>(command));
    job.elements = shorter(elements_left, Config::kLanes);
    job.word = word;
    job.command = command;
    ++word;
    elements_left -= job.elements;
    if (elements_left == 0) elements_left = static_cast<int>(command.reduction);
    if (--panels_left == 0) {
      columns_left -= job.columns;
      start_tile();
    }
    return job;
  }
};

// A panel comes in, a cycle at a time. (Its counters end it, here and below: how many cycles it takes
// would be a product to wait for between panels.)
template <class Config>
struct PanelFill {
  bool busy;
  bool packed;
  bool transposed;
  int columns;
  int elements;
  int values;  // words of a packed record
  int runs;
  int words;  // of a run
  int run;
  int word;
  int first;  // transposed: the block's first column, and the cycle of the block

  explicit PanelFill(const PanelJob& job)
      : busy(job.valid),
        packed((job.command.flags & kStcePackedB) != 0),
        transposed((job.command.flags & kStceTransposeB) != 0),
        columns(job.columns),
        elements(job.elements),
        values(Geometry<Config>::value_words(job.command.keep)),
        run(0),
        word(0),
        first(0) {
    const PanelRuns order = PanelRuns::of<Config>(job.command, columns, elements);
    runs = order.runs;
    words = order.words;
  }

  void step(hls::stream<Word<Config>>& source, Block<Config>& block, Panels<Config>& panels,
            int bank) {
    SAT_INLINE
    if (transposed) {
      step_transposed(source, block, panels, bank);
      return;
    }
    const Word<Config> data = source.read();
    if (!packed) {
      panels.values[bank][word * Config::kLanes + run] = data;
    } else if (word < values) {
      panels.values[bank][run * Config::kLanes + word] = data;
    } else {
      panels.indices[bank][run * Geometry<Config>::kMaxIndexWords + word - values] = data;
    }
    if (++word == words) {
      word = 0;
      busy = ++run < runs;
    }
  }

  // A block takes a word a column, then gives one an element.
  void step_transposed(hls::stream<Word<Config>>& source, Block<Config>& block,
                       Panels<Config>& panels, int bank) {
    SAT_INLINE
    if (word < Config::kLanes) {
      block.set_row(word, first + word < columns ? source.read() : zero_word<Config>());
    } else {
      panels.values[bank][first + word - Config::kLanes] = block.column(word - Config::kLanes);
    }
    if (++word == Config::kLanes + elements) {
      word = 0;
      first += Config::kLanes;
      busy = first < columns;
    }
  }
};

template <class Config>
Packet<Config> make_packet(const Word<Config>& values, const Word<Config>& indices, int slot,
                           bool dense, const PacketPlace& place, int elements) {
  SAT_INLINE
  Packet<Config> packet;
  packet.place = place;
  SAT_LOOP(MakePacket_Lane)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    const int index = dense ? place.element : get_index<Config>(indices[c], slot);
    // Beyond the tap's channels the product must not change the sum: -0 times the +0 activation.
    const std::uint16_t value = index < elements ? values[c] : kHalfMinusZero;
    packet.value[c] = unpack(value);
    packet.index[c] = index;
  }
  return packet;
}

// A panel leaves, a packet a cycle.
template <class Config>
struct PanelEmpty {
  bool busy;
  bool dense;
  int keep;
  int blocks;
  int block;
  int value_word;
  int left;  // real reduction elements from this group on
  PacketPlace at;
  IndexPlace<Config> place;  // stays at the start for dense weights, which have no indices

  explicit PanelEmpty(const PanelJob& job)
      : busy(job.valid),
        dense(job.command.keep == Config::kGroup),
        keep(job.command.keep),
        blocks(ceil_div(job.columns, Config::kLanes)),
        block(0),
        value_word(0),
        left(job.elements) {
    at.word = static_cast<std::uint16_t>(job.word);
    at.group = 0;
    at.element = 0;
  }

  void step(const Panels<Config>& panels, int bank, hls::stream<Packet<Config>>& packets) {
    SAT_INLINE
    const Word<Config> values = panels.values[bank][block * Config::kLanes + value_word];
    const Word<Config> indices =
        panels.indices[bank][block * Geometry<Config>::kMaxIndexWords + place.word];
    packets.write(make_packet<Config>(values, indices, place.slot, dense, at, left));
    if (++block < blocks) return;
    block = 0;
    ++value_word;
    if (!dense) place.advance();
    // Dense, the last group ends with the reduction.
    if (++at.element == (dense ? shorter(left, keep) : keep)) {
      at.element = 0;
      ++at.group;
      left -= Config::kGroup;
      busy = left > 0;
    }
  }
};

template <class Config>
void form_packets(int count, hls::stream<StceCommand>& commands, hls::stream<Word<Config>>& words,
                  hls::stream<Packet<Config>>& packets) {
  Panels<Config> panels;
  SAT_STORAGE(panels.values, ram_s2p, bram)
  SAT_STORAGE(panels.indices, ram_s2p, lutram)
  Block<Config> block;
  SAT_PARTITION(block.element, 0)
  PanelJobs<Config> jobs(count);
  PanelJob emptying = PanelJob();
  PanelJob filling = jobs.next(commands);
  int bank = 0;  // that is filled
  SAT_LOOP(FormPackets_Turn)
  while (filling.valid || emptying.valid) {
    SAT_TRIPCOUNT(4096)
    PanelFill<Config> fill(filling);
    PanelEmpty<Config> empty(emptying);
    SAT_LOOP(FormPackets_Cycle)
    while (fill.busy || empty.busy) {
      SAT_PIPELINE(1)  // one word into a panel, two reads and a packet out of the other
      SAT_TRIPCOUNT(320)
      if (empty.busy) empty.step(panels, 1 - bank, packets);
      if (fill.busy) fill.step(words, block, panels, bank);
    }
    emptying = filling;
    filling = jobs.next(commands);
    bank = 1 - bank;
  }
}

}  // namespace sat

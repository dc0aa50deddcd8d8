// SPDX-License-Identifier: Apache-2.0
//
// Test-only: the simulator's USPEs, watched. What a sum's memory claims (SAT_RECURRENCE) is a number
// of cycles between a sum's write and its next read; the least one that occurs is kept.
#pragma once

#include <atomic>
#include <map>

#define multiply_accumulate multiply_accumulate_unwatched
#include_next <uspe.h>
#undef multiply_accumulate

namespace bounded {

struct Watch {
  std::atomic<long> least{1L << 30};
  static Watch& instance() {
    static Watch watch;
    return watch;
  }
  void read(long distance) {
    long known = least;
    while (distance < known && !least.compare_exchange_weak(known, distance)) {
    }
  }
};

}  // namespace bounded

namespace sat {

template <class Config>
inline void multiply_accumulate(int cycles, const UspePass& pass,
                                const HeldRows<Config>& activations,
                                const Packet<Config>& packet, SumWord<Config>* running,
                                SumWord<Config>* leaving, hls::stream<SumWord<Config>>& sums_in,
                                hls::stream<SumWord<Config>>& sums_out) {
  static thread_local std::map<int, long> written;  // slot -> cycle, of this thread's row unit
  const long now = bounded::cycle();
  if (!pass.from_zero && !pass.from_stream && written.count(pass.slot)) {
    bounded::Watch::instance().read(now - written[pass.slot]);
  }
  if (pass.to_stream || pass.to_leaving) {
    written.erase(pass.slot);
  } else {
    written[pass.slot] = now;
  }
  multiply_accumulate_unwatched<Config>(cycles, pass, activations, packet, running, leaving,
                                        sums_in, sums_out);
}

}  // namespace sat

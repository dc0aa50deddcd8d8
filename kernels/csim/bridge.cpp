// SPDX-License-Identifier: Apache-2.0
//
// The C interface of the simulator. Calls return 0, or 1 with the reason in sat_csim_error(); no
// exception and no exit crosses it.
#include <cstddef>
#include <cstdint>

#include "command_beats.h"
#include "csim_diagnostics.h"
#include "flush_mode.h"
#include "sat_kernels.h"
#include "sat_config.h"

#define SAT_EXPORT extern "C" __attribute__((visibility("default")))

using sat::csim::Diagnostics;

namespace {

int status() { return Diagnostics::instance().failed() ? 1 : 0; }

}  // namespace

// The geometry this library was built for: rows, lanes, group, interleave, memory_tile,
// adder_latency, feed, strip_words, so that a host with another bundle.json can refuse it.
SAT_EXPORT void sat_csim_geometry(std::int32_t* values) {
  values[0] = SatConfig::kRows;
  values[1] = SatConfig::kLanes;
  values[2] = SatConfig::kGroup;
  values[3] = SatConfig::kInterleave;
  values[4] = SatConfig::kMemoryTile;
  values[5] = SatConfig::kAdderLatency;
  values[6] = SatConfig::kFeed;
  values[7] = SatConfig::kStripWords;
}

SAT_EXPORT const char* sat_csim_error() { return Diagnostics::instance().message(); }

// Runs the list one command at a time, so that the streams hold no more than one tile.
SAT_EXPORT int sat_csim_stce(std::int32_t count, const sat::StceCommand* commands, void* memory,
                             std::uint64_t* nonfinite) {
  Diagnostics::instance().clear();
  WordT* const words = static_cast<WordT*>(memory);
  *nonfinite = 0;
  for (std::int32_t i = 0; i < count && status() == 0; ++i) {
    std::uint32_t faults = 0;
    const sat::csim::Beats<sat::StceCommand> beats(commands[i]);
    sat_stce(1, beats.beat, words, words, words, words, &faults);
    *nonfinite += faults;
  }
  return status();
}

SAT_EXPORT int sat_csim_wuve(std::int32_t count, const sat::WuveCommand* commands, void* memory) {
  Diagnostics::instance().clear();
  WordT* const words = static_cast<WordT*>(memory);
  const sat::csim::FlushSubnormals flush;
  for (std::int32_t i = 0; i < count && status() == 0; ++i) {
    const sat::csim::Beats<sat::WuveCommand> beats(commands[i]);
    sat_wuve(1, beats.beat, words, words, words, words, words, words, words);
  }
  return status();
}

// SPDX-License-Identifier: Apache-2.0
//
// The C interface of the simulator. Calls return 0, or 1 with the reason in sat_csim_error(); no
// exception and no exit crosses it.
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "command_beats.h"
#include "csim_diagnostics.h"
#include "flush_mode.h"
#include "parallel.h"
#include "sat_kernels.h"
#include "sat_config.h"

#define SAT_EXPORT extern "C" __attribute__((visibility("default")))

using sat::csim::Diagnostics;

namespace {

std::int32_t most_threads = 1;

// A thread is worth its start for some milliseconds of work.
constexpr double kMacsOfThread = 5e7;

int threads_for(std::int32_t count, const sat::StceCommand* commands) {
  double macs = 0;
  for (std::int32_t i = 0; i < count; ++i) {
    const double taps = sat::taps_of(commands[i]);
    macs += taps * commands[i].rows * commands[i].columns * commands[i].reduction;
  }
  const double worth = 1 + macs / kMacsOfThread;
  const int most = count < most_threads ? count : most_threads;
  return worth < most ? static_cast<int>(worth) : most;
}

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

// How many threads a list of independent commands may use; one at first.
SAT_EXPORT void sat_csim_threads(std::int32_t threads) { most_threads = threads > 1 ? threads : 1; }

// Runs each command of the list by itself, so that the streams hold no more than one tile.
SAT_EXPORT int sat_csim_stce(std::int32_t count, const sat::StceCommand* commands, void* memory,
                             std::uint64_t* nonfinite) {
  WordT* const words = static_cast<WordT*>(memory);
  std::atomic<std::uint64_t> all_faults{0};
  sat::csim::for_each_piece(count, threads_for(count, commands), [&](int number) {
    std::uint32_t faults = 0;
    const sat::csim::Beats<sat::StceCommand> beats(commands[number]);
    sat_stce(1, beats.beat, words, words, words, words, &faults);
    all_faults += faults;
  });
  *nonfinite = all_faults;
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

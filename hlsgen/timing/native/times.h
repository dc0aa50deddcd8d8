// SPDX-License-Identifier: Apache-2.0
//
// Times, and what crosses the C interface. All of it is int64: hlsgen/timing/native.py has the same
// structures, field by field.
#pragma once

#include <cstdint>
#include <limits>

namespace timing {

using Time = std::int64_t;  // in cycles, since the start

// Later than all others: of what no process has done so far.
constexpr Time kUnknown = std::numeric_limits<Time>::max();

enum Cause : std::int64_t { kRead, kWrite, kMemory, kCauses };

// A row of the runs; what it means is in hlsgen/timing/trace.py.
struct Run {
  std::int64_t end, first, stride, count, address, step;
};

struct StreamRow {
  std::int64_t writer, reader, depth;  // depth 0: endless
};

struct PortRow {
  std::int64_t process, burst, outstanding, latency, bank;
};

// All that is given was checked before: numbers in range, runs sorted by end and then by time, and no
// sum that would leave 64 bits. offsets: the first run of each end, and their number.
struct Problem {
  std::int64_t processes, streams, ports, banks;
  const std::int64_t* ticks;
  const StreamRow* stream_rows;
  const PortRow* port_rows;
  const Run* runs;
  const std::int64_t* offsets;
  // Of a bank, in units, of which cycle_units make a cycle; run_words in words, latency in cycles.
  std::int64_t cycle_units, word_units, overhead_units, run_words, latency;
  std::int64_t detail;
};

struct Stall {
  std::int64_t process, begin, cycles, cause, object;
};

// A stream's end that a stopped process waits for.
struct Waiting {
  std::int64_t process, stream, reads, fill;
};

// What was found. The arrays live as long as the resolver that the pointer came with.
struct Outcome {
  std::int64_t cycles, bucket, points, stall_count, waiting_count;
  const std::int64_t* ends;     // [processes]
  const std::int64_t* busy;     // [processes]
  const std::int64_t* blocked;  // [processes][kCauses]
  const std::int64_t* fills;    // [streams]
  const std::int64_t* levels;   // [streams][points]
  const Stall* stalls;          // by process, then by time
  const Waiting* waiting;       // by process
};

}  // namespace timing

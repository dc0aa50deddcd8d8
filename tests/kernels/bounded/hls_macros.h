// SPDX-License-Identifier: Apache-2.0
//
// Test-only: processes are threads, streams have the depths of their pragmas, one turn of a loop is
// one cycle as in hardware.
#pragma once

#include <hls_stream.h>

namespace bounded {

// Turns of the row unit's loop, over all its periods.
inline long& cycle() {
  static thread_local long cycles = 0;
  return cycles;
}

}  // namespace bounded

#define SAT_LOOP(name)
#define SAT_PROCESS(process, ...) \
  bounded::Run::instance().threads.emplace_back([&] { __VA_ARGS__; })
#define SAT_STEADY(cycles) (++bounded::cycle(), 1)
#define SAT_AT_ONCE(condition, ...)
#define SAT_PASS(count, from, to) to.write(from.read());
#define SAT_DATAFLOW
#define SAT_INLINE
#define SAT_PIPELINE(ii)
#define SAT_PIPELINE_READING(ii, port)
#define SAT_LATENCY(most)
#define SAT_STAGE(stream, cycles)
#define SAT_UNROLL
#define SAT_TRIPCOUNT(most)
#define SAT_FIFO(token, name, entries, resource) \
  hls::stream<token> name(#name);                \
  name.set_depth(entries);
#define SAT_PARTITION(array, dimension)
#define SAT_STORAGE(array, kind, resource)
#define SAT_OPERATOR(variable_, operation, resource)
#define SAT_OPERATOR_LATENCY(variable_, operation, resource, cycles)
#define SAT_RECURRENCE(array, turns)
#define SAT_READ_PORT(type) const type*
#define SAT_WRITE_PORT(type) type*
#define SAT_READS(port_, bundle_, burst, outstanding)
#define SAT_WRITES(port_, bundle_, burst, outstanding)
#define SAT_CONTROL(port_)

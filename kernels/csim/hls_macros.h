// SPDX-License-Identifier: Apache-2.0
//
// The simulator's side of kernels/vitis/hls_macros.h: labels and pragmas vanish, processes run in
// turns (fibers.h).
#pragma once

#include "fibers.h"

#define SAT_LOOP(name)
#define SAT_PROCESS(process, ...) \
  ::sat::csim::Fibers::instance().add(process, [&] { __VA_ARGS__; })

#define SAT_STEADY(cycles) (cycles)
#define SAT_AT_ONCE(condition, ...) \
  if (condition) {                  \
    __VA_ARGS__;                    \
  } else
#define SAT_PASS(count, from, to) from.pass_on(count, to);
#define SAT_DATAFLOW
#define SAT_INLINE
#define SAT_PIPELINE(ii)
#define SAT_PIPELINE_READING(ii, port)
#define SAT_LATENCY(most)
#define SAT_STAGE(stream, cycles)
#define SAT_UNROLL
#define SAT_TRIPCOUNT(most)
#define SAT_FIFO(token, name, entries, resource) hls::stream<token> name(#name);
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

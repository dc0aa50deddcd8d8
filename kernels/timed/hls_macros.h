// SPDX-License-Identifier: Apache-2.0
//
// The timed simulator's side of kernels/vitis/hls_macros.h: loops and processes tell the recorder when
// cycles pass. One turn of a pipelined loop is one cycle's work, as in hardware.
#pragma once

#include "loop_scope.h"
#include "memory_port.h"

#define SAT_LOOP(name) for (::sat::timed::LoopScope sat_loop; sat_loop.enter();)
#define SAT_PROCESS(process, ...)                                           \
  do {                                                                      \
    const ::sat::timed::ProcessScope process_scope(process, #__VA_ARGS__); \
    __VA_ARGS__;                                                            \
  } while (false)

#define SAT_STEADY(cycles) 1
#define SAT_AT_ONCE(condition, ...)
#define SAT_PASS(count, from, to) to.write(from.read());
#define SAT_DATAFLOW
#define SAT_INLINE
#define SAT_PIPELINE(ii) sat_loop.turn(ii, 0);
#define SAT_PIPELINE_READING(ii, port) sat_loop.turn(ii, (port).latency());
#define SAT_LATENCY(most)
#define SAT_STAGE(stream, cycles) ::sat::timed::set_stage(stream, cycles);
#define SAT_UNROLL
#define SAT_TRIPCOUNT(most) sat_loop.trip();
#define SAT_FIFO(token, name, entries, resource) hls::stream<token> name(#name, entries, #resource);
#define SAT_PARTITION(array, dimension)
#define SAT_STORAGE(array, kind, resource)
#define SAT_OPERATOR(variable_, operation, resource)
#define SAT_OPERATOR_LATENCY(variable_, operation, resource, cycles)
#define SAT_RECURRENCE(array, turns)
#define SAT_READ_PORT(type) ::sat::timed::ReadPort<type>
#define SAT_WRITE_PORT(type) ::sat::timed::WritePort<type>
// Each word is a transaction of its own: addresses wrap within the loops, so that the tool can't be
// relied on to make bursts of them.
#define SAT_READS(port_, bundle_, burst, outstanding) \
  port_.open(#port_, #bundle_, 1, outstanding, SAT_PORT_LATENCY);
#define SAT_WRITES(port_, bundle_, burst, outstanding) \
  port_.open(#port_, #bundle_, 1, outstanding, SAT_PORT_LATENCY);
#define SAT_CONTROL(port_)

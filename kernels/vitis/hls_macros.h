// SPDX-License-Identifier: Apache-2.0
//
// Pragmas and labels, stated once. This is the synthesis side; kernels/csim/hls_macros.h is the
// simulator's side of the same names. Grammar: UG1399 (HLS pragmas), UG1702; options that newer releases
// also write as `type = complete` are bare words here, which all releases take.
#pragma once

// Twice, so that macros among the arguments are replaced first.
#define SAT_PRAGMA(text) SAT_PRAGMA_TEXT(text)
#define SAT_PRAGMA_TEXT(text) _Pragma(#text)

// A labelled loop: the label is what the synthesis report prints.
#define SAT_LOOP(name) \
  name:

// One dataflow process; `process` names it in reports and error messages.
#define SAT_PROCESS(process, ...) __VA_ARGS__

// How many cycles one turn of a pipelined loop stands for: one in hardware. The simulator may take
// all that follow the same path at once, which changes no value and no order.
#define SAT_STEADY(cycles) 1
// Where the simulator does the work of many turns in one, in place of what follows; in hardware each turn
// does its own.
#define SAT_AT_ONCE(condition, ...)
// Hands on as many tokens as cycles pass.
#define SAT_PASS(count, from, to) to.write(from.read());

#define SAT_DATAFLOW SAT_PRAGMA(HLS DATAFLOW)
#define SAT_INLINE SAT_PRAGMA(HLS INLINE)
#define SAT_PIPELINE(ii) SAT_PRAGMA(HLS PIPELINE II = ii)
// The same for a loop whose turns read `port`: what a turn writes to streams comes the port's latency
// after its request. (The tool knows that from the access; the timed simulator from here.)
#define SAT_PIPELINE_READING(ii, port) SAT_PIPELINE(ii)
// A turn of the loop takes `most` cycles at most, from its first operation to its last.
#define SAT_LATENCY(most) SAT_PRAGMA(HLS LATENCY max = most)
// This process uses the stream so many cycles into a turn of its loop. (The tool decides it, within
// SAT_LATENCY; the timed simulator takes it from here.)
#define SAT_STAGE(stream, cycles)
#define SAT_UNROLL SAT_PRAGMA(HLS UNROLL)
#define SAT_TRIPCOUNT(most) SAT_PRAGMA(HLS LOOP_TRIPCOUNT min = 1 max = most)
// Declares a stream of a dataflow region; `entries` is its depth in hardware, a literal, and `resource`
// what it is made of: srl (one LUT a bit for up to 32 places), lutram or bram.
#define SAT_FIFO(token, name, entries, resource)         \
  hls::stream<token> name(#name);                        \
  SAT_PRAGMA(HLS STREAM variable = name depth = entries) \
  SAT_PRAGMA(HLS BIND_STORAGE variable = name type = fifo impl = resource)
#define SAT_PARTITION(array, dimension) \
  SAT_PRAGMA(HLS ARRAY_PARTITION variable = array complete dim = dimension)
#define SAT_STORAGE(array, kind, resource) \
  SAT_PRAGMA(HLS BIND_STORAGE variable = array type = kind impl = resource)
// The operator that gives `variable` its value.
#define SAT_OPERATOR(variable_, operation, resource) \
  SAT_PRAGMA(HLS BIND_OP variable = variable_ op = operation impl = resource)
#define SAT_OPERATOR_LATENCY(variable_, operation, resource, cycles) \
  SAT_PRAGMA(HLS BIND_OP variable = variable_ op = operation impl = resource latency = cycles)
// A value written in one turn of the loop is read again no sooner than `turns` later. The tool must
// then fit the path from read to write into them, or report a larger II.
#define SAT_RECURRENCE(array, turns) \
  SAT_PRAGMA(HLS DEPENDENCE variable = array inter RAW distance = turns true)
// A port to memory, as the kernel and its processes take it.
#define SAT_READ_PORT(type) const type*
#define SAT_WRITE_PORT(type) type*
// Elements behind each pointer in C/RTL co-simulation; of no meaning to the hardware.
#define SAT_COSIM_DEPTH 4096
#define SAT_READS(port_, bundle_, burst, outstanding)                         \
  SAT_PRAGMA(HLS INTERFACE m_axi port = port_ bundle = bundle_ offset = slave \
                 depth = SAT_COSIM_DEPTH max_read_burst_length = burst        \
                 num_read_outstanding = outstanding latency = SAT_PORT_LATENCY) \
  SAT_CONTROL(port_)
#define SAT_WRITES(port_, bundle_, burst, outstanding)                        \
  SAT_PRAGMA(HLS INTERFACE m_axi port = port_ bundle = bundle_ offset = slave \
                 depth = SAT_COSIM_DEPTH max_write_burst_length = burst       \
                 num_write_outstanding = outstanding latency = SAT_PORT_LATENCY) \
  SAT_CONTROL(port_)
#define SAT_CONTROL(port_) SAT_PRAGMA(HLS INTERFACE s_axilite port = port_ bundle = control)

// SPDX-License-Identifier: Apache-2.0
//
// Pragmas and labels, stated once. This is the synthesis side; kernels/csim/hls_macros.h is the
// simulator's side of the same names. Grammar: UG1399 (HLS pragmas), UG1702.
#pragma once

#define SAT_PRAGMA(text) _Pragma(#text)

// A labelled loop: the label is what the synthesis report prints.
#define SAT_LOOP(name) \
  name:

// One dataflow process; `instance` names it in reports and error messages.
#define SAT_PROCESS(instance, ...) __VA_ARGS__

// How many cycles one turn of a pipelined loop stands for: one in hardware. The simulator may take
// all that follow the same path at once, which changes no value and no order.
#define SAT_STEADY(cycles) 1

#define SAT_DATAFLOW SAT_PRAGMA(HLS DATAFLOW)
#define SAT_INLINE SAT_PRAGMA(HLS INLINE)
#define SAT_PIPELINE(ii) SAT_PRAGMA(HLS PIPELINE II = ii)
#define SAT_UNROLL SAT_PRAGMA(HLS UNROLL)
#define SAT_TRIPCOUNT(most) SAT_PRAGMA(HLS LOOP_TRIPCOUNT min = 1 max = most)
// Declares a stream of a dataflow region; `entries` is its depth in hardware, a literal.
#define SAT_FIFO(type, name, entries) \
  hls::stream<type> name(#name);      \
  SAT_PRAGMA(HLS STREAM variable = name depth = entries)
#define SAT_PARTITION(array, dimension) \
  SAT_PRAGMA(HLS ARRAY_PARTITION variable = array type = complete dim = dimension)
#define SAT_STORAGE(array, kind, resource) \
  SAT_PRAGMA(HLS BIND_STORAGE variable = array type = kind impl = resource)
// A value written in one turn of the loop is read again no sooner than `turns` later. The tool must
// then fit the path from read to write into them, or report a larger II.
#define SAT_RECURRENCE(array, turns)                                                 \
  SAT_PRAGMA(HLS DEPENDENCE variable = array type = inter direction = RAW distance = turns \
                 dependent = true)
#define SAT_READS(port_, bundle_, burst, outstanding)                                \
  SAT_PRAGMA(HLS INTERFACE mode = m_axi port = port_ bundle = bundle_ offset = slave \
                 max_read_burst_length = burst num_read_outstanding = outstanding)
#define SAT_WRITES(port_, bundle_, burst, outstanding)                               \
  SAT_PRAGMA(HLS INTERFACE mode = m_axi port = port_ bundle = bundle_ offset = slave \
                 max_write_burst_length = burst num_write_outstanding = outstanding)
#define SAT_CONTROL(port_) SAT_PRAGMA(HLS INTERFACE mode = s_axilite port = port_ bundle = control)

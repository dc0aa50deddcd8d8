# SPDX-License-Identifier: Apache-2.0
"""A small accelerator without a fault, and a way to plant one.

A comment `/*! rule */` marks a line where the checker must find a fault of that rule.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from hlsgen.lint.check import Report, lint

MACROS = """\
#pragma once
#define TEXT_PRAGMA(text) _Pragma(#text)
#define PIPELINE(ii) TEXT_PRAGMA(HLS PIPELINE II = ii)
#define TRIPS(most) TEXT_PRAGMA(HLS LOOP_TRIPCOUNT min = 1 max = most)
#define CONTROL(name) TEXT_PRAGMA(HLS INTERFACE mode = s_axilite port = name bundle = control)
#define FIFO(type, name, entries) \\
  hls::stream<type> name(#name);  \\
  TEXT_PRAGMA(HLS STREAM variable = name depth = entries)
#define PLACES 16
"""

ACCEL = """\
#include "macros.h"
#include "stages.h"

extern "C" void accel(int count, const Word* source, const Word* other, Word* target) {
#pragma HLS INTERFACE mode=m_axi port=source bundle=source depth=256 max_read_burst_length=64
#pragma HLS INTERFACE m_axi port=other bundle=other num_read_outstanding=PLACES depth=256
#pragma HLS INTERFACE m_axi port=target bundle=target depth=1024 max_write_burst_length=2 * PLACES
  CONTROL(count)
  CONTROL(return)
#pragma HLS DATAFLOW
  FIFO(Word, words, 16)
  FIFO(Word, sums, 16)
  hls::stream<Word, 4> counts("counts");
  const int lines = 4 * PLACES;

  demo::read_words(count, source, other, words);
  demo::add_words<8>(count, words, sums, counts);
  demo::write_words(lines, sums, counts, target);
}
"""

STAGES = """\
#pragma once
#include "macros.h"
namespace demo {

template <int Lanes>
struct Bank {
  float lane[2][Lanes];
  Bank() {}
  float sum(int which) const {
#pragma HLS INLINE
    float total = 0;
    Bank_Sum:
    for (int c = 0; c < Lanes; ++c) {
#pragma HLS UNROLL
      total += lane[which][c];
    }
    return total;
  }
};

inline void read_words(int count, const Word* source, const Word* other,
                       hls::stream<Word>& words) {
  ReadWords_Word:
  for (int i = 0; i < count; ++i) {
    PIPELINE(1)
    TRIPS(1024)
    words.write(source[i] + other[i]);
  }
}

template <int Lanes>
void add_words(int count, hls::stream<Word>& words, hls::stream<Word>& sums,
               hls::stream<Word>& counts) {
  Bank<Lanes> bank;
#pragma HLS ARRAY_PARTITION variable=bank.lane type=complete dim=2
#pragma HLS BIND_STORAGE variable=bank.lane type=ram_s2p impl=bram
  int seen = 0;
  AddWords_Word:
  for (int i = 0; i < count; ++i) {
#pragma HLS PIPELINE II=2 style=flp
#pragma HLS LOOP_TRIPCOUNT min=1 max=1024 avg=PLACES
    // The turn before wrote the other half.
#pragma HLS DEPENDENCE variable=bank.lane type=inter direction=RAW dependent=false
    const Word word = words.read();
    float product = word * 2.0f;
#pragma HLS BIND_OP variable=product op=fmul impl=maxdsp latency=3
    AddWords_Lane:
    for (int c = 0; c < Lanes; ++c) {
#pragma HLS UNROLL
      bank.lane[i & 1][c] = product;
    }
    sums.write(bank.sum(i & 1));
    ++seen;
  }
  counts.write(seen);
}

inline void write_words(int lines, hls::stream<Word>& sums, hls::stream<Word>& counts,
                        Word* target) {
  WriteWords_Line:
  for (int line = 0; line < lines; ++line) {
#pragma HLS LOOP_TRIPCOUNT max=64
    WriteWords_Word:
    for (int i = 0; i < PLACES; ++i) {
      PIPELINE(1)
      target[line * PLACES + i] = sums.read();
    }
  }
  target[0] = counts.read();
}

}  // namespace demo
"""

SAMPLE = {"accel.cpp": ACCEL, "kernels/macros.h": MACROS, "kernels/stages.h": STAGES}
"""The project: no vendor header is needed, for nothing is compiled."""

_MARK = re.compile(r"/\*! ([a-z-]+) \*/")


def planted(path: str, before: str, after: str) -> dict[str, str]:
    """The sample with one piece of one text replaced; the piece must be there once."""
    text = SAMPLE[path]
    assert text.count(before) == 1, (path, before, text.count(before))
    return {**SAMPLE, path: text.replace(before, after)}


def expected(files: Mapping[str, str]) -> list[tuple[str, int, str]]:
    """File, line and rule of every mark."""
    return sorted(
        (path, number, rule)
        for path, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        for rule in _MARK.findall(line)
    )


def lint_files(folder: Path, files: Mapping[str, str]) -> Report:
    """What the checker says of these files."""
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return lint(folder, os.environ)


def found(report: Report) -> list[tuple[str, int, str]]:
    """File, line and rule of every finding."""
    return sorted((each.file, each.line, each.rule) for each in report.findings)

# SPDX-License-Identifier: Apache-2.0
"""Faults to plant into the sample that show only beside the code: what it binds, packs, copies, or
takes from a heap. A name, what is replaced, and by what."""

from __future__ import annotations

from lint_sample import ACCEL

_SEEN = "  int seen = 0;"
_LINES = "  const int lines = 4 * PLACES;"
_BANK = "template <int Lanes>\nstruct Bank {"
_PRODUCT = "#pragma HLS BIND_OP variable=product op=fmul impl=maxdsp latency=3"
_HEAD = ACCEL[ACCEL.index('extern "C"') : ACCEL.index("  FIFO(Word, words")]
_NO_REGION = f"/*! dataflow-missing */ {_HEAD.replace('#pragma HLS DATAFLOW', '')}"

# In kernels/stages.h.
STAGES = {
    "vector of an open namespace": (
        _SEEN,
        f"{_SEEN}\n  using namespace std;\n  vector<int> all(count); /*! std-container */",
    ),
    "vector by its plain name": (
        _SEEN,
        f"{_SEEN}\n  using std::vector; /*! std-container */\n"
        "  vector<int> all(count); /*! std-container */",
    ),
    "list by another name for std": (
        _SEEN,
        f"{_SEEN}\n  namespace library = std;\n  library::list<int> all; /*! std-container */",
    ),
    "string of an open namespace": (
        _SEEN,
        f"{_SEEN}\n  using namespace std;\n  string text; /*! std-container */",
    ),
    "cout of an open namespace": (
        _SEEN,
        f"{_SEEN}\n  using namespace std;\n  cout << seen; /*! system-call */",
    ),
    "operator new": (
        _SEEN,
        f"{_SEEN}\n  void* more = ::operator new(count); /*! memory-dynamic */",
    ),
    "operator delete": (
        _SEEN,
        f"{_SEEN}\n  ::operator delete(&seen); /*! memory-dynamic */",
    ),
    "recursive generic lambda": (
        _SEEN,
        f"{_SEEN}\n  auto turns = [](auto& self, int left) -> int {{\n"
        "    return left ? self(self, left - 1) : 0; /*! recursion */\n  };",
    ),
    "recursive lambda by a pointer": (
        _SEEN,
        f"{_SEEN}\n  auto turns = [](auto* self, int left) -> int {{\n"
        "    return left ? (*self)(self, left - 1) : 0; /*! recursion */\n  };",
    ),
    "object that calls itself": (
        _BANK,
        "struct Turns {\n  int operator()(int left) const {\n"
        f"    return left ? (*this)(left - 1) : 0; /*! recursion */\n  }}\n}};\n{_BANK}",
    ),
    "operator of another name": (
        _PRODUCT,
        f"{_PRODUCT}\n    float rest = product - word;\n"
        "#pragma HLS BIND_OP variable=rest op=fmul /*! pragma-operator */",
    ),
    "operator of an integer": (
        _SEEN,
        f"{_SEEN}\n#pragma HLS BIND_OP variable=seen op=fadd /*! pragma-operator */",
    ),
    "operator of a wider type": (
        _PRODUCT,
        "#pragma HLS BIND_OP variable=product op=dmul impl=maxdsp latency=3 /*! pragma-operator */",
    ),
    "operator of nothing": (
        _PRODUCT,
        f"{_PRODUCT}\n    const float copy = product;\n"
        "#pragma HLS BIND_OP variable=copy op=fmul /*! pragma-operator */",
    ),
    "operator inside of a call": (
        _PRODUCT,
        f"{_PRODUCT}\n    const float total = bank.sum(0);\n"
        "#pragma HLS BIND_OP variable=total op=fadd /*! pragma-operator */",
    ),
    "operator of an index": (
        _PRODUCT,
        f"{_PRODUCT}\n    const int odd = bank.lane[i * 2][0];\n"
        "#pragma HLS BIND_OP variable=odd op=mul /*! pragma-operator */",
    ),
    "operator too slow by a template's argument": (
        "latency=3",
        "latency=Lanes /*! pragma-value */",
    ),
    "operator too slow in whatever it is made of": (
        "impl=maxdsp latency=3",
        "latency=10 /*! pragma-value */",
    ),
    "interval that a constant makes 0": ("II=2 ", "II=Lanes/16 /*! pragma-value */ "),
    "read-only memory that is written": (
        "ram_s2p impl=bram",
        "rom_2p impl=bram /*! pragma-value */",
    ),
    "struct in a packed struct": (
        _BANK,
        "struct Half {\n  int bits;\n};\nstruct Both {\n  Half half[2];\n  int more;\n};\n"
        "inline void pass_both(hls::stream<Both>& both) {\n"
        "#pragma HLS AGGREGATE variable=both compact=auto /*! aggregate-nested */\n"
        f"  both.read();\n}}\n{_BANK}",
    ),
    "vector in a packed struct": (
        _BANK,
        "template <int Lanes>\nusing Row = hls::vector<float, Lanes>;\n"
        "template <int Lanes>\nstruct Rows {\n  Row<Lanes> row;\n};\n"
        "inline void take_rows() {\n  Rows<4> rows[2];\n"
        "#pragma HLS AGGREGATE variable=rows /*! aggregate-nested */\n"
        f"}}\n{_BANK}",
    ),
    "stream outside of a region": (
        "  ReadWords_Word:",
        "  hls::stream<Word, 2> more; /*! dataflow-missing */\n  more.write(count);\n"
        "  ReadWords_Word:",
    ),
    "stream returned": (
        _BANK,
        f"inline hls::stream<Word> made(); \ninline hls::stream<Word> made() {{}} "
        f"/*! stream-copied */\n{_BANK}",
    ),
}

# In accel.cpp.
ACCELERATOR = {
    "no dataflow": (_HEAD, _NO_REGION),
    "copy of a stream": (
        _LINES,
        f"{_LINES}\n  hls::stream<Word, 2> more = words; /*! stream-copied *//*! stream-unused */",
    ),
    "copy of a stream by its constructor": (
        _LINES,
        f"{_LINES}\n  hls::stream<Word, 2> more(words); /*! stream-copied *//*! stream-unused */",
    ),
    "copy of a stream in braces": (
        _LINES,
        f"{_LINES}\n  hls::stream<Word, 2> more{{words}}; /*! stream-copied *//*! stream-unused */",
    ),
    "copy of a stream by auto": (
        _LINES,
        f"{_LINES}\n  auto more = words; /*! stream-copied *//*! dataflow-statement */",
    ),
    "assigned stream": (
        _LINES,
        f"{_LINES}\n  sums = words; /*! stream-copied *//*! dataflow-statement */",
    ),
    "static value in a region": (_LINES, "  static int lines = 64; /*! dataflow-static */"),
    "static stream in a region": (
        "  hls::stream<Word, 4> counts",
        "  static hls::stream<Word, 4> /*! dataflow-static */ counts",
    ),
    "port without a depth": ("bundle=source depth=256", "bundle=source /*! interface-depth */"),
}

# Into either, without a fault.
RIGHT = {
    "vector of the vendor's": (
        "kernels/stages.h",
        _SEEN,
        f"{_SEEN}\n  using namespace hls;\n  vector<float, 4> row;",
    ),
    "variables with names of containers": (
        "kernels/stages.h",
        _SEEN,
        f"{_SEEN}\n  using namespace std;\n  int set = 3, map = set + 1, string = map;",
    ),
    "lambda that is given a function": (
        "kernels/stages.h",
        _SEEN,
        f"{_SEEN}\n  auto twice = [](auto step, int x) {{ return step(step(x)); }};",
    ),
    "operators of an expression": (
        "kernels/stages.h",
        _PRODUCT,
        f"{_PRODUCT}\n    float sum;\n    sum = product * word + 1.0f;\n"
        "#pragma HLS BIND_OP variable=sum op=fadd impl=fulldsp latency=12\n"
        "#pragma HLS BIND_OP variable=sum op=fmul",
    ),
    "operator of an assignment": (
        "kernels/stages.h",
        _SEEN,
        f"{_SEEN}\n#pragma HLS BIND_OP variable=seen op=add impl=fabric",
    ),
    "reciprocal by a division": (
        "kernels/stages.h",
        _PRODUCT,
        f"{_PRODUCT}\n    float part = 1.0f / product;\n"
        "#pragma HLS BIND_OP variable=part op=frecip impl=fulldsp",
    ),
    "latency by a template's argument": ("kernels/stages.h", "latency=3", "latency=Lanes-1"),
    "read-only memory": (
        "kernels/stages.h",
        _SEEN,
        f"{_SEEN}\n  const int table[4] = {{1, 2, 3, 4}};\n"
        "#pragma HLS BIND_STORAGE variable=table type=rom_1p impl=lutram\n  seen = table[count];",
    ),
    "read-only memory that a function fills": (
        "kernels/stages.h",
        _BANK,
        "inline void fill(int table[4]) { table[0] = 1; }\n"
        "inline int look_up(int place) {\n  int table[4];\n"
        "#pragma HLS BIND_STORAGE variable=table type=rom_1p impl=lutram\n"
        f"  fill(table);\n  return table[place];\n}}\n{_BANK}",
    ),
    "packed values and arrays": (
        "kernels/stages.h",
        _BANK,
        "struct Both {\n  ap_uint<17> bits[4];\n  int more;\n};\n"
        "inline void pass_both(hls::stream<Both>& both) {\n"
        f"#pragma HLS AGGREGATE variable=both\n  both.read();\n}}\n{_BANK}",
    ),
    "static constant in a region": (
        "accel.cpp",
        _LINES,
        "  static const int lines = 4 * PLACES;",
    ),
    "another name of a stream": (
        "kernels/stages.h",
        "  counts.write(seen);",
        "  hls::stream<Word>& same = counts;\n  same.write(seen);",
    ),
}

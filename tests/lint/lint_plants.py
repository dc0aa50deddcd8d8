# SPDX-License-Identifier: Apache-2.0
"""Faults to plant into the sample, pragmas first: a name, what is replaced, and by what."""

from __future__ import annotations

_PORTS = """Word* target) {
#pragma HLS INTERFACE mode=m_axi port=source bundle=source depth=256 max_read_burst_length=64
#pragma HLS INTERFACE m_axi port=other"""
_UNSERVED = _PORTS.replace("{", "{ /*! interface-port */").rpartition(" m_axi")[0]

# In kernels/stages.h.
STAGES = {
    "unknown pragma": (
        "#pragma HLS BIND_STORAGE variable=bank.lane type=ram_s2p impl=bram",
        "#pragma HLS BIND_STORE variable=bank.lane /*! pragma-unknown */",
    ),
    "no such word": ("style=flp", "style=fast /*! pragma-value */"),
    "no integer": ("II=2 ", "II=fast /*! pragma-value */ "),
    "an II of 0": ("II=2 ", "II=0 /*! pragma-value */ "),
    "illegal storage": ("ram_s2p impl=bram", "ram_t2p impl=lutram /*! pragma-value */"),
    "storage too slow": ("impl=bram", "impl=bram latency=4 /*! pragma-value */"),
    "no such operator": ("op=fmul", "op=fcmp /*! pragma-value */"),
    "illegal implementation": ("impl=maxdsp", "impl=dsp /*! pragma-value */"),
    "implementation of Versal": ("impl=maxdsp", "impl=primitivedsp /*! pragma-value */"),
    "operator too slow": ("latency=3", "latency=8 /*! pragma-value */"),
    "more dimensions than there are": ("dim=2", "dim=3 /*! pragma-value */"),
    "trip counts exchanged": ("min=1 max=1024", "min=9 max=8 /*! pragma-value */"),
    "unknown option": ("impl=bram", "impl=bram depth=3 /*! pragma-option */"),
    "no II": ("II=2 style=flp", "style=flp /*! pragma-missing */"),
    "no variable": ("STORAGE variable=bank.lane type", "STORAGE type /*! pragma-missing */"),
    "no longest trip count": ("max=64", "min=1 /*! pragma-missing */"),
    "no factor": ("type=complete", "type=cyclic /*! pragma-missing */"),
    "nothing that depends": ("DEPENDENCE variable=bank.lane", "DEPENDENCE /*! pragma-missing */"),
    "factor of no use": ("dim=2", "dim=2 factor=2 /*! pragma-conflict */"),
    "variable and class": ("type=inter", "type=inter class=array /*! pragma-conflict */"),
    "distance of no dependence": ("RAW", "RAW distance=2 /*! pragma-conflict */"),
    "option twice": ("II=2 ", "II=2 II=2 /*! pragma-conflict */ "),
    "pragma twice": (
        "#pragma HLS PIPELINE II=2 style=flp",
        "#pragma HLS PIPELINE II=2\n#pragma HLS PIPELINE II=1 /*! pragma-conflict */",
    ),
    "deprecated pragma": (
        "#pragma HLS BIND_STORAGE variable=bank.lane type=ram_s2p impl=bram",
        "#pragma HLS RESOURCE variable=bank.lane core=RAM_2P /*! pragma-deprecated */",
    ),
    "deprecated option": ("style=flp", "enable_flush /*! pragma-deprecated */"),
    "outside of functions": (
        "namespace demo {",
        "namespace demo {\n#pragma HLS INLINE off /*! pragma-place */",
    ),
    "loop's pragma in a function": (
        "#pragma HLS INLINE",
        "#pragma HLS INLINE\n#pragma HLS UNROLL factor=2 /*! pragma-place */",
    ),
    "pipeline in a region": (
        "    ++seen;",
        "    {\n#pragma HLS PIPELINE II=1 /*! pragma-place */\n      ++seen;\n    }",
    ),
    "ports of no kernel": (
        "#pragma HLS INLINE",
        "#pragma HLS INLINE\n#pragma HLS INTERFACE s_axilite port=which /*! pragma-place */",
    ),
    "pragma after a statement": (
        "#pragma HLS INLINE\n    float total = 0;",
        "    float total = 0;\n#pragma HLS INLINE /*! pragma-place */",
    ),
    "flattened from outside": (
        "#pragma HLS LOOP_TRIPCOUNT max=64",
        "#pragma HLS LOOP_TRIPCOUNT max=64\n#pragma HLS LOOP_FLATTEN /*! pragma-place */",
    ),
    "rewind in a function": (
        "#pragma HLS INLINE",
        "#pragma HLS INLINE\n#pragma HLS PIPELINE II=1 rewind /*! pragma-place */",
    ),
    "no such variable": (
        "PARTITION variable=bank",
        "PARTITION variable=blank /*! pragma-variable */",
    ),
    "no such member": (
        "PARTITION variable=bank.lane",
        "PARTITION variable=bank.rows /*! pragma-variable */",
    ),
    "variable below the pragma": (
        "    float product = word * 2.0f;\n#pragma HLS BIND_OP variable=product op=fmul",
        "#pragma HLS BIND_OP variable=product op=fmul /*! pragma-variable */",
    ),
    "variable of another scope": (
        "  counts.write(seen);",
        "  counts.write(seen);\n#pragma HLS STREAM variable=word depth=2 /*! pragma-variable */",
    ),
    "stream by value": (
        "hls::stream<Word>& words) {",
        "hls::stream<Word> words /*! stream-copied */) {",
    ),
    "loop without a label": (
        "    WriteWords_Word:\n    for (",
        "    /*! loop-label */ for (",
    ),
    "label twice": ("    AddWords_Lane:\n    for", "    AddWords_Word: /*! loop-name */ for"),
    "loop without an interval": (
        "for (int i = 0; i < PLACES; ++i) {\n      PIPELINE(1)",
        "for (int i = 0; i < PLACES; ++i) { /*! loop-ii */",
    ),
    "variable loop of a pipeline": (
        "for (int c = 0; c < Lanes; ++c) {\n#pragma HLS UNROLL\n      bank",
        "for (int c = 0; c < seen; ++c) { /*! loop-bound */\n      bank",
    ),
    "variable loop of a function in a pipeline": (
        "for (int c = 0; c < Lanes; ++c) {\n#pragma HLS UNROLL\n      total",
        "for (int c = 0; c < which; ++c) { /*! loop-bound */\n      total",
    ),
    "variable loop unrolled": (
        "  counts.write(seen);",
        "  Extra:\n  for (int c = 0; c < seen; ++c) { /*! loop-bound */\n#pragma HLS UNROLL\n  }\n"
        "  counts.write(seen);",
    ),
    "counter changed in the loop": (
        "for (int c = 0; c < Lanes; ++c) {\n#pragma HLS UNROLL\n      total",
        "for (int c = 0; c < Lanes; ++c) { /*! loop-bound */\n#pragma HLS UNROLL\n"
        "      c += which;\n      total",
    ),
    "step of something else": (
        "for (int c = 0; c < Lanes; ++c) {\n#pragma HLS UNROLL\n      total",
        "for (int c = 0; c < Lanes; ++which) { /*! loop-bound */\n#pragma HLS UNROLL\n      total",
    ),
    "variable loop without a trip count": (
        "i < count; ++i) {\n    PIPELINE(1)\n    TRIPS(1024)",
        "i < count; ++i) { /*! loop-tripcount */\n    PIPELINE(1)",
    ),
    "while-loop without a trip count": (
        "  counts.write(seen);",
        "  Wait:\n  while (seen) { /*! loop-tripcount */\n#pragma HLS PIPELINE off\n    --seen;\n"
        "  }\n  counts.write(seen);",
    ),
    "new": ("Bank<Lanes> bank;", "Bank<Lanes>& bank = *new Bank<Lanes>(); /*! memory-dynamic */"),
    "delete": (
        "  counts.write(seen);",
        "  delete &seen; /*! memory-dynamic */\n  counts.write(1);",
    ),
    "malloc": (
        "  int seen = 0;",
        "  int seen = 0;\n  int* more = (int*)std::malloc(64); /*! memory-dynamic */",
    ),
    "recursion": ("float total = 0;", "float total = sum(which - 1); /*! recursion */"),
    "recursion through another function": (
        "  target[0] = counts.read();\n}",
        "  target[0] = counts.read();\n  again(lines, sums, counts, target); /*! recursion */\n}\n"
        "inline void again(int lines, hls::stream<Word>& sums, hls::stream<Word>& counts,\n"
        "                  Word* target) {\n"
        "  write_words(lines, sums, counts, target); /*! recursion */\n}",
    ),
    "virtual function": ("  float sum(", "  virtual /*! virtual */ float sum("),
    "dynamic_cast": (
        "  int seen = 0;",
        "  int seen = 0;\n  auto* cast = dynamic_cast<Bank<Lanes>*>(&bank); /*! virtual */",
    ),
    "container": (
        "  int seen = 0;",
        "  int seen = 0;\n  std::vector<int> all; /*! std-container */",
    ),
    "pointer to a function": (
        "  int seen = 0;",
        "  int seen = 0;\n  int (*step)(int) = nullptr; /*! function-pointer */",
    ),
    "throw": ("    ++seen;", "    if (seen < 0) throw seen; /*! exception */\n    ++seen;"),
    "goto": ("  counts.write(seen);", "Last:\n  counts.write(seen);\n  goto Last; /*! goto */"),
    "printf": ("    ++seen;", '    ++seen;\n    std::printf("%d", seen); /*! system-call */'),
    "std::cout": ("    ++seen;", "    ++seen;\n    std::cout << seen; /*! system-call */"),
    "array of variable size": (
        "  int seen = 0;",
        "  int seen = 0;\n  int s[count]; /*! array-size */",
    ),
    "text that is no C++": ("  int seen = 0;", "  int seen = 0;\n  int = ) 3; /*! unparsed */"),
}

# In accel.cpp.
ACCEL = {
    "pragma of nobody": (
        "#pragma HLS DATAFLOW",
        "#pragma HLS DATAFLOW\n#pragma HSL INLINE off /*! pragma-unknown */",
    ),
    "option of another mode": (
        "m_axi port=other",
        "m_axi storage_impl=uram port=other /*! pragma-option */",
    ),
    "burst too long": ("burst_length=64", "burst_length=257 /*! pragma-value */"),
    "no power of two": (
        "burst_length=64",
        "burst_length=64 max_widen_bitwidth=96 /*! pragma-value */",
    ),
    "too wide": ("burst_length=64", "burst_length=64 max_widen_bitwidth=2048 /*! pragma-value */"),
    "no such offset": ("depth=1024", "depth=1024 offset=slaves /*! pragma-value */"),
    "no port": (_PORTS, f"{_UNSERVED} m_axi /*! pragma-missing */"),
    "ap_bus": (_PORTS, f"{_UNSERVED} ap_bus port=other /*! pragma-deprecated */"),
    "no such port": (_PORTS, f"{_UNSERVED} m_axi port=others /*! pragma-variable */"),
    "port without an interface": (
        "const Word* source,",
        "const Word* source, /*! interface-port */ const Word* extra,",
    ),
    "scalar at a memory port": (
        "  CONTROL(count)",
        "  CONTROL(count)\n#pragma HLS INTERFACE m_axi port=count bundle=n /*! interface-port */",
    ),
    "scalar without a register": (
        "int count, const Word*",
        "int count, int more /*! interface-port */, const Word*",
    ),
    "control at a memory port": (
        "  CONTROL(return)",
        "  CONTROL(return)\n#pragma HLS INTERFACE m_axi port=return bundle=r /*! interface-port */",
    ),
    "capitals in a bundle": ("bundle=other", "bundle=Other /*! interface-bundle */"),
    "two readers of one bundle": ("bundle=other", "bundle=source /*! interface-bundle */"),
    "second bundle of registers": (
        "  CONTROL(count)",
        "#pragma HLS INTERFACE s_axilite port=count bundle=more /*! interface-bundle */",
    ),
    "no bundle": ("m_axi port=other bundle=other", "m_axi port=other /*! interface-bundle */"),
    "partition of a port": (
        "#pragma HLS DATAFLOW",
        "#pragma HLS ARRAY_PARTITION variable=source type=complete /*! pragma-place */\n"
        "#pragma HLS DATAFLOW",
    ),
    "storage of a stream": (
        "  FIFO(Word, sums, 16)",
        "  FIFO(Word, sums, 16)\n"
        "#pragma HLS BIND_STORAGE variable=sums type=ram_2p impl=bram /*! pragma-value */",
    ),
    "packed port": (
        "#pragma HLS DATAFLOW",
        "#pragma HLS AGGREGATE variable=source compact=bit /*! pragma-value */\n"
        "#pragma HLS DATAFLOW",
    ),
    "macro in a macro's pragma": (
        "  FIFO(Word, sums, 16)",
        "  hls::stream<Word> sums;\n"
        "  TEXT_PRAGMA(HLS STREAM variable = sums depth = PLACES) /*! pragma-macro */",
    ),
    "stream of a scalar": (
        "  const int lines = 4 * PLACES;",
        "  const int lines = 4 * PLACES;\n"
        "#pragma HLS STREAM variable=lines depth=2 /*! pragma-place */",
    ),
}

# SPDX-License-Identifier: Apache-2.0
"""Dataflow regions and their streams: what is canonical, and each fault of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_sample import expected, found, lint_files

pytest.importorskip("tree_sitter_cpp", reason="the parser is absent: pip install 'hlsgen[lint]'")

STAGES = """\
typedef hls::stream<int, 2> Numbers;
void make(int count, hls::stream<int>& out) { out.write(count); }
void pass(hls::stream<int>& in, hls::stream<int>& out) { out << in.read(); }
void merge(hls::stream<int>& in, hls::stream<int>& more, hls::stream<int>& out) {
  int both;
  in >> both;
  out.write(both + more.read());
}
void take(Numbers& in, int* target) {
  if (!in.empty()) target[0] = in.read();
}
template <class Out>
void either(hls::stream<int>& in, Out& out) {
  int value = 0;
  if (in.read_nb(value)) out.write(value);
}
struct Nothing {
  void write(int) {}
};
void drop(hls::stream<int>& in) {
  Nothing nothing;
  either(in, nothing);
}
struct Counter {
  int total;
  explicit Counter(hls::stream<int>& first) : total(first.read()) {}
  void next(hls::stream<int>& in) { total += in.read(); }
};
void count(hls::stream<int>& first, hls::stream<int>& in, int* target) {
  Counter counter(first);
  counter.next(in);
  *target = counter.total;
}
void put(hls::stream<int>& in, hls::stream_of_blocks<int[4]>& out) {
  hls::write_lock<int[4]> block(out);
  block[0] = in.read();
}
void get(hls::stream_of_blocks<int[4]>& in, int* target) {
  hls::read_lock<int[4]> block(in);
  target[0] = block[0];
}
void fill(int value, int table[4]) { table[0] = value; }
void look_up(const int table[4], hls::stream<int>& in, hls::stream<int>& out) {
  out.write(table[in.read()]);
}
int twice(int value) { return 2 * value; }
"""

REGION = """\
void region(int count, const int* source, int* target) {
#pragma HLS DATAFLOW
  hls::stream<int, 4> a("a");
  hls::stream<int, 4> b("b");
%s
}
"""

GOOD = {
    "a chain": "make(count, a); pass(a, b); take(b, target);",
    "through a template": "make(count, a); either(a, b); take(b, target);",
    "into nothing": "make(count, a); pass(a, b); drop(b);",
    "through an object": "make(count, a); make(count, b); ::count(a, b, target);",
    "an array": "int t[4];\nmake(count, a); fill(count, t); look_up(t, a, b); take(b, target);",
    "a scalar for all": "make(count, a); make(count, b);\nhls::stream<int, 2> c; merge(a, b, c);\n"
    "take(c, target);",
    "elements of an array": "hls::stream<int, 2> s[2]; make(count, s[0]); pass(s[0], s[1]);\n"
    "take(s[1], target); make(count, a); pass(a, b); drop(b);",
    "a stream of blocks": "hls::stream_of_blocks<int[4], 2> c; make(count, a); pass(a, b);\n"
    "put(b, c); get(c, target);",
    "another name for a stream": "Numbers c; make(count, a); pass(a, b);\n"
    "pass(b, c); take(c, target);",
    "a depth by pragma": "hls::stream<int> c;\n#pragma HLS STREAM variable=c depth=8\n"
    "make(count, a); pass(a, b); pass(b, c); take(c, target);",
}

BAD = {
    "two producers": "make(count, a); make(2, a); /*! stream-producers */\npass(a, b); drop(b);",
    "two producers below": "make(count, a); make(2, b);\npass(a, b); /*! stream-producers */\n"
    "drop(b);",
    "two consumers": "make(count, a); pass(a, b);\ndrop(a); /*! stream-consumers */\ndrop(b);",
    "two consumers of an object": "make(count, a); pass(a, b);\n"
    "::count(a, b, target); /*! stream-consumers */",
    "two consumers of an element": "make(count, a); pass(a, b); drop(b);\n"
    "hls::stream<int, 2> s[2]; make(2, s[1]); drop(s[1]);\ndrop(s[1]); /*! stream-consumers */",
    "never read": "hls::stream<int, 2> c; /*! stream-consumers */\nmake(count, c);\n"
    "make(count, a); pass(a, b); drop(b);",
    "never written": "hls::stream<int, 2> c; /*! stream-producers */\ndrop(c);\n"
    "make(count, a); pass(a, b); drop(b);",
    "never used": "hls::stream<int, 2> c; /*! stream-unused */\n"
    "make(count, a); pass(a, b); drop(b);",
    "no depth": "hls::stream<int> c; /*! stream-depth */\nmake(count, c); drop(c);\n"
    "make(count, a); pass(a, b); drop(b);",
    "feedback": "hls::stream<int, 2> c; make(count, a);\n"
    "merge(a, c, b); /*! dataflow-feedback */\npass(b, c);",
    "out of order": "pass(a, b); /*! dataflow-feedback */\nmake(count, a); drop(b);",
    "to itself": "make(count, a); pass(a, b);\nhls::stream<int, 2> c;\n"
    "merge(b, c, c); /*! dataflow-feedback */",
    "bypass": "int t[4]; hls::stream<int, 2> c;\nbegin(t, a); pass(a, b);\n"
    "look_up(t, b, c); /*! dataflow-bypass */\ndrop(c);",
    "two readers of an array": "int t[4]; hls::stream<int, 2> c; begin(t, a);\n"
    "look_up(t, a, b);\nlook_up(t, b, c); /*! dataflow-shared *//*! dataflow-bypass */\ndrop(c);",
    "two writers of an array": "int t[4]; fill(1, t);\nfill(2, t); /*! dataflow-shared */\n"
    "make(count, a); look_up(t, a, b); drop(b);",
    "one port for two": "make(count, a); make(count, b); take(a, target);\n"
    "take(b, target); /*! dataflow-shared */",
    "an argument written, then read": "make(count, a); pass(a, b); take(b, target);\n"
    "show(target); /*! dataflow-shared */",
    "on a condition": "make(count, a); pass(a, b);\n"
    "if (count > 0) drop(b); /*! dataflow-condition */",
    "in a loop": "make(count, a); pass(a, b);\n"
    "Turns: for (int i = 0; i < 2; ++i) { /*! dataflow-condition */\n"
    "#pragma HLS UNROLL\ndrop(b);\n}",
    "a value": "make(count, a); pass(a, b); drop(b);\n"
    "int more = twice(count); /*! dataflow-returns */",
    "a value assigned": "make(count, a); pass(a, b); drop(b);\nint more;\n"
    "more = twice(count); /*! dataflow-returns */",
    "a value dropped": "make(count, a); pass(a, b); drop(b);\n"
    "twice(count); /*! dataflow-returns */",
    "something computed": "int n = count + 1; /*! dataflow-statement */\nmake(n, a);\npass(a, b);\n"
    "drop(b);",
    "a stream written by the region": "a.write(count); /*! dataflow-statement */\n"
    "pass(a, b); drop(b);",
    "a stream written by the region as well": "a.write(1); /*! dataflow-statement */\n"
    "make(count, a); pass(a, b); drop(b); /*! stream-producers */",
    "an early exit": "make(count, a); pass(a, b); drop(b);\nreturn; /*! dataflow-statement */",
}
MORE = """\
void begin(int table[4], hls::stream<int>& out) { table[0] = 1; out.write(2); }
void show(int* source) { int seen = source[0]; }
"""


def project(body: str) -> dict[str, str]:
    return {"accel.cpp": STAGES + MORE + REGION % body}


@pytest.mark.parametrize("name", GOOD)
def test_region_has_no_fault(name: str, tmp_path: Path) -> None:
    report = lint_files(tmp_path, project(GOOD[name]))
    assert report.findings == ()


@pytest.mark.parametrize("name", BAD)
def test_fault_of_a_region_is_found(name: str, tmp_path: Path) -> None:
    files = project(BAD[name])
    findings = found(lint_files(tmp_path, files))
    assert findings == expected(files)


def test_region_that_returns_a_value(tmp_path: Path) -> None:
    text = "int region(int x) { /*! dataflow-returns */\n#pragma HLS DATAFLOW\n}\n"
    files = {"accel.cpp": text}
    assert found(lint_files(tmp_path, files)) == expected(files)


def test_kernel_of_several_processes_is_a_region(tmp_path: Path) -> None:
    head = 'extern "C" void kernel(hls::stream<int>& in, int* target) {%s\n'
    ports = (
        "#pragma HLS INTERFACE m_axi port=target bundle=target depth=4\n"
        "#pragma HLS INTERFACE s_axilite port=target\n#pragma HLS INTERFACE s_axilite port=return\n"
    )
    both = "int t[4];\nfill(1, t);\nshow(t);\ntarget[0] = in.read();\n}\n"
    one = "take(in, target);\n}\n"
    texts = (head % "" + ports + one, head % " /*! dataflow-missing */" + ports + both)
    for text in texts:
        files = {"accel.cpp": STAGES + MORE + text}
        assert found(lint_files(tmp_path, files)) == expected(files)


def test_tasks_need_no_region(tmp_path: Path) -> None:
    text = (
        'extern "C" void kernel(hls::stream<int>& in, hls::stream<int>& out) {\n'
        "#pragma HLS INTERFACE ap_ctrl_none port=return\n"
        "  static hls::stream<int, 2> a;\n"
        "  hls::task first(pass, in, a);\n  hls::task second(pass, a, out);\n}\n"
    )
    files = {"accel.cpp": STAGES + text}
    rules = {rule for _, _, rule in found(lint_files(tmp_path, files))}
    assert "dataflow-missing" not in rules


LOOP = """\
void region(int count, int* target) {
  Turns:
  for (%s) { /*! dataflow-loop */
#pragma HLS LOOP_TRIPCOUNT max=8
#pragma HLS DATAFLOW
    hls::stream<int, 2> a;
    make(1, a);
    take(a, target);
  }
}
"""


@pytest.mark.parametrize(
    ("head", "canonical"),
    [
        ("int i = 0; i < count; ++i", True),
        ("int i = 0; i < 8; i++", True),
        ("int i = 1; i < count; ++i", False),
        ("int i = 0; i < count; i += 2", False),
        ("int i = 0; i < target[0]; ++i", False),
    ],
)
def test_loop_of_a_region(head: str, canonical: bool, tmp_path: Path) -> None:
    files = {"accel.cpp": STAGES + LOOP % head}
    assert found(lint_files(tmp_path, files)) == ([] if canonical else expected(files))


def test_array_that_says_how_long_it_is_needs_no_depth(tmp_path: Path) -> None:
    text = (
        'extern "C" void kernel(int table[%s]) {\n'
        "#pragma HLS INTERFACE m_axi port=table bundle=table%s\n"
        "#pragma HLS INTERFACE s_axilite port=table\n#pragma HLS INTERFACE s_axilite port=return\n"
        "  table[0] = 1;\n}\n"
    )
    for size, mark in (("16", ""), ("", " /*! interface-depth */")):
        files = {"accel.cpp": text % (size, mark)}
        assert found(lint_files(tmp_path, files)) == expected(files)

# SPDX-License-Identifier: Apache-2.0
"""Two accesses of one stream in one turn of a loop at II=1, and those that exclude each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_sample import expected, found, lint_files

pytest.importorskip("tree_sitter_cpp", reason="the parser is absent: pip install 'hlsgen[lint]'")

TEXT = """\
struct Place {
  int left;
  bool last;
  bool ends() const { return left == 0; }
  void next() { --left; }
};
void forward(bool wanted, hls::stream<int>& from, hls::stream<int>& to) {
  if (!wanted) return;
  to.write(from.read()); %s
}
template <class Out>
void send(int value, Out& to) { to.write(value); %s
}
void step(int limit, Place place, hls::stream<int>& in, hls::stream<int>& out) {
  bool odd = false;
  int seen = 0;
  Steps:
  for (int i = 0; i < limit; ++i) {
#pragma HLS PIPELINE II=%s
#pragma HLS LOOP_TRIPCOUNT max=9
%s
  }
}
"""

GOOD = {
    "one of each": "out.write(in.read());",
    "branches": "if (i < 4) out.write(1); else out.write(2);",
    "branches of branches": "if (i < 4) { if (odd) out.write(1); } else if (odd) out.write(2);",
    "a condition and its opposite": "if (odd) out.write(1);\nif (!odd) out.write(2);",
    "a comparison and its opposite": "if (i < 4) out.write(1);\nif (4 <= i) out.write(2);",
    "parts of conditions": "if (odd && i < 4) out.write(1);\nif (!odd && i < 5) out.write(2);",
    "values": "if (i == 4) out.write(1);\nif (i == 5) out.write(2);",
    "a named condition": "const bool first = odd && i == 0;\nif (first) out.write(1);\n"
    "if (!odd) out.write(2);",
    "behind a way out": "if (odd) { out.write(1); continue; }\nout.write(2);",
    "the sides of a choice": "seen = odd ? in.read() : 0;\nif (!odd) seen = in.read();",
    "cases": "switch (i) {\n case 0: out.write(1); break;\n case 1: out.write(2); break;\n"
    " default: out.write(3);\n}",
    "in functions": "forward(odd, in, out);\nif (!odd) send(3, out);",
    "by an argument": "forward(odd && i < 4, in, out);\nforward(!odd, in, out);",
    "a member that is set once": "Place there;\nthere.last = odd && i == 4;\n"
    "if (there.last) out.write(1);\nif (!odd) out.write(2);",
    "a method that changes nothing": "if (place.ends()) out.write(1);\n"
    "if (!place.ends()) out.write(2);",
    "two streams": "in.read(); out.write(1);",
    "a question": "if (!in.empty()) out.write(in.read());",
}

BAD = {
    "twice": "out.write(1);\nout.write(2); /*! stream-twice */",
    "read twice": "seen = in.read();\nseen += in.read(); /*! stream-twice */",
    "by operators": "out << 1;\nout << 2; /*! stream-twice */",
    "on conditions of their own": "if (i < 4) out.write(1);\n"
    "if (odd) out.write(2); /*! stream-twice */",
    "on overlapping ranges": "if (i < 4) out.write(1);\n"
    "if (i > 2) out.write(2); /*! stream-twice */",
    "in a branch and behind it": "if (odd) out.write(1); else ++seen;\n"
    "out.write(2); /*! stream-twice */",
    "on a condition that changed": "if (odd) out.write(1);\nodd = !odd;\n"
    "if (!odd) out.write(2); /*! stream-twice */",
    "behind a method that changes it": "if (place.ends()) out.write(1);\nplace.next();\n"
    "if (!place.ends()) out.write(2); /*! stream-twice */",
    "half of an opposite": "if (odd && i < 4) out.write(1);\n"
    "if (!(odd && i < 5)) out.write(2); /*! stream-twice */",
}


def project(body: str, interval: str = "1", forward: str = "", send: str = "") -> dict[str, str]:
    return {"accel.cpp": TEXT % (forward, send, interval, body)}


@pytest.mark.parametrize("name", GOOD)
def test_accesses_that_exclude_each_other(name: str, tmp_path: Path) -> None:
    assert found(lint_files(tmp_path, project(GOOD[name]))) == []


@pytest.mark.parametrize("name", BAD)
def test_two_accesses_in_a_turn_are_found(name: str, tmp_path: Path) -> None:
    files = project(BAD[name])
    assert found(lint_files(tmp_path, files)) == expected(files)


def test_second_access_in_a_function_is_found_there(tmp_path: Path) -> None:
    mark = "/*! stream-twice */"
    for body, forward, send in (
        ("out.write(1);\nforward(odd, in, out);", mark, ""),
        ("out.write(1);\nsend(2, out);", "", mark),
    ):
        files = project(body, forward=forward, send=send)
        assert found(lint_files(tmp_path, files)) == expected(files)


@pytest.mark.parametrize("interval", ["2", "limit"])
def test_loops_of_another_interval_may(interval: str, tmp_path: Path) -> None:
    rules = {rule for _, _, rule in found(lint_files(tmp_path, project(BAD["twice"], interval)))}
    assert "stream-twice" not in rules

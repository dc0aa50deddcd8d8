# SPDX-License-Identifier: Apache-2.0
"""Constants of templates as numbers, and whether arithmetic is that of integers or floats."""

from __future__ import annotations

import pytest

pytest.importorskip("tree_sitter_cpp", reason="the parser is absent: pip install 'hlsgen[lint]'")

from hlsgen.lint.context import Context, read_context
from hlsgen.lint.declarations import Function
from hlsgen.lint.preprocess import Source
from hlsgen.lint.syntax import below, part, text_of

TEXT = """\
struct Small { static constexpr int kLanes = 8; static constexpr bool kWide = false; };
struct Large { static constexpr int kLanes = 1 << 4; static constexpr bool kWide = true; };
constexpr int larger(int a, int b) { return a > b ? a : b; }
constexpr int halvings(int n) { return n <= 1 ? 0 : 1 + halvings(n / 2); }
constexpr int endless(int n) { return endless(n + 1); }
namespace sizes { constexpr int kMost = 3 * 7; }
template <class Config, int More = 2>
struct Sizes {
  static constexpr int kLanes = Config::kLanes;
  static constexpr int kBits = halvings(kLanes) + More;
  static constexpr int kWords = Config::kWide ? larger(kBits, 5) : -7 / 2;
};
template <class Token>
using Row = hls::vector<Token, 4>;
typedef unsigned int Bits;
struct Pair { half first; Row<float> rest; };
float root(float x) { return x; }
template <class Config, int Turns>
void inner(int count) {
  const int twice = 2 * Turns;
  leaf(count);
}
template <class Config>
void outer(int count) { inner<Config, Config::kLanes + 1>(count); }
void top(int count, double wide, Pair pair, Bits bits, Row<half>& row) {
  float plain = 1.5f;
  auto same = plain;
  outer<Small>(count);
  outer<Large>(count);
  see(EXPRESSIONS);
}
"""


def read(expressions: str = "") -> Context:
    text = TEXT.replace("EXPRESSIONS", expressions)
    places = tuple(("top.cpp", row + 1) for row in range(text.count("\n")))
    return read_context(Source("top.cpp", text.encode(), places, {"PLACES": "4 * 4"}))


def function(context: Context, name: str) -> Function:
    return next(each for each in context.unit.functions if each.name == name)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3", (3,)),
        ("0x10u + 010", (24,)),
        ("PLACES - 1", (15,)),
        ("Config::kLanes", (8, 16)),
        ("Sizes<Config, 2>::kBits", (5, 6)),
        ("Sizes<Config>::kBits", ()),  # defaults are not looked at
        ("Sizes<Large, 3>::kWords", (7,)),
        ("Sizes<Config, 0>::kWords", (-3, 5)),
        ("Sizes<Small, 2>::kWords", (-3,)),
        ("Turns * 2", (18, 34)),
        ("twice", (18, 34)),
        ("sizes::kMost % 4", (1,)),
        ("larger(Turns, 12)", (12, 17)),
        ("static_cast<int>(Turns) << 1", (18, 34)),
        ("count", ()),
        ("1 / 0", ()),
        ("endless(1)", ()),
        ("Config::kLanes +", ()),
        ("Other::kLanes", ()),
    ],
)
def test_what_a_constant_stands_for(text: str, values: tuple[int, ...]) -> None:
    context = read()
    inner = function(context, "inner")
    at = next(below(inner.body, "call_expression"))
    assert context.values.of_text(inner, text, at) == values


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("count + 1", "integer"),
        ("count * 1.0f", "float"),
        ("1.0 * plain", "double"),
        ("wide - plain", "double"),
        ("pair.first * pair.first", "half"),
        ("pair.rest[2]", "float"),
        ("row[count] + 1", "half"),
        ("bits >> 2", "integer"),
        ("root(count) / 2", "float"),
        ("same", "float"),
        ("static_cast<float>(bits)", "float"),
        ("(double)count", "double"),
        ("ap_uint<4>(wide)", "integer"),
        ("plain < wide", "integer"),
        ("count ? plain : wide", "double"),
        ("unknown + 1", None),
    ],
)
def test_kind_of_an_expression(text: str, kind: str | None) -> None:
    context = read(text)
    top = function(context, "top")
    see = [
        each
        for each in below(top.body, "call_expression")
        if text_of(part(each, "function")) == "see"
    ]
    given = part(see[0], "arguments")
    assert given is not None
    assert context.kinds.of(top, given.named_children[0]) == kind

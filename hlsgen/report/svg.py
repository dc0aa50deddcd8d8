# SPDX-License-Identifier: Apache-2.0
"""Drawings as lists of marks, which a template writes as SVG; axes and their ticks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .bounds import BOUNDS

WIDE, NARROW = 896, 356
"""Widths in CSS pixels that each figure is drawn for: a desk's and a phone's."""

LETTER = 7.0
"""Width of a letter of a figure's text, in CSS pixels; less in most fonts."""


@dataclass
class Figure:
    """title: what it shows, in a sentence, for those who can't see it. Marks are drawn in order;
    coordinates in CSS pixels, y downwards. key: what short signs in it stand for."""

    width: float
    title: str
    height: float = 0.0
    marks: list[dict[str, Any]] = field(default_factory=list)
    key: list[tuple[str, str]] = field(default_factory=list)

    def rect(
        self, x: float, y: float, w: float, h: float, kind: str, tip: str = "", radius: float = 0
    ) -> None:
        """tip: shown by the pointer."""
        shape = {"x": x, "y": y, "width": max(w, 0.0), "height": h}
        self._add("rect", shape | ({"rx": radius} if radius else {}), kind, tip)

    def bar(self, x: float, y: float, w: float, h: float, bound: str, tip: str = "") -> None:
        """A rectangle in the colour of a bound, with its texture."""
        self.rect(x, y, w, h, f"b-{bound}", tip)
        lines = hatching(x, y, w, h, BOUNDS[bound].texture)
        if lines:
            self._add("path", {"d": lines}, "texture")

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "rule") -> None:
        """A straight one."""
        self._add("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2}, kind)

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """y: of the baseline."""
        self._add("text", {"x": x, "y": y, "text-anchor": anchor}, kind, text=text)

    def path(self, points: Sequence[tuple[float, float]], kind: str, dashes: str = "") -> None:
        """Straight pieces from point to point."""
        listed = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        shape = {"points": listed} | ({"stroke-dasharray": dashes} if dashes else {})
        self._add("polyline", shape, kind)

    def shape(
        self, x: float, y: float, corners: Sequence[tuple[float, float]], kind: str, tip: str = ""
    ) -> None:
        """A polygon around x, y; a disc without corners."""
        if not corners:
            self.dot(x, y, 4.5, kind, tip)
            return
        listed = " ".join(f"{number(x + right)},{number(y + down)}" for right, down in corners)
        self._add("polygon", {"points": listed}, kind, tip)

    def dot(self, x: float, y: float, radius: float, kind: str, tip: str = "") -> None:
        """A disc."""
        self._add("circle", {"cx": x, "cy": y, "r": radius}, kind, tip)

    def _add(
        self, tag: str, shape: dict[str, Any], kind: str, tip: str = "", text: str = ""
    ) -> None:
        attributes = {
            key: number(value) if isinstance(value, (int, float)) else value
            for key, value in shape.items()
        }
        if kind:
            attributes["class"] = kind
        self.marks.append({"tag": tag, "attributes": attributes, "tip": tip, "text": text})


def hatching(x: float, y: float, w: float, h: float, texture: str, gap: float = 4.5) -> str:
    """An SVG path of a texture's lines within a rectangle, `gap` apart; "" for one too small."""
    if min(w, h) < 2:
        return ""
    found = []
    for letter in texture:
        if letter == "-":
            found += [(x, y + down, x + w, y + down) for down in _steps(gap / 2, h, gap)]
        elif letter == "|":
            found += [(x + right, y, x + right, y + h) for right in _steps(gap / 2, w, gap)]
        else:  # diagonals: the corners that one passes are where it enters and leaves the rectangle
            for way in _steps(gap * 0.7, w + h, gap * 1.4):
                top, left = (min(way, w), max(way - w, 0)), (max(way - h, 0), min(way, h))
                ends = (
                    (top, left) if letter == "/" else ((w - top[0], top[1]), (w - left[0], left[1]))
                )
                found.append((x + ends[0][0], y + ends[0][1], x + ends[1][0], y + ends[1][1]))
    return "".join(
        f"M{number(x1)},{number(y1)}L{number(x2)},{number(y2)}" for x1, y1, x2, y2 in found
    )


def _steps(first: float, end: float, step: float) -> Iterator[float]:
    while first < end:
        yield first
        first += step


def number(value: float) -> str:
    """With at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def ticks(most: float, about: int = 5) -> list[float]:
    """Round steps from 0 to the first at or above `most`, which is above 0."""
    raw = most / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(each for each in (1, 2, 5, 10) if each * power >= raw * (1 - 1e-9))
    return [n * step for n in range(math.ceil(most / step - 1e-9) + 1)]


def decades(low: float, high: float) -> Iterator[float]:
    """Powers of ten from at or below `low` to at or above `high`, both above 0."""
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        yield 10.0**power


def short(value: float) -> str:
    """`12.3 k`, `4 M`: for axes."""
    for limit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {letter}"
    return f"{value:.3g}"


def cut(text: str, width: float) -> str:
    """As much of the end of a text, where names differ, as stands in `width` pixels."""
    fits = max(2, int(width / LETTER))
    return text if len(text) <= fits else f"…{text[1 - fits :]}"

# SPDX-License-Identifier: Apache-2.0
"""Drawings as lists of marks, which a template writes as SVG; axes and their ticks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDE, NARROW = 896, 356
"""Widths in CSS pixels that each figure is drawn for: a desk's and a phone's."""

LETTER = 7.0
"""Width of a letter of a figure's text, in CSS pixels; less in most fonts."""


@dataclass
class Figure:
    """title: what it shows, in a sentence, for those who can't see it. Marks are drawn in order;
    coordinates in CSS pixels, y downwards."""

    width: float
    title: str
    height: float = 0.0
    marks: list[dict[str, Any]] = field(default_factory=list)

    def rect(
        self, x: float, y: float, w: float, h: float, kind: str, tip: str = "", radius: float = 0
    ) -> None:
        """tip: shown by the pointer."""
        shape = {"x": x, "y": y, "width": max(w, 0.0), "height": h}
        self._add("rect", shape | ({"rx": radius} if radius else {}), kind, tip)

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

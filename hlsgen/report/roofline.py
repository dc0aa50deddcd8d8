# SPDX-License-Identifier: Apache-2.0
"""The roofline: every product of a step below the array's peak and the memory's bandwidths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..schedule.step import STAGES
from .bounds import BOUNDS
from .svg import LETTER, Figure, decades, short

Json = Mapping[str, Any]
Box = tuple[float, float, float, float]
Point = tuple[float, float]

_NEAR = 7.0
"""Points of one bound nearer than this, in CSS pixels, are one mark."""


@dataclass(frozen=True)
class LogScale:
    """From values `low` to `high`, above 0, to pixels `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        part = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Powers of ten; over fewer than two of them also their doubles and fives."""
        wide = self.high / self.low >= 100
        steps = (1,) if wide else (1, 2, 5)
        found = [step * ten for ten in decades(self.low, self.high) for step in steps]
        return [tick for tick in found if self.low <= tick <= self.high]


@dataclass
class Names:
    """Texts between `left` and `right` that meet neither each other nor what is `taken`; lines only
    where nothing else is free."""

    left: float
    right: float
    top: float
    bottom: float
    taken: list[Box] = field(default_factory=list)
    lines: list[Box] = field(default_factory=list)

    def line(self, start: Point, end: Point) -> None:
        """A line that texts had better not cross."""
        steps = int(math.dist(start, end) / 8) + 1
        for step in range(steps + 1):
            x, y = (a + step / steps * (b - a) for a, b in zip(start, end, strict=True))
            self.lines.append((x - 3, y - 3, x + 3, y + 3))

    def put(self, figure: Figure, text: str, wanted: Sequence[tuple[float, float, str]]) -> bool:
        """At the first of `wanted`, x, y and anchor, that is free; False where none is."""
        found = self.free(text, wanted)
        if found is not None:
            figure.text(*found[:2], text, "label", found[2])
        return found is not None

    def free(
        self, text: str, wanted: Sequence[tuple[float, float, str]], crossing: bool = True
    ) -> tuple[float, float, str] | None:
        """The first of `wanted` that is free, from now on taken. crossing: on a line, at the
        worst."""
        size = len(text) * LETTER
        for avoided in ([*self.taken, *self.lines], self.taken)[: 1 + crossing]:
            for x, y, anchor in wanted:
                start = x - {"start": 0.0, "middle": size / 2, "end": size}[anchor]
                box = (start, y - 10, start + size, y + 3)
                if box[0] < self.left or box[2] > self.right + 1:
                    continue
                if box[1] < self.top or box[3] > self.bottom:
                    continue
                if not any(_meet(box, other) for other in avoided):
                    self.taken.append(box)
                    return x, y, anchor
        return None


@dataclass
class Mark:
    """Products that lie together: where, their bound, and each one's document, with the places of
    its layer and stage."""

    x: float
    y: float
    bound: str
    products: list[Json]

    @property
    def names(self) -> str:
        """`a FF`; of several `FF of a, b; BP of c`."""
        if len(self.products) == 1:
            return f"{self.products[0]['layer']} {self.products[0]['stage']}"
        by_stage: dict[str, list[str]] = {}
        for each in sorted(self.products, key=lambda one: (one["stage_place"], one["place"])):
            by_stage.setdefault(each["stage"], []).append(each["layer"])
        return "; ".join(f"{stage} of {', '.join(names)}" for stage, names in by_stage.items())


def roofline(told: Json, width: float) -> Figure:
    """Throughput over arithmetic intensity, both logarithmic, under the array's peak and the
    memory's bandwidths. Marks without room for their name have a number, which the key explains."""
    figure = Figure(width, "Roofline: modelled throughput of each product over its intensity")
    points, peak = told["points"], told["peak_gops"]
    left, right, top, height = 50.0, 14.0, 22.0, 340.0
    x_ends = [each["ops_per_byte"] for each in points] + [peak / told["bank_gb_per_s"]]
    y_ends = [each["gops"] for each in points] + [peak]
    x = LogScale(min(x_ends) / 1.6, max(x_ends) * 1.9, left, width - right)
    y = LogScale(min(y_ends) / 1.6, max(y_ends) * 2.2, top + height, top)
    for tick in x.ticks():
        figure.line(x(tick), top, x(tick), top + height, "grid")
        figure.text(x(tick), top + height + 16, short(tick), "tick", "middle")
    for tick in y.ticks():
        figure.line(left, y(tick), width - right, y(tick), "grid")
        figure.text(left - 6, y(tick) + 4, short(tick), "tick", "end")
    figure.text(0, top - 10, "GOPS of kept weights", "tick")
    axis = "operations a byte of device memory"
    figure.text(width - right, top + height + 34, axis, "tick", "end")
    names = Names(left + 2, width - right, top, top + height)
    marks = marks_of(points, x, y)
    names.taken += [(mark.x - 5, mark.y - 5, mark.x + 5, mark.y + 5) for mark in marks]
    _ceilings(figure, told, x, y, names)
    _points(figure, marks, names)
    figure.height = top + height + 42
    return figure


def _ceilings(figure: Figure, told: Json, x: LogScale, y: LogScale, names: Names) -> None:
    peak, rates = told["peak_gops"], [(told["memory_gb_per_s"], told["banks"], "roof")]
    if told["banks"] > 1:
        rates.append((told["bank_gb_per_s"], 1, "roof faint"))
    knee = min(max(x.low, peak / told["memory_gb_per_s"]), x.high)
    figure.line(x(knee), y(peak), x(x.high), y(peak), "roof")
    names.line((x(knee), y(peak)), (x(x.high), y(peak)))
    over = y(peak) - 8
    wanted = [(x(knee) + 4, over, "start"), (x(x.high), over, "end"), (x(knee) - 4, over, "end")]
    names.put(figure, f"array: {peak:,.0f} GOPS", wanted)
    for rate, banks, kind in rates:
        start, end = max(x.low, y.low / rate), min(peak / rate, x.high)
        if start >= end:
            continue
        ends = (x(start), y(start * rate)), (x(end), y(end * rate))
        figure.path(ends, kind)
        names.line(*ends)
        text = f"{banks} bank{'' if banks == 1 else 's'}: {rate:,.0f} GB/s"
        wanted = []
        for part in (0.3, 0.15, 0.5, 0.7, 0.85):
            at = [a + part * (b - a) for a, b in zip(*ends, strict=True)]
            wanted += [(at[0] - 8, at[1] - 6, "end"), (at[0] + 10, at[1] + 14, "start")]
        names.put(figure, text, wanted)


def marks_of(points: Sequence[Json], x: LogScale, y: LogScale) -> list[Mark]:
    """The points, those of one bound together that can't be told apart; from left to right."""
    found: list[Mark] = []
    layers = list(dict.fromkeys(each["layer"] for each in points))
    placed = [
        {
            **each,
            "place": layers.index(each["layer"]),
            "stage_place": STAGES.index(each["stage"]),
        }
        for each in points
    ]
    for each in sorted(placed, key=lambda point: point["ops_per_byte"]):
        at = x(each["ops_per_byte"]), y(each["gops"])
        near = (
            mark for mark in found
            if mark.bound == each["bound"] and math.dist((mark.x, mark.y), at) < _NEAR
        )  # fmt: skip
        if (mark := next(near, None)) is not None:
            mark.products.append(each)
        else:
            found.append(Mark(*at, each["bound"], [each]))
    return found


def _points(figure: Figure, marks: Sequence[Mark], names: Names) -> None:
    """Each mark with its name, or with a number that the figure's key explains."""
    for mark in marks:
        tip = f"{mark.names}: {mark.bound} bound, " + "; ".join(
            f"{each['ops_per_byte']:,.1f} operations a byte, {each['gops']:,.1f} GOPS"
            for each in mark.products[:1]
        )
        figure.shape(mark.x, mark.y, BOUNDS[mark.bound].shape, f"b-{mark.bound} point", tip)
    numbered = []
    for mark in sorted(marks, key=lambda each: len(each.products)):
        if len(mark.products) > 1 or not names.put(figure, mark.names, _around(mark)):
            numbered.append(mark)
    numbered.sort(key=lambda mark: mark.x)
    for number, mark in enumerate(numbered, 1):
        _number(figure, mark, str(number), names)
        figure.key.append((str(number), mark.names))


def _number(figure: Figure, mark: Mark, text: str, names: Names) -> None:
    """Beside the mark, or as far off as it must be, with a line to it."""
    if (found := names.free(text, _around(mark), crossing=False)) is not None:
        figure.text(*found[:2], text, "label", found[2])
        return
    for off in range(16, 160, 8):
        wanted = [
            (mark.x + off * math.sin(turn / 8 * math.tau),
             mark.y - off * math.cos(turn / 8 * math.tau) + 4, "middle")
            for turn in (0, 4, 1, 7, 3, 5, 2, 6)
        ]  # fmt: skip
        if (found := names.free(text, wanted, crossing=False)) is not None:
            end = (found[0], found[1] + 2 if found[1] < mark.y else found[1] - 11)
            figure.line(mark.x, mark.y, *end, "leader")
            figure.text(*found[:2], text, "label", "middle")
            return
    names.put(figure, text, _around(mark))


def _around(mark: Mark) -> list[tuple[float, float, str]]:
    px, py = mark.x, mark.y
    return [(px + 8, py + 4, "start"), (px - 8, py + 4, "end"), (px, py - 8, "middle"),
            (px, py + 18, "middle"), (px + 6, py + 16, "start"), (px - 6, py + 16, "end"),
            (px + 6, py - 7, "start"), (px - 6, py - 7, "end")]  # fmt: skip


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

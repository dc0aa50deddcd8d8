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
Place = tuple[float, float, str]
"""x, y and anchor of a text."""

_NEAR = 7.0
"""Points of one bound nearer than this, in CSS pixels, are one mark."""
_CLEAR = 26.0
"""Pixels from a mark at which the name of a ceiling takes no room from it."""


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
    """Texts between `left` and `right` that meet neither each other, nor what is `taken`, nor a
    line. marks: of the figure; a text beside one is nearer to it than to any other."""

    left: float
    right: float
    top: float
    bottom: float
    marks: Sequence[Point] = ()
    taken: list[Box] = field(default_factory=list)
    lines: list[Box] = field(default_factory=list)

    def line(self, start: Point, end: Point) -> None:
        """A line that texts do not cross."""
        self.lines += _along(start, end)

    def put(self, figure: Figure, text: str, wanted: Sequence[Place], at: Point | None) -> bool:
        """At the first of `wanted` that is free; False where none is."""
        found = self.free(text, wanted, at)
        if found is not None:
            figure.text(*found[:2], text, "label", found[2])
        return found is not None

    def free(self, text: str, wanted: Sequence[Place], at: Point | None) -> Place | None:
        """The first of `wanted` that is free, from now on taken. at: the mark that it is of, None
        for a text of none."""
        for x, y, anchor in wanted:
            box = _box(text, (x, y, anchor))
            if box[0] < self.left or box[2] > self.right + 1:
                continue
            if box[1] < self.top or box[3] > self.bottom:
                continue
            if any(_meet(box, other) for other in (*self.taken, *self.lines)):
                continue
            if at is None or not self._strays(box, at):
                self.taken.append(box)
                return x, y, anchor
        return None

    def led(self, text: str, at: Point, crossing: bool) -> tuple[Place, Point] | None:
        """A free place farther off, and where the line to it ends, which meets nothing else, unless
        `crossing`."""
        others = [box for box in self.taken if not crossing and not _meet(box, (*at, *at))]
        for off in range(16, 160, 6):
            for turn in (0, 8, 2, 14, 6, 10, 4, 12, 1, 15, 7, 9, 3, 13, 5, 11):
                angle = turn / 16 * math.tau
                x, y = at[0] + off * math.sin(angle), at[1] - off * math.cos(angle) + 4
                end = (x, y + 2 if y < at[1] else y - 11)
                if any(_meet(part, box) for part in _along(at, end, 1) for box in others):
                    continue
                if (found := self.free(text, [(x, y, "middle")], None)) is not None:
                    self.line(at, end)
                    return found, end
        return None

    def roomy(self, text: str, wanted: Sequence[Place]) -> list[Place]:
        """Those far from the marks first, which need the room beside them."""

        def near(place: Place) -> float:
            return min((_away(_box(text, place), mark) for mark in self.marks), default=_CLEAR)

        return sorted(wanted, key=lambda place: -min(near(place), _CLEAR))

    def _strays(self, box: Box, at: Point) -> bool:
        """Whether a text there could be taken for another mark's."""
        own = _away(box, at)
        return any(_away(box, other) < own + 3 for other in self.marks if other != at)


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
    marks = marks_of(points, x, y)
    at = [(mark.x, mark.y) for mark in marks]
    names = Names(left + 2, width - right, top, top + height, at)
    names.taken += [(px - 5, py - 5, px + 5, py + 5) for px, py in at]
    _ceilings(figure, told, x, y, names)
    _points(figure, marks, names)
    figure.height = top + height + 42
    return figure


def _ceilings(figure: Figure, told: Json, x: LogScale, y: LogScale, names: Names) -> None:
    """Their lines, then their names, which cross none; in the key where there is no room."""
    peak, rates = told["peak_gops"], [(told["memory_gb_per_s"], told["banks"], "roof")]
    if told["banks"] > 1:
        rates.append((told["bank_gb_per_s"], 1, "roof faint"))
    knee = min(max(x.low, peak / told["memory_gb_per_s"]), x.high)
    flat = (x(knee), y(peak)), (x(x.high), y(peak))
    figure.line(*flat[0], *flat[1], "roof")
    drawn = [(flat, f"array: {peak:,.0f} GOPS", "—")]
    for rate, banks, kind in rates:
        start, end = max(x.low, y.low / rate), min(peak / rate, x.high)
        if start >= end:
            continue
        ends = (x(start), y(start * rate)), (x(end), y(end * rate))
        figure.path(ends, kind)
        text = f"{banks} bank{'' if banks == 1 else 's'}: {rate:,.0f} GB/s"
        drawn.append((ends, text, "- -" if "faint" in kind else "—"))
    for ends, _, _ in drawn:
        names.line(*ends)
    for ends, text, sign in drawn:
        wanted = names.roomy(text, _beside(*ends, below="-" in sign))
        if not names.put(figure, text, wanted, None):
            figure.key.append((sign, text))


def _beside(start: Point, end: Point, below: bool) -> list[Place]:
    """Places for the name of a line that rises to the right or is flat. below: at first there."""
    found: dict[bool, list[Place]] = {False: [], True: []}
    for percent in (30, 20, 40, 10, 50, 60, 70, 80, 90, 5, 95):
        px, py = (a + percent / 100 * (b - a) for a, b in zip(start, end, strict=True))
        if start[1] == end[1]:
            found[False] += [(px, py - off, "middle") for off in (8, 16, 24)]
        else:
            found[False] += [(px - 8, py - 6, "end")]
            found[True] += [(px + 10, py + 14, "start")]
    return found[below] + found[not below]


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
        if len(mark.products) > 1 or not names.put(figure, mark.names, *_around(mark)):
            numbered.append(mark)
    numbered.sort(key=lambda mark: mark.x)
    for number, mark in enumerate(numbered, 1):
        _number(figure, mark, str(number), names)
        figure.key.append((str(number), mark.names))


def _number(figure: Figure, mark: Mark, text: str, names: Names) -> None:
    """Beside the mark, or as far off as it must be, with a line to it."""
    if names.put(figure, text, *_around(mark)):
        return
    for crossing in (False, True):
        if (found := names.led(text, (mark.x, mark.y), crossing)) is not None:
            place, end = found
            figure.line(mark.x, mark.y, *end, "leader")
            figure.text(*place[:2], text, "label", place[2])
            return
    figure.text(mark.x, mark.y - 8, text, "label", "middle")  # over what is there, but never lost


def _around(mark: Mark) -> tuple[list[Place], Point]:
    """Places beside a mark, and where it is."""
    px, py = mark.x, mark.y
    return [(px + 8, py + 4, "start"), (px - 8, py + 4, "end"), (px, py - 8, "middle"),
            (px, py + 18, "middle"), (px + 6, py + 16, "start"), (px - 6, py + 16, "end"),
            (px + 6, py - 7, "start"), (px - 6, py - 7, "end")], (px, py)  # fmt: skip


def _box(text: str, place: Place) -> Box:
    """What a text covers."""
    x, y, anchor = place
    size = len(text) * LETTER
    start = x - {"start": 0.0, "middle": size / 2, "end": size}[anchor]
    return start, y - 10, start + size, y + 3


def _along(start: Point, end: Point, half: float = 3) -> list[Box]:
    """Small boxes on a line, which leave no gap."""
    steps = int(math.dist(start, end) / (2 * half)) + 1
    middles = (
        [a + step / steps * (b - a) for a, b in zip(start, end, strict=True)]
        for step in range(steps + 1)
    )
    return [(x - half, y - half, x + half, y + half) for x, y in middles]


def _away(box: Box, point: Point) -> float:
    """From a box to a point outside it."""
    x, y = point
    return math.hypot(max(box[0] - x, 0, x - box[2]), max(box[1] - y, 0, y - box[3]))


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

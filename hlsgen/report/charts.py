# SPDX-License-Identifier: Apache-2.0
"""Figures of a step's cycles: bars, the roofline, the timeline; and of accuracy over epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .svg import LETTER, Figure, cut, decades, short, ticks

Json = Mapping[str, Any]
Box = tuple[float, float, float, float]
Point = tuple[float, float]

_LANES = ("FF", "BP", "WU", "update")
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4")


def cycle_bars(layers: Sequence[Json], width: float) -> Figure:
    """A bar for each layer and stage, coloured by bound, over the outline of dense."""
    figure = Figure(width, "Modelled cycles of each layer and stage, dense beside sparse")
    longest = max(len(f"{each['layer']} {each['stage']}") for each in layers)
    left = min(longest * LETTER + 8, 0.32 * width)
    right = 104.0
    most = max(max(each["cycles"], each["dense_cycles"] or 0) for each in layers)
    steps = [step for step in ticks(most, 5 if width > 600 else 3) if step <= most]
    scale = (width - left - right) / most
    top, row = 22.0, 20.0
    bottom = top + row * len(layers)
    for step in steps:
        figure.line(left + step * scale, top - 4, left + step * scale, bottom, "grid")
        figure.text(left + step * scale, top - 8, short(step), "tick", "middle")
    for place, each in enumerate(layers):
        y = top + row * place
        name, dense = f"{each['layer']} {each['stage']}", each["dense_cycles"]
        figure.text(left - 6, y + 14, cut(name, left - 6), "label", "end")
        tip = f"{name}: {each['cycles']:,} cycles, {each['bound']} bound"
        if dense:
            figure.rect(left, y + 3, dense * scale, 14, "dense", f"{name}, dense: {dense:,} cycles")
        figure.rect(left, y + 5, max(each["cycles"] * scale, 1), 10, f"b-{each['bound']}", tip)
        end = left + max(each["cycles"], dense or 0) * scale + 5
        faster = f" · {each['speedup']:.2f}x" if each["speedup"] else ""
        figure.text(end, y + 14, f"{short(each['cycles'])}{faster}", "value")
    figure.text(left, bottom + 16, "cycles of a step; outline: dense", "tick")
    figure.height = bottom + 24
    return figure


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
    taken: list[Box] = field(default_factory=list)
    lines: list[Box] = field(default_factory=list)

    def line(self, start: Point, end: Point) -> None:
        """A line that texts had better not cross."""
        steps = int(math.dist(start, end) / 8) + 1
        for step in range(steps + 1):
            x, y = (a + step / steps * (b - a) for a, b in zip(start, end, strict=True))
            self.lines.append((x - 3, y - 3, x + 3, y + 3))

    def put(self, figure: Figure, text: str, wanted: Sequence[tuple[float, float, str]]) -> None:
        """At the first of `wanted`, x, y and anchor, that is free; nowhere where none is."""
        size = len(text) * LETTER
        for avoided in ([*self.taken, *self.lines], self.taken):
            for x, y, anchor in wanted:
                start = x - {"start": 0.0, "middle": size / 2, "end": size}[anchor]
                box = (start, y - 10, start + size, y + 3)
                if box[0] < self.left or box[2] > self.right + 1:
                    continue
                if not any(_meet(box, other) for other in avoided):
                    self.taken.append(box)
                    figure.text(x, y, text, "label", anchor)
                    return


def roofline(told: Json, width: float) -> Figure:
    """Throughput over arithmetic intensity, both logarithmic, under the array's peak and the
    memory's bandwidths."""
    figure = Figure(width, "Roofline: modelled throughput of each product over its intensity")
    points, peak = told["points"], told["peak_gops"]
    left, right, top, height = 50.0, 14.0, 18.0, 320.0
    x_ends = [each["ops_per_byte"] for each in points] + [peak / told["bank_gb_per_s"]]
    y_ends = [each["gops"] for each in points] + [peak]
    x = LogScale(min(x_ends) / 1.6, max(x_ends) * 1.9, left, width - right)
    y = LogScale(min(y_ends) / 1.6, max(y_ends) * 1.6, top + height, top)
    for tick in x.ticks():
        figure.line(x(tick), top, x(tick), top + height, "grid")
        figure.text(x(tick), top + height + 16, short(tick), "tick", "middle")
    for tick in y.ticks():
        figure.line(left, y(tick), width - right, y(tick), "grid")
        figure.text(left - 6, y(tick) + 4, short(tick), "tick", "end")
    figure.text(left, top - 6, "GOPS, kept weights", "tick")
    axis = "operations a byte of device memory"
    figure.text(width - right, top + height + 34, axis, "tick", "end")
    names = Names(left + 2, width - right)
    _ceilings(figure, told, x, y, names)
    _points(figure, points, x, y, names)
    figure.height = top + height + 42
    return figure


def _ceilings(figure: Figure, told: Json, x: LogScale, y: LogScale, names: Names) -> None:
    peak, rates = told["peak_gops"], [(told["memory_gb_per_s"], told["banks"], "roof")]
    if told["banks"] > 1:
        rates.append((told["bank_gb_per_s"], 1, "roof faint"))
    knee = min(max(x.low, peak / told["memory_gb_per_s"]), x.high)
    figure.line(x(knee), y(peak), x(x.high), y(peak), "roof")
    names.line((x(knee), y(peak)), (x(x.high), y(peak)))
    names.put(figure, f"array: {peak:,.0f} GOPS", [(x(x.high), y(peak) - 7, "end")])
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


def _points(figure: Figure, points: Sequence[Json], x: LogScale, y: LogScale, names: Names) -> None:
    """Discs, with names where there is room for them."""
    places = [(x(each["ops_per_byte"]), y(each["gops"])) for each in points]
    for each, (px, py) in zip(points, places, strict=True):
        tip = (
            f"{each['layer']} {each['stage']}: {each['ops_per_byte']:,.1f} operations a byte, "
            f"{each['gops']:,.1f} GOPS, {each['bound']} bound"
        )
        figure.dot(px, py, 4.5, f"b-{each['bound']} point", tip)
        names.taken.append((px - 4, py - 4, px + 4, py + 4))
    order = sorted(zip(points, places, strict=True), key=lambda pair: -pair[0]["gops"])
    for each, (px, py) in order:
        around = [(px + 7, py + 4, "start"), (px - 7, py + 4, "end"), (px, py - 8, "middle"),
                  (px, py + 17, "middle"), (px + 5, py + 16, "start"), (px - 5, py + 16, "end"),
                  (px + 5, py - 7, "start"), (px - 5, py - 7, "end")]  # fmt: skip
        names.put(figure, f"{each['layer']} {each['stage']}", around)


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def timeline(parts: Sequence[Json], clock_mhz: float, width: float, title: str) -> Figure:
    """Products and updates one after the other, in a lane for each stage, coloured by bound."""
    figure = Figure(width, title)
    total = parts[-1]["start"] + parts[-1]["cycles"]
    lanes = [lane for lane in _LANES if any(each["stage"] == lane for each in parts)]
    lanes += sorted({each["stage"] for each in parts} - set(_LANES))
    left, right, top, row = 50.0, 16.0, 20.0, 30.0
    ms = total / (clock_mhz * 1e3)
    steps = [step for step in ticks(ms, 8 if width > 600 else 3) if step <= ms * 1.0001]
    scale = (width - left - right) / total
    bottom = top + row * len(lanes)
    for step in steps:
        at = left + step * clock_mhz * 1e3 * scale
        figure.line(at, top - 4, at, bottom, "grid")
        figure.text(at, top - 8, f"{step:,.10g}", "tick", "middle")
    for place, lane in enumerate(lanes):
        y = top + row * place
        figure.text(left - 6, y + 19, lane, "label", "end")
        figure.line(left, y + row, width - right, y + row, "grid")
    for each in parts:
        y = top + row * lanes.index(each["stage"]) + 4
        at, size = left + each["start"] * scale, each["cycles"] * scale
        name = f"{each['layer']} {each['stage']}"
        tip = f"{name}: {each['cycles']:,} cycles from {each['start']:,} on, {each['bound']} bound"
        figure.rect(at, y, max(size - 0.6, 0.6), row - 8, f"b-{each['bound']}", tip)
        if len(each["layer"]) * LETTER + 8 < size:
            figure.text(at + size / 2, y + 15, each["layer"], "inside", "middle")
    figure.text(left, bottom + 16, f"milliseconds at {clock_mhz:g} MHz", "tick")
    figure.height = bottom + 24
    return figure


def accuracy(runs: Sequence[Json], width: float) -> Figure:
    """Test accuracy over epochs; the dashes tell methods apart, and so does each line's name."""
    figure = Figure(width, "Test accuracy of each run over its epochs")
    left, right, top, height = 44.0, 112.0, 12.0, 220.0
    last = max(each["epoch"] for run in runs for each in run["epochs"])
    low = min(each["test_accuracy"] for run in runs for each in run["epochs"])
    base = min(math.floor(low * 10), 9) / 10
    span = max(last - 1, 1)

    def at(epoch: int, value: float) -> tuple[float, float]:
        x = left + (epoch - 1) / span * (width - left - right)
        return x, top + (1 - (value - base) / (1 - base)) * height

    for step in ticks(1 - base, 5):
        if step <= 1 - base + 1e-9:
            y = at(1, base + step)[1]
            figure.line(left, y, width - right, y, "grid")
            figure.text(left - 6, y + 4, f"{100 * (base + step):.0f} %", "tick", "end")
    for epoch in sorted({1 + round(step) for step in ticks(span, 5)}):
        if epoch <= last:
            figure.text(at(epoch, 0)[0], top + height + 16, str(epoch), "tick", "middle")
    figure.text(width - right, top + height + 32, "epoch", "tick", "end")
    methods = list(dict.fromkeys(run["method"] for run in runs))
    ends: list[tuple[float, str]] = []
    for run in runs:
        points = [at(each["epoch"], each["test_accuracy"]) for each in run["epochs"]]
        dashes = _DASHES[methods.index(run["method"]) % len(_DASHES)]
        figure.path(points, "curve", dashes)
        figure.dot(
            *points[-1], 3, "curve-end", f"{run['name']}: {100 * run['test_accuracy']:.2f} %"
        )
    for method in methods:
        own = [run["test_accuracy"] for run in runs if run["method"] == method]
        mean = sum(own) / len(own)
        ends.append((at(1, mean)[1], f"{method} {100 * mean:.2f} %"))
    below = -math.inf
    for y, text in sorted(ends):
        below = max(y + 4, below + 14)
        figure.text(width - right + 8, below, text, "label")
    figure.height = top + height + 40
    return figure

# SPDX-License-Identifier: Apache-2.0
"""Figures of a step's cycles, by layer and stage and over time; and of accuracy over epochs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..schedule.step import STAGES
from .svg import LETTER, Figure, cut, short, ticks

Json = Mapping[str, Any]
Point = tuple[float, float]

COLUMNS_FROM = 700
"""Pixels from which on stages stand beside each other."""

_DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4")
_ROW = 19.0


def cycle_bars(layers: Sequence[Json], width: float) -> Figure:
    """A bar for each layer and stage, coloured by bound, over the outline of dense: stages in
    columns where there is room, else one below the other."""
    figure = Figure(width, "Modelled cycles of each layer and stage, dense beside sparse")
    if width < COLUMNS_FROM:
        _bar_list(figure, layers)
    else:
        _bar_columns(figure, layers)
    return figure


def _bar_columns(figure: Figure, layers: Sequence[Json]) -> None:
    names = list(dict.fromkeys(each["layer"] for each in layers))
    stages = _lanes(layers)
    left = min(max(len(name) for name in names) * LETTER + 10, 0.2 * figure.width)
    top, beside = 40.0, 104.0
    most = [_most([each for each in layers if each["stage"] == stage]) for stage in stages]
    scale = (figure.width - left - beside * len(stages)) / sum(most)
    starts = [left + scale * sum(most[:place]) + beside * place for place in range(len(stages))]
    for place, name in enumerate(names):
        y = top + _ROW * place
        figure.text(left - 8, y + 14, cut(name, left - 8), "label", "end")
        figure.line(0, y + _ROW, figure.width, y + _ROW, "grid")
    bottom = top + _ROW * len(names)
    for stage, x in zip(stages, starts, strict=True):
        own = [each for each in layers if each["stage"] == stage]
        figure.text(x, 12, stage, "head")
        figure.text(x, 28, _value(_sum(own)), "value")
        figure.line(x, top - 4, x, bottom, "rule")
        for each in own:
            _bar(figure, each, x, top + _ROW * names.index(each["layer"]), scale)
    figure.height = bottom + 20
    _outline_note(figure, left)


def _bar_list(figure: Figure, layers: Sequence[Json]) -> None:
    longest = max(len(f"{each['layer']} {each['stage']}") for each in layers)
    left, right, top = min(longest * LETTER + 8, 0.36 * figure.width), 92.0, 22.0
    most = _most(layers)
    scale = (figure.width - left - right) / most
    bottom = top + _ROW * len(layers)
    for step in ticks(most, 2):
        if step <= most:
            figure.line(left + step * scale, top - 4, left + step * scale, bottom, "grid")
            figure.text(left + step * scale, top - 8, short(step), "tick", "middle")
    for place, each in enumerate(layers):
        y = top + _ROW * place
        name = cut(f"{each['layer']} {each['stage']}", left - 6)
        figure.text(left - 6, y + 14, name, "label", "end")
        _bar(figure, each, left, y, scale)
    figure.height = bottom + 20
    _outline_note(figure, left)


def _bar(figure: Figure, each: Json, x: float, y: float, scale: float) -> None:
    name, dense = f"{each['layer']} {each['stage']}", each["dense_cycles"]
    if dense:
        figure.rect(x, y + 3, dense * scale, 13, "dense", f"{name}, dense: {dense:,} cycles")
    tip = f"{name}: {each['cycles']:,} cycles, {each['bound']} bound"
    figure.bar(x, y + 5, max(each["cycles"] * scale, 1.5), 9, each["bound"], tip)
    end = x + max(each["cycles"], dense or 0) * scale + 5
    figure.text(end, y + 13.5, _value(each), "value")


def _outline_note(figure: Figure, x: float) -> None:
    x = min(x, figure.width - 252)
    figure.rect(x, figure.height - 13, 22, 10, "dense")
    figure.text(x + 28, figure.height - 4, "dense, and how much longer it takes", "tick")


def _value(each: Json) -> str:
    faster = f" · {each['speedup']:.2f}x" if each["speedup"] else ""
    return f"{short(each['cycles'])}{faster}"


def _most(layers: Sequence[Json]) -> int:
    return max(max(int(each["cycles"]), int(each["dense_cycles"] or 0)) for each in layers)


def _sum(layers: Sequence[Json]) -> Json:
    """As the stages of the document, for a heading."""
    cycles = sum(each["cycles"] for each in layers)
    dense = [each["dense_cycles"] for each in layers if each["dense_cycles"]]
    return {"cycles": cycles, "speedup": sum(dense) / cycles if dense else None}


def _lanes(parts: Sequence[Json]) -> list[str]:
    """The stages that there are, the usual ones first."""
    found = dict.fromkeys(each["stage"] for each in parts)
    return [stage for stage in STAGES if stage in found] + sorted(set(found) - set(STAGES))


def timeline(parts: Sequence[Json], clock_mhz: float, width: float, title: str) -> Figure:
    """Products and updates one after the other, coloured by bound: in a lane for each stage, and
    below in one for each layer."""
    figure = Figure(width, title)
    total = parts[-1]["start"] + parts[-1]["cycles"]
    layers = list(dict.fromkeys(each["layer"] for each in parts))
    stages = _lanes(parts)
    left = min(max(len(name) for name in layers + stages) * LETTER + 16, 0.32 * width)
    top, row, gap = 24.0, 20.0, 12.0
    scale = (width - left - 16) / total
    below = top + row * len(stages) + gap
    bottom = below + (row - 4) * len(layers)
    _time_axis(figure, total / (clock_mhz * 1e3), (left, top, bottom), scale * clock_mhz * 1e3)
    figure.line(0, below - gap / 2, width - 16, below - gap / 2, "rule")
    for place, name in enumerate(stages):
        figure.text(left - 8, top + row * place + 14, name, "label strong", "end")
    for place, name in enumerate(layers):
        figure.text(left - 8, below + (row - 4) * place + 12, cut(name, left - 8), "label", "end")
    for each in parts:
        x, size = left + each["start"] * scale, each["cycles"] * scale
        name = f"{each['layer']} {each['stage']}"
        told = f"{each['cycles']:,} cycles from {each['start']:,} on, {each['bound']} bound"
        y = top + row * stages.index(each["stage"])
        size = max(size - 0.6, 0.8)
        figure.bar(x, y + 2, size, row - 4, each["bound"], f"{name}: {told}")
        y = below + (row - 4) * layers.index(each["layer"])
        figure.bar(x, y + 2, size, row - 8, each["bound"], f"{name}: {told}")
    figure.text(left, bottom + 15, f"at {clock_mhz:g} MHz", "tick")
    figure.height = bottom + 20
    return figure


def _time_axis(figure: Figure, ms: float, box: tuple[float, float, float], per_ms: float) -> None:
    """Above and through the lanes; in seconds where there are thousands of milliseconds."""
    left, top, bottom = box
    unit, name = (1e3, "s") if ms >= 1e4 else (1.0, "ms")
    for step in ticks(ms / unit, 8 if figure.width >= COLUMNS_FROM else 3):
        if step * unit <= ms * 1.0001:
            x = left + step * unit * per_ms
            figure.line(x, top - 4, x, bottom, "grid")
            figure.text(x, top - 8, f"{step:,.10g} {name}", "tick", "middle")


@dataclass(frozen=True)
class Ends:
    """The runs of one method and length, `several` of them, that end with a mean accuracy."""

    method: str
    epoch: int
    share: float
    several: int

    @property
    def name(self) -> str:
        """`bdwp 2:8 94.65 %`, and of how many it is the mean."""
        return f"{self.method} {100 * self.share:.2f} %{f' ({self.several})' * (self.several > 1)}"


def accuracy(runs: Sequence[Json], width: float) -> Figure:
    """Test accuracy over epochs: a line for each run, named with its method where it ends; the
    dashes tell methods apart, too."""
    figure = Figure(width, "Test accuracy of each run over its epochs")
    ends = _ends(runs)
    longest = max(len(each.name) for each in ends) * LETTER
    left, right, top, height = 44.0, min(longest + 12, 0.45 * width), 12.0, 220.0
    last = max(each["epoch"] for run in runs for each in run["epochs"])
    low = min(each["test_accuracy"] for run in runs for each in run["epochs"])
    lowest = _lowest_tenth(low)
    base = lowest / 10
    span = max(last - 1, 1)

    def at(epoch: int, value: float) -> Point:
        x = left + (epoch - 1) / span * (width - left - right)
        return x, top + (1 - (value - base) / (1 - base)) * height

    for tenths in range(lowest, 11, _tenths_apart(lowest)):
        y = at(1, tenths / 10)[1]
        figure.line(left, y, width - right, y, "grid")
        figure.text(left - 6, y + 4, f"{10 * tenths} %", "tick", "end")
    for epoch in sorted({1 + round(step) for step in ticks(span, 5)}):
        if epoch <= last:
            figure.text(at(epoch, 0)[0], top + height + 16, str(epoch), "tick", "middle")
    figure.text(width - right, top + height + 32, "epoch", "tick", "end")
    methods = list(dict.fromkeys(method_of(run) for run in runs))
    for run in runs:
        points = [at(each["epoch"], each["test_accuracy"]) for each in run["epochs"]]
        place = methods.index(method_of(run)) % len(_DASHES)
        figure.path(points, f"curve c{place}", _DASHES[place])
        tip = (
            f"{run['name']}: {100 * run['test_accuracy']:.2f} % after {run['epochs'][-1]['epoch']}"
        )
        figure.dot(*points[-1], 3.5, f"curve-end c{place}", tip)
    _curve_names(figure, ends, last, at)
    figure.height = top + height + 40
    return figure


def method_of(run: Json) -> str:
    """`dense`, `bdwp 2:8`, of a run or of a spec."""
    return "dense" if run["method"] == "dense" else f"{run['method']} {run['keep']}:{run['group']}"


def _lowest_tenth(accuracy: float) -> int:
    """Where the axis starts, so that steps from there on reach 100 %."""
    lowest = min(math.floor(accuracy * 10), 9)
    return lowest - (10 - lowest) % _tenths_apart(lowest)


def _tenths_apart(lowest: int) -> int:
    return 1 if lowest >= 5 else 2


def _ends(runs: Sequence[Json]) -> list[Ends]:
    """By method and length, the best first."""
    groups: dict[tuple[str, int], list[float]] = {}
    for run in runs:
        key = method_of(run), run["epochs"][-1]["epoch"]
        groups.setdefault(key, []).append(run["test_accuracy"])
    found = [Ends(*key, sum(own) / len(own), len(own)) for key, own in groups.items()]
    return sorted(found, key=lambda each: -each.share)


def _curve_names(
    figure: Figure, ends: Sequence[Ends], last: int, at: Callable[[int, float], Point]
) -> None:
    """Beside the ends of the curves; below those that end before others."""
    below: dict[int, float] = {}
    for each in ends:
        x, y = at(each.epoch, each.share)
        place = max(y + (4 if each.epoch == last else 18), below.get(each.epoch, 0) + 14)
        below[each.epoch] = place
        figure.text(x + 8, place, each.name, "label")

# SPDX-License-Identifier: Apache-2.0
"""Accuracy by epoch, one line a method with a band over the seeds: as PNG and as SVG.

The SVG takes its colours from CSS variables (see `COLOURS` and `page`), its letters stay text.
"""

from __future__ import annotations

import importlib
import io
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from ..errors import ToolMissingError
from .table import method_label, seeds_text

# Told apart by eyes of every kind (after Okabe and Ito, darkened or lightened to stand out of the
# page), and by their dashes. A method has the same colour in every plot.
COLOURS = {
    "dense": ("#3b3b3b", "#e3e3e3"),
    "sr_ste": ("#0072b2", "#56b4e9"),
    "sdgp": ("#00855f", "#2dc49a"),
    "sdwp": ("#a8478a", "#e09ac6"),
    "bdwp": ("#d55e00", "#f5914f"),
}
"""Method: its colour on a light page and on a dark one."""
INK = ("#1f2328", "#e6e8eb")
GRID = ("#d5d9de", "#3a4048")
PAPER = ("#ffffff", "#15181c")

_DASHES: dict[str, Any] = {
    "dense": (0, (5, 2)),
    "sr_ste": (0, (1.5, 1.5)),
    "sdgp": (0, (7, 2, 1.5, 2)),
    "sdwp": (0, (3, 1.5)),
    "bdwp": "solid",
}
_SIZE = (8.0, 4.5)  # inches
_LABEL_GAP = 0.058  # of the axes' height, between the labels at the lines' ends


@dataclass(frozen=True)
class Curve:
    """One method, values in percent: mean, lowest and highest over the seeds at each epoch."""

    method: str
    label: str
    epochs: tuple[int, ...]
    means: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]


@dataclass(frozen=True)
class _Theme:
    methods: dict[str, str]
    ink: str
    grid: str
    paper: str


_LIGHT = _Theme({name: pair[0] for name, pair in COLOURS.items()}, INK[0], GRID[0], PAPER[0])
# Stand-ins that no drawing uses by itself, replaced by variables in the SVG's text.
_MARKED = _Theme(
    {name: f"#0102{number:02x}" for number, name in enumerate(COLOURS, 1)},
    "#0103a1",
    "#0103a2",
    "none",
)


def require() -> None:
    """Raise ToolMissingError, with the mend, when there is no matplotlib to draw with."""
    try:
        importlib.import_module("matplotlib.figure")
    except ImportError:
        raise ToolMissingError(
            "the plot is drawn by matplotlib, which is not installed: run `pip install matplotlib`"
        ) from None


def curves(document: dict[str, Any]) -> list[Curve]:
    """What is drawn of compare.json, one a method."""
    return [_curve(summary, document["runs"]) for summary in document["summary"]]


def png(document: dict[str, Any]) -> bytes:
    """The plot for a light page. Equal documents give equal bytes."""
    figure = _draw(document, _LIGHT)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=150, metadata={"Software": None})
    return stream.getvalue()


def svg(document: dict[str, Any]) -> str:
    """The plot as an `<svg>` element that fills its parent's width.

    Colours: the CSS variables --ink, --grid and --<method>. Equal documents give equal text.
    """
    matplotlib: Any = importlib.import_module("matplotlib")
    salt = document["spec"]["sha256"][:12]
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure = _draw(document, _MARKED)
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return _inlined(stream.getvalue(), f"c{salt}-")


def band_text(document: dict[str, Any]) -> str:
    """What lines and bands are, and that some begin below the axis."""
    drawn = curves(document)
    low, _ = axis_limits(drawn)
    cut = (
        f" The axis begins at {low:.1f} %: what is lower is not shown." if _cut(drawn, low) else ""
    )
    if len(document["seeds"]) == 1:
        return f"Test accuracy after each epoch, {seeds_text(document['seeds'])}.{cut}"
    return (
        f"Test accuracy after each epoch: the mean of {seeds_text(document['seeds'])}, in a band "
        f"from the lowest to the highest.{cut}"
    )


def axis_limits(drawn: Sequence[Curve]) -> tuple[float, float]:
    """Lowest and highest percentage shown: all that happens after the first quarter of the epochs,
    where methods differ by little; the climb before it may begin below the axis."""
    shown = [
        value
        for curve in drawn
        for row in (curve.lows, curve.highs)
        for epoch, value in zip(curve.epochs, row, strict=True)
        if 4 * epoch >= curve.epochs[-1]
    ]
    low, high = min(shown), max(shown)
    margin = max(0.08 * (high - low), 0.2)
    return max(0.0, low - margin), min(high + margin, 100.0 + margin / 2)


def _cut(drawn: Sequence[Curve], low: float) -> bool:
    """Whether any value is below the axis."""
    return any(min(curve.lows) < low for curve in drawn)


def spread_labels(heights: Sequence[float], gap: float) -> list[float]:
    """Places in 0 to 1, at least `gap` apart and in the same order, near the wanted `heights`."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    places = [heights[index] for index in order]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + gap)
    ceiling = 1.0
    for index in reversed(range(len(places))):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - gap
    result = [0.0] * len(places)
    for place, index in zip(places, order, strict=True):
        result[index] = place
    return result


def _curve(summary: dict[str, Any], runs: list[dict[str, Any]]) -> Curve:
    """Epochs that only some seeds reached (an early stop) have the mean of those."""
    by_epoch: dict[int, list[float]] = {}
    for run in runs:
        if run["method"] == summary["method"]:
            for record in run["epochs"]:
                by_epoch.setdefault(record["epoch"], []).append(100 * record["test_accuracy"])
    epochs = sorted(by_epoch)
    return Curve(
        method=summary["method"],
        label=method_label(summary),
        epochs=tuple(epochs),
        means=tuple(mean(by_epoch[epoch]) for epoch in epochs),
        lows=tuple(min(by_epoch[epoch]) for epoch in epochs),
        highs=tuple(max(by_epoch[epoch]) for epoch in epochs),
    )


def _draw(document: dict[str, Any], theme: _Theme) -> Any:
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache
    matplotlib: Any = importlib.import_module("matplotlib")
    figure_module: Any = importlib.import_module("matplotlib.figure")
    ticker: Any = importlib.import_module("matplotlib.ticker")
    drawn = curves(document)
    # The user's matplotlibrc must not change the picture.
    style = {**matplotlib.rcParamsDefault, **_svg_settings(matplotlib), "font.size": 10}
    del style["backend"]
    with matplotlib.rc_context(style):
        figure = figure_module.Figure(figsize=_SIZE, facecolor=theme.paper)
        axes = figure.add_axes((0.085, 0.12, 0.71, 0.84), facecolor="none")
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        _draw_frame(axes, theme, drawn)
        for curve in drawn:
            _draw_curve(axes, curve, theme.methods[curve.method])
        _draw_labels(axes, drawn, theme)
    return figure


def _inlined(text: str, prefix: str) -> str:
    """The `<svg>` element of a file's text, fit to stand in a page among others."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    # A style element would hold for the whole page; the root's attribute is inherited instead.
    text = re.sub(r"<style[^>]*>.*?</style>\s*", "", text, flags=re.DOTALL)
    # The page's letters.
    text = re.sub(r"font: ([\d.]+px) [^;]*;", r"font-size: \1;", text)
    text = re.sub(r"font-family: [^;]*;\s*", "", text)
    # Ids are the page's too: another plot's must not be meant.
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = re.sub(r"(url\(#|href=\"#)", rf"\g<1>{prefix}", text)
    marks = {_MARKED.ink: "--ink", _MARKED.grid: "--grid"}
    marks |= {mark: f"--{method}" for method, mark in _MARKED.methods.items()}
    for mark, variable in marks.items():
        text = text.replace(mark, f"var({variable})")
    label = "Test accuracy in percent by epoch, one line for each method"
    style = "stroke-linejoin: round; stroke-linecap: butt"
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" style="{style}" ', 1)


def _svg_settings(matplotlib: Any) -> dict[str, Any]:
    return {name: matplotlib.rcParams[name] for name in ("svg.fonttype", "svg.hashsalt")}


def _draw_frame(axes: Any, theme: _Theme, drawn: Sequence[Curve]) -> None:
    last = max(curve.epochs[-1] for curve in drawn)
    axes.set_xlim(1 if last > 1 else 0, last if last > 1 else 2)
    low, high = axis_limits(drawn)
    axes.set_ylim(low, high)
    axes.set_xlabel("epoch", color=theme.ink)
    cut = f"; below {low:.1f} % not shown" if _cut(drawn, low) else ""
    axes.set_ylabel(f"test accuracy (%){cut}", color=theme.ink)
    axes.grid(visible=True, axis="y", color=theme.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=theme.ink, color=theme.grid)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.grid)


def _draw_curve(axes: Any, curve: Curve, colour: str) -> None:
    dashes = _DASHES[curve.method]
    # A band on a line of one pixel would only blur it.
    if curve.lows != curve.highs:
        axes.fill_between(
            curve.epochs, curve.lows, curve.highs, color=colour, alpha=0.13, linewidth=0
        )
    axes.plot(curve.epochs, curve.means, color=colour, linewidth=1.8, linestyle=dashes)
    end = (curve.epochs[-1:], curve.means[-1:])
    axes.plot(*end, "o", color=colour, markersize=4.5, clip_on=False)


def _draw_labels(axes: Any, drawn: Sequence[Curve], theme: _Theme) -> None:
    """Name and last mean of each curve right of its end, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    wanted = [(curve.means[-1] - low) / (high - low) for curve in drawn]
    for curve, place in zip(drawn, spread_labels(wanted, _LABEL_GAP), strict=True):
        colour = theme.methods[curve.method]
        axes.annotate(
            f"{curve.label}  {curve.means[-1]:.2f} %",
            xy=(curve.epochs[-1], curve.means[-1]),
            xytext=(1.035, place),
            textcoords="axes fraction",
            color=colour,
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.7,
                "relpos": (0, 0.5),
                "shrinkB": 3,
            },
        )

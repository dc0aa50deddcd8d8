# SPDX-License-Identifier: Apache-2.0
"""The points of a sweep and their front as a picture: time against DSP, block RAM and LUTs."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..compare.plot import GRID, INK, PAPER, require
from ..errors import InputError
from .columns import DONE, Row

SUFFIXES = (".png", ".svg", ".pdf")

_PANELS = {
    "estimated_dsp": "estimated DSP",
    "estimated_bram36": "estimated BRAM36",
    "estimated_lut": "estimated LUT",
}
_ENERGY = {"modelled_energy_j": "modelled energy, J a step"}
_NARROW = 4
"""Times within this factor stand on a linear axis, where a logarithmic one has too few marks."""
_OTHERS, _FRONT, _BEST = "#9aa3ad", "#0072b2", "#d55e00"


def check(file: Path) -> None:
    """Raises InputError for a file of another kind, ToolMissingError without matplotlib."""
    if file.suffix not in SUFFIXES:
        raise InputError(f"{file}: plots are {', '.join(SUFFIXES)}: name such a file with --plot")
    require()


def draw(
    file: Path,
    title: str,
    rows: Sequence[Row],
    front: Sequence[Row],
    best: tuple[Row, str] | None,
    suffix: str,
) -> None:
    """A panel for each figure, time along all; without points frames that say so. Energy has one
    where it is more than the time again. best: the point, and what it is the best of."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache
    matplotlib: Any = importlib.import_module("matplotlib")
    figure_module: Any = importlib.import_module("matplotlib.figure")
    style = {**matplotlib.rcParamsDefault, "font.size": 9}  # no matplotlibrc changes the picture
    del style["backend"]
    done = [row for row in rows if row["status"] == DONE]
    powers = {row["assumed_power_w"] for row in done}
    panels = _PANELS | _ENERGY if len(powers) > 1 else _PANELS
    rows_of, size = ((2, 2), (9.0, 7.6)) if len(panels) == 4 else ((1, 3), (12.0, 4.6))
    with matplotlib.rc_context(style):
        figure = figure_module.Figure(figsize=size, facecolor=PAPER[0], layout="constrained")
        figure.suptitle(f"{title}{_below(powers)}", color=INK[0])
        for axes, (column, label) in zip(
            figure.subplots(*rows_of).flat, panels.items(), strict=True
        ):
            _frame(axes, label, [row["modelled_ms"] for row in done])
            count = f"other points: {len(done) - len(front):,}"
            _points(axes, done, column, s=9, color=_OTHERS, label=count)
            label = f"Pareto front of all figures: {len(front):,}"
            _points(axes, front, column, s=18, color=_FRONT, label=label)
            if best is not None:
                label = f"best: {best[1]}"
                _points(axes, best[:1], column, s=90, color=_BEST, marker="*", label=label)
        handles = figure.axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=3, frameon=False,
                      labelcolor=INK[0])  # fmt: skip
        metadata = {"Date": None} if suffix == ".svg" else {}
        figure.savefig(file, format=suffix[1:], dpi=150, metadata=metadata)


def _below(powers: set[float | None]) -> str:
    """What the title says of a picture without points, or where energy has no panel."""
    if not powers:
        return "\nno point is left"
    power = next(iter(powers))
    if len(powers) > 1 or power is None:
        return ""
    return f"\nenergy of every point: its time at an assumed {power:g} W"


def _points(axes: Any, rows: Sequence[Row], column: str, **style: Any) -> None:
    pairs = [(row["modelled_ms"], row[column]) for row in rows if row[column] is not None]
    axes.scatter([pair[0] for pair in pairs], [pair[1] for pair in pairs], linewidths=0, **style)


def _frame(axes: Any, label: str, times: Sequence[float]) -> None:
    ticker: Any = importlib.import_module("matplotlib.ticker")
    if times and max(times) > _NARROW * min(times):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    else:
        axes.xaxis.set_major_locator(ticker.MaxNLocator(5))
    plain = ticker.StrMethodFormatter("{x:,.10g}")
    axes.xaxis.set_major_formatter(plain)
    axes.yaxis.set_major_formatter(plain)
    axes.set_xlabel("modelled time, ms a step", color=INK[0])
    axes.set_ylabel(label, color=INK[0])
    if not times:
        axes.set(xticks=[], yticks=[])
    axes.grid(visible=True, color=GRID[0], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=INK[0], color=GRID[0])
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GRID[0])

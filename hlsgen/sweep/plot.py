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
    "modelled_energy_j": "modelled energy, J a step",
}
_NARROW = 4
"""Times within this factor stand on a linear axis, where a logarithmic one has too few marks."""
_OTHERS, _FRONT, _BEST = "#9aa3ad", "#0072b2", "#d55e00"


def check(file: Path) -> None:
    """Raises InputError for a file of another kind, ToolMissingError without matplotlib."""
    if file.suffix not in SUFFIXES:
        raise InputError(f"{file}: plots are {', '.join(SUFFIXES)}: name such a file with --plot")
    require()


def draw(
    file: Path, title: str, rows: Sequence[Row], front: Sequence[Row], best: Row | None, suffix: str
) -> None:
    """A panel for each figure, time along both; without points a frame that says so."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache
    matplotlib: Any = importlib.import_module("matplotlib")
    figure_module: Any = importlib.import_module("matplotlib.figure")
    style = {**matplotlib.rcParamsDefault, "font.size": 9}  # no matplotlibrc changes the picture
    del style["backend"]
    done = [row for row in rows if row["status"] == DONE]
    with matplotlib.rc_context(style):
        figure = figure_module.Figure(figsize=(9.0, 7.0), facecolor=PAPER[0], layout="constrained")
        figure.suptitle(title, color=INK[0])
        for axes, (column, label) in zip(figure.subplots(2, 2).flat, _PANELS.items(), strict=True):
            _frame(axes, label, [row["modelled_ms"] for row in done])
            _points(axes, done, column, s=9, color=_OTHERS, label=f"{len(done)} points")
            _points(axes, front, column, s=18, color=_FRONT, label="Pareto front of all figures")
            if best is not None:
                _points(axes, [best], column, s=90, color=_BEST, marker="*", label="best")
        figure.axes[0].legend(frameon=False, labelcolor=INK[0])
        metadata = {"Date": None} if suffix == ".svg" else {}
        figure.savefig(file, format=suffix[1:], dpi=150, metadata=metadata)


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
    axes.grid(visible=True, color=GRID[0], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=INK[0], color=GRID[0])
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GRID[0])

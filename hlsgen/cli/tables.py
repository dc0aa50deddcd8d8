# SPDX-License-Identifier: Apache-2.0
"""Tables on the terminal, and off it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

import click

from ..faults import shown

_LONGEST = 4096  # a path


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Collection[str] = (),
    fold: Collection[str] = (),
) -> None:
    """Print cells under their header, the columns named by `right` to the right; without colours or
    box lines off a terminal, where lines may be of any length. In a terminal that is too narrow the
    words of the header stand below each other, and cells of the columns named by `fold` take
    several lines; no cell is ever shortened."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    grid = Table(box=box.SIMPLE if console.is_terminal else None, pad_edge=False)
    texts = [
        [Text(shown(cell, _LONGEST)) for cell in cells] for cells in rows
    ]  # names are no markup
    for name in header:
        grid.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for cells in texts:
        grid.add_row(*cells)
    unbound = console.options.update(max_width=1000)
    if console.measure(grid, options=unbound).maximum > console.width:
        for column, *cells in zip(grid.columns, *texts, strict=True):
            if column.header not in fold:
                words = map(Text, str(column.header).split())
                column.width = max(text.cell_len for text in (*words, *cells))
        if not fold:
            console.width = max(console.width, console.measure(grid, options=unbound).maximum)
    with console.capture() as capture:
        console.print(grid)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))

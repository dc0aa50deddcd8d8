# SPDX-License-Identifier: Apache-2.0
"""The tables of `hlsgen schedule`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from ..faults import shown

_NUMBERS = ("T", "Q")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print cells under their header, numbers to the right; without colours or box lines off a
    terminal, where lines may be of any length."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    grid = Table(box=box.SIMPLE if console.is_terminal else None, pad_edge=False)
    for name in header:
        number = name in _NUMBERS or (name.startswith("modelled") and name != "modelled bound")
        grid.add_column(name, justify="right" if number else "left")
    for cells in rows:
        grid.add_row(*(Text(shown(cell)) for cell in cells))  # names are no markup
    with console.capture() as capture:
        console.print(grid)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))

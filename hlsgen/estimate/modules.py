# SPDX-License-Identifier: Apache-2.0
"""All modules of an accelerator, from the sources that it renders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from sat_host.kernels import masters

from ..cards import CARDS, Card
from ..resources import Resources
from ..spec import Spec
from . import loaders, row_units, update
from .kernel_text import KernelText, Port, Stream, kernel_texts
from .operators import cost
from .parts import adapters, streams
from .result import Module
from .widths import Widths

STCE, WUVE = "sat_stce", "sat_wuve"
NEITHER = "neither"
"""In the place of a kernel: what the link adds beside both."""

ROW_PARTS = ("USPE", "row unit", "streams of a row unit")
"""Modules that lie where their row unit lies; `count` of the first is rows x lanes."""

_FEW_ROWS = 2
"""Of the chain whose text is counted: all rows but the ends of the chain are alike."""

_ROW_STREAM = re.compile(r"(?:sums|plans|activations|packets)_(\d+)")


def modules_of(spec: Spec) -> tuple[Module, ...]:
    """In the order of the chain. Raises WorkError as rendering does."""
    texts = kernel_texts(spec, min(spec.array.rows, _FEW_ROWS))
    widths = Widths(spec.array_config(), "ws" in spec.dataflows)
    between, ends = _split(texts[STCE].streams)
    kernels = (*_array(widths, between), *_ends(widths, ends, texts[STCE].ports))
    update = _wuve(widths.of_update, texts[WUVE])
    return (*kernels, *update, *memory_ports(CARDS[spec.card]))


def memory_ports(card: Card) -> tuple[Module, ...]:
    """What joins the kernels' AXI masters to HBM, one port each. None for DDR: its controllers are
    not among what a platform leaves, and what the switch before them takes is not known."""
    if card.memory.kind != "HBM":
        return ()
    return (Module("HBM ports", NEITHER, masters(), cost("HBM port")),)


@lru_cache(maxsize=1 << 10)
def _split(found: tuple[Stream, ...]) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
    """The streams between the first two row units, none of a chain of one; and all at the ends of
    the chain."""
    rows = max(map(_row_of, found))
    between = tuple(each for each in found if 0 < _row_of(each) < rows)
    return between, tuple(each for each in found if each not in between)


def _array(widths: Widths, between: tuple[Stream, ...]) -> tuple[Module, ...]:
    rows, lanes = widths.config.rows, widths.config.lanes
    uspe, row, stream = ROW_PARTS
    return (
        Module(uspe, STCE, rows * lanes, row_units.uspe(widths)),
        Module(row, STCE, rows, row_units.row_unit(widths)),
        Module(stream, STCE, rows - 1, streams(between, widths.tokens())),
    )


def _ends(widths: Widths, ends: tuple[Stream, ...], ports: tuple[Port, ...]) -> tuple[Module, ...]:
    parts = {
        "fetch_commands": loaders.fetch_commands(widths),
        "place_units": loaders.place_units(widths),
        "read_activations": loaders.read_activations(widths),
        "strip buffer": loaders.strip_buffer(widths),
        "hold_activations": loaders.hold_activations(widths),
        "arrange_activations": loaders.arrange_activations(widths),
        "read_weights": loaders.read_weights(widths),
        "panels": loaders.panels(widths),
        "form_packets": loaders.form_packets(widths),
        "read_sums": loaders.read_sums(widths),
        "plan_periods": row_units.plan_periods(widths),
        "store_tiles": loaders.store_tiles(widths),
    }
    return (
        *_single(STCE, parts),
        Module("transposer", STCE, 3, loaders.transposer(widths)),
        Module("streams", STCE, 1, streams(ends, widths.tokens())),
        Module("m_axi adapters", STCE, 1, adapters(ports, widths.word)),
    )


@lru_cache(maxsize=1 << 8)
def _wuve(widths: Widths, text: KernelText) -> tuple[Module, ...]:
    parts = {
        "update_blocks": update.update_blocks(widths),
        "mark_kept": update.round_copies(widths) + update.mark_kept(widths),
    }
    return (
        *_single(WUVE, parts),
        Module("row readers", WUVE, 3, update.read_rows(widths)),
        Module("row writers", WUVE, 2, update.write_rows(widths)),
        Module("SORE select", WUVE, 2, update.select(widths)),
        Module("SORE transposer", WUVE, 1, update.transpose(widths)),
        Module("SORE assemble", WUVE, 2, update.assemble(widths)),
        Module("SORE write", WUVE, 1, update.write_records(widths)),
        Module("streams", WUVE, 1, streams(text.streams, widths.tokens())),
        Module("m_axi adapters", WUVE, 1, adapters(text.ports, widths.word)),
    )


def _single(kernel: str, parts: Mapping[str, Resources]) -> tuple[Module, ...]:
    return tuple(Module(name, kernel, 1, each) for name, each in parts.items())


def _row_of(stream: Stream) -> int:
    """The row unit that a stream leads to; 0 for one that is not between row units."""
    found = _ROW_STREAM.fullmatch(stream.name)
    return int(found[1]) if found else 0

# SPDX-License-Identifier: Apache-2.0
"""`hlsgen cards`: the cards that a spec may name."""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict
from typing import Any

import click

from ..cards import CARDS, Card
from ..errors import InputError
from ..faults import shown
from ..resources import RESOURCES, TITLES, Resources, plain
from .tables import print_table

_GIB = 1 << 30


@click.command("cards")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the cards as a JSON object.")
def command(name: str | None, as_json: bool) -> None:
    """List the cards that a spec may name, or tell all that is known of the card NAME, with the
    sources."""
    cards = list(CARDS.values()) if name is None else [_card(name)]
    if as_json:
        click.echo(json.dumps({"cards": [_document(card) for card in cards]}, indent=2))
    elif name is None:
        _print_all(cards)
    else:
        _print_one(cards[0])


def _card(name: str) -> Card:
    if name in CARDS:
        return CARDS[name]
    close = difflib.get_close_matches(name[:60].lower(), list(CARDS), 1)
    mend = f"did you mean {close[0]}?" if close else f"give one of {', '.join(CARDS)}"
    raise InputError(f"hlsgen cards: NAME {shown(name)}: no such card: {mend}")


def _document(card: Card) -> dict[str, Any]:
    """The card's file, with what follows from it."""
    return asdict(card) | {
        "total": asdict(card.total),
        "kernels": asdict(card.kernels),
        "banks": [asdict(bank) for bank in card.banks],
        "port_memory": card.port_memory,
    }


def _print_all(cards: list[Card]) -> None:
    header = ("card", "part", "SLRs", *TITLES.values(), "memory", "platform")
    rows = [
        (
            card.name,
            card.part,
            str(len(card.slrs)),
            *_cells(card.total),
            _memory(card),
            card.default_platform or "none: see its note",
        )
        for card in cards
    ]
    print_table(header, rows, right={"SLRs", *TITLES.values()})
    click.echo("\n`hlsgen cards NAME` tells what a platform leaves of each SLR, and the sources.")


def _print_one(card: Card) -> None:
    click.echo(f"{card.name}: {card.title}, {card.part} ({card.silicon})")
    click.echo(f"memory: {_memory(card)}; banks of a program: {len(card.banks)}, ports reach "
               f"{card.port_memory}")  # fmt: skip
    click.echo(f"default clock: {card.default_clock_mhz:g} MHz; power: {card.power_source}\n")
    rows = []
    for slr in card.slrs:
        rows.append((slr.name, "all", *_cells(slr.total)))
        rows.append(("", "for kernels", *_cells(slr.kernels)))
    print_table(("SLR", "what", *TITLES.values()), rows, right=TITLES.values())
    click.echo("\nplatforms:")
    for platform in card.platforms:
        chosen = " (default)" if platform.name == card.default_platform else ""
        since = f"Vitis {platform.vitis_from} or newer" if platform.vitis_from else "no Vitis"
        note = f"; {platform.note}" if platform.note else ""
        click.echo(f"  {platform.name}{chosen}: {since}{note}")
    click.echo("\nsources:")
    for source in card.sources:
        click.echo(f"  {source.of}: {source.where}{'' if source.verified else ' [unverified]'}")
    if card.note:
        click.echo(f"\n{card.note}")


def _memory(card: Card) -> str:
    memory = card.memory
    capacity = memory.channels * memory.channel_bytes // _GIB
    bandwidth = memory.channel_bandwidth / 1e9
    return f"{capacity} GiB {memory.kind}, {memory.channels} x {bandwidth:g} GB/s"


def _cells(resources: Resources) -> tuple[str, ...]:
    return tuple(plain(getattr(resources, name)) for name in RESOURCES)

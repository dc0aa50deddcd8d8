# SPDX-License-Identifier: Apache-2.0
"""The card files of this folder, read when a card is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from ..errors import WorkError
from .card import Card

FOLDER = Path(__file__).resolve().parent


def read_card(file: Path) -> Card:
    """The card of a file. Raises WorkError for one that is damaged, naming file and field."""
    try:
        card = TypeAdapter(Card).validate_python(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise WorkError(f"{file}: {reason}: reinstall hlsgen") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the whole file"
        raise WorkError(f"{file}: {field}: {first['msg']}: reinstall hlsgen") from None
    fault = _fault(card, file.stem)
    if fault:
        raise WorkError(f"{file}: {fault}: reinstall hlsgen")
    return card


def _fault(card: Card, name: str) -> str | None:
    """What types can't say of a card."""
    memory, slrs = card.memory, [slr.name for slr in card.slrs]
    names = [platform.name for platform in card.platforms]
    if card.name != name:
        return f"name: {card.name} is not the file's"
    if card.default_platform is not None and card.default_platform not in names:
        return f"default_platform: {card.default_platform} is not one of platforms"
    if len(memory.slrs) != memory.channels or not set(memory.slrs) <= set(slrs):
        return "memory.slrs: not one SLR of the card for each channel"
    if memory.channels % memory.per_bank:
        return "memory.per_bank: does not divide channels"
    if memory.latency_ns < 0 or memory.run_overhead_bytes < 0:
        return "memory: latency_ns or run_overhead_bytes below 0"
    if not all(slr.kernels.within(slr.total) for slr in card.slrs):
        return "slrs: kernels above total"
    return None


class Cards(Mapping[str, Card]):
    """By the spec's name; a file is read once, at its first use."""

    def __init__(self, folder: Path) -> None:
        self._files = {file.stem: file for file in sorted(folder.glob("*.yaml"))}

    def __getitem__(self, name: str) -> Card:
        return _read_once(self._files[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@cache
def _read_once(file: Path) -> Card:
    return read_card(file)

# SPDX-License-Identifier: Apache-2.0
"""Find the platform ("shell") of a card: what `v++ --platform` is given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..cards import CARDS, Card
from ..errors import InputError, ToolMissingError
from .discover import Vitis
from .versions import order

USUAL_FOLDERS = ("/opt/xilinx/platforms",)
SUFFIX = ".xpfm"

_NAMED = "with --platform or hardware.platform"
_SUGGESTED = "u200"  # for a card without a platform: the same die
_OTHER_HOST = "qdma"  # a word of the name
# xilinx_u200_gen3x16_xdma_2_202110_1: made with Vitis 2021.1
_MADE_WITH = re.compile(r"_(20\d\d)(\d)\d_\d+$")


@dataclass(frozen=True)
class FoundPlatform:
    """name: as the tools have it. xpfm: its file, None for one that is only assumed.

    card: whose platform it is by its name, which decides the part and the memories; for a name that
    tells nothing, the spec's. others: the card's platforms that could have been taken too.
    """

    name: str
    xpfm: Path | None
    card: Card
    others: tuple[str, ...] = ()

    @property
    def argument(self) -> str:
        """What `--platform` gets: the file, which needs no search path; or the name."""
        return self.name if self.xpfm is None else str(self.xpfm)

    @property
    def remark(self) -> str:
        """What was chosen of several, and how to choose another; "" where there was no choice."""
        if not self.others:
            return ""
        there = f"{', '.join(self.others)} {'is' if len(self.others) == 1 else 'are'}"
        return f"platform {self.name} is taken; {there} installed too: name another {_NAMED}"


def find_platform(
    card: Card,
    vitis: Vitis,
    environ: Mapping[str, str],
    *,
    named: str | None = None,
    folders: Sequence[str] = USUAL_FOLDERS,
) -> FoundPlatform:
    """The platform to link for. named: of `--platform` or the spec's hardware.platform, a name or
    the path of a .xpfm; else the card's newest that is installed and that this Vitis takes, but
    none of QDMA: its interface to the host is another (UG1120), so it must be meant.

    Raises InputError for a name that can't be right, ToolMissingError for one that is not installed
    or too new for `vitis`. Looks in $PLATFORM_REPO_PATHS, then `folders`, then in Vitis itself.
    """
    searched = search_folders(vitis, environ, folders)
    if named is None:
        return _default(card, vitis, searched)
    if named.endswith(SUFFIX) or "/" in named:
        file = Path(named).expanduser()
        if not file.is_file():
            raise InputError(f"platform {named}: no such file: name an existing {SUFFIX}")
        found = FoundPlatform(file.stem, file.resolve(), card_of(file.stem, card))
    else:
        found = FoundPlatform(named, _lookup(named, searched), card_of(named, card))
        if found.xpfm is None:
            raise _not_installed(named, searched)
    check_version(found.name, vitis)
    return found


def assumed_platform(card: Card, named: str | None = None) -> FoundPlatform:
    """The platform that would be used, by name only. Raises InputError for a card without one."""
    name = named or card.default_platform
    if name is None:
        raise _none_for(card)
    name = Path(name).stem if name.endswith(SUFFIX) else name
    return FoundPlatform(name, None, card_of(name, card))


def card_of(platform: str, wanted: Card) -> Card:
    """The card in a platform's name; `wanted` when the name has none that is known.

    Raises InputError when that is another card than `wanted`, unless no Vitis has a platform for
    `wanted` and the other has the same die.
    """
    named = next((c for c in CARDS.values() if f"_{c.name}_" in platform.lower()), wanted)
    if not wanted.takes_platforms_of(named):
        raise InputError(
            f"platform {platform} is for the {named.title}, the spec's card is "
            f"{wanted.name}: set card: {named.name}, or name one of its platforms"
        )
    return named


def check_version(platform: str, vitis: Vitis) -> None:
    """Raise ToolMissingError for a platform that a newer Vitis made: the tools refuse it."""
    made_with = version_of(platform)
    if made_with is not None and order(made_with) > order(vitis.version):
        raise ToolMissingError(
            f"platform {platform} was made with Vitis {made_with}, which {vitis.title} refuses: "
            f"use Vitis {made_with} or newer, or name an older platform {_NAMED}"
        )


def version_of(platform: str) -> str | None:
    """The Vitis that made a platform, by its name; None when the name does not say.

    >>> version_of("xilinx_u250_gen3x16_xdma_4_1_202210_1")
    '2022.1'
    """
    found = _MADE_WITH.search(platform)
    return None if found is None else f"{found[1]}.{found[2]}"


def search_folders(
    vitis: Vitis, environ: Mapping[str, str], folders: Sequence[str] = USUAL_FOLDERS
) -> tuple[Path, ...]:
    """Where platforms are looked for, in order."""
    named = [part for part in environ.get("PLATFORM_REPO_PATHS", "").split(":") if part]
    own = [] if vitis.root is None else [vitis.root / "platforms", vitis.root / "base_platforms"]
    return (*map(Path, named), *map(Path, folders), *own)


def _default(card: Card, vitis: Vitis, searched: Sequence[Path]) -> FoundPlatform:
    if card.default_platform is None:
        raise _none_for(card)
    newest_first = [each.name for each in reversed(card.platforms)]
    names = dict.fromkeys((card.default_platform, *newest_first))
    there = {name: _lookup(name, searched) for name in names if _is_taken(name, vitis)}
    found = {name: xpfm for name, xpfm in there.items() if xpfm is not None}
    plain = [name for name in found if not _needs_name(name)]
    if plain:
        others = tuple(name for name in found if name != plain[0])
        return FoundPlatform(plain[0], found[plain[0]], card, others)
    if found:
        raise _must_be_meant(next(iter(found)), card.default_platform)
    check_version(card.default_platform, vitis)
    raise _not_installed(card.default_platform, searched)


def _is_taken(name: str, vitis: Vitis) -> bool:
    made_with = version_of(name)
    return made_with is None or order(made_with) <= order(vitis.version)


def _needs_name(name: str) -> bool:
    return _OTHER_HOST in name.split("_")


def _lookup(name: str, searched: Sequence[Path]) -> Path | None:
    files = (file for folder in searched for file in (folder / name / f"{name}{SUFFIX}",
                                                      folder / f"{name}{SUFFIX}"))  # fmt: skip
    return next((file.absolute() for file in files if file.is_file()), None)


def _none_for(card: Card) -> InputError:
    suggested = CARDS[_SUGGESTED]
    return InputError(
        f"no Vitis has a platform for the {card.title}: name one to link for {_NAMED}, e.g. "
        f"{suggested.default_platform} of the {suggested.title}, which has the same FPGA "
        f"(see `hlsgen cards {card.name}`)"
    )


def _must_be_meant(name: str, usual: str) -> ToolMissingError:
    return ToolMissingError(
        f"of the card's platforms only {name} is installed, whose interface to the host is QDMA: "
        f"install {usual} or an older one with XDMA, or name {name} {_NAMED} if you mean it"
    )


def _not_installed(name: str, searched: Sequence[Path]) -> ToolMissingError:
    places = ", ".join(map(str, searched))
    return ToolMissingError(
        f"platform {name} not found in {places}: install its development package, set "
        f"PLATFORM_REPO_PATHS, or name its {SUFFIX} {_NAMED}"
    )

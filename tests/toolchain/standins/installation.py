# SPDX-License-Identifier: Apache-2.0
"""Make a folder that looks like an installation of Vitis, with platforms beside it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlsgen.cards import CARDS, Card
from hlsgen.toolchain.versions import order

MAIN = Path(__file__).parents[1] / "standin_tools" / "main.py"
CALLS = "standin_calls.jsonl"
UTILITIES = ("v++", "emconfigutil")


@dataclass(frozen=True)
class Installation:
    """root: the folder with settings64.sh. platforms: for PLATFORM_REPO_PATHS. folder: of it all,
    which a search below a usual root would be given."""

    folder: Path
    root: Path
    platforms: Path
    version: str

    @property
    def settings(self) -> Path:
        return self.root / "settings64.sh"

    def calls(self) -> list[dict[str, Any]]:
        """Every call of a tool so far: tool, arguments, cwd, home; and every Tcl call."""
        file = self.root / CALLS
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    def tools_called(self) -> list[str]:
        """The names of the tools called so far, in order."""
        return [call["tool"] for call in self.calls() if call["tool"] != "tcl"]

    def environ(self, **more: str) -> dict[str, str]:
        """This process's variables, with the platforms and `more`, and no trace of a real Vitis."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("XILINX", "STANDIN"))}
        return {**kept, "PLATFORM_REPO_PATHS": str(self.platforms), **more}


def install_vitis(
    folder: Path,
    version: str = "2023.2",
    *,
    layout: str | None = None,
    without: Iterable[str] = (),
    cards: Iterable[Card] = tuple(CARDS.values()),
) -> Installation:
    """Make one. layout: "Vitis/VERSION" or "VERSION/Vitis", None for what `version` has; without:
    tools to leave out; cards: whose platforms are installed."""
    if layout is None:
        layout = "Vitis/VERSION" if order(version) <= order("2024.2") else "VERSION/Vitis"
    root = folder / layout.replace("VERSION", version)
    own_hls = order(version) <= order("2023.2")
    hls = folder / "Vitis_HLS" / version if own_hls else root
    tools = [(name, root) for name in UTILITIES]
    if order(version) <= order("2024.2"):
        tools.append(("vitis_hls", hls))
    if order(version) >= order("2023.2"):
        tools.append(("vitis-run", root))
    left_out = set(without)
    for name, place in tools:
        if name not in left_out:
            _write_tool(place / "bin" / name, name, version, root)
    _write_settings(root, hls)
    platforms = folder / "platforms"
    for card in cards:
        for platform in card.platforms:
            _write_platform(platforms, platform.name, card)
    return Installation(folder, root, platforms, version)


def _write_tool(path: Path, name: str, version: str, root: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    call = shlex.join([sys.executable, "-E", str(MAIN), name, version, str(root / CALLS)])
    path.write_text(f'#!/bin/sh\nexec {call} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def _write_settings(root: Path, hls: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    folders = dict.fromkeys((f"{root}/bin", f"{hls}/bin"))
    lines = [
        "# stand-in",
        f"export XILINX_VITIS={shlex.quote(str(root))}",
        f"export XILINX_HLS={shlex.quote(str(hls))}",
        f"export PATH={shlex.quote(':'.join(folders))}:$PATH",
        'export LD_LIBRARY_PATH="$XILINX_VITIS/lib/lnx64.o${LD_LIBRARY_PATH:+:}$LD_LIBRARY_PATH"',
    ]
    (root / "settings64.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_platform(folder: Path, name: str, card: Card) -> None:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    described = {
        "name": name,
        "part": card.part,
        "memories": [tag for bank in card.banks for tag in bank.tags],
        "slrs": [slr.name for slr in card.slrs],
    }
    (place / f"{name}.xpfm").write_text(json.dumps(described), encoding="utf-8")

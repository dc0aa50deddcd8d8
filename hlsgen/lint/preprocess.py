# SPDX-License-Identifier: Apache-2.0
"""A translation unit as synthesis sees it, with the file and line of everything in it.

The compiler's preprocessor resolves includes and macros, with the synthesis side of the macros
(kernels/vitis) before the simulator's. Only lines of the project's own synthesizable files stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import InputError
from ..toolchain.compiler import Compiler
from ..toolchain.run import CommandError, run

INCLUDE_DIRS = (".", "kernels", "kernels/vitis", "kernels/csim")
STAND_INS = "kernels/csim"
"""Headers that stand in for the vendor's, and the simulator's own: never synthesized."""

_SECONDS = 120.0
_MARKER = re.compile(r'# (\d+) "((?:[^"\\]|\\.)*)"')
_MACRO = re.compile(r"#\s*define\s+([A-Za-z_]\w*)(?:\s+(.*))?$")


@dataclass(frozen=True)
class Source:
    """A preprocessed unit. text: its own lines; places: file and line of each of them.

    macros: names of the object-like macros of the project, and what they stand for.
    """

    unit: str
    text: bytes
    places: tuple[tuple[str, int], ...]
    macros: Mapping[str, str]

    def place(self, row: int) -> tuple[str, int]:
        """File and line of a row, which counts from 0."""
        if not self.places:
            return self.unit, 1
        return self.places[min(row, len(self.places) - 1)]


def units_of(folder: Path) -> list[str]:
    """The kernels' translation units: the .cpp files at the top of a project."""
    return sorted(path.name for path in folder.glob("*.cpp"))


def preprocess(folder: Path, unit: str, compiler: Compiler) -> Source:
    """The unit of the project at `folder`. Raises InputError where the preprocessor fails."""
    argv = [
        *compiler.command,
        *("-std=c++14", "-E", "-dD", "-D__SYNTHESIS__"),
        *(f"-I{name}" for name in INCLUDE_DIRS),
        unit,
    ]
    try:
        output = run(argv, cwd=folder, timeout=_SECONDS).stdout
    except CommandError as error:
        first = str(error).partition(": ")[2]
        raise InputError(f"{folder / unit}: can't be preprocessed: {first}: mend it") from None
    return own_lines(unit, output.splitlines())


def own_lines(unit: str, lines: Sequence[str]) -> Source:
    """What is left of the preprocessor's output without foreign files and the macros' definitions.

    A directive that goes on in the next line is one line here, as the preprocessor gives it.
    """
    texts: list[str] = []
    places: list[tuple[str, int]] = []
    macros: dict[str, str] = {}
    file, line, own = unit, 1, False
    for text in lines:
        marker = _MARKER.match(text)
        if marker:
            file, line = _relative(marker[2]), int(marker[1])
            own = _is_own(file)
            continue
        macro = _MACRO.match(text)
        if own and macro:
            macros[macro[1]] = (macro[2] or "").strip()
        elif own and text.strip() and not text.startswith(("#define", "#undef")):
            texts.append(text)
            places.append((file, line))
        line += 1
    return Source(unit, "\n".join([*texts, ""]).encode(), tuple(places), macros)


def _relative(name: str) -> str:
    return name if name.startswith("<") else str(PurePosixPath(name))


def _is_own(file: str) -> bool:
    inside = not file.startswith(("/", "<", "../"))
    return inside and not PurePosixPath(file).is_relative_to(STAND_INS)

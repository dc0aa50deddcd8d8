# SPDX-License-Identifier: Apache-2.0
"""Find a C++ compiler that is new enough, or say what was found instead and how to get one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ToolMissingError
from .run import CommandError, run

MINIMUM = {"g++": 12, "clang++": 15}
_NEWEST = {"g++": 19, "clang++": 25}
_PACKAGES = "apt-get install g++"
_VERSION_SECONDS = 20.0


@dataclass(frozen=True)
class Compiler:
    """A usable compiler. command: how to start it; kind: g++ or clang++; version: as "12.2.0".

    banner: the first line of its `--version`, which is part of every cache key.
    """

    command: tuple[str, ...]
    kind: str
    version: str
    banner: str

    @property
    def path(self) -> str:
        """The program that is started."""
        return self.command[0]


def find_compiler(environ: Mapping[str, str]) -> Compiler:
    """$CXX when set, else the first of g++, g++-N, clang++, clang++-N on PATH that is new enough.

    Raises ToolMissingError that names what was looked for, what was found, and the package.
    """
    named = environ.get("CXX", "").strip()
    try:
        commands = [tuple(shlex.split(named))] if named else _candidates()
    except ValueError as error:
        raise ToolMissingError(f"$CXX cannot be read: {named}: {error}", mend="mend it") from None
    rejected: list[str] = []
    for command in commands:
        program = shutil.which(command[0], path=environ.get("PATH"))
        if program is None:
            continue
        outcome = _inspect((program, *command[1:]))
        if isinstance(outcome, Compiler):
            return outcome
        rejected.append(outcome)
    raise _missing(named, rejected)


def parse_banner(banner: str) -> tuple[str, str] | None:
    """(kind, version) from the first line of `--version`, or None for an unknown compiler.

    >>> parse_banner("g++ (Debian 12.2.0-14) 12.2.0")
    ('g++', '12.2.0')
    """
    # What stands in parentheses is the packager's own version.
    known = re.search(r"[cg]\+\+|gcc|clang", banner, re.IGNORECASE)
    plain = re.sub(r"\([^()]*\)", " ", banner)
    version = re.search(r"(?<![\w.-])\d+(\.\d+)+", plain)
    if known is None or version is None:
        return None
    return ("clang++" if "clang" in banner.lower() else "g++"), version.group()


def _candidates() -> list[tuple[str, ...]]:
    names: list[tuple[str, ...]] = []
    for kind, oldest in MINIMUM.items():
        names.append((kind,))
        names.extend((f"{kind}-{n}",) for n in range(_NEWEST[kind], oldest - 1, -1))
    return names


def _inspect(command: tuple[str, ...]) -> Compiler | str:
    """The compiler behind `command`, or why it is of no use."""
    shown = shlex.join(command)
    try:
        output = run([*command, "--version"], timeout=_VERSION_SECONDS).stdout
    except (CommandError, ToolMissingError) as error:
        return f"{shown} does not run ({error})"
    banner = next(iter(output.splitlines()), "").strip()
    parsed = parse_banner(banner)
    if parsed is None:
        return f"{shown} is not a C++ compiler that hlsgen knows"
    kind, version = parsed
    if int(version.split(".")[0]) < MINIMUM[kind]:
        return f"{shown} is {kind} {version}, too old: {MINIMUM[kind]} or newer is needed"
    return Compiler(command, kind, version, banner)


def _missing(named: str, rejected: list[str]) -> ToolMissingError:
    needed = f"g++ {MINIMUM['g++']} or clang++ {MINIMUM['clang++']}"
    if rejected:
        # The plain package is the release's default, which may be what is too old.
        package = f"{_PACKAGES}-{MINIMUM['g++']} (or newer)"
        mend = ", and unset CXX, or point it at that" if named else ", or set CXX to a newer one"
        found = "; ".join(rejected)
        return ToolMissingError(
            f"no usable C++ compiler: {found}", mend=f"install {needed}, e.g. {package}{mend}"
        )
    if named:
        mend = f"unset CXX, or install {needed} or newer, e.g. {_PACKAGES}"
        return ToolMissingError(f"$CXX not found: {named}", mend=mend)
    return ToolMissingError(
        "g++ not found: neither g++ nor clang++ is on PATH",
        mend=f"install it, e.g. {_PACKAGES} ({needed} or newer)",
    )


def main() -> int:
    """What `make` asks before minutes of installing, so nothing here may need a package."""
    try:
        find_compiler(os.environ)
    except ToolMissingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

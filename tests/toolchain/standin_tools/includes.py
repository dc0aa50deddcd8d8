# SPDX-License-Identifier: Apache-2.0
"""Which files a source includes, found as a compiler would, and what it says of a missing one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from contract import VENDOR_HEADERS

_INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
_FOLDER = re.compile(r"-I(\S+)")


def included(source: str, flags: str) -> tuple[dict[str, str], list[str]]:
    """({file: text} of a source and all that it includes, error lines). flags: with -I folders,
    relative to here. Headers of standard C++ and of the tool itself are not looked for."""
    folders: list[str] = _FOLDER.findall(flags)
    texts: dict[str, str] = {}
    errors: list[str] = []
    waiting = [source]
    while waiting:
        file = os.path.normpath(waiting.pop())
        if file in texts:
            continue
        texts[file] = Path(file).read_text(encoding="utf-8", errors="replace")
        for line, column, name, quoted in _names(texts[file]):
            beside = [os.path.dirname(file)] if quoted else []
            found = _find(name, [*beside, *folders])
            if found is not None:
                waiting.append(found)
            elif quoted or not _is_known(name):
                place = f"({file}:{line}:{column})"
                errors.append(f"ERROR: [HLS 207-812] '{name}' file not found {place}")
    return texts, errors


def _names(text: str) -> Iterator[tuple[int, int, str, bool]]:
    """Each include of a file: line, column, name, whether in quotes."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _INCLUDE.match(line):
            quoted = found[1] is not None
            yield number, found.start(1 if quoted else 2), found[1] or found[2], quoted


def _find(name: str, folders: Sequence[str]) -> str | None:
    paths = [os.path.join(folder, name) for folder in folders]
    return next((path for path in paths if os.path.isfile(path)), None)


def _is_known(name: str) -> bool:
    return name in VENDOR_HEADERS or "." not in name

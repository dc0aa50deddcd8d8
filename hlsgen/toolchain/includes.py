# SPDX-License-Identifier: Apache-2.0
"""Which of a project's sources a translation unit may read, told from its #include lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

_INCLUDE = re.compile(
    r"(?:^[ \t]*#[ \t]*(?:include|include_next|import)\b|\b__has_include\b)(.*)", re.MULTILINE
)
# What may hide a directive from _INCLUDE: digraphs, joined lines, a comment before it.
_UNUSUAL = re.compile(r"%:|#[ \t]*\w*\\\r?\n|\*/[ \t]*#")
_NAME = re.compile(r'[ \t(]*(?:"([^"\n]+)"|<([^>\n]+)>)')


def sources_of(unit: str, sources: Mapping[str, str]) -> dict[str, str]:
    """The part of `sources`, {path: text}, that `unit` may include, itself included.

    Rather too much than too little: no condition is looked at, every file of an included name
    counts wherever it lies, and a name that a macro gives, or a directive in an unusual form,
    stands for all files.
    """
    found: set[str] = set()
    waiting = {unit}
    while waiting:
        path = waiting.pop()
        found.add(path)
        if _UNUSUAL.search(sources[path]):
            return dict(sources)
        for rest in _INCLUDE.findall(sources[path]):
            name = _NAME.match(rest)
            if name is None:
                return dict(sources)
            base = PurePosixPath(name[1] or name[2]).name
            waiting |= {each for each in sources if PurePosixPath(each).name == base} - found
    return {path: text for path, text in sources.items() if path in found}

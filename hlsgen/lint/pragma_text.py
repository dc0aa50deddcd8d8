# SPDX-License-Identifier: Apache-2.0
"""The text of a pragma as its name and options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PREFIX = re.compile(r"\s*hls\b", re.IGNORECASE)
_CONDITION = re.compile(r"\s*if\s*\(([^()]|\([^()]*\))*\)", re.IGNORECASE)
_OPTION = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_JOINS = "+-*/%,.?:&|"  # an expression goes on after these, or before them


@dataclass(frozen=True)
class Pragma:
    """One HLS pragma. name: in capitals; options: in lower case, None for a bare word; repeated:
    options that stand there twice; conditional: it begins with `if (...)`."""

    name: str
    options: Mapping[str, str | None]
    repeated: tuple[str, ...]
    conditional: bool = False

    def value(self, option: str) -> str | None:
        """The value of an option, "" for a bare word, None when it is absent."""
        return (self.options[option] or "") if option in self.options else None

    def on(self, option: str) -> bool:
        """Whether a boolean option is set."""
        value = self.value(option)
        return value is not None and value.lower() not in ("false", "0")


def parse_pragma(text: str) -> Pragma | None:
    """The pragma of `#pragma <text>`, None when it is not one of HLS.

    >>> parse_pragma("HLS PIPELINE II = 1 rewind").options
    {'ii': '1', 'rewind': None}
    """
    prefix = _PREFIX.match(text)
    if prefix is None:
        return None
    rest = text[prefix.end() :]
    condition = _CONDITION.match(rest)
    name, *items = _items(rest[condition.end() :] if condition else rest) or [""]
    options: dict[str, str | None] = {}
    repeated: list[str] = []
    for item in items:
        option = _OPTION.fullmatch(item)
        key = (option[1] if option else item).lower()
        if key in options:
            repeated.append(key)
        options[key] = option[2] if option else None
    return Pragma(name.upper(), options, tuple(repeated), condition is not None)


def _items(text: str) -> list[str]:
    """Words and `option=value`s; a value may be an expression with spaces and parentheses."""
    items: list[str] = []
    tokens = re.sub(r"\s*(?<![=<>!])=(?!=)\s*", "=", text).split()
    for token in tokens:
        last = items[-1] if items else ""
        open_ = last.count("(") + last.count("<") > last.count(")") + last.count(">")
        goes_on = "=" in last and (last[-1] in _JOINS or token[0] in _JOINS or open_)
        if goes_on:
            items[-1] = f"{last} {token}"
        else:
            items.append(token)
    return items

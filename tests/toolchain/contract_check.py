# SPDX-License-Identifier: Apache-2.0
"""Hold a command line, a Tcl call or a cfg file against the contract table."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from typing import TypeVar

from contract import CALLS, KEYS, MODES, OPTIONS, STATES, Call, Key, Option

Row = TypeVar("Row", Option, Call, Key)
Options = dict[str, list[str]]


class Refusal(Exception):
    """What the documents do not allow; the text says what, and where it stood."""


def matches(pattern: str, value: str) -> bool:
    return re.fullmatch(pattern, value) is not None


def order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def known_in(rows: Sequence[Row], version: str) -> list[Row]:
    """The rows of a release of the tools."""
    return [r for r in rows if order(r.since) <= order(version) <= order(r.until)]


def check_command(mode: str, arguments: Sequence[str], version: str) -> tuple[Options, list[str]]:
    """({option: values}, inputs) of a command line. Raises Refusal."""
    rows = [row for row in known_in(OPTIONS, version) if row.tool == mode]
    options: Options = {}
    inputs: list[str] = []
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            inputs.append(word)
            continue
        row = next((row for row in rows if row.name == word), None)
        if row is None:
            raise Refusal(f"unrecognised option '{word}' of {mode} in {version}")
        value = "" if row.value is None else next(words, "")
        if row.value is not None and not matches(row.value, value):
            raise Refusal(f"the argument ('{value}') for option '{word}' is invalid")
        if word in options:
            raise Refusal(f"option '{word}' cannot be specified more than once")
        options[word] = [value]
    allowed = MODES[mode]
    if not allowed.least <= len(inputs) <= allowed.most:
        raise Refusal(f"{mode} takes {allowed.least} to {allowed.most} inputs, got {inputs}")
    for given in inputs:
        if not matches(allowed.pattern, given):
            raise Refusal(f"'{given}' is no input of {mode}")
    for row in rows:
        if row.needed and row.name not in options:
            raise Refusal(f"the option '{row.name}' of {mode} is required but missing")
    return options, inputs


def check_call(
    name: str, arguments: Sequence[str], version: str, there: Container[str] = STATES
) -> tuple[Options, list[str]]:
    """The same of a Tcl call, in a script that has got to the states `there`. Raises Refusal."""
    call = next((row for row in known_in(CALLS, version) if row.name == name), None)
    if call is None:
        raise Refusal(f'invalid command name "{name}"')
    if call.after and call.after not in there:
        raise Refusal(f"{name} needs {STATES[call.after]}")
    options: Options = {}
    positional: list[str] = []
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            positional.append(word)
            continue
        if word not in call.options:
            raise Refusal(f"Unknown option '{word}' of {name}")
        pattern = call.options[word]
        value = "" if pattern is None else next(words, "")
        if pattern is not None and not matches(pattern, value):
            raise Refusal(f"Invalid value '{value}' of {name} {word}")
        options[word] = [value]
    if len(positional) != len(call.words):
        raise Refusal(f"{name} takes {len(call.words)} words, got {positional}")
    for word, pattern in zip(positional, call.words, strict=True):
        if not matches(pattern, word):
            raise Refusal(f"Invalid word '{word}' of {name}")
    return options, positional


def check_cfg(kind: str, text: str, version: str) -> dict[tuple[str, str], list[str]]:
    """{(section, key): values} of a cfg file for "hls" or "link". Raises Refusal."""
    rows = [row for row in known_in(KEYS, version) if row.kind == kind]
    section, found = "", {}  # type: str, dict[tuple[str, str], list[str]]
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if "#" in line:
            raise Refusal(f"line {number}: a comment behind a value: {line}")
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = header[1]
            continue
        name, equals, value = line.partition("=")
        candidates = [row for row in rows if (row.section, row.name) == (section, name)]
        if not equals or not candidates:
            raise Refusal(f"line {number}: unknown option '{name}' in section '{section}'")
        row = next((row for row in candidates if matches(row.value, value)), None)
        if row is None:
            raise Refusal(f"line {number}: invalid value '{value}' of '{name}'")
        if (section, name) in found and not row.often:
            raise Refusal(f"line {number}: '{name}' is given twice")
        found.setdefault((section, name), []).append(value)
    return found

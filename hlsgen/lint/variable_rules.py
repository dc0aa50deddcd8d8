# SPDX-License-Identifier: Apache-2.0
"""What pragmas name must be in scope, and be of a kind that the pragma is for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .context import Context
from .declarations import Function, Variable
from .findings import Finding
from .pragma_table import DIRECTIVES
from .pragmas import Placed
from .syntax import last_name, part

_PATH = re.compile(r"\.|->")


def check(context: Context, folder: Path) -> Iterator[Finding]:
    """Findings of the names in pragmas; folder: the project, whose comments are looked at."""
    for placed in context.pragmas.all:
        for name in _names(placed):
            yield from _check_name(context, placed, name)
        if placed.pragma.name == "DEPENDENCE":
            yield from _check_reason(context, placed, folder)
        yield from _check_macros(context, placed, folder)


def _check_macros(context: Context, placed: Placed, folder: Path) -> Iterator[Finding]:
    """`#pragma` takes macros, but `_Pragma(#text)` does not expand those in `text` (UG1399, using
    constants with pragmas)."""
    values = " ".join(each for each in placed.pragma.options.values() if each)
    for name in re.findall(r"[A-Za-z_]\w*", values):
        if name in context.unit.source.macros and "#" not in _line(context, placed, folder):
            what = f"{placed.pragma.name}: _Pragma does not expand the macro {name}"
            mend = "pass the text through one more macro before _Pragma(#text)"
            yield context.finding(placed.node, "pragma-macro", what, mend)


def _line(context: Context, placed: Placed, folder: Path) -> str:
    """The line of the source that a pragma stands in."""
    return _lines(context, placed, folder)[-1]


def _lines(context: Context, placed: Placed, folder: Path) -> list[str]:
    """That line, and the one above."""
    file, line = context.unit.place(placed.node)
    lines = (folder / file).read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[max(0, line - 2) : line] or [""]


def _names(placed: Placed) -> Iterator[str]:
    directive = DIRECTIVES.get(placed.pragma.name)
    for key, option in ({} if directive is None else directive.options).items():
        value = placed.pragma.value(key)
        if value and (option.kind == "variable" or key == "ports"):
            yield from (each.strip() for each in value.split(","))


def _check_name(context: Context, placed: Placed, name: str) -> Iterator[Finding]:
    function = placed.function
    if function is None or name == "return":
        return
    path = [re.sub(r"\[.*\]", "", each).strip() for each in _PATH.split(name)]
    if path[0] == "this":
        path = path[1:]
    found = context.unit.lookup(function, path[0], placed.node)
    if found is None:
        what = f"{placed.pragma.name} names {name}, which is not in scope here"
        mend = "name a variable that is declared above, or move the pragma below it"
        yield context.finding(placed.node, "pragma-variable", what, mend)
        return
    for member in path[1:]:
        owner = context.unit.class_of(found.type)
        if owner is None or owner.bases:
            return
        inner = owner.members.get(member)
        if inner is None:
            what = f"{placed.pragma.name} names {name}, but {owner.name} has no member {member}"
            mend = f"one of {', '.join(owner.members)}"
            yield context.finding(placed.node, "pragma-variable", what, mend)
            return
        found = inner
    yield from _check_kind(context, placed, function, name, found)


def _check_kind(
    context: Context, placed: Placed, function: Function, name: str, variable: Variable
) -> Iterator[Finding]:
    pragma, node = placed.pragma, placed.node
    port = function.kernel and variable in function.parameters and not variable.is_stream
    known = variable.type in function.types or variable.type in context.unit.aliases
    if pragma.name in ("ARRAY_PARTITION", "ARRAY_RESHAPE"):
        dimensions = _dimensions(context, variable)
        dim = pragma.value("dim") or "1"
        if dimensions is not None and dim.isdigit() and int(dim) > dimensions:
            what = f"{pragma.name} dim={dim}, but {name} has {dimensions} dimensions"
            yield context.finding(node, "pragma-value", what, "0 is all of them")
    if pragma.name in ("ARRAY_PARTITION", "ARRAY_RESHAPE", "BIND_STORAGE") and port:
        what = f"{pragma.name} of {name} has no effect: it is a port of the kernel"
        yield context.finding(node, "pragma-place", what, "copy it to an array first")
    if pragma.name == "BIND_STORAGE" and variable.is_stream and pragma.value("type") != "fifo":
        what = f"BIND_STORAGE type={pragma.value('type')}, but {name} is a stream"
        yield context.finding(node, "pragma-value", what, "write type=fifo")
    if pragma.name == "AGGREGATE" and port and pragma.value("compact") == "bit":
        what = f"AGGREGATE compact=bit is not for ports, and {name} is one"
        yield context.finding(node, "pragma-value", what, "write compact=auto")
    if pragma.name == "STREAM" and variable.is_scalar and not known:
        what = f"STREAM names {name}, which is neither a stream nor an array"
        yield context.finding(node, "pragma-place", what, "name a stream or an array")


def _dimensions(context: Context, variable: Variable) -> int | None:
    """Dimensions of an array, with those of the alias it is of; None when they can't be counted.

    The vendor's vector is an array inside, with one more.
    """
    count, name = len(variable.sizes), variable.type
    if variable.pointer:
        return None
    for _ in range(8):
        alias = context.unit.aliases.get(name)
        if alias is None:
            break
        declarator = part(alias, "declarator")
        while declarator is not None and "array" in declarator.type:
            count += 1
            declarator = part(declarator, "declarator")
        name = last_name(part(alias, "type"))
    return count + 1 if name in ("vector", "array") else count


def _check_reason(context: Context, placed: Placed, folder: Path) -> Iterator[Finding]:
    """A dependence that is denied wrongly makes wrong hardware, so a comment must say why."""
    if (placed.pragma.value("dependent") or "").lower() != "false":
        return
    if not any("//" in each or "*/" in each for each in _lines(context, placed, folder)):
        what = "a dependence is denied without a reason"
        mend = "say why in a comment on this line or the one above"
        yield context.finding(placed.node, "dependence-reason", what, mend)

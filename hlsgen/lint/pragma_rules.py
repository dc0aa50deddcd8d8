# SPDX-License-Identifier: Apache-2.0
"""Pragmas by their grammar: name, options, values, and the place they stand in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from .context import Context
from .findings import Finding
from .pragma_table import DIRECTIVES, Directive, Option, Place
from .pragmas import Placed
from .syntax import LOOPS, below, part, text_of

_INTEGER = re.compile(r"-?(0x[0-9a-f]+|\d+)[ul]*", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w*")
_BOOLEANS = ("", "true", "false", "1", "0")
_KNOWN_PREFIXES = ("gcc", "clang", "once", "stdc", "pack", "message", "push_macro", "pop_macro")
_PLACES: dict[Place, str] = {
    "top": "the body of a kernel",
    "function": "a function's body",
    "loop": "a loop's body",
    "region": "a region in braces",
}


def check(context: Context) -> Iterator[Finding]:
    """Findings of all pragmas, but for the variables that they name."""
    for node in context.pragmas.foreign():
        text = text_of(part(node, "argument"))
        if text.lower().split(" ")[0].split("(")[0] not in _KNOWN_PREFIXES:
            what = f"`#pragma {text}` is not a pragma of HLS"
            yield context.finding(node, "pragma-unknown", what, "write `#pragma HLS ...`")
    for placed in context.pragmas.all:
        yield from _check_one(context, placed)


def _check_one(context: Context, placed: Placed) -> Iterator[Finding]:
    pragma = placed.pragma
    directive = DIRECTIVES.get(pragma.name)
    if directive is None:
        what, mend = f"there is no HLS pragma {pragma.name}", _nearest(pragma.name, DIRECTIVES)
        yield context.finding(placed.node, "pragma-unknown", what, mend)
        return
    if directive.deprecated:
        what = f"{pragma.name} is deprecated"
        mend = f"write {directive.deprecated}"
        yield context.finding(placed.node, "pragma-deprecated", what, mend)
        return
    yield from _check_options(context, placed, directive)
    yield from _check_place(context, placed, directive)


def _check_options(context: Context, placed: Placed, directive: Directive) -> Iterator[Finding]:
    pragma, node = placed.pragma, placed.node
    for key, value in pragma.options.items():
        option = directive.options.get(key)
        if option is None:
            what = f"{pragma.name} has no option {key}"
            mend = _nearest(key, directive.options)
            yield context.finding(node, "pragma-option", what, mend)
        elif option.deprecated:
            what = f"{key} of {pragma.name} is deprecated"
            yield context.finding(node, "pragma-deprecated", what, f"write {option.deprecated}")
        else:
            fault = _value_fault(context, placed, option, value)
            if fault is not None:
                what = f"{pragma.name} {key}={value}: {fault[0]}"
                yield context.finding(node, "pragma-value", what, fault[1])
    for key in pragma.repeated:
        what = f"{pragma.name} has the option {key} twice"
        yield context.finding(node, "pragma-conflict", what, "keep one of them")
    for key in directive.required:
        if key not in pragma.options:
            what = f"{pragma.name} needs the option {key}"
            yield context.finding(node, "pragma-missing", what, f"add {key}=...")
    if pragma.name == "PIPELINE" and not {"ii", "off"} & pragma.options.keys():
        mend = "add II=<cycles>, or off"
        yield context.finding(node, "pragma-missing", "PIPELINE does not say its II", mend)


def _value_fault(
    context: Context, placed: Placed, option: Option, value: str | None
) -> tuple[str, str] | None:
    """What is wrong with a value and the mend, None when it is right."""
    if option.kind == "flag":
        fine = (value or "").lower() in _BOOLEANS
        return None if fine else ("it is a switch", "write it alone, or =true or =false")
    if not value:
        return "it has no value", "write a value after `=`"
    if option.kind == "word":
        fine = value.lower() in option.words
        return None if fine else ("there is no such word", f"one of {', '.join(option.words)}")
    if option.kind == "integer":
        return _integer_fault(context, placed, option, value)
    if option.kind == "number":
        fine = re.fullmatch(r"[\d.]+([a-zA-Z]+)?", value) is not None
        return None if fine else ("it is no number", "write a number")
    return None


def _integer_fault(
    context: Context, placed: Placed, option: Option, value: str
) -> tuple[str, str] | None:
    known = context.unit.source.macros.get(value, value)
    if not _INTEGER.fullmatch(known):
        function = placed.function
        constant = function is None or context.constants.is_constant_text(
            function, _without_macros(context, value), placed.node
        )
        if not constant or re.search(r"\w", value) is None:
            return "it is no integer constant", "write a number or a constant"
    for number in context.values.of_text(placed.function, known, placed.node):
        fault = _range_fault(option, number)
        if fault is not None:
            return fault
    return None


def _range_fault(option: Option, number: int) -> tuple[str, str] | None:
    most = option.most
    if number < option.least or (most is not None and number > most):
        bounds = f"{option.least} and more" if most is None else f"{option.least} to {most}"
        return "it is out of range", f"the range is {bounds}"
    if option.powers and number & (number - 1):
        return "it is no power of two", "write 0 or a power of two"
    return None


def _without_macros(context: Context, value: str) -> str:
    return _NAME.sub(lambda m: "0" if m[0] in context.unit.source.macros else m[0], value)


def _check_place(context: Context, placed: Placed, directive: Directive) -> Iterator[Finding]:
    name = placed.pragma.name
    if placed.where is None:
        what = f"{name} stands outside of a function's body"
        yield context.finding(placed.node, "pragma-place", what, "move it into the body it is for")
        return
    if placed.where not in directive.where:
        what = f"{name} stands in {_PLACES[placed.where]}"
        fine = [_PLACES[each] for each in _PLACES if each in directive.where]
        mend = f"move it into {' or '.join(fine)}"
        yield context.finding(placed.node, "pragma-place", what, mend)
    elif directive.first and placed.late:
        what = f"{name} stands after a statement of the scope that it is for"
        yield context.finding(placed.node, "pragma-place", what, "make it the scope's first line")
    elif placed.where != "loop" and placed.pragma.on("rewind"):
        what = "PIPELINE rewind is for loops"
        yield context.finding(placed.node, "pragma-place", what, "leave rewind out")
    if name == "LOOP_FLATTEN" and placed.loop is not None:
        inner = [each for each in below(placed.loop, *LOOPS) if each != placed.loop]
        if inner:
            what = "LOOP_FLATTEN stands in a loop with another one inside"
            mend = "move it into the innermost loop"
            yield context.finding(placed.node, "pragma-place", what, mend)


def _nearest(name: str, known: Iterable[str]) -> str:
    """The mend of a misspelt name: the one that is meant, or those that there are."""
    names = list(known)
    close = difflib.get_close_matches(name, names, 1)
    if close:
        return f"perhaps {close[0]}"
    return f"one of {', '.join(names)}" if 0 < len(names) < 25 else "take it out"

# SPDX-License-Identifier: Apache-2.0
"""Pragmas whose options depend on each other: bindings, partitions, trip counts, dependences."""

from __future__ import annotations

from collections.abc import Iterator

from .binding_table import FIFO_LATENCY, OPERATORS, STORAGE, STORAGE_LATENCY, VERSAL
from .context import Context
from .findings import Finding
from .pragmas import Placed

_Fault = tuple[str, str, str]  # rule, what, mend


def check(context: Context) -> Iterator[Finding]:
    """Findings of options that exclude or need each other, and of two pragmas of one variable."""
    for placed in context.pragmas.all:
        rules = {
            "ARRAY_PARTITION": _partition,
            "ARRAY_RESHAPE": _partition,
            "BIND_OP": _operator,
            "BIND_STORAGE": _storage,
            "DEPENDENCE": _dependence,
            "LOOP_TRIPCOUNT": _trip_count,
            "LATENCY": _trip_count,
        }
        rule = rules.get(placed.pragma.name)
        for id_, what, mend in rule(context, placed) if rule is not None else ():
            yield context.finding(placed.node, id_, f"{placed.pragma.name}: {what}", mend)
    yield from _twice(context)


def _storage(context: Context, placed: Placed) -> Iterator[_Fault]:
    pragma = placed.pragma
    kind, impl = (pragma.value("type") or "").lower(), (pragma.value("impl") or "").lower()
    legal = STORAGE.get(kind)
    if legal is not None and impl and impl not in legal:
        yield "pragma-value", f"{kind} has no impl {impl}", f"one of {', '.join(sorted(legal))}"
    latency = _most(context, placed, "latency")
    most = FIFO_LATENCY if kind == "fifo" else STORAGE_LATENCY
    if latency is not None and latency != -1 and not 1 <= latency <= most:
        yield "pragma-value", f"the latency of {kind} is 1 to {most}", "write one of these, or -1"


def _operator(context: Context, placed: Placed) -> Iterator[_Fault]:
    pragma = placed.pragma
    name, impl = (pragma.value("op") or "").lower(), (pragma.value("impl") or "").lower()
    implementations = OPERATORS.get(name)
    if implementations is None:
        if name:
            yield "pragma-value", f"there is no op {name}", f"one of {', '.join(OPERATORS)}"
        return
    if impl and impl not in implementations:
        legal = [each for each in implementations if each != VERSAL]
        yield "pragma-value", f"{name} has no impl {impl}", f"one of {', '.join(legal)}"
        return
    if impl == VERSAL:
        yield "pragma-value", f"impl {impl} exists on Versal alone", "choose another impl"
    latency = _most(context, placed, "latency")
    most = implementations[impl] if impl else max(implementations.values())
    if latency is not None and latency > most:
        what = f"{name}{f' in {impl}' if impl else ''} takes at most {most} cycles, not {latency}"
        yield "pragma-value", what, f"write -1 to {most}"


def _partition(context: Context, placed: Placed) -> Iterator[_Fault]:
    pragma = placed.pragma
    kind = (pragma.value("type") or "complete").lower()
    if kind == "complete" and "factor" in pragma.options:
        yield "pragma-conflict", "factor is for block and cyclic", "leave factor out"
    if kind in ("block", "cyclic") and "factor" not in pragma.options:
        yield "pragma-missing", f"type={kind} needs a factor", "add factor=<parts>"


def _dependence(context: Context, placed: Placed) -> Iterator[_Fault]:
    pragma = placed.pragma
    named = [each for each in ("variable", "class") if each in pragma.options]
    if len(named) == 2:
        yield "pragma-conflict", "variable and class exclude each other", "leave one of them out"
    if not named:
        yield "pragma-missing", "it names no variable and no class", "add variable=<name>"
    if "distance" in pragma.options and (pragma.value("dependent") or "").lower() == "false":
        yield "pragma-conflict", "a distance is for dependent=true", "leave distance out"


def _trip_count(context: Context, placed: Placed) -> Iterator[_Fault]:
    least, most = _most(context, placed, "min"), _most(context, placed, "max")
    if least is not None and most is not None and least > most:
        yield "pragma-value", f"min={least} is more than max={most}", "exchange them"


def _most(context: Context, placed: Placed, option: str) -> int | None:
    """What an option's constant stands for, the largest of what its template's uses make of it;
    None where it is absent or can't be told."""
    text = placed.pragma.value(option)
    if not text:
        return None
    return max(context.values.of_text(placed.function, text, placed.node), default=None)


def _twice(context: Context) -> Iterator[Finding]:
    """Two pragmas of one name for the same thing in one scope."""
    seen: set[tuple[object, ...]] = set()
    for placed in context.pragmas.all:
        pragma = placed.pragma
        if (
            placed.scope is None
            or pragma.conditional
            or pragma.name in ("ALLOCATION", "ALIAS", "DEPENDENCE", "BIND_OP")
        ):
            continue
        named = pragma.value("variable") or pragma.value("port") or ""
        key = (placed.scope.id, pragma.name, named, pragma.value("dim"), _is_control(placed))
        if key in seen:
            what = f"a second {pragma.name}{f' of {named}' if named else ''} in this scope"
            yield context.finding(placed.node, "pragma-conflict", what, "keep one of them")
        seen.add(key)


def _is_control(placed: Placed) -> bool:
    """Whether it is the register of a port's address, beside the port itself."""
    return (placed.pragma.value("mode") or "").lower() == "s_axilite"

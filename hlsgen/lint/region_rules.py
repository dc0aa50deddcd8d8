# SPDX-License-Identifier: Apache-2.0
"""Where a dataflow region must be one, and what may not be declared in it.

Source: UG1399 (canonical forms and bodies of dataflow regions, HLS task library).
"""

from __future__ import annotations

from collections.abc import Iterator

from .context import Context
from .dataflow import called, regions
from .declarations import Function, Variable
from .findings import Finding
from .syntax import below, statements, text_of


def check(context: Context) -> Iterator[Finding]:
    """Findings of functions that should be regions, and of what regions declare."""
    found = regions(context)
    for function in context.unit.functions:
        bodies = [each.body for each in found if each.function is function]
        spans = [(body.start_byte, body.end_byte) for body in bodies]
        if not _has_tasks(function):
            yield from _check_missing(context, function, spans)
        for local in context.unit.locals[function]:
            variable = local.variable
            if _inside(variable, spans) and variable.static and _changes(variable):
                what = f"{variable.name} is static in a dataflow region"
                mend = "take `static` out: what is declared here lives as long as the region"
                yield context.finding(variable.node, "dataflow-static", what, mend)


def _check_missing(
    context: Context, function: Function, spans: list[tuple[int, int]]
) -> Iterator[Finding]:
    """Streams outside of a region, and several processes that would run one after the other."""
    streams = [
        local.variable
        for local in context.unit.locals[function]
        if local.variable.is_stream
        and not local.variable.reference
        and not _inside(local.variable, spans)
    ]
    if not function.kernel:
        for variable in streams:
            what = f"the stream {variable.name} is declared outside of a dataflow region"
            mend = f"add #pragma HLS DATAFLOW to {function.full_name}"
            yield context.finding(variable.node, "dataflow-missing", what, mend)
        return
    names = [] if spans else _processes(context, function)
    if not streams and len(names) < 2:
        return
    has = "declares streams" if streams else f"calls {' and '.join(names[:2])}"
    what = f"the kernel {function.name} {has} and is no dataflow region"
    mend = "add #pragma HLS DATAFLOW before the first declaration of its body"
    yield context.finding(function.node, "dataflow-missing", what, mend)


def _processes(context: Context, function: Function) -> list[str]:
    """Functions of the project that are called as statements of a body."""
    names = []
    for statement in statements(function.body):
        node = called(statement)
        call = None if node is None else context.calls.at(node)
        if call is not None and call.targets and call.receiver is None:
            names.append(call.name)
    return names


def _has_tasks(function: Function) -> bool:
    """Whether its streams join tasks, which need no pragma."""
    names = below(function.body, "qualified_identifier")
    return any(text_of(node) == "hls::task" for node in names)


def _inside(variable: Variable, spans: list[tuple[int, int]]) -> bool:
    return any(begin <= variable.node.start_byte < end for begin, end in spans)


def _changes(variable: Variable) -> bool:
    """A constant may be static."""
    return not variable.const or variable.is_stream

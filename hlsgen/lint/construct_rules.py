# SPDX-License-Identifier: Apache-2.0
"""C++ that synthesis does not take.

Source: UG1399 (unsupported C/C++ constructs, C/C++ functions, standard template libraries).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .context import Context
from .declarations import Function, parameters_of
from .findings import Finding
from .syntax import ancestors, arguments_of, below, last_name, part, scope_names, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_HEAP_CALLS = ("malloc", "calloc", "realloc", "free", "aligned_alloc", "posix_memalign", "alloca",
               "make_unique", "make_shared", "allocate_shared", "memalign", "valloc", "strdup",
               "operator new", "operator new[]", "operator delete",
               "operator delete[]")  # fmt: skip
_SYSTEM_CALLS = ("printf", "fprintf", "sprintf", "snprintf", "puts", "putchar", "scanf", "fscanf",
                 "fopen", "fclose", "fread", "fwrite", "fgets", "getc", "putc", "exit", "abort",
                 "atexit", "system", "getenv", "time", "clock", "sleep", "usleep", "rand",
                 "srand", "perror")  # fmt: skip
_SYSTEM_NAMES = ("cout", "cerr", "clog", "cin", "ifstream", "ofstream", "fstream", "thread",
                 "mutex", "async", "stringstream", "ostringstream")  # fmt: skip
_CONTAINERS = ("vector", "string", "list", "deque", "map", "set", "multimap", "multiset", "queue",
               "stack", "priority_queue", "unordered_map", "unordered_set", "function",
               "unique_ptr", "shared_ptr", "weak_ptr", "forward_list", "any", "allocator",
               "unordered_multimap", "unordered_multiset", "wstring", "basic_string", "valarray",
               "regex")  # fmt: skip
_PLAIN_TYPES = ("string", "wstring", "regex", "any")  # containers that are no templates
_NAMES = ("qualified_identifier", "template_type", "type_identifier", "identifier")
_SIMPLE = {
    "new_expression": ("memory-dynamic", "`new` takes memory from a heap", "declare an array"),
    "delete_expression": ("memory-dynamic", "`delete` is of a heap", "declare an array"),
    "throw_statement": ("exception", "an exception is thrown", "report the fault as a value"),
    "try_statement": ("exception", "exceptions are caught", "take the try out"),
    "goto_statement": ("goto", "a goto", "write a loop or a condition"),
}


def check(context: Context) -> Iterator[Finding]:
    """Findings of all that a unit holds of the project."""
    opened = _opened(context)
    for node in walk(context.unit.root):
        found = _SIMPLE.get(node.type)
        if found is not None:
            yield context.finding(node, *found)
        elif node.type == "call_expression":
            yield from _check_call(context, node)
            yield from _check_self(context, node)
        elif node.type in _NAMES and _is_standard(context, opened, node):
            yield from _check_std(context, node)
        elif node.type in ("virtual", "virtual_function_specifier"):
            what = "a virtual function"
            yield context.finding(node, "virtual", what, "make its class a template parameter")
        elif node.type == "function_declarator":
            yield from _check_pointer(context, node)
        elif node.type == "ERROR" or node.is_missing:
            what = f"`{text_of(node)[:40]}` can't be parsed"
            yield context.finding(node, "unparsed", what, "write it plainly")
    yield from _check_sizes(context)
    yield from _check_recursion(context)


def _check_call(context: Context, node: Node) -> Iterator[Finding]:
    called = part(node, "function")
    if called is None or called.type not in ("identifier", "qualified_identifier",
                                             "template_function", "operator_name"):  # fmt: skip
        return
    name, scope = last_name(called), scope_names(called)
    known = context.calls.at(node)
    if (known is not None and known.targets) or (scope and scope[0] not in ("std", "")):
        return
    if name in _HEAP_CALLS:
        what = f"{name} takes memory from a heap, or gives it back"
        yield context.finding(node, "memory-dynamic", what, "declare an array")
    elif name in _SYSTEM_CALLS:
        what = f"{name} asks the operating system"
        mend = "take it out, or put it between #ifndef __SYNTHESIS__ and #endif"
        yield context.finding(node, "system-call", what, mend)
    elif name == "dynamic_cast":
        what = "dynamic_cast asks for a type at run time"
        yield context.finding(node, "virtual", what, "make the type a template parameter")


@dataclass(frozen=True)
class _Opened:
    """How the standard library may be named. names: `std` and its other names, each as the scope
    of a name; everything: whether all of it needs no scope; own: what does not."""

    names: frozenset[tuple[str, ...]]
    everything: bool
    own: frozenset[str]


def _opened(context: Context) -> _Opened:
    """By the unit's using-declarations, wherever they stand."""
    names, own, everything = {("std",)}, set(), False
    for node in below(context.unit.root, "namespace_alias_definition"):
        if text_of(node.named_children[-1]) == "std":
            names.add((text_of(part(node, "name")),))
    for node in below(context.unit.root, "using_declaration"):
        used = node.named_children[0] if node.named_children else None
        if used is not None and used.type == "identifier":
            everything |= (text_of(used),) in names
        elif used is not None and scope_names(used)[:1] in names:
            own.add(last_name(used))
    return _Opened(frozenset(names), everything, frozenset(own))


def _is_standard(context: Context, opened: _Opened, node: Node) -> bool:
    """Whether a name means one of the standard library's: by its scope, or as a plain name of which
    the project has none of its own."""
    if node.type == "qualified_identifier":
        return scope_names(node)[:1] in opened.names
    name = last_name(node)
    template = node.type == "template_type"
    if not opened.everything and name not in opened.own:
        return False
    if name not in (_CONTAINERS if template else (*_PLAIN_TYPES, *_SYSTEM_NAMES)):
        return False
    parent = node.parent
    if parent is not None and parent.type in ("qualified_identifier", "template_type"):
        return False
    function = context.unit.function_around(node)
    known = None if function is None else context.unit.lookup(function, name, node)
    return known is None and context.unit.class_of(name) is None


def _check_std(context: Context, node: Node) -> Iterator[Finding]:
    name = last_name(node)
    if name in _CONTAINERS:
        what = f"std::{name} takes memory from a heap"
        yield context.finding(node, "std-container", what, "declare an array, or an hls:: type")
    elif name in _SYSTEM_NAMES:
        what = f"std::{name} asks the operating system"
        mend = "take it out, or put it between #ifndef __SYNTHESIS__ and #endif"
        yield context.finding(node, "system-call", what, mend)


def _check_self(context: Context, node: Node) -> Iterator[Finding]:
    """A parameter that is called with itself, as by a generic lambda, or an object that calls
    itself: recursion that no name of a function shows."""
    called = part(node, "function")
    given = [text_of(each) for each in arguments_of(part(node, "arguments"))]
    name = text_of(called)
    if called is not None and called.type == "parenthesized_expression" and name != "(*this)":
        name = name.strip("(*) ")
    function = context.unit.function_around(node)
    if function is None or called is None:
        return
    object_ = function.name == "operator()" and (name == "(*this)" or "*this" in given)
    passed = name in given and _is_parameter(function, node, name)
    if object_ or passed:
        what = f"`{text_of(node)[:40]}` calls itself at run time"
        yield context.finding(node, "recursion", what, "write a loop")


def _is_parameter(function: Function, node: Node, name: str) -> bool:
    """Whether the function, or a lambda around a node of it, has a parameter of this name."""
    for each in ancestors(node):
        declarator = part(each, "declarator") if each.type == "lambda_expression" else None
        if declarator is not None and name in [p.name for p in parameters_of(declarator)]:
            return True
    return function.parameter(name) is not None


def _check_pointer(context: Context, node: Node) -> Iterator[Finding]:
    """A pointer to a function, unless it is a template's parameter, known when compiled."""
    inner = part(node, "declarator")
    if inner is None or inner.type != "parenthesized_declarator":
        return
    pointer = any(child.type == "pointer_declarator" for child in inner.named_children)
    if pointer and not any(each.type == "template_parameter_list" for each in ancestors(node)):
        what = f"`{text_of(node)[:40]}` is a pointer to a function"
        yield context.finding(node, "function-pointer", what, "make it a template parameter")


def _check_sizes(context: Context) -> Iterator[Finding]:
    for function in context.unit.functions:
        for local in context.unit.locals[function]:
            for size in local.variable.sizes:
                if size.type == "array_declarator":
                    continue  # as long as what it is made of
                if not context.constants.is_constant(function, size):
                    what = f"{local.variable.name} has {text_of(size)} elements, no constant"
                    mend = "give it the largest size that it may need"
                    yield context.finding(size, "array-size", what, mend)


def _check_recursion(context: Context) -> Iterator[Finding]:
    """Functions that come back to themselves; those that the compiler evaluates may."""
    edges: dict[Function, list[tuple[Function, Node]]] = {}
    for caller, calls in context.calls.of.items():
        for call in calls:
            if call.certain and not call.targets[0].constexpr:
                edges.setdefault(caller, []).append((call.targets[0], call.node))
    for function in context.unit.functions:
        way = _way_back(edges, function)
        if way is not None:
            what = f"{function.full_name} calls itself at run time"
            yield context.finding(way, "recursion", what, "write a loop")


def _way_back(edges: dict[Function, list[tuple[Function, Node]]], start: Function) -> Node | None:
    """The call in `start` that leads back to it."""
    for target, node in edges.get(start, []):
        seen = {target}
        left = [target]
        while left:
            current = left.pop()
            if current is start:
                return node
            for following, _ in edges.get(current, []):
                if following not in seen:
                    seen.add(following)
                    left.append(following)
    return None

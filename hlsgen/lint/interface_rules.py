# SPDX-License-Identifier: Apache-2.0
"""The ports of a kernel: each has an interface, of a kind that fits it, in a bundle of its own.

Source: UG1702 (INTERFACE), UG1399 (AXI4 master interface, port width resizing).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .context import Context
from .declarations import Function, Variable
from .findings import Finding
from .pragma_table import PORT_MODES
from .pragmas import Placed

CONTROL = "control"
"""The one bundle of registers that a kernel of the Vitis flow has."""

_COMMON = {"mode", "port", "name"}
_BUFFERED = {"register", "register_mode"}
MODE_OPTIONS = {
    "m_axi": {"bundle", "offset", "depth", "latency", "num_read_outstanding",
              "num_write_outstanding", "max_read_burst_length", "max_write_burst_length",
              "max_widen_bitwidth", "channel", *_BUFFERED},
    "s_axilite": {"bundle", "offset", "clock", "storage_impl", "register", "autorestart"},
    "axis": {"depth", *_BUFFERED},
    "ap_memory": {"storage_type", "latency", "depth"},
    "bram": {"storage_type", "latency", "depth"},
    "ap_fifo": {"depth", "register"},
    "ap_none": {"depth", "latency", "register"},
    "ap_ack": {"depth", "latency", "register"},
    "ap_ovld": {"depth", "latency", "register"},
    "ap_stable": {"depth", "latency", "register"},
    "ap_vld": {"depth", "latency", "register", "interrupt"},
    "ap_hs": {"depth", "latency", "register", "interrupt"},
}  # fmt: skip
"""The options of each mode of a port, beside its name; control protocols have none."""

_OFFSETS = ("off", "direct", "slave")


def check(context: Context) -> Iterator[Finding]:
    """Findings of the interfaces of all kernels."""
    for function in context.unit.functions:
        if function.kernel:
            placed = context.pragmas.of_function(function, "INTERFACE")
            for each in placed:
                yield from _check_interface(context, function, each)
            yield from _check_ports(context, function, placed)
            yield from _check_bundles(context, function, placed)


def mode_of(placed: Placed) -> str:
    """The mode of an interface."""
    return (placed.pragma.value("mode") or "").lower()


def _check_interface(context: Context, function: Function, placed: Placed) -> Iterator[Finding]:
    mode, pragma = mode_of(placed), placed.pragma
    port = pragma.value("port") or ""
    if mode == "ap_bus":
        what = "INTERFACE ap_bus is deprecated"
        yield context.finding(placed.node, "pragma-deprecated", what, "write mode=m_axi")
        return
    known = {*MODE_OPTIONS.get(mode, set()), *_COMMON}
    for key in pragma.options if mode in PORT_MODES else ():
        if key not in known:
            what = f"INTERFACE {mode} has no option {key}"
            mend = f"one of {', '.join(sorted(known))}"
            yield context.finding(placed.node, "pragma-option", what, mend)
    offset = pragma.value("offset")
    if mode == "m_axi" and offset is not None and offset not in _OFFSETS:
        what = f"INTERFACE offset={offset}: there is no such word"
        yield context.finding(placed.node, "pragma-value", what, f"one of {', '.join(_OFFSETS)}")
    if mode == "s_axilite" and offset is not None and not re.fullmatch(r"\d+|0x[\da-f]+", offset):
        what = f"INTERFACE offset={offset}: it is no register's address"
        yield context.finding(placed.node, "pragma-value", what, "write a number")
    parameter = function.parameter(port)
    if mode == "m_axi" and parameter is not None and not (parameter.pointer or parameter.sizes):
        what = f"m_axi is for pointers and arrays, and {port} is neither"
        yield context.finding(placed.node, "interface-port", what, "write mode=s_axilite")
    elif mode == "m_axi" and "depth" not in pragma.options and not _is_sized(parameter):
        what = f"the m_axi port {port} has no depth, so C/RTL co-simulation can't serve it"
        mend = "add depth=<elements that the testbench's array has>"
        yield context.finding(placed.node, "interface-depth", what, mend)
    if port == "return" and mode in MODE_OPTIONS and mode != "s_axilite":
        what = f"the control of a kernel can't be {mode}"
        yield context.finding(placed.node, "interface-port", what, "write mode=s_axilite")


def _is_sized(parameter: Variable | None) -> bool:
    """Whether an array says how long it is, so that its port needs no depth. (What is no port is a
    fault of its own.)"""
    if parameter is None:
        return True
    sizes = parameter.sizes
    return bool(sizes) and all(size.type != "array_declarator" for size in sizes)


def _check_ports(context: Context, function: Function, placed: list[Placed]) -> Iterator[Finding]:
    """Every parameter of a kernel has an interface, and a kernel returns nothing."""
    modes: dict[str, set[str]] = {}
    for each in placed:
        modes.setdefault(each.pragma.value("port") or "", set()).add(mode_of(each))
    for parameter in function.parameters:
        if parameter.is_stream or not parameter.name:
            continue
        wanted = "m_axi" if parameter.pointer or parameter.sizes else "s_axilite"
        if wanted not in modes.get(parameter.name, set()):
            what = f"{function.name}: {parameter.name} has no {wanted} interface"
            mend = f"add #pragma HLS INTERFACE mode={wanted} port={parameter.name}"
            yield context.finding(parameter.node, "interface-port", what, mend)
    if "return" not in modes:
        what = f"{function.name} has no s_axilite interface of its control"
        mend = f"add #pragma HLS INTERFACE mode=s_axilite port=return bundle={CONTROL}"
        yield context.finding(function.body, "interface-port", what, mend)
    if function.returns != "void":
        what = f"the kernel {function.name} returns a value"
        yield context.finding(function.node, "interface-port", what, "return it through memory")


def _check_bundles(context: Context, function: Function, placed: list[Placed]) -> Iterator[Finding]:
    used: dict[tuple[str, str], str] = {}
    for each in placed:
        mode, bundle = mode_of(each), each.pragma.value("bundle")
        port = each.pragma.value("port") or ""
        if bundle is not None and (not bundle or bundle != bundle.lower()):
            what = f"the bundle's name {bundle} is not in lower case"
            yield context.finding(each.node, "interface-bundle", what, f"write {bundle.lower()}")
        if mode == "s_axilite" and bundle not in (None, CONTROL):
            what = f"{port} has its register in the bundle {bundle}"
            mend = f"write bundle={CONTROL}: a kernel has one"
            yield context.finding(each.node, "interface-bundle", what, mend)
        if mode != "m_axi":
            continue
        if bundle is None:
            what = f"{port} has no bundle, so it shares one with all that have none"
            yield context.finding(each.node, "interface-bundle", what, "add bundle=<name>")
            continue
        for direction in sorted(_directions(context, function, function.parameter(port))):
            other = used.setdefault((bundle, direction), port)
            if other != port:
                what = f"{port} and {other} both {direction} through the bundle {bundle}"
                mend = "give each a bundle: only one of them bursts at a time"
                yield context.finding(each.node, "interface-bundle", what, mend)


def _directions(context: Context, function: Function, parameter: Variable | None) -> frozenset[str]:
    """Whether a port is read, written or both."""
    if parameter is None:
        return frozenset()
    place = function.parameters.index(parameter)
    return context.effects.of(function, place) & {"read", "write"}

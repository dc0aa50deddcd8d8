# SPDX-License-Identifier: Apache-2.0
"""The grammar of HLS pragmas: names, options, values and places.

Source: UG1399 (pragmas of Vitis HLS 2023.2) and UG1702, with the front end's own grammar where they
are silent (Xilinx/hls-llvm-project, XlxPragmaOption.td) and AMD's own examples
(Xilinx/Vitis-HLS-Introductory-Examples). Names and words are not case-sensitive, and the word of an
option may stand alone: `complete` for type=complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from .pragma_text import Pragma

Kind = Literal["flag", "integer", "name", "names", "number", "variable", "word"]
Place = Literal["top", "function", "loop", "region"]


@dataclass(frozen=True)
class Option:
    """What an option takes.

    kind: "flag" a bare word, or with true, false, 1 or 0; "integer" a constant from `least` to
    `most`; "number" any; "word" one of `words`; "variable" a variable, port or member in scope;
    "name" and "names" any name, or several with commas. deprecated: what to write instead.
    """

    kind: Kind
    words: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None
    powers: bool = False
    deprecated: str = ""


@dataclass(frozen=True)
class Directive:
    """A pragma. where: scopes that it may stand in; first: it must come before any statement there.

    required: options that it can't do without; deprecated: what to write instead.
    """

    where: frozenset[Place]
    options: Mapping[str, Option] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    first: bool = False
    deprecated: str = ""


FLAG = Option("flag")
NAME = Option("name")
VARIABLE = Option("variable")
POSITIVE = Option("integer", least=1)
COUNT = Option("integer")

PORT_MODES = ("ap_none", "ap_vld", "ap_ack", "ap_hs", "ap_ovld", "ap_fifo", "ap_memory", "bram",
              "axis", "s_axilite", "m_axi", "ap_ctrl_none", "ap_ctrl_hs", "ap_ctrl_chain",
              "ap_stable", "ap_bus")  # fmt: skip
MEMORY_TYPES = ("ram_1p", "ram_1wnr", "ram_2p", "ram_s2p", "ram_t2p", "rom_1p", "rom_2p", "rom_np")
MEMORY_IMPLS = ("auto", "bram", "bram_ecc", "lutram", "uram", "uram_ecc", "srl", "memory")

_ANY: frozenset[Place] = frozenset({"top", "function", "loop", "region"})
_BODIES: frozenset[Place] = frozenset({"top", "function"})
_LOOP: frozenset[Place] = frozenset({"loop"})
_REGION: frozenset[Place] = frozenset({"region"})
_PARTITION = {
    "variable": VARIABLE,
    "type": Option("word", ("block", "cyclic", "complete")),
    "factor": POSITIVE,
    "dim": COUNT,
    "off": FLAG,
}

DIRECTIVES: dict[str, Directive] = {
    "INTERFACE": Directive(
        frozenset({"top"}),
        {
            "mode": Option("word", PORT_MODES),
            "port": VARIABLE,
            "name": NAME,
            "bundle": NAME,
            "offset": NAME,  # off, direct, slave of m_axi; a register's address of s_axilite
            "depth": POSITIVE,
            "latency": COUNT,
            "num_read_outstanding": POSITIVE,
            "num_write_outstanding": POSITIVE,
            "max_read_burst_length": Option("integer", least=1, most=256),
            "max_write_burst_length": Option("integer", least=1, most=256),
            "max_widen_bitwidth": Option("integer", most=1024, powers=True),
            "channel": NAME,
            "register": FLAG,
            "register_mode": Option("word", ("both", "forward", "reverse", "off")),
            "clock": NAME,
            "storage_impl": Option("word", ("auto", "bram", "uram")),
            "autorestart": FLAG,
            "storage_type": Option("word", MEMORY_TYPES),
            "interrupt": Option("integer", least=16, most=31),
        },
        ("mode", "port"),
    ),
    "PIPELINE": Directive(
        _BODIES | _LOOP,
        {
            "ii": POSITIVE,
            "off": FLAG,
            "rewind": FLAG,
            "style": Option("word", ("stp", "flp", "frp")),
            "enable_flush": Option("flag", deprecated="style=flp"),
        },
        first=True,
    ),
    "UNROLL": Directive(
        _LOOP, {"factor": POSITIVE, "skip_exit_check": FLAG, "off": FLAG}, first=True
    ),
    "LOOP_FLATTEN": Directive(_LOOP, {"off": FLAG}, first=True),
    "LOOP_MERGE": Directive(_ANY, {"force": FLAG}, first=True),
    "LOOP_TRIPCOUNT": Directive(
        _LOOP, {"min": COUNT, "max": COUNT, "avg": COUNT}, ("max",), first=True
    ),
    "LATENCY": Directive(
        _ANY,
        {"min": Option("integer", most=65535), "max": Option("integer", most=65535)},
        first=True,
    ),
    "OCCURRENCE": Directive(_REGION, {"cycle": POSITIVE, "off": FLAG}, first=True),
    "PERFORMANCE": Directive(
        _BODIES | _LOOP,
        {
            "target_ti": Option("number"),
            "target_tl": Option("number"),
            "unit": Option("word", ("cycle", "sec")),
        },
        first=True,
    ),
    "EXPRESSION_BALANCE": Directive(_ANY, {"off": FLAG}, first=True),
    "FUNCTION_INSTANTIATE": Directive(_BODIES, {"variable": VARIABLE}, ("variable",)),
    "INLINE": Directive(_BODIES, {"recursive": FLAG, "off": FLAG}, first=True),
    "PROTOCOL": Directive(_REGION, {"mode": Option("word", ("floating", "fixed"))}, first=True),
    "RESET": Directive(_ANY, {"variable": VARIABLE, "off": FLAG}, ("variable",)),
    "TOP": Directive(_BODIES, {"name": NAME}),
    "DATAFLOW": Directive(
        _BODIES | _LOOP,
        {
            "disable_start_propagation": FLAG,
            "interval": Option("integer", deprecated="no interval: it has no effect"),
        },
        first=True,
    ),
    "ARRAY_PARTITION": Directive(_ANY, _PARTITION, ("variable",)),
    "ARRAY_RESHAPE": Directive(_ANY, {**_PARTITION, "object": FLAG}, ("variable",)),
    "ARRAY_STENCIL": Directive(_ANY, {"variable": VARIABLE, "off": FLAG}, ("variable",)),
    "BIND_STORAGE": Directive(
        _ANY,
        {
            "variable": VARIABLE,
            "type": Option("word", ("fifo", *MEMORY_TYPES)),
            "impl": Option("word", MEMORY_IMPLS),
            "latency": Option("integer", least=-1, most=4),
        },
        ("variable", "type"),
    ),
    "BIND_OP": Directive(
        _ANY,
        {
            "variable": VARIABLE,
            "op": NAME,  # the pairs of op and impl are a table of their own
            "impl": NAME,
            "latency": Option("integer", least=-1),
        },
        ("variable", "op"),
    ),
    "STREAM": Directive(
        _ANY,
        {
            "variable": VARIABLE,
            "depth": POSITIVE,
            "type": Option("word", ("fifo", "pipo", "shared", "unsync")),
            "off": Option("flag", deprecated="type=pipo"),
            "dim": Option("integer", deprecated="no dim: it has no effect"),
        },
        ("variable",),
    ),
    "AGGREGATE": Directive(
        _ANY,
        {"variable": VARIABLE, "compact": Option("word", ("bit", "byte", "none", "auto"))},
        ("variable",),
    ),
    "DISAGGREGATE": Directive(_ANY, {"variable": VARIABLE}, ("variable",)),
    "STABLE": Directive(_ANY, {"variable": VARIABLE}, ("variable",)),
    "DEPENDENCE": Directive(
        _ANY,
        {
            "variable": VARIABLE,
            "class": Option("word", ("array", "pointer")),
            "type": Option("word", ("intra", "inter")),
            "direction": Option("word", ("raw", "war", "waw")),
            "distance": POSITIVE,
            "dependent": Option("word", ("true", "false")),
        },
        ("dependent",),
    ),
    "ALIAS": Directive(
        _BODIES,
        {"ports": Option("names"), "offset": Option("names"), "distance": COUNT},
        ("ports",),
    ),
    "CACHE": Directive(
        _BODIES, {"port": VARIABLE, "lines": POSITIVE, "depth": POSITIVE}, ("port",)
    ),
    "ALLOCATION": Directive(
        _ANY,
        {"type": Option("word", ("function", "operation")), "instances": NAME, "limit": POSITIVE},
        ("instances", "limit"),
    ),
    "RESOURCE": Directive(_ANY, deprecated="BIND_OP or BIND_STORAGE"),
    "DATA_PACK": Directive(_ANY, deprecated="AGGREGATE"),
    "SHARED": Directive(_ANY, deprecated="STREAM type=shared"),
}
"""The pragmas, by name. Those without options are known only to be told what took their place."""


def named(pragma: Pragma) -> Pragma:
    """The pragma with the option of every word that stands alone: mode=m_axi for `m_axi`."""
    directive = DIRECTIVES.get(pragma.name)
    if directive is None:
        return pragma
    options: dict[str, str | None] = {}
    for key, value in pragma.options.items():
        owners = [name for name, option in directive.options.items() if key in option.words]
        alone = value is None and key not in directive.options
        if alone and owners and owners[0] not in pragma.options:
            options[owners[0]] = key
        else:
            options[key] = value
    return replace(pragma, options=options)

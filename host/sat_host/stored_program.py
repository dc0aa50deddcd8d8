# SPDX-License-Identifier: Apache-2.0
"""The program that a bundle brings: the tiling of each product of its network's training step, and
the memory bank of each tensor.

program.json is a JSON object; `format` is FORMAT. Of its `products`, each an object, the host takes
`product`, the fields of a `Product` with those of its A, B and Y as objects, and `tiling`, those of
a `Tiling`. A product is known by its shape: where it lies in memory does not matter, and of equal
shapes all have one tiling. Where they are there, it takes also: of products and updates, `modelled`
cycles; of a product, `scratch`, a tensor's name; of `memory`, the `bank` of each of `tensors`, and
`places`, the tensor in whose place another one lies. What else is there is for people and for
hlsgen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, TypeVar

from .product import Operand, Product, Source, Target
from .tiling import DATAFLOWS, Tiling

FORMAT = 1
FILE = "program.json"

Tilings = Mapping[Product, Tiling]
Record = TypeVar("Record", Source, Operand, Target, Tiling, Product, "UpdateKey")

_PARTS = ("a", "b", "y")


@dataclass(frozen=True)
class UpdateKey:
    """What the modelled cycles of an update depend on: extents of W and N of the packed forms."""

    rows: int
    columns: int
    ff_keep: int
    bp_keep: int


@dataclass(frozen=True)
class StoredProgram:
    """tilings, cycles, scratch: by Product.shape(); cycles: of a run, modelled; scratch: the bank
    of the sums between segments. updates: modelled cycles. banks: by the name of a tensor."""

    tilings: Tilings = field(default_factory=dict)
    cycles: Mapping[Product, int] = field(default_factory=dict)
    scratch: Mapping[Product, int] = field(default_factory=dict)
    updates: Mapping[UpdateKey, int] = field(default_factory=dict)
    banks: Mapping[str, int] = field(default_factory=dict)


NO_PROGRAM = StoredProgram()


def read_program(text: str, dataflows: tuple[str, ...] = DATAFLOWS) -> StoredProgram:
    """What the host takes of a program.json.

    dataflows: those that the array has. Raises ValueError, one line, for what is no such program.
    """
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"not a program of format {FORMAT}")
    banks = _banks(document.get("memory", {}))
    tilings: dict[Product, Tiling] = {}
    cycles: dict[Product, int] = {}
    scratch: dict[Product, int] = {}
    for place, entry in _objects(document.get("products"), "products"):
        shape = product_of(entry.get("product"), f"{place}.product").shape()
        tiling = tiling_of(entry.get("tiling"), f"{place}.tiling")
        if tiling.dataflow not in dataflows:
            raise ValueError(f"{place}.tiling.dataflow: the array has {', '.join(dataflows)}")
        if tilings.setdefault(shape, tiling) != tiling:
            raise ValueError(f"{place}.tiling: another one than that of an equal product")
        if "modelled" in entry:
            cycles[shape] = max(cycles.get(shape, 0), _cycles(entry, place))
        if entry.get("scratch") is not None:
            scratch[shape] = _known(banks, entry["scratch"], f"{place}.scratch")
    updates = dict(_updates(document.get("updates", [])))
    return StoredProgram(tilings, cycles, scratch, updates, banks)


def _updates(entries: object) -> Iterator[tuple[UpdateKey, int]]:
    for place, entry in _objects(entries, "updates"):
        update = entry.get("update")
        if not isinstance(update, Mapping):
            raise ValueError(f"{place}.update: expected an object")
        names = [each.name for each in fields(UpdateKey)]
        given = {name: update[name] for name in names if name in update}
        yield _record(UpdateKey, given, f"{place}.update"), _cycles(entry, place)


def _banks(memory: object) -> dict[str, int]:
    """The bank of every tensor, and of what lies in the place of one."""
    if not isinstance(memory, Mapping):
        raise ValueError("memory: expected an object")
    banks: dict[str, int] = {}
    for place, tensor in _objects(memory.get("tensors", []), "memory.tensors"):
        name, bank = tensor.get("name"), tensor.get("bank")
        if not isinstance(name, str) or not isinstance(bank, int) or not _whole(bank) or bank < 0:
            raise ValueError(f"{place}: expected a name and a bank")
        banks[name] = bank
    places = memory.get("places", {})
    if not isinstance(places, Mapping):
        raise ValueError("memory.places: expected an object")
    found = {name: _known(banks, place, f"memory.places.{name}") for name, place in places.items()}
    return {**banks, **found}


def _known(banks: Mapping[str, int], tensor: object, place: str) -> int:
    if not isinstance(tensor, str) or tensor not in banks:
        raise ValueError(f"{place}: no tensor of memory.tensors")
    return banks[tensor]


def _cycles(entry: Mapping[str, Any], place: str) -> int:
    modelled = entry.get("modelled")
    cycles = modelled.get("cycles") if isinstance(modelled, Mapping) else None
    if not isinstance(cycles, int) or not _whole(cycles) or cycles < 0:
        raise ValueError(f"{place}.modelled.cycles: expected an integer of at least 0")
    return cycles


def _objects(entries: object, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects of a list, each with its place."""
    if not isinstance(entries, list):
        raise ValueError(f"{place}: expected a list")
    for number, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            raise ValueError(f"{place}[{number}]: expected an object")
        yield f"{place}[{number}]", entry


def product_of(value: object, place: str = "product") -> Product:
    """The product of its JSON object, the inverse of `product_fields`. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{place}: expected an object")
    parts = {
        "a": _record(Source, value.get("a"), f"{place}.a"),
        "b": _record(Operand, value.get("b"), f"{place}.b"),
        "y": _record(Target, value.get("y"), f"{place}.y"),
    }
    return _record(Product, {**value, **parts}, place)


def product_fields(product: Product) -> dict[str, Any]:
    """A product as a JSON object; fields that have their default are left out."""
    values = _stated(product)
    return values | {name: _stated(getattr(product, name)) for name in _PARTS}


def tiling_of(value: object, place: str = "tiling") -> Tiling:
    """The tiling of its JSON object. Raises ValueError."""
    return _record(Tiling, value, place)


def _stated(record: Any) -> dict[str, Any]:
    """The fields that have not their default, pairs as lists."""
    values = asdict(record)
    return {
        each.name: list(value) if isinstance(value, tuple) else value
        for each in fields(record)
        if (value := values[each.name]) != each.default
    }


def _record(kind: type[Record], value: object, place: str) -> Record:
    """A dataclass of the fields of an object, which may lack those with a default."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{place}: expected an object")
    known = {each.name: each for each in fields(kind)}
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise ValueError(f"{place}: {str(unknown[0])[:60]!r} is not known")
    given = {}
    for name, each in known.items():
        if name in value:
            given[name] = _checked(value[name], str(each.type), f"{place}.{name}")
        elif each.default is MISSING:
            raise ValueError(f"{place}.{name}: missing")
    return kind(**given)


def _checked(value: object, kind: str, place: str) -> Any:
    """A value of a field whose annotation is `kind`; pairs become tuples."""
    if kind in ("Source", "Operand", "Target"):
        return value
    if kind == "tuple[int, int]":
        if isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_whole, value)):
            return tuple(value)
        raise ValueError(f"{place}: expected two integers")
    fits = {
        "int": _whole(value),
        "int | None": value is None or _whole(value),
        "bool": isinstance(value, bool),
        "str": isinstance(value, str),
    }
    if not fits[kind]:
        raise ValueError(f"{place}: expected {kind}")
    return value


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

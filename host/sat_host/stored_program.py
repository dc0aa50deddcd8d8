# SPDX-License-Identifier: Apache-2.0
"""The program that a bundle brings: the tiling of each product of its network's training step.

program.json is a JSON object; `format` is FORMAT. Of its `products`, each an object, the host takes
`product`, the fields of a `Product` with those of its A, B and Y as objects, and `tiling`, those of
a `Tiling`. A product is known by its shape: where it lies in memory does not matter, and of equal
shapes all have one tiling. What else is there is for people and for hlsgen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any, TypeVar

from .product import Operand, Product, Source, Target
from .tiling import DATAFLOWS, Tiling

FORMAT = 1
FILE = "program.json"

Tilings = Mapping[Product, Tiling]
Record = TypeVar("Record", Source, Operand, Target, Tiling, Product)

_PARTS = ("a", "b", "y")


def read_tilings(text: str, dataflows: tuple[str, ...] = DATAFLOWS) -> dict[Product, Tiling]:
    """The tilings of a program.json, by Product.shape().

    dataflows: those that the array has. Raises ValueError, one line, for what is no such program.
    """
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"not a program of format {FORMAT}")
    entries = document.get("products")
    if not isinstance(entries, list):
        raise ValueError("products: expected a list")
    found: dict[Product, Tiling] = {}
    for number, entry in enumerate(entries):
        place = f"products[{number}]"
        if not isinstance(entry, dict):
            raise ValueError(f"{place}: expected an object")
        product = product_of(entry.get("product"), f"{place}.product")
        tiling = _record(Tiling, entry.get("tiling"), f"{place}.tiling")
        if tiling.dataflow not in dataflows:
            raise ValueError(f"{place}.tiling.dataflow: the array has {', '.join(dataflows)}")
        if found.setdefault(product.shape(), tiling) != tiling:
            raise ValueError(f"{place}.tiling: another one than that of an equal product")
    return found


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
        field.name: list(value) if isinstance(value, tuple) else value
        for field in fields(record)
        if (value := values[field.name]) != field.default
    }


def _record(kind: type[Record], value: object, place: str) -> Record:
    """A dataclass of the fields of an object, which may lack those with a default."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{place}: expected an object")
    known = {field.name: field for field in fields(kind)}
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise ValueError(f"{place}: {str(unknown[0])[:60]!r} is not known")
    given = {}
    for name, field in known.items():
        if name in value:
            given[name] = _checked(value[name], str(field.type), f"{place}.{name}")
        elif field.default is MISSING:
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

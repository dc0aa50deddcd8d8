# SPDX-License-Identifier: Apache-2.0
"""From pydantic's errors to faults: place, field, what is wrong in plain words, and the mend."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic_core import ErrorDetails

from .faults import Fault, shown
from .spec import RULE, Spec
from .yamlmarks import Document, FieldPath, Mark, path_text

_BOUNDS = {
    "greater_than_equal": ("below", "ge"),
    "greater_than": ("not above", "gt"),
    "less_than_equal": ("above", "le"),
    "less_than": ("not below", "lt"),
}
_WRONG_TYPES = {
    "int_type", "float_type", "string_type", "tuple_type", "model_type", "model_attributes_type",
    "literal_error", "bool_type", "dict_type", "list_type",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A fault, and the paths of all fields that it is about."""

    fault: Fault
    fields: tuple[FieldPath, ...]


def finding(error: ErrorDetails, document: Document, file: str) -> Finding:
    """What one of pydantic's errors on `document.value` means to the user."""
    path: FieldPath = tuple(error["loc"])
    kind, value, context = error["type"], error.get("input"), error.get("ctx", {})
    fields: tuple[FieldPath, ...] = (path,)
    if kind == RULE:
        if context["fields"]:
            fields = tuple(tuple(name.split(".")) for name in context["fields"])
            path = next((f for f in fields if f in document.values), fields[0])
        what, mend = context["what"], context["mend"]
    elif kind == "extra_forbidden":
        what, mend = "unknown field", _unknown_mend(path)
    elif kind == "missing":
        what, mend = "missing", f"add `{path[-1]}:` with {_expected(_schema_at(path))}"
    elif kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        what, mend = f"{_value(value)} is {word} {_bound(context[key])}", _write(path)
    elif kind in ("too_short", "too_long"):
        what, mend = f"a list of {context['actual_length']} items", _write(path)
    elif kind == "finite_number":
        what, mend = f"{_value(value)} is not finite", _write(path)
    elif kind in _WRONG_TYPES:
        what, mend = _wrong_type(path, value)
    else:
        what, mend = shown(error["msg"], 120), _write(path)
    fault = Fault(file, *_place(path, kind, document), path_text(path), what, mend)
    return Finding(fault, fields)


def _place(path: FieldPath, kind: str, document: Document) -> Mark:
    """The key of an unknown or empty field, else the value, else what is nearest around it."""
    if path in document.keys and (kind == "extra_forbidden" or _is_empty(path, document)):
        return document.keys[path]
    if path in document.values:
        return document.values[path]
    while path:
        path = path[:-1]
        if path in document.keys:
            return document.keys[path]
    return Mark(1, 1)


def _is_empty(path: FieldPath, document: Document) -> bool:
    value = document.value
    for step in path:
        value = value[step]
    return value is None


def _wrong_type(path: FieldPath, value: Any) -> tuple[str, str]:
    schema = _schema_at(path)
    mend = _write(path)
    if value is None:
        return "is empty", mend if schema.get("type") != "object" else f"{mend}, or remove it"
    choices = _choices(schema)
    if isinstance(value, str):
        close = difflib.get_close_matches(value[:60].lower(), map(str, choices), 1)
        if close:
            mend = f"did you mean {close[0]}? ({_expected(schema)})"
        elif schema.get("type") in ("integer", "number") and _is_number(value):
            mend += ", without quotes or other marks"
    wanted = _kind(schema)
    return f"{_value(value)} is not {wanted}", mend


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _bound(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str):
        text = shown(value, 40)
        return "the text " + json.dumps(text, ensure_ascii=False).replace("\\\\", "\\")
    return shown(json.dumps(value), 40)


def _unknown_mend(path: FieldPath) -> str:
    name = shown(str(path[-1]), 60).lower()
    here = list(_schema_at(path[:-1]).get("properties", {}))
    close = difflib.get_close_matches(name, here, 1)
    if close:
        return f"did you mean {close[0]}?"
    for section, schema in _schema_at(()).get("properties", {}).items():
        if name in _resolve(schema).get("properties", {}) or (len(path) > 1 and name == section):
            whole = section if name == section else f"{section}.{name}"
            return f"did you mean {whole}, outside of {path_text(path[:-1]) or 'its section'}?"
    return f"the fields here are {', '.join(here)}"


def _write(path: FieldPath) -> str:
    return f"write {_expected(_schema_at(path))}"


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    return Spec.model_json_schema()


def _resolve(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = _schema()["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
        return found
    return schema


def _schema_at(path: FieldPath) -> dict[str, Any]:
    """The JSON Schema of the field at `path`; empty when there is none."""
    schema = _schema()
    for step in path:
        inner = schema.get("items") if isinstance(step, int) else schema.get("properties", {})
        inner = inner if isinstance(step, int) else (inner or {}).get(step)
        schema = _resolve(inner or {})
    return schema


def _choices(schema: dict[str, Any]) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", []))


def _kind(schema: dict[str, Any]) -> str:
    if schema.get("type") == "string" and _choices(schema):
        return "known here"
    return {
        "integer": "a whole number",
        "number": "a number",
        "string": "text",
        "array": "a list",
        "object": "a section",
    }.get(schema.get("type", ""), "valid")


def _expected(schema: dict[str, Any]) -> str:
    """What the schema allows, in words: `a whole number from 1 to 64`."""
    kind, choices = schema.get("type"), _choices(schema)
    if len(choices) > 8:
        return f"a power of two from {choices[0]} to {choices[-1]}"
    if choices:
        return ("one of " if len(choices) > 1 else "") + ", ".join(map(str, choices))
    if kind == "array":
        items = _expected(schema.get("items", {})).removeprefix("a ")
        return f"a list of {schema['minItems']} to {schema['maxItems']}, each a {items}"
    if kind == "object":
        return f"its fields below it ({', '.join(schema.get('properties', {}))})"
    if kind == "string":
        text = str(schema.get("description", "text")).partition(";")[0].rstrip(".")
        return f"the {text[0].lower()}{text[1:]}"
    low = f"above {schema.get('exclusiveMinimum')}"
    if "minimum" in schema:
        low = f"from {schema['minimum']}"
    high = f"below {schema.get('exclusiveMaximum')}"
    if "maximum" in schema:
        high = f"to {schema['maximum']}"
        high = f"and up {high}" if low.startswith("above") else high
    elif low.startswith("from"):
        high = f"and {high}"
    return f"{_kind(schema)} {low} {high}"

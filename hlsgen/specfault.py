# SPDX-License-Identifier: Apache-2.0
"""From pydantic's errors to faults: place, field, what is wrong in plain words, and the mend."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from . import specschema
from .faults import Fault, shown
from .fifos import base_family
from .spec_base import RULE, Broken
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

_LISTED = 30  # fields of a section that a mend lists


@dataclass(frozen=True)
class Finding:
    """A fault, and the paths of all fields that it is about; `absent`: the first is missing."""

    fault: Fault
    fields: tuple[FieldPath, ...]
    absent: bool = False


def findings(error: ErrorDetails, document: Document, file: str) -> list[Finding]:
    """What one of pydantic's errors on `document.value` means to the user."""
    path = specschema.path_of(error["loc"], document.value)
    kind, value, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == RULE:
        return [_broken(rule, path, document, file) for rule in context["broken"]]
    fields: tuple[FieldPath, ...] = (path,)
    if kind == "extra_forbidden":
        what, mend = "unknown field", _unknown_mend(path, document)
    elif kind == "missing":
        what, mend = "missing", f"add `{path[-1]}:` with {_expected(path, document)}"
    elif kind == "union_tag_not_found":
        tags = specschema.variants(specschema.union_at(path, document.value))
        path = (*path, context["discriminator"].strip("'"))
        fields = (path,)
        what, mend = "missing", f"add `{path[-1]}:` with one of {', '.join(tags)}"
    elif kind == "union_tag_invalid":
        path = (*path, context["discriminator"].strip("'"))
        what, mend = _wrong_tag(path, document)
    elif kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        what, mend = f"{_value(value)} is {word} {_bound(context[key])}", _write(path, document)
    elif kind in ("too_short", "too_long"):
        what, mend = f"a list of {context['actual_length']} items", _write(path, document)
    elif kind in ("string_too_short", "string_too_long"):
        what = f"a text of {len(value)} characters" if value else "the text is empty"
        mend = _write(path, document)
    elif kind == "finite_number":
        what, mend = f"{_value(value)} is not finite", _write(path, document)
    elif kind in _WRONG_TYPES:
        what, mend = _wrong_type(path, value, document)
    else:
        what, mend = shown(error["msg"], 120), _write(path, document)
    fault = Fault(file, *_place(path, kind, document), path_text(path), what, mend)
    return [Finding(fault, fields, what == "missing")]


def _broken(rule: Broken, path: FieldPath, document: Document, file: str) -> Finding:
    fields = tuple(map(_parsed, rule.fields)) or (path,)
    path = next((field for field in fields if field in document.values), fields[0])
    fault = Fault(file, *_place(path, RULE, document), path_text(path), rule.what, rule.mend)
    return Finding(fault, (*fields, *map(_parsed, rule.also)))


def _parsed(field: str) -> FieldPath:
    return tuple(int(step) if step.isdigit() else step for step in field.split("."))


def _place(path: FieldPath, kind: str, document: Document) -> Mark:
    """The key of a field that is unknown or has no value, else the value, else what is nearest
    around it."""
    if path in document.keys and (kind == "extra_forbidden" or _is_empty(path, document)):
        return document.keys[path]
    if path in document.values:
        return document.values[path]
    while path:
        path = path[:-1]
        if path in document.keys:
            return document.keys[path]
        if path and isinstance(path[-1], int) and path in document.values:
            return document.values[path]
    return Mark(1, 1)


def _is_empty(path: FieldPath, document: Document) -> bool:
    return _value_at(path, document) is None


def _value_at(path: FieldPath, document: Document) -> Any:
    value = document.value
    for step in path:
        value = value[step]
    return value


def _wrong_type(path: FieldPath, value: Any, document: Document) -> tuple[str, str]:
    schema = specschema.schema_at(path, document.value)
    mend = _write(path, document)
    if value is None:
        section = schema.get("type") == "object" or bool(specschema.variants(schema))
        return "has no value", mend if not section else f"{mend}, or remove it"
    choices = specschema.choices(schema)
    if isinstance(value, str):
        if close := _close(value, choices):
            mend = f"did you mean {close}? ({specschema.expected(schema)})"
        elif schema.get("type") in ("integer", "number") and _is_number(value):
            mend += ", without quotes or other marks"
    return f"{_value(value)} is not {specschema.kind(schema)}", mend


def _wrong_tag(path: FieldPath, document: Document) -> tuple[str, str]:
    """Of the `name` or `type` that tells which member of a union a section is."""
    value = _value_at(path, document)
    tags = list(specschema.variants(specschema.union_at(path[:-1], document.value)))
    every = f"one of {', '.join(tags)}"
    if value is None:
        return "has no value", f"write {every}"
    close = _close(value, tags) if isinstance(value, str) else None
    mend = f"did you mean {close}? ({every})" if close else f"write {every}"
    return f"{_value(value)} is not known here", mend


def _close(text: str, known: list[Any]) -> str | None:
    return next(iter(difflib.get_close_matches(text[:60].lower(), map(str, known), 1)), None)


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
    return shown(json.dumps(value, default=str), 40)


def _unknown_mend(path: FieldPath, document: Document) -> str:
    name = shown(str(path[-1]), 60).lower()
    here = specschema.fields_of(specschema.schema_at(path[:-1], document.value))
    if path[0] == "fifos" and (family := base_family(name)):
        return f"depths are by family, not by row: write {family}"
    if close := _close(name, here):
        return f"did you mean {close}?"
    others = specschema.variants(specschema.union_at(path[:-1], document.value))
    owners = [tag for tag, member in others.items() if name in member["properties"]]
    if owners:
        return f"it is a field of {', '.join(owners)}; those here are {', '.join(here)}"
    for section, schema in specschema.sections():
        if name in schema.get("properties", {}) or (len(path) > 1 and name == section):
            whole = section if name == section else f"{section}.{name}"
            return f"did you mean {whole}, outside of {path_text(path[:-1]) or 'its section'}?"
    if len(here) > _LISTED:
        nearest = difflib.get_close_matches(name, here, 3, 0.0)
        return f"the nearest of the {len(here)} fields here are {', '.join(nearest)}"
    return f"the fields here are {', '.join(here)}"


def _expected(path: FieldPath, document: Document) -> str:
    return specschema.expected(specschema.schema_at(path, document.value))


def _write(path: FieldPath, document: Document) -> str:
    return f"write {_expected(path, document)}"

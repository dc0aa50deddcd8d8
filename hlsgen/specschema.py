# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of specs, walked along the paths of a document, and in words."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from .spec import Spec
from .yamlmarks import FieldPath

Schema = dict[str, Any]


@lru_cache(maxsize=1)
def _whole() -> Schema:
    return Spec.model_json_schema()


def _resolve(schema: Schema) -> Schema:
    """Without a reference, and without the null of a field that may be null."""
    if "$ref" in schema:
        found: Schema = _whole()["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
        return found
    if "anyOf" in schema:
        first = next(inner for inner in schema["anyOf"] if inner.get("type") != "null")
        outer = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**_resolve(first), **outer}
    return schema


def variants(schema: Schema) -> dict[str, Schema]:
    """The members of a union by their tag; empty for what is no union."""
    return {
        tag: _resolve({"$ref": reference})
        for tag, reference in schema.get("discriminator", {}).get("mapping", {}).items()
    }


def tag_of(schema: Schema, value: Any) -> Any:
    """What tells which member of a union `value` is: its tag, or the default's."""
    key = schema["discriminator"]["propertyName"]
    if isinstance(value, dict) and key in value:
        return value[key]
    fields = ((tag, member["properties"][key]) for tag, member in variants(schema).items())
    return next((tag for tag, field in fields if "default" in field), None)


def _chosen(schema: Schema, value: Any) -> Schema:
    members = variants(schema)
    tag = tag_of(schema, value) if members else None
    return members.get(tag, schema) if isinstance(tag, str) else schema


def union_at(path: FieldPath, value: Any) -> Schema:
    """The schema of the field at `path` of the document `value`; a union not yet decided."""
    schema = _whole()
    for step in path:
        schema = _chosen(schema, value)
        if isinstance(step, int):
            inner = schema.get("items")
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            inner = schema.get("properties", {}).get(step)
            value = value.get(step) if isinstance(value, dict) else None
        schema = _resolve(inner or {})
    return schema


def schema_at(path: FieldPath, value: Any) -> Schema:
    """The schema of the field at `path` of the document `value`; empty when there is none."""
    schema = union_at(path, value)
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        else:
            known = isinstance(value, list) and isinstance(step, int) and step < len(value)
            value = value[step] if known else None
    return _chosen(schema, value)


def path_of(loc: tuple[str | int, ...], value: Any) -> FieldPath:
    """The path in the document `value` of one of pydantic's, which have the tags of unions too."""
    path: FieldPath = ()
    skip = False
    for step in loc:
        members = variants(union_at(path, value)) if not skip else {}
        skip = step in members
        if not skip:
            path = (*path, step)
    return path


def fields_of(schema: Schema) -> list[str]:
    """The fields of a section, first what tells it from others."""
    return sorted(schema.get("properties", {}), key=lambda name: name not in ("name", "type"))


def sections() -> Iterator[tuple[str, Schema]]:
    """Name and schema of every section, one after the other of a union's members."""
    for name, schema in _whole()["properties"].items():
        found = _resolve(schema)
        for member in variants(found).values() or (found,):
            yield name, member


def choices(schema: Schema) -> list[Any]:
    """The values that a field may have, when they are few."""
    return [schema["const"]] if "const" in schema else list(schema.get("enum", []))


def kind(schema: Schema) -> str:
    """What a value of a field is, in words."""
    if schema.get("type") == "string" and choices(schema):
        return "known here"
    return {
        "integer": "a whole number",
        "number": "a number",
        "string": "text",
        "array": "a list",
        "object": "a section",
        "boolean": "true or false",
    }.get(schema.get("type", "object" if variants(schema) else ""), "valid")


def expected(schema: Schema) -> str:
    """What the schema allows, in words: `a whole number from 1 to 64`."""
    what, known = schema.get("type"), choices(schema)
    if len(known) > 8:
        return f"a power of two from {known[0]} to {known[-1]}"
    if known:
        return ("one of " if len(known) > 1 else "") + ", ".join(map(str, known))
    if variants(schema):
        key = schema["discriminator"]["propertyName"]
        return f"a section whose `{key}` is one of {', '.join(variants(schema))}"
    if what == "array":
        return _expected_list(schema)
    if what == "object":
        return f"its fields below it ({', '.join(fields_of(schema))})"
    if what == "boolean":
        return "true or false"
    if what == "string":
        text = str(schema.get("description", "text")).partition(";")[0].rstrip(".")
        return f"the {text[0].lower()}{text[1:]}"
    return f"{kind(schema)} {_range(schema)}"


def _expected_list(schema: Schema) -> str:
    items = _resolve(schema.get("items", {}))
    low, high = schema["minItems"], schema["maxItems"]
    count = f"{low}" if low == high else f"{low} to {high}"
    if members := variants(items):
        key = items["discriminator"]["propertyName"]
        return f"a list of {count} sections, each with its `{key}`: {', '.join(members)}"
    each = expected(items)
    each = each if each.startswith("one of") else f"a {each.removeprefix('a ')}"
    return f"a list of {count}, each {each}"


def _range(schema: Schema) -> str:
    low = f"above {schema.get('exclusiveMinimum')}"
    if "minimum" in schema:
        low = f"from {schema['minimum']}"
    high = f"below {schema.get('exclusiveMaximum')}"
    if "maximum" in schema:
        high = f"to {schema['maximum']}"
        high = f"and up {high}" if low.startswith("above") else high
    elif low.startswith("from"):
        high = f"and {high}"
    return f"{low} {high}"

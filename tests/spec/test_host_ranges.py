# SPDX-License-Identifier: Apache-2.0
"""The host package takes what the spec allows and nothing else: it can't import the spec."""

from __future__ import annotations

from typing import Any

import pytest
from sat_host import config, settings
from sat_host.data import catalogue
from sat_host.models import fields
from sat_host.models.explicit import LAYER_TYPES, MAX_LAYERS

from hlsgen import spec_layers
from hlsgen.spec import Spec

DEFINITIONS = Spec.model_json_schema()["$defs"]
SPEC = {"properties": Spec.model_json_schema()["properties"]}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Without a reference, and without null."""
    if "$ref" in schema:
        found: dict[str, Any] = DEFINITIONS[schema["$ref"].rpartition("/")[2]]
        return found
    if "anyOf" in schema:
        first, null = schema["anyOf"]
        assert null == {"type": "null"}
        return {**schema, **resolved(first)}
    return schema


def field(*path: str) -> dict[str, Any]:
    """The JSON Schema of one field of a spec."""
    schema: dict[str, Any] = SPEC
    for name in path:
        schema = resolved(schema["properties"][name])
    return schema


def limits(schema: dict[str, Any]) -> tuple[float, float]:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    assert low is not None and high is not None
    return low, high


@pytest.mark.parametrize("name", settings.LIMITS)
def test_ranges_of_a_training(name: str) -> None:
    schema = field(*settings.PATHS[name])
    assert settings.LIMITS[name] == limits(schema.get("items", schema))
    assert (name in settings.ABOVE_LOW) == ("exclusiveMinimum" in schema)
    assert (name in settings.BELOW_HIGH) == ("exclusiveMaximum" in schema)
    assert (name in settings.NULLABLE) == ("anyOf" in schema)


@pytest.mark.parametrize("name", config.LIMITS)
def test_ranges_of_an_array(name: str) -> None:
    assert config.LIMITS[name] == limits(field("sparsity" if name == "group" else "array", name))


def test_ranges_of_data() -> None:
    data = members(SPEC["properties"]["data"])
    assert limits(data["digits"]["test_fraction"]) == catalogue.FRACTION_LIMITS
    assert limits(resolved(data["image_folder"]["size"])) == catalogue.SIZE_LIMITS


def test_choices_of_a_training() -> None:
    assert list(settings.METHODS) == field("sparsity", "method")["enum"]
    assert list(settings.SCHEDULES) == field("optimizer", "schedule", "name")["enum"]
    assert field("optimizer", "schedule", "milestones")["maxItems"] == settings.MAX_MILESTONES


def members(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        tag: resolved({"$ref": reference})["properties"]
        for tag, reference in schema["discriminator"]["mapping"].items()
    }


MODELS = members(SPEC["properties"]["model"])
LAYERS = members(MODELS["layers"]["layers"]["items"])


def agrees(known: fields.Field, schema: dict[str, Any]) -> bool:
    """Whether the host's field takes what the spec's does, with the same default."""
    inner = resolved(schema)
    default = inner.get("default")
    same = known.default == (tuple(default) if isinstance(default, list) else default)
    same = same and getattr(known, "optional", False) == ("anyOf" in schema)
    if isinstance(known, fields.Choice):
        choices = [True, False] if inner["type"] == "boolean" else inner["enum"]
        return same and set(choices) == set(known.values)
    if isinstance(known, fields.Wholes):
        lengths = (inner["minItems"], inner["maxItems"])
        same = same and lengths == (known.least, known.most)
        inner = inner["items"]
    if isinstance(known, fields.Real):
        same = same and known.above_low == ("exclusiveMinimum" in inner)
        same = same and known.below_high == ("exclusiveMaximum" in inner)
    return same and (known.low, known.high) == limits(inner)


@pytest.mark.parametrize("name", fields.MODEL_FIELDS)
def test_fields_of_a_model(name: str) -> None:
    known = {**fields.COMMON_FIELDS, **fields.MODEL_FIELDS[name]}
    assert set(MODELS[name]) - {"name", "layers"} == set(known)
    assert not [field for field in known if not agrees(known[field], MODELS[name][field])]


# The schema is for editors, and shows what is supported; the rest is refused in its own words.
NARROWED = {("conv", "kernel"), ("conv", "padding_mode")}


@pytest.mark.parametrize("name", fields.LAYER_FIELDS)
def test_fields_of_a_layer(name: str) -> None:
    known = fields.LAYER_FIELDS[name]
    assert set(LAYERS[name]) - {"name", "type"} == set(known)
    differing = {(name, field) for field in known if not agrees(known[field], LAYERS[name][field])}
    assert differing == {pair for pair in NARROWED if pair[0] == name}


def test_models_and_types_of_layers() -> None:
    assert list(MODELS) == sorted(fields.MODEL_FIELDS)
    assert list(LAYERS) == sorted(LAYER_TYPES)
    assert set(LAYER_TYPES) == {*fields.LAYER_FIELDS, "residual"}
    assert spec_layers.MAX_LAYERS == MAX_LAYERS

# SPDX-License-Identifier: Apache-2.0
"""The host package takes what the spec allows and nothing else: it can't import the spec."""

from __future__ import annotations

from typing import Any

import pytest
from sat_host import config, settings

from hlsgen.spec import Spec

SCHEMA = Spec.model_json_schema()


def field(section: str, name: str) -> dict[str, Any]:
    """The JSON Schema of one field of a spec."""
    reference = SCHEMA["properties"][section]["$ref"]
    found: dict[str, Any] = SCHEMA["$defs"][reference.rpartition("/")[2]]["properties"][name]
    return found


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


@pytest.mark.parametrize("name", config.LIMITS)
def test_ranges_of_an_array(name: str) -> None:
    assert config.LIMITS[name] == limits(field("sparsity" if name == "group" else "array", name))


def test_methods_and_layers() -> None:
    assert list(settings.METHODS) == field("sparsity", "method")["enum"]
    assert field("model", "hidden")["maxItems"] == settings.MAX_HIDDEN

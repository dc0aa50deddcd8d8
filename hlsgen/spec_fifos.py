# SPDX-License-Identifier: Apache-2.0
"""The `fifos` section of a spec: depths of streams that are not to be the default ones.

A spec file may name another file in its place, which `hlsgen.specfifos` reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, create_model, model_serializer

from .fifos import FAMILIES, LEAST_DEPTH, MOST_DEPTH
from .spec_base import Section, number

DEFAULT = "default"
"""What stands for all default depths, in the place of a mapping or a file."""


class FifoDepths(Section):
    """Depths in tokens by family of streams."""

    def given(self) -> dict[str, int]:
        """The depths that the spec states, by family."""
        found = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: depth for name, depth in found if depth is not None}

    @model_serializer
    def _only_given(self) -> dict[str, int]:
        return self.given()


def _depth(name: str) -> Any:
    text = f"Places of the streams `{name}`, null for those that the array needs"
    return (int | None, number(text, None, LEAST_DEPTH, MOST_DEPTH))


if TYPE_CHECKING:
    FifosSpec = FifoDepths
else:
    FifosSpec = create_model(
        "FifosSpec",
        __base__=FifoDepths,
        __doc__="How many tokens the streams between processes hold, by family of streams.",
        __module__=__name__,
        **{name: _depth(name) for name in FAMILIES},
    )


def _named(value: Any) -> Any:
    return {} if value == DEFAULT else value


_Place = Annotated[
    str,
    Field(min_length=1, max_length=4096, description="default, or the path of a file of depths."),
]
FifosField = Annotated[
    FifosSpec, BeforeValidator(_named, json_schema_input_type=FifosSpec | _Place)
]
"""The section, or `default`. A file's path is for who reads a spec file (hlsgen.specfifos)."""

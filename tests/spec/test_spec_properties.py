# SPDX-License-Identifier: Apache-2.0
"""Whatever the text, a spec or an InputError; whatever the spec, it survives YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hlsgen.errors import InputError
from hlsgen.spec import Spec
from hlsgen.specfile import load_spec, parse_spec

DIGITS = (Path(__file__).parents[2] / "specs" / "digits.yaml").read_text()

NAMES = ["name", "array", "rows", "lanes", "sparsity", "keep", "group", "model", "hidden", "batch"]
PIECES = st.sampled_from(
    [*NAMES, ": ", ":\n  ", "\n", "\n  ", "- ", "[", "]", "{", "}", ", ", "&a ", "*a", "<<",
     "!!int", "!x ", "? ", "| ", ">\n", "'", '"', "\\", "#", "%YAML 1.2\n", "---\n", "...\n", "\t",
     "0x", "1", "9", "1e999", ".nan", "-.inf", "true", "~", "\0", "\ufeff", "\u2028", "\x85",
     "é", "😀"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def loads_or_explains(text: str) -> None:
    try:
        parse_spec(text, "s.yaml")
    except InputError as error:
        lines = str(error).split("\n")
        assert all(line.startswith("s.yaml:") and line.isprintable() for line in lines)


@given(st.text() | st.lists(PIECES, max_size=40).map("".join))
@settings(max_examples=400)
def test_any_text(text: str) -> None:
    loads_or_explains(text)


@given(st.dictionaries(st.sampled_from(list(Spec.model_fields)), VALUES, max_size=5))
@settings(max_examples=200)
def test_any_values(value: dict[str, Any]) -> None:
    loads_or_explains(yaml.safe_dump(value, allow_unicode=True))


@given(st.integers(0, len(DIGITS)), st.integers(0, 30), st.lists(PIECES, max_size=3).map("".join))
@settings(max_examples=200)
def test_any_edit_of_a_good_spec(start: int, length: int, put: str) -> None:
    loads_or_explains(DIGITS[:start] + put + DIGITS[start + length :])


@given(st.binary(max_size=60))
@settings(max_examples=100)
def test_any_bytes(tmp_path_factory: Any, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    try:
        load_spec(path)
    except InputError as error:
        assert str(error).startswith(str(path))


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    group = draw(st.sampled_from([4, 8, 16, 32]))
    latency = draw(st.integers(1, 16))
    interleave = draw(st.integers(1, 64))
    whole = {
        "name": draw(st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True)),
        "card": draw(st.sampled_from(["vcu1525", "u200", "u250", "u280", "u50", "u55c"])),
        "clock_mhz": draw(st.integers(50, 500)),
        "array": {
            "rows": draw(st.integers(1, 64)),
            "lanes": draw(st.sampled_from([c for c in (4, 8, 16, 32, 64) if c >= group])),
            "interleave": interleave,
            "memory_tile": draw(st.integers(-(-latency // interleave), 64)),
            "adder_latency": latency,
        },
        "sparsity": {
            "group": group,
            "keep": draw(st.integers(1, group)),
            "method": draw(st.sampled_from(["dense", "bdwp"])),
        },
        "optimizer": {
            "learning_rate": draw(st.floats(0, 10, exclude_min=True)),
            "momentum": draw(st.floats(0, 1, exclude_max=True)),
            "weight_decay": draw(st.floats(0, 1)),
        },
        "model": {"hidden": draw(st.lists(st.integers(1, 16384), min_size=1, max_size=16))},
        "data": {"test_fraction": draw(st.floats(0.01, 0.9))},
        "training": {
            "seed": draw(st.integers(0, 2**32 - 1)),
            "loss_scale": 2 ** draw(st.integers(0, 24)),
        },
    }
    return Spec.model_validate(whole)


@given(specs(), st.booleans())
def test_a_spec_survives_yaml(spec: Spec, flow: bool) -> None:
    text = yaml.safe_dump(spec.model_dump(mode="json"), default_flow_style=flow)
    assert parse_spec(text, "s.yaml") == spec

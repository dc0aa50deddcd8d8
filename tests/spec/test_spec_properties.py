# SPDX-License-Identifier: Apache-2.0
"""Whatever the text, a spec or an InputError; whatever the spec, it survives YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host.methods import METHODS

from hlsgen.errors import InputError
from hlsgen.fifos import FAMILIES
from hlsgen.spec import Spec
from hlsgen.specfile import load_spec, parse_spec

pytestmark = pytest.mark.slow

DIGITS = (Path(__file__).parents[2] / "specs" / "digits.yaml").read_text()

NAMES = ["name", "array", "rows", "lanes", "sparsity", "keep", "group", "model", "hidden", "batch",
         "layers", "type", "filters", "kernel", "body", "image", "data", "path"]  # fmt: skip
PIECES = st.sampled_from(
    [*NAMES, ": ", ":\n  ", "\n", "\n  ", "- ", "[", "]", "{", "}", ", ", "&a ", "*a", "<<",
     "!!int", "!x ", "? ", "| ", ">\n", "'", '"', "\\", "#", "%YAML 1.2\n", "---\n", "...\n", "\t",
     "0x", "1", "9", "1e999", ".nan", "-.inf", "true", "~", "\0", "\ufeff", "\u2028", "\x85",
     "é", "😀"]
)  # fmt: skip
TAGS = ["mlp", "cnn", "layers", "vit", "cifar10", "image_folder", "conv", "linear", "residual"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(TAGS),
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


LAYERS = """\
name: x
model:
  name: layers
  image: [8, 8, 1]
  layers:
  - {type: conv, filters: 8, kernel: 3, padding: 1}
  - type: residual
    body:
    - {type: conv, filters: 8, kernel: 3, padding: 1, name: inner}
    - type: relu
    shortcut: []
  - {type: max_pool, kernel: 2, stride: null}
  - type: flatten
  - {type: linear, units: 10}
"""


@given(st.integers(0, len(LAYERS)), st.integers(0, 30), st.lists(PIECES, max_size=3).map("".join))
@settings(max_examples=200)
def test_any_edit_of_listed_layers(start: int, length: int, put: str) -> None:
    loads_or_explains(LAYERS[:start] + put + LAYERS[start + length :])


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
def schedules(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(["cosine", "step", "constant"]))
    epochs = st.lists(st.integers(1, 10000), min_size=1, max_size=16, unique=True).map(sorted)
    return {
        "name": name,
        "warmup_epochs": draw(st.floats(0, 10)),
        "milestones": draw(epochs) if name == "step" else [],
        "factor": draw(st.floats(0, 1, exclude_min=True)),
    }


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    """The sections of a model and of data that go together."""
    listed = parse_spec(LAYERS, "s.yaml").model.model_dump(mode="json")
    widths = st.lists(st.integers(1, 16384), min_size=1, max_size=16)
    small = st.one_of(
        st.fixed_dictionaries({"hidden": widths}),
        st.fixed_dictionaries({"name": st.just("cnn"), "channels": widths}),
        st.just(listed),
    )
    digits = st.fixed_dictionaries({"test_fraction": st.floats(0.01, 0.9)})
    if draw(st.booleans()):
        return {"model": draw(small), "data": draw(digits)}
    name = draw(st.sampled_from(["resnet9", "resnet18", "resnet50", "vgg19", "vit"]))
    sizes = {"classes": draw(st.integers(1, 1000)), "image": [32, 32, 3]}
    return {"model": {"name": name, **sizes}, "data": {"name": "image_folder", "path": "a b"}}


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
            "method": draw(st.sampled_from(METHODS)),
            "sr_decay": draw(st.floats(0, 1)),
        },
        "optimizer": {
            "learning_rate": draw(st.floats(0, 10, exclude_min=True)),
            "momentum": draw(st.floats(0, 1, exclude_max=True)),
            "weight_decay": draw(st.floats(0, 1)),
            "schedule": draw(schedules()),
        },
        "fifos": draw(st.dictionaries(st.sampled_from(list(FAMILIES)), st.integers(1, 65536))),
        **draw(networks()),
        "training": {
            "epochs": draw(st.integers(11, 10000)),
            "micro_batch": draw(st.none() | st.integers(1, 64)),
            "augment": {"crop": draw(st.integers(0, 64)), "flip": draw(st.booleans())},
            "seed": draw(st.integers(0, 2**32 - 1)),
            "loss_scale": 2 ** draw(st.integers(0, 24)),
        },
    }
    return Spec.model_validate(whole)


@given(specs(), st.booleans())
def test_a_spec_survives_yaml(spec: Spec, flow: bool) -> None:
    text = yaml.safe_dump(spec.model_dump(mode="json"), default_flow_style=flow)
    assert parse_spec(text, "s.yaml") == spec

# SPDX-License-Identifier: Apache-2.0
"""Programs of random networks on random arrays: none has a fault, and the checker is on its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs import configs
from sat_host.methods import METHODS
from sat_host.models.workload import Row

import hlsgen.schedule.checker
from hlsgen.schedule.checker import check
from hlsgen.schedule.memory import Memory
from hlsgen.schedule.options import Options
from hlsgen.schedule.program import Machine, Program, Training, program_of
from hlsgen.schedule.program_file import dump_program, load_program

ROOM = Path(hlsgen.schedule.checker.__file__).parent


@st.composite
def workloads(draw: st.DrawFn, images: int) -> tuple[Row, ...]:
    """A few layers, the first prunable in no method; extents need not fit together."""
    rows = []
    for number in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["conv", "conv", "linear", "attn"])) if number else "conv"
        inner, outer = draw(st.integers(1, 40)), draw(st.integers(1, 40))
        height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
        name = f"layer{number}" + draw(st.sampled_from([".qk", ".av"])) * (kind == "attn")
        window = (1, 1, 1, 0)
        if kind == "conv":
            kernel = draw(st.integers(1, 3))
            padding = draw(st.integers((kernel - 1 + 1) // 2, kernel - 1))
            window = kernel, kernel, draw(st.integers(1, 3)), padding
        else:
            width = 1
        batch = images * (2 if kind == "attn" else 1)
        rows.append(Row(name, kind, batch, inner, height, width, outer, *window,
                        int(bool(number) and kind != "attn")))  # fmt: skip
    return tuple(rows)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    config = draw(configs())
    piece, more = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    memory = Memory(draw(st.integers(1, 5)), draw(st.sampled_from([4.0, 96.0])), 64.0)
    flows = draw(st.sampled_from([("os",), ("ws",), ("os", "ws")]))
    training = Training(
        draw(st.sampled_from(METHODS)), draw(st.integers(1, config.group)), piece * more, piece
    )
    machine = Machine(config, memory, 1 << 30, 200)
    return program_of(draw(workloads(2)), machine, training, Options(dataflows=flows))


@pytest.mark.slow
@settings(max_examples=40)
@given(program=programs())
def test_a_random_program_has_no_fault(program: Program) -> None:
    assert list(map(str, check(program, exact=True))) == []


@settings(max_examples=15)
@given(program=programs())
def test_a_random_program_comes_back_from_its_file(program: Program) -> None:
    assert load_program(dump_program(program)) == program


@pytest.mark.parametrize("path", sorted(ROOM.glob("checker*.py")), ids=lambda path: path.stem)
def test_the_checker_shares_no_code_with_what_it_checks(path: Path) -> None:
    """It knows the array's constants, the fields of a command and the program's records."""
    records = {
        "sat_host.config": {"ArrayConfig"},
        "sat_host.convolution": {"Convolution"},
        "sat_host.descriptor": {"STCE", "WUVE"},
        "sat_host.layer_shapes": {"WeightedLayer", "ActivationLayer"},
        "memory_map": {"Tensor"},
        "program": {"Program", "ProductEntry"},
    }
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or str(node.module).startswith("checker"):
            continue
        if node.level or str(node.module).startswith("sat_host"):
            assert {name.name for name in node.names} <= records[str(node.module)], node.module

# SPDX-License-Identifier: Apache-2.0
"""Command lists as launches, the time that each may take, and the arguments' order."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sat_host.config import ArrayConfig
from sat_host.errors import SettingsError
from sat_host.kernels import KERNELS
from sat_host.product import Operand, Product, Source, Target
from sat_host.program import Update, product_commands, update_command
from sat_host.xrt.profile import Event, Profile
from sat_host.xrt.run import allowed_seconds, as_int32, launches, least_cycles, pace_of
from standin_tools.port_types import with_pointers

from hlsgen.render import render
from hlsgen.specfile import parse_spec

ARRAY = ArrayConfig(4, 16, 8, 4, 2, 8)
PRODUCT = Product(3000, 40, 64, Source(0, 4, 64), Operand(0, False, 8, 3), Target.rows(0, 3, False))


@given(
    cycles=st.integers(0, 1 << 40),
    clock=st.floats(50, 500),
    target=st.sampled_from(["hw", "hw_emu"]),
)
def test_launches_are_the_list_and_share_its_cycles(cycles: int, clock: float, target: str) -> None:
    commands, pace = product_commands(ARRAY, PRODUCT), pace_of(target, clock)
    parts = list(launches(commands, cycles, pace, ARRAY))
    together = np.concatenate([part for part, _ in parts], dtype=commands.dtype)
    assert (together == commands).all()
    total = sum(each for _, each in parts)
    assert total == pytest.approx(cycles or least_cycles(commands, ARRAY).sum())
    largest = max(each for _, each in parts)
    alone = total / len(commands) * 4
    assert largest <= pace.launch_cycles + alone
    assert len(parts) <= 2 + total / pace.launch_cycles or len(parts) == len(commands)
    assert all(pace.limit(each) > pace.slack for _, each in parts)


def test_a_list_of_less_than_a_second_is_one_launch() -> None:
    commands = product_commands(ARRAY, PRODUCT)
    assert len(list(launches(commands, 0, pace_of("hw", 200), ARRAY))) == 1
    assert len(list(launches(commands, 10**9, pace_of("hw", 200), ARRAY))) > 4


def test_the_least_cycles_are_those_of_the_multiplications() -> None:
    commands = product_commands(ARRAY, PRODUCT)
    macs = PRODUCT.rows * PRODUCT.columns * PRODUCT.reduction
    least = least_cycles(commands, ARRAY).sum()
    assert macs / 64 <= least <= 2 * macs / 64
    update = update_command(Update(64, 40, 0, 0, 0, 3, 0, 2, 0, 2, True, False))
    assert least_cycles(update, ARRAY).tolist() == [1 + 2 * 64 * 3]


def test_an_emulated_card_gets_more_time() -> None:
    assert pace_of("hw", 200).limit(2e8) == pytest.approx(70)
    assert pace_of("hw_emu", 200).limit(2_000) == pytest.approx(2200)


def test_the_user_may_allow_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, seconds in (("", None), ("7.5", 7.5)):
        monkeypatch.setenv("SAT_LAUNCH_SECONDS", text)
        assert allowed_seconds() == seconds
    for text in ("0", "-1", "soon", "nan", "inf"):
        monkeypatch.setenv("SAT_LAUNCH_SECONDS", text)
        with pytest.raises(SettingsError, match=r"^SAT_LAUNCH_SECONDS: expected seconds, more"):
            allowed_seconds()


def test_scalars_are_signed() -> None:
    assert [as_int32(value) for value in (0, 7, (1 << 31) - 1)] == [0, 7, (1 << 31) - 1]
    assert [as_int32(value) for value in (1 << 31, (1 << 32) - 1)] == [-(1 << 31), -1]
    for value in (-1, 1 << 32):
        with pytest.raises(ValueError, match="has no 32 bits"):
            as_int32(value)


@pytest.mark.parametrize("only", ["", "dataflows: [os]\n"])
def test_the_table_of_arguments_is_the_rendered_signature(only: str) -> None:
    spec = parse_spec(f"name: one\n{only}sparsity: {{group: 8, keep: 2}}\n", "one.yaml")
    text = with_pointers(render(spec).files["sat_kernels.h"])
    found = dict(re.findall(r'extern "C" void (\w+)\(([^)]*)\)', text))
    assert set(found) == {kernel.name for kernel in KERNELS}
    for kernel in KERNELS:
        arguments = [" ".join(part.split()) for part in found[kernel.name].split(",")]
        assert len(arguments) == len(kernel.arguments)
        for number, (text, argument) in enumerate(zip(arguments, kernel.arguments, strict=True)):
            assert text.split("*")[-1].split()[-1] == argument.name
            assert kernel.position(argument.name) == number
            assert ("*" in text) == argument.is_pointer
            assert argument.is_pointer or text.split()[0] == "int"
            assert argument.writes == (argument.is_pointer and not text.startswith("const"))
            assert argument.reads == text.startswith("const")


def test_a_profile_keeps_the_sums_of_all_events() -> None:
    profile = Profile()
    for number in range(9):
        profile.add(Event("sat_stce", 0.5, commands=2, modelled=0.25 if number < 4 else 0.0))
    profile.add(Event("to_device", 0.25, bytes=100))
    summary = profile.summary()
    assert summary["copies"] == {"to_device": {"calls": 1, "seconds": 0.25, "bytes": 100}}
    stce = summary["kernels"]["sat_stce"]
    assert (stce["calls"], stce["commands"]) == (9, 18)
    assert (stce["modelled_calls"], stce["modelled_seconds"]) == (4, 1.0)
    assert stce["seconds_of_modelled_calls"] == 2.0

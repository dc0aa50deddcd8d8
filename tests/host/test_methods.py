# SPDX-License-Identifier: Apache-2.0
"""What each method prunes, where it does not, and how much work is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sat_host.methods import METHODS, LayerPlan, plan_layer, plan_network
from sat_host.models import Network, trace
from sat_host.models.description import describe_plan
from sat_host.models.layers import (
    Attention,
    Conv,
    Flatten,
    Linear,
    PatchEmbedding,
    TakeToken,
)
from sat_host.models.workload import macs

PLANS = {
    "dense": LayerPlan("x", 8, 8),
    "sr_ste": LayerPlan("x", 2, 8, masked_bp=True, sr_decay=True),
    "sdgp": LayerPlan("x", 8, 8, dy_keep=2),
    "sdwp": LayerPlan("x", 8, 2),
    "bdwp": LayerPlan("x", 2, 2),
}


def test_methods_are_these_five() -> None:
    assert tuple(PLANS) == METHODS
    with pytest.raises(ValueError, match="expected one of dense, sr_ste, sdgp, sdwp, bdwp"):
        plan_layer("x", 8, 8, False, "sgdp", 2, 8)


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_with_whole_groups(method: str) -> None:
    assert plan_layer("x", 8, 8, False, method, 2, 8) == PLANS[method]


@pytest.mark.parametrize("method", METHODS)
def test_the_first_layer_is_dense_and_has_no_backward_product(method: str) -> None:
    plan = plan_layer("x", 64, 64, True, method, 2, 8)
    assert (plan.ff_keep, plan.bp_keep, plan.dy_keep) == (8, None, None)
    assert not plan.masked_bp and not plan.sr_decay
    assert plan.dense_because == (() if method == "dense" else ("first layer",))


FEW_IN, FEW_OUT = "FF: C_in 7 below group 8", "BP: C_out 7 below group 8"


@pytest.mark.parametrize(
    ("method", "inputs", "outputs", "plan"),
    [
        ("bdwp", 7, 8, LayerPlan("x", 8, 2, dense_because=(FEW_IN,))),
        ("bdwp", 8, 7, LayerPlan("x", 2, 8, dense_because=(FEW_OUT,))),
        ("bdwp", 7, 7, LayerPlan("x", 8, 8, dense_because=(FEW_IN, FEW_OUT))),
        ("sdwp", 7, 8, LayerPlan("x", 8, 2)),
        ("sdwp", 8, 7, LayerPlan("x", 8, 8, dense_because=(FEW_OUT,))),
        ("sdgp", 7, 8, LayerPlan("x", 8, 8, dy_keep=2)),
        ("sdgp", 8, 7, LayerPlan("x", 8, 8, dense_because=(FEW_OUT,))),
        ("sr_ste", 7, 8, LayerPlan("x", 8, 8, dense_because=(FEW_IN,))),
        ("sr_ste", 8, 7, PLANS["sr_ste"]),
        ("dense", 7, 7, PLANS["dense"]),
    ],
)
def test_an_axis_shorter_than_the_group(
    method: str, inputs: int, outputs: int, plan: LayerPlan
) -> None:
    assert plan_layer("x", inputs, outputs, False, method, 2, 8) == plan


@given(
    st.integers(1, 99), st.integers(1, 99), st.booleans(), st.sampled_from(METHODS),
    st.sampled_from([4, 8, 16, 32]),
)  # fmt: skip
def test_keeping_all_is_dense(
    inputs: int, outputs: int, first: bool, method: str, group: int
) -> None:
    plan = plan_layer("x", inputs, outputs, first, method, group, group)
    assert (plan.ff_keep, plan.bp_keep) == (group, None if first else group)
    assert plan.dy_keep is None and not plan.masked_bp and not plan.sr_decay


CONVOLUTIONS = Network(
    "x", (8, 8, 3), 4,
    (Conv("a", 16, 3, 1, 1), Conv("b", 12, 3, 2, 1), Flatten(), Linear("fc", 4)),
)  # fmt: skip
TOKENS = Network(
    "x", (8, 8, 3), 9,
    (PatchEmbedding("p", 4, 16), Attention("t", 2), TakeToken(), Linear("out", 9)),
)  # fmt: skip

# Of one image: forward products of the layers, by hand.
A, B, FC = 64 * 9 * 3 * 16, 16 * 9 * 16 * 12, 192 * 4


@pytest.mark.parametrize(
    ("method", "forward", "backward"),
    [
        ("dense", A + B + FC, B + FC),
        ("sr_ste", A + B // 4 + FC // 4, B + FC),
        ("sdgp", A + B + FC, B + FC),
        # 12 filters: two of the first eight and two of the last four; four classes stay dense.
        ("sdwp", A + B + FC, B // 3 + FC),
        ("bdwp", A + B // 4 + FC // 4, B // 3 + FC),
    ],
)
def test_multiplications_of_a_step(method: str, forward: int, backward: int) -> None:
    plans = plan_network(CONVOLUTIONS, method, 2, 8)
    assert list(plans) == ["a", "b", "fc"]
    assert macs(CONVOLUTIONS, 5, plans, 8) == {
        "FF": 5 * forward,
        "BP": 5 * backward,
        "WU": 5 * (A + B + FC),
        "dense": 5 * (3 * (A + B + FC) - A),
    }


def test_products_of_activations_have_both_gradients_in_the_backward_stage() -> None:
    plans = plan_network(TOKENS, "dense", 2, 8)
    assert list(plans) == ["p", "t.qkv", "t.proj", "out"]
    attention = 2 * 2 * 4 * 8 * 4
    weights = {op.name: op.macs for op in trace(TOKENS) if op.kind != "attn"}
    work = macs(TOKENS, 1, plans, 8)
    assert work["WU"] == sum(weights.values())
    assert work["BP"] == sum(weights.values()) - weights["p"] + 2 * attention
    assert work["FF"] == sum(weights.values()) + attention
    assert work["FF"] + work["BP"] + work["WU"] == work["dense"]


@pytest.mark.parametrize(
    ("method", "ff", "bp"),
    [
        ("dense", "dense", "dense"),
        ("sr_ste", "2:8", "masked 2:8"),
        ("sdgp", "dense", "dY 2:8"),
        ("sdwp", "dense", "2:8"),
        ("bdwp", "2:8", "2:8"),
    ],
)
def test_description_of_a_plan(method: str, ff: str, bp: str) -> None:
    plans = plan_network(CONVOLUTIONS, method, 2, 8)
    described = describe_plan(CONVOLUTIONS, plans, 5, 8)
    first, second, last = described.rows
    assert (first.shape, first.ff, first.bp) == ("8 x 8 x 3 -> 16, 3 x 3", "dense", "-")
    assert (second.shape, second.ff, second.bp) == ("8 x 8 x 16 -> 12, 3 x 3, stride 2", ff, bp)
    assert (last.shape, last.wu) == ("192 -> 4", "dense")
    assert described.macs == macs(CONVOLUTIONS, 5, plans, 8)
    assert sum(row.macs for row in described.rows) * 5 == (
        described.macs["FF"] + described.macs["BP"] + described.macs["WU"]
    )
    assert sum(row.dense for row in described.rows) * 5 == described.macs["dense"]
    assert (described.fraction == 1) == (method in ("dense", "sdgp"))
    assert described.parameters == A // 64 + B // 16 + FC + 4


def test_why_layers_stay_dense() -> None:
    described = describe_plan(TOKENS, plan_network(TOKENS, "bdwp", 4, 16), 1, 16)
    assert {row.name: row.dense_because for row in described.rows if row.dense_because} == {
        "p": "first layer",
        "t.qk": "product of two activations",
        "t.av": "product of two activations",
        "out": "BP: C_out 9 below group 16",
    }
    assert [row.shape for row in described.rows] == [
        "4 x 48 -> 16", "4 x 16 -> 48", "2 of 4 x 8 -> 4", "2 of 4 x 4 -> 8", "4 x 16 -> 16",
        "16 -> 9",
    ]  # fmt: skip

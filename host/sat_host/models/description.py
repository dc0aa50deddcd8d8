# SPDX-License-Identifier: Apache-2.0
"""How a network will be trained, product by product, before any of it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .network import Network, Operation, parameter_count, trace
from .workload import dense_macs, macs, stage_macs

if TYPE_CHECKING:
    from ..methods import LayerPlan

ACTIVATIONS = "product of two activations"


@dataclass(frozen=True)
class PlanRow:
    """One product. ff, bp, wu: how each stage computes it, in words, "-" for not at all.

    macs and dense: multiplications of a training step of one image, as planned and without pruning.
    dense_because: why the method leaves a stage dense; "" when it does not.
    """

    name: str
    kind: str
    shape: str
    ff: str
    bp: str
    wu: str
    macs: int
    dense: int
    dense_because: str


@dataclass(frozen=True)
class PlanDescription:
    """All rows, and of the network: learned parameters and multiplications of a training step.

    macs: by stage and `dense`, for `batch` images. fraction: of the dense multiplications.
    """

    rows: tuple[PlanRow, ...]
    parameters: int
    batch: int
    macs: dict[str, int]
    fraction: float


def describe_plan(
    network: Network, plans: Mapping[str, LayerPlan], batch: int, group: int
) -> PlanDescription:
    """What `hlsgen train --dry-run` shows of a network and the plans of its layers."""
    rows = tuple(_row(op, plans.get(op.name), group) for op in trace(network))
    total = macs(network, batch, plans, group)
    fraction = (total["FF"] + total["BP"] + total["WU"]) / total["dense"]
    return PlanDescription(rows, parameter_count(network), batch, total, fraction)


def _row(op: Operation, plan: LayerPlan | None, group: int) -> PlanRow:
    planned = sum(stage_macs(op, plan, group).values())
    if plan is None:
        words, because = ("dense", "dense", "-"), ACTIVATIONS
    else:
        words = (_sparsity(plan.ff_keep, group), _backward(plan, group), "dense")
        because = ", ".join(plan.dense_because)
    return PlanRow(op.name, op.kind, _shape(op), *words, planned, dense_macs(op), because)


def _sparsity(keep: int, group: int) -> str:
    return "dense" if keep == group else f"{keep}:{group}"


def _backward(plan: LayerPlan, group: int) -> str:
    if plan.bp_keep is None:
        return "-"
    if plan.dy_keep is not None:
        return f"dY {plan.dy_keep}:{group}"
    if plan.masked_bp:
        return f"masked {plan.ff_keep}:{group}"
    return _sparsity(plan.bp_keep, group)


def _shape(op: Operation) -> str:
    """`56 x 56 x 64 -> 128, 3 x 3, stride 2`: rows x columns x channels -> filters."""
    if op.kind == "attn":
        return f"{op.copies} of {op.height} x {op.channels} -> {op.filters}"
    if op.kind == "linear":
        rows = f"{op.height} x " if op.height > 1 else ""
        return f"{rows}{op.channels} -> {op.filters}"
    stride = f", stride {op.stride}" if op.stride > 1 else ""
    kernel = f"{op.kernel[0]} x {op.kernel[1]}"
    return f"{op.height} x {op.width} x {op.channels} -> {op.filters}, {kernel}{stride}"

# SPDX-License-Identifier: Apache-2.0
"""The work of a network: its products as rows of a table, and the multiplications of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..convolution import Convolution
from .network import Network, Operation, trace

if TYPE_CHECKING:
    from ..methods import LayerPlan


@dataclass(frozen=True)
class Row:
    """One product, in the columns of the workload tables.

    conv: rows = batch * h_out * w_out, reduction kh * kw * c_in, columns c_out. linear over tokens:
    h_in tokens. attn: `batch` is images times heads. prunable: 0 for the first layer and for
    products of two activations, whatever the method.
    """

    layer: str
    kind: str
    batch: int
    c_in: int
    h_in: int
    w_in: int
    c_out: int
    kh: int
    kw: int
    stride: int
    pad: int
    prunable: int

    def geometry(self) -> Convolution:
        """The convolution of a row with weights. Raises ArgumentError when there can be none."""
        if self.kind == "linear":
            return Convolution.linear(self.batch * self.h_in, self.c_in, self.c_out)
        return Convolution(
            self.batch, self.h_in, self.w_in, self.c_in, self.c_out,
            (self.kh, self.kw), (self.stride,) * 2, (self.pad,) * 2,
        )  # fmt: skip


def workload(network: Network, batch: int) -> tuple[Row, ...]:
    """Every product of the forward pass of `batch` images, in order of execution."""
    return tuple(
        Row(
            op.name, op.kind, batch * op.copies, op.channels, op.height, op.width, op.filters,
            *op.kernel, op.stride, op.padding, int(op.kind != "attn" and not op.first),
        )
        for op in trace(network)
    )  # fmt: skip


def kept(extent: int, keep: int, group: int) -> int:
    """Elements that keep:group leaves of an axis; its last group may be shorter."""
    return extent // group * keep + min(keep, extent % group)


def stage_macs(op: Operation, plan: LayerPlan | None, group: int) -> dict[str, int]:
    """Multiplications that one image needs of one product in a training step, by stage.

    FF and BP multiply only kept weights; what is masked but computed densely (BP of sr_ste and
    sdgp) counts in full, as does WU. The first layer has no BP. A product of two activations
    (plan None) has the gradients of both in BP.
    """
    dense = op.macs
    if plan is None:
        return {"FF": dense, "BP": 2 * dense, "WU": 0}
    forward = dense // op.channels * kept(op.channels, plan.ff_keep, group)
    backward = 0
    if plan.bp_keep is not None:
        backward = dense // op.filters * kept(op.filters, plan.bp_keep, group)
    return {"FF": forward, "BP": backward, "WU": dense}


def dense_macs(op: Operation) -> int:
    """Multiplications that one image needs of one product in a training step without pruning."""
    return op.macs * (2 if op.first else 3)


def macs(
    network: Network, batch: int, plans: Mapping[str, LayerPlan], group: int
) -> dict[str, int]:
    """Multiplications of a training step of `batch` images, by stage: FF, BP, WU.

    `dense` is what the same step needs without pruning: the fraction is (FF + BP + WU) / dense.
    The zeros that pad the last group of an axis are not counted.
    """
    total = {"FF": 0, "BP": 0, "WU": 0, "dense": 0}
    for op in trace(network):
        for stage, count in stage_macs(op, plans.get(op.name), group).items():
            total[stage] += batch * count
        total["dense"] += batch * dense_macs(op)
    return total

# SPDX-License-Identifier: Apache-2.0
"""The training methods: which products of a layer are pruned, and why some stay dense.

dense prunes nothing. sr_ste prunes the weights in FF, along the input channels, and propagates
through the same masked weights (arXiv 2102.04010). sdgp prunes the output gradients in BP, sdwp the
weights in BP, both along the output channels; bdwp prunes the weights in both (arXiv 2309.13015).
The weight gradients (WU) are dense in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from .models.network import Network, trace

METHODS = ("dense", "sr_ste", "sdgp", "sdwp", "bdwp")
PRUNES_FORWARD = ("sr_ste", "bdwp")
PRUNES_BACKWARD = ("sdgp", "sdwp", "bdwp")


@dataclass(frozen=True)
class LayerPlan:
    """How one layer with weights is pruned; N == M is dense.

    ff_keep, bp_keep: N of the two packed forms; bp_keep is None for the first layer, whose dX
    nobody needs. dy_keep: N of the output gradients as BP loads them, None when they are dense.
    masked_bp: BP takes the weights that FF keeps, zeros for the rest. sr_decay: the pruned weights
    decay. dense_because: why the method leaves a product dense, in words; empty if it does not.
    """

    name: str
    ff_keep: int
    bp_keep: int | None
    dy_keep: int | None = None
    masked_bp: bool = False
    sr_decay: bool = False
    dense_because: tuple[str, ...] = ()


def plan_layer(
    name: str, inputs: int, outputs: int, first: bool, method: str, keep: int, group: int
) -> LayerPlan:
    """The plan of a layer of `inputs` channels (C_in) and `outputs` (C_out), keep:group.

    `first`: it takes the network's input, so nothing of it is pruned and it has no BP. A product
    whose pruned axis is shorter than the group is dense; FF and BP are decided apart. Raises
    ValueError for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"expected one of {', '.join(METHODS)}, got {method!r}")
    if first:
        why = () if method == "dense" else ("first layer",)
        return LayerPlan(name, group, None, dense_because=why)
    forward = method in PRUNES_FORWARD and inputs >= group and keep < group
    backward = method in PRUNES_BACKWARD and outputs >= group and keep < group
    because: tuple[str, ...] = ()
    if method in PRUNES_FORWARD and inputs < group:
        because += (f"FF: C_in {inputs} below group {group}",)
    if method in PRUNES_BACKWARD and outputs < group:
        because += (f"BP: C_out {outputs} below group {group}",)
    return LayerPlan(
        name,
        ff_keep=keep if forward else group,
        bp_keep=keep if backward and method != "sdgp" else group,
        dy_keep=keep if backward and method == "sdgp" else None,
        masked_bp=forward and method == "sr_ste",
        sr_decay=forward and method == "sr_ste",
        dense_because=because,
    )


def plan_network(network: Network, method: str, keep: int, group: int) -> dict[str, LayerPlan]:
    """The plan of every layer with weights on the array, by name, in order of execution."""
    return {
        op.name: plan_layer(op.name, op.channels, op.filters, op.first, method, keep, group)
        for op in trace(network)
        if op.kind != "attn"
    }

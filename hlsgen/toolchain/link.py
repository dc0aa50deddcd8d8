# SPDX-License-Identifier: Apache-2.0
"""How the kernels are joined to the card: the link's configuration file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sat_host.kernels import KERNELS, Kernel, masters
from sat_host.manifest import Target

from ..cards import Card
from ..errors import InputError
from .templates import fill

CFG_FILE = "link.cfg"
OWN_BUFFERS = frozenset({"commands", "nonfinite"})
"""Arguments with a small buffer of their own; all others may address any bank."""

_BANK_MASTERS = 15  # per DDR bank, by platforminfo of the U200 (UG1702)
_HW_PROPERTIES = (
    "run.impl_1.STEPS.PLACE_DESIGN.ARGS.DIRECTIVE=Explore",
    "run.impl_1.STEPS.PHYS_OPT_DESIGN.IS_ENABLED=true",
    "run.impl_1.STEPS.ROUTE_DESIGN.ARGS.DIRECTIVE=Explore",
)


class Port(NamedTuple):
    """An argument of a compute unit, and the memory that its AXI master is joined to."""

    instance: str
    argument: str
    memory: str


class Place(NamedTuple):
    """The die that a compute unit is kept on."""

    instance: str
    slr: str


def ports(card: Card, kernels: Sequence[Kernel] = KERNELS) -> tuple[Port, ...]:
    """Where every pointer argument goes.

    Tensors lie in any bank and are addressed from one base, so their ports reach all of them;
    commands and counts lie in the first.
    """
    return tuple(
        Port(kernel.instance, argument.name, _memory(card, argument.name))
        for kernel in kernels
        for argument in kernel.arguments
        if argument.is_pointer
    )


def link_cfg(
    card: Card,
    target: Target,
    *,
    jobs: int,
    banner: str,
    slrs: Mapping[str, str] | None = None,
    kernels: Sequence[Kernel] = KERNELS,
) -> str:
    """The `--config` of `v++ -l` (UG1702, v++ configuration file).

    jobs: processes of synthesis and implementation. slrs: {kernel: die} of kernels that fit one;
    a kernel that spans dies must have none (UG1393, Assigning Compute Units to SLRs; the key is
    still `slr` for these cards in UG1700 of 2025, where `region` takes labels that only platforms
    of embedded devices have). Raises InputError when a bank would get more masters than it takes.
    """
    if card.memory.kind == "DDR" and masters(kernels) > _BANK_MASTERS:
        raise InputError(
            f"{card.name}: {masters(kernels)} AXI masters, a bank takes {_BANK_MASTERS}"
        )
    context = {
        "banner": banner,
        "kernels": kernels,
        "ports": ports(card, kernels),
        "places": tuple(_places(slrs or {}, kernels)),
        "jobs": jobs,
        "properties": _HW_PROPERTIES if target == "hw" else (),
    }
    return fill("vitis/link.cfg.j2", context)


def _memory(card: Card, argument: str) -> str:
    return card.banks[0].tags[0] if argument in OWN_BUFFERS else card.port_memory


def _places(slrs: Mapping[str, str], kernels: Sequence[Kernel]) -> Iterator[Place]:
    for kernel in kernels:
        if kernel.name in slrs:
            yield Place(kernel.instance, slrs[kernel.name])

# SPDX-License-Identifier: Apache-2.0
"""An xclbin on a card: what is checked before, and what a refusal means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import BundleError, DeviceError, HostError
from ..kernels import KERNELS
from ..manifest import Xclbin
from .banks import CardMemory
from .environment import CardSeen, one_line, same_platform

MAGIC = b"xclbin2\0"


@dataclass(frozen=True)
class Loaded:
    """kernels: XRT's, by name. memories: those that their ports are linked to."""

    kernels: Mapping[str, Any]
    memories: tuple[CardMemory, ...]

    def group(self, kernel: str, position: int) -> int:
        """The memories that an argument's port is linked to, as a buffer is allocated by."""
        return int(self.kernels[kernel].group_id(position))


def load(pyxrt: Any, device: Any, image: Xclbin, card: CardSeen, name: str) -> Loaded:
    """Put an image on a card. name: of the card, for messages. Raises BundleError for an image that
    is not for it or not of this package, DeviceError when the card refuses it."""
    path, where = str(image.file.path), f"{name} ({card.bdf})" if card.bdf else name
    if image.target == "hw" and not same_platform(card.name, image.platform):
        raise BundleError(
            f"{path}: was linked for {image.card} with {image.platform}, but {where} has "
            f"{card.name}: build it for that platform, or use another card"
        )
    with image.file.path.open("rb") as stream:
        magic = stream.read(len(MAGIC))
    if magic != MAGIC:
        raise BundleError(f"{path}: not an xclbin: build the bundle again")
    try:
        xclbin = pyxrt.xclbin(path)
        _check_kernels(path, xclbin)
        memories = tuple(_memory(memory) for memory in xclbin.get_mems() if memory.get_used())
        uuid = device.load_xclbin(xclbin)
        # One compute unit each, by its name: group_id of several would be ambiguous.
        kernels = {
            each.name: pyxrt.kernel(
                device, uuid, f"{each.name}:{{{each.instance}}}", pyxrt.kernel.shared
            )
            for each in KERNELS
        }
    except HostError:
        raise
    except Exception as error:
        reason = one_line(error)
        raise DeviceError(
            f"{path}: {where} refused it ({reason}): {_mend(reason, image)}"
        ) from None
    return Loaded(kernels, memories)


def check_signatures(image: Xclbin, signatures: Mapping[str, tuple[str, ...]]) -> None:
    """Raise BundleError when the bundle's kernels have other arguments than this package sets."""
    for kernel in KERNELS:
        wanted = tuple(argument.name for argument in kernel.arguments)
        if signatures.get(kernel.name) != wanted:
            raise BundleError(
                f"{image.file.path}: {kernel.name} does not take the arguments that this sat_host "
                f"sets ({', '.join(wanted)}): use the bundle's own sat_host, or build it again"
            )


def _check_kernels(path: str, xclbin: Any) -> None:
    """What the xclbin itself says of its kernels."""
    there = {kernel.get_name(): kernel.get_num_args() for kernel in xclbin.get_kernels()}
    for kernel in KERNELS:
        wanted = len(kernel.arguments)
        if there.get(kernel.name) != wanted:
            has = f"has {there[kernel.name]}" if kernel.name in there else "has no such kernel"
            raise BundleError(
                f"{path}: {kernel.name}: expected {wanted} arguments, it {has}: build the bundle "
                "again"
            )


def _memory(memory: Any) -> CardMemory:
    return CardMemory(
        memory.get_tag(),
        memory.get_index(),
        memory.get_base_address(),
        memory.get_size_kb() << 10,
    )


def _mend(reason: str, image: Xclbin) -> str:
    if "in use" in reason:
        return "another process works on the card: wait for it, or end it"
    if "not match" in reason or "uuid" in reason.lower():
        return (
            f"the card's shell is not the one of {image.platform}: flash that "
            "(`xbmgmt program --base`), or build for the shell that is there"
        )
    return "`dmesg` and `xrt-smi examine` tell more"

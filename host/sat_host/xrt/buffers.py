# SPDX-License-Identifier: Apache-2.0
"""Buffers of a card: the base that commands count words from, the kernels' own, the tensors'."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DeviceError
from ..heap import ALIGN_BYTES
from .banks import Banks, CardMemory, rounded
from .environment import one_line

SPARE_BUFFERS = 8


@dataclass(frozen=True)
class Buffer:
    """A buffer of the card. handle: XRT's. host: its copy on the host, as bytes. address: the
    card's. bank: of the program, for which it was made."""

    handle: Any
    host: npt.NDArray[np.uint8]
    address: int
    bytes: int
    bank: int | None = None


class Buffers:
    """All buffers of one open card; those of tensors by their word address.

    banks: the memories of each of the program's banks. group: those that the tensors' ports are
    linked to, as a buffer is allocated by. name: of the card, for messages. Freed buffers are kept
    for a while, because a step frees and allocates the same ones again and again. Methods raise
    DeviceError.
    """

    def __init__(
        self,
        pyxrt: Any,
        device: Any,
        banks: Sequence[Sequence[CardMemory]],
        word_bytes: int,
        group: int,
        name: str,
    ) -> None:
        self._pyxrt, self._device, self._group, self._name = pyxrt, device, group, name
        self._refusal = ""  # what XRT said when it last refused a tensor
        self._tensors: dict[int, Buffer] = {}
        self._spare: OrderedDict[int, Buffer] = OrderedDict()
        # First of all, so that it is the lowest.
        lowest = min((memory for bank in banks for memory in bank), key=lambda each: each.base)
        self.base = self._made(ALIGN_BYTES, group)
        if not lowest.base <= self.base.address < lowest.base + lowest.bytes:
            with suppress(DeviceError):  # a driver that takes no index: what lies below is lost
                self.base = self._made(ALIGN_BYTES, lowest.index)
        self.banks = Banks(banks, self.base.address, word_bytes)
        self.banks.take(self.base.address, self.base.bytes)

    def own(self, size: int, group: int) -> Buffer:
        """A buffer for a kernel's port of that group, which no tensor is in."""
        buffer = self._made(rounded(size), group)
        self.banks.take(buffer.address, buffer.bytes)
        return buffer

    def drop(self, buffer: Buffer) -> None:
        """Count one of `own` as gone; its last user frees it."""
        self.banks.give(buffer.address, buffer.bytes)

    def allocate(self, size: int, bank: int | None) -> int:
        """The word address of a tensor's buffer: a spare one, or one in the bank, or elsewhere."""
        size = rounded(size)
        for word, spare in self._spare.items():
            if (spare.bytes, spare.bank) == (size, bank):
                self._tensors[word] = self._spare.pop(word)
                return word
        found = self._new(size, bank)
        if found is None and self._spare:
            while self._spare:
                self._forget()
            found = self._new(size, bank)
        if found is None:
            raise DeviceError(self._why_not(size))
        return found

    def _why_not(self, size: int) -> str:
        """Why there is no buffer: it is too large, or XRT has another reason."""
        free, mend = self.banks.free, "lower the batch or training.micro_batch"
        if free >= size and self._refusal:
            return (
                f"device memory: {self._name} refused a buffer of {size} bytes ({self._refusal}), "
                f"though {free} are free: `dmesg` tells whether the card failed; if it did not, "
                f"{mend}"
            )
        return f"device memory: {size} bytes do not fit, {free} are free on {self._name}: {mend}"

    def release(self, word: int) -> None:
        """Keep a tensor's buffer as a spare one; of many, the oldest goes."""
        self._spare[word] = self._tensors.pop(word)
        if len(self._spare) > SPARE_BUFFERS:
            self._forget()

    def at(self, word: int) -> Buffer:
        """The buffer of a tensor."""
        return self._tensors[word]

    def _forget(self) -> None:
        _, buffer = self._spare.popitem(last=False)
        self.drop(buffer)

    def _new(self, size: int, bank: int | None) -> int | None:
        """A buffer that commands reach, if XRT gives one. One that they don't reach is held until
        the end, so that its place is not offered again."""
        # By the index of a memory, where group_id is the documented way: a port is linked to all
        # banks, so its group is all of them, and only an index names the one that the program
        # chose. XRT numbers both alike; no card has shown that every driver takes an index.
        groups = [memory.index for memory in self.banks.candidates(size, bank)]
        # So the group comes last, for a driver that refuses the index, and for a buffer that fits
        # no single memory but lies across the neighbours that the group holds.
        groups.append(self._group)
        unreached, self._refusal = [], ""
        for group in groups:
            try:
                found = self._asked_for(size, group, bank)
            except Exception as error:  # no room there, for whatever reason XRT has
                self._refusal = one_line(error)
                continue
            word = self.banks.word(found.address, size)
            if word is not None:
                self.banks.take(found.address, size)
                self._tensors[word] = found
                return word
            unreached.append(found)
        return None

    def _made(self, size: int, group: int, bank: int | None = None) -> Buffer:
        try:
            return self._asked_for(size, group, bank)
        except Exception as error:
            raise DeviceError(
                f"device memory: {self._name} refused a buffer of {size} bytes "
                f"({one_line(error)}): end other processes that use the card, or lower the batch"
            ) from None

    def _asked_for(self, size: int, group: int, bank: int | None) -> Buffer:
        """What XRT gives. Raises whatever it raises."""
        handle = self._pyxrt.bo(self._device, size, self._pyxrt.bo.normal, group)
        host = np.frombuffer(handle.map(), np.uint8)
        return Buffer(handle, host, int(handle.address()), size, bank)

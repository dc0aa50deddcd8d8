# SPDX-License-Identifier: Apache-2.0
"""The XRT back end: a bundle's xclbin on a card, or in the emulator, through `pyxrt`.

Every tensor is a buffer of its own, in the memory bank that the program names. The kernels get one
base pointer, the lowest buffer; commands address tensors by their distance from it, so a tensor's
buffer is never an argument. Buffers have a copy on the host, which `sync` moves.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config import ArrayConfig
from ..errors import DeviceError, HostError
from ..heap import ALIGN_BYTES
from ..kernels import KERNELS, STCE, WUVE, Kernel
from ..manifest import Xclbin
from ..program import Commands, command_bytes
from .banks import match_banks
from .buffers import Buffer, Buffers
from .environment import (
    EXAMINE,
    cards,
    listed,
    load_pyxrt,
    one_line,
    open_card,
    opened_card,
    reset_hint,
    same_platform,
)
from .load import check_signatures, load
from .profile import Event, Profile
from .run import allowed_seconds, launches, pace_of, start, wait

Words = npt.NDArray[np.uint16]

SYNC_BYTES = 128 << 20  # of one copy; a transfer of the cards' DMA ends at 256 MiB (UG1120)


def card_for(image: Xclbin) -> str:
    """The first card that an xclbin is for, as "xrt:N". Raises MissingPackageError without XRT,
    DeviceError without such a card."""
    found = list(cards(load_pyxrt(image)))
    for card in found:
        if same_platform(card.name, image.platform):
            return f"xrt:{card.index}"
    raise DeviceError(f"no card has {image.platform}; {listed(found)}: {EXAMINE}")


class XrtBackend:
    """One card with its xclbin loaded.

    banks: of the program, by the tags of the card's memories. signatures: the arguments that the
    bundle's kernels have. which: number or PCI address of the card. timeout: seconds that a launch
    may take, None for what the user allows or what follows from its cycles. Raises BundleError for
    an xclbin that is not the card's or not this package's, MissingPackageError without XRT,
    DeviceError. After a run or a copy that failed, nothing works any more but telling why.
    """

    banked = True

    def __init__(
        self,
        image: Xclbin,
        config: ArrayConfig,
        banks: Sequence[Sequence[str]],
        signatures: Mapping[str, tuple[str, ...]],
        which: str,
        timeout: float | None = None,
    ) -> None:
        check_signatures(image, signatures)
        self._image, self._config = image, config
        self._timeout = allowed_seconds() if timeout is None else timeout
        self._pace = pace_of(image.target, image.clock_mhz)
        self._xrt = load_pyxrt(image)
        self._device = open_card(self._xrt, which)
        self.card = opened_card(self._xrt, self._device, which, image)
        self._name = f"xrt:{which}"
        self._mend = reset_hint(image, self.card)
        self._fault = ""
        self._record = Profile()
        self._loaded = load(self._xrt, self._device, image, self.card, self._name)
        found = match_banks(banks, self._loaded.memories, str(image.file.path))
        self._buffers = Buffers(
            self._xrt, self._device, found, config.word_bytes, self._group(STCE, "a"), self._name
        )
        self._nonfinite = self._buffers.own(ALIGN_BYTES, self._group(STCE, "nonfinite"))
        self._lists = {
            kernel.name: self._buffers.own(ALIGN_BYTES, self._group(kernel, "commands"))
            for kernel in KERNELS
        }

    # Memory ---------------------------------------------------------------------------------

    def allocate(self, words: int, bank: int | None) -> int:
        """The word address of a buffer in the program's bank, or elsewhere when that is full."""
        self._check()
        return self._buffers.allocate(words * self._config.word_bytes, bank)

    def release(self, address: int, words: int) -> None:
        """Give a buffer back, unless a kernel may still be at it."""
        if not self._fault:
            self._buffers.release(address)

    def write(self, address: int, values: Words) -> None:
        """Copy words to the start of the buffer at `address`."""
        self._check()
        data = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        buffer = self._buffers.at(address)
        buffer.host[: data.size] = data
        self._sync(buffer, data.size, to_device=True)

    def read(self, address: int, words: int) -> Words:
        """Copy words from the start of the buffer at `address`."""
        self._check()
        buffer, size = self._buffers.at(address), words * self._config.word_bytes
        self._sync(buffer, size, to_device=False)
        return buffer.host[:size].view(np.uint16).reshape(words, -1).copy()

    def _sync(self, buffer: Buffer, size: int, *, to_device: bool) -> None:
        directions = self._xrt.xclBOSyncDirection
        direction, name = directions.XCL_BO_SYNC_BO_FROM_DEVICE, "from_device"
        if to_device:
            direction, name = directions.XCL_BO_SYNC_BO_TO_DEVICE, "to_device"
        started = time.perf_counter()
        try:
            for offset in range(0, size, SYNC_BYTES):
                buffer.handle.sync(direction, min(SYNC_BYTES, size - offset), offset)
        except Exception as error:
            raise self._broken(
                f"{self._name}: copying {size} bytes {name.replace('_', ' ')} failed "
                f"({one_line(error)}): {self._mend}"
            ) from None
        self._record.add(Event(name, time.perf_counter() - started, bytes=size))

    # Work -----------------------------------------------------------------------------------

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        """Run STCE commands; the number of infinite or NaN results."""
        total = 0
        for part, expected in launches(commands, cycles, self._pace, self._config):
            self._launch(STCE, part, expected, modelled=cycles > 0)
            self._sync(self._nonfinite, 4, to_device=False)
            total += int(self._nonfinite.host[:4].view("<u4")[0])
        return total

    def wuve(self, commands: Commands, cycles: int = 0) -> None:
        """Run WUVE commands."""
        for part, expected in launches(commands, cycles, self._pace, self._config):
            self._launch(WUVE, part, expected, modelled=cycles > 0)

    def _launch(self, kernel: Kernel, commands: Commands, cycles: float, *, modelled: bool) -> None:
        """One run, to its end. modelled: whether its cycles are the program's."""
        self._check()
        buffers = {
            "commands": self._sent(kernel, commands).handle,
            "nonfinite": self._nonfinite.handle,
            "": self._buffers.base.handle,
        }
        what = f"{self._name}: {kernel.name} with {len(commands)} commands"
        limit = self._pace.limit(cycles) if self._timeout is None else self._timeout
        started = time.perf_counter()
        self._fault = f"{what}: was interrupted, and may still run: {self._mend}"
        try:
            handle = self._loaded.kernels[kernel.name]
            run = start(self._xrt, handle, kernel, len(commands), buffers)
            interrupted = wait(self._xrt, run, limit, what, self._mend)
        except HostError as error:
            raise self._broken(str(error)) from None
        except Exception as error:
            text = f"{what}: can't be run ({one_line(error)}): {self._mend}"
            raise self._broken(text) from None
        self._fault = ""
        seconds = time.perf_counter() - started
        at_clock = cycles / (self._image.clock_mhz * 1e6) if modelled else 0.0
        self._record.add(Event(kernel.name, seconds, len(commands), modelled=at_clock))
        if interrupted:
            raise KeyboardInterrupt

    def _sent(self, kernel: Kernel, commands: Commands) -> Buffer:
        """The list on the card, in a buffer that grows with the longest."""
        data = command_bytes(commands)
        buffer = self._lists[kernel.name]
        if data.size > buffer.bytes:
            larger = self._buffers.own(2 * data.size, self._group(kernel, "commands"))
            self._buffers.drop(buffer)
            self._lists[kernel.name] = buffer = larger
        buffer.host[: data.size] = data
        self._sync(buffer, data.size, to_device=True)
        return buffer

    def _group(self, kernel: Kernel, argument: str) -> int:
        try:
            return self._loaded.group(kernel.name, kernel.position(argument))
        except Exception as error:
            raise DeviceError(
                f"{self._image.file.path}: {self._name} has no memory for {kernel.name}'s "
                f"{argument} ({one_line(error)}): build the bundle again"
            ) from None

    def _broken(self, text: str) -> DeviceError:
        """The fault that is told from now on, whatever is asked for."""
        self._fault = text
        return DeviceError(text)

    def _check(self) -> None:
        if self._fault:
            raise DeviceError(self._fault)

    # Profile --------------------------------------------------------------------------------

    def profile(self) -> dict[str, Any]:
        """Measured by the host's clock, on the card or in the emulator."""
        emulated = self._image.target != "hw"
        return {
            "figures": "host time of the emulator" if emulated else "measured",
            "device": self.card.name,
            "bdf": self.card.bdf or None,
            "target": self._image.target,
            "clock_mhz": self._image.clock_mhz,
            "banks_out_of_reach": list(self._buffers.banks.folded),
            **self._record.summary(),
        }

# SPDX-License-Identifier: Apache-2.0
"""What `EngineDevice` needs of that which runs the kernels."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from .program import Commands

Words = npt.NDArray[np.uint16]


class Backend(Protocol):
    """What runs the kernels: memory by words of `lanes` binary16 values, and two command lists.

    cycles: of a list as the program models them, 0 where it says nothing. banked: whether it
    matters in which bank a region lies.
    """

    banked: bool

    def allocate(self, words: int, bank: int | None) -> int:
        """The address of a new region, its content of no meaning. bank: that of the program, None
        for any. Raises DeviceError when there is no room."""

    def release(self, address: int, words: int) -> None:
        """Take back what `allocate(words, ...)` placed at `address`."""

    def write(self, address: int, values: Words) -> None:
        """Copy whole words, shaped [n, lanes], to memory."""

    def read(self, address: int, words: int) -> Words:
        """Copy `words` words from memory, shaped [words, lanes]."""

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        """Run STCE commands; the number of infinite or NaN results. Raises DeviceError."""

    def wuve(self, commands: Commands, cycles: int = 0) -> None:
        """Run WUVE commands. Raises DeviceError."""

    def profile(self) -> dict[str, Any] | None:
        """As `Device.profile`."""


@runtime_checkable
class Reachable(Protocol):
    """A back end whose memory is the host's too."""

    def view(self, address: int, words: int) -> Words:
        """The words from `address` on, [words, lanes], to be read and written in place."""

# SPDX-License-Identifier: Apache-2.0
"""Whether the rest of a dump fits on its disk, told by what a step of it took."""

from __future__ import annotations

import shutil
from collections.abc import Container
from pathlib import Path

from .calls import TRAINING, Place


class Room:
    """Counts the bytes of each step on its way to `folder`.

    kept: the steps of which all values are kept. last: the run's last step, once it is known.
    """

    def __init__(self, folder: Path, kept: Container[int]) -> None:
        self.last = 0
        self._folder, self._kept = folder, kept
        self._step = self._bytes = 0
        self._of_a_step = {True: 0, False: 0}  # by whether its values are kept

    def add(self, written: int) -> None:
        """Bytes that the step which `lacks` was told of took."""
        self._bytes += written

    def lacks(self, place: Place) -> str | None:
        """What is lacking for the rest of the run, when a step begins; None for nothing. Raises
        OSError."""
        if place.phase != TRAINING or place.step == self._step:
            return None
        if self._step:
            self._of_a_step[self._step in self._kept] = self._bytes
        self._step, self._bytes = place.step, 0
        rest = range(place.step, self.last + 1)
        kept = sum(step in self._kept for step in rest)
        needed = kept * self._of_a_step[True] + (len(rest) - kept) * self._of_a_step[False]
        free = shutil.disk_usage(self._folder).free
        if needed <= free:
            return None
        return f"steps {rest[0]} to {rest[-1]} take another {_size(needed)}, {_size(free)} are free"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"

# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a network: all of it at once, each with its place and the mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import SettingsError

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class NetworkFault:
    """One fault. `place`: the way to its field in the `model` section, as ("layers", 2, "kernel").

    `layer` is the name of the layer it is about, if it has one.
    """

    place: Place
    layer: str
    what: str
    mend: str

    def __str__(self) -> str:
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.place)
        return f"model{''.join(steps)}: {self.what}: {self.mend}"


class NetworkError(SettingsError):
    """A network that can't be built; `faults` holds all that is wrong with it, in order."""

    def __init__(self, faults: Iterable[NetworkFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(map(str, self.faults)), "model")

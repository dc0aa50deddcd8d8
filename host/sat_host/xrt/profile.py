# SPDX-License-Identifier: Apache-2.0
"""What a card's back end measured of its own work: kernel runs and copies, by the host's clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """name: of the kernel, or to_device, from_device. commands: of a kernel run; bytes: of a copy.
    modelled: seconds of a run as the program has them, 0 where it says nothing."""

    name: str
    seconds: float
    commands: int = 0
    bytes: int = 0
    modelled: float = 0.0


@dataclass
class Totals:
    """Of all events of a name; modelled_seconds, of which calls: those with a model."""

    calls: int = 0
    commands: int = 0
    bytes: int = 0
    seconds: float = 0.0
    modelled_calls: int = 0
    modelled_seconds: float = 0.0
    measured_of_modelled: float = 0.0


@dataclass
class Profile:
    """totals: of all events, by name."""

    totals: dict[str, Totals] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Count an event."""
        total = self.totals.setdefault(event.name, Totals())
        total.calls += 1
        total.commands += event.commands
        total.bytes += event.bytes
        total.seconds += event.seconds
        if event.modelled:
            total.modelled_calls += 1
            total.modelled_seconds += event.modelled
            total.measured_of_modelled += event.seconds

    def summary(self) -> dict[str, Any]:
        """JSON: `kernels` and `copies`, by name."""
        kernels, copies = {}, {}
        for name, total in self.totals.items():
            found: dict[str, Any] = {"calls": total.calls, "seconds": round(total.seconds, 6)}
            if not total.commands:
                copies[name] = {**found, "bytes": total.bytes}
                continue
            kernels[name] = {
                **found,
                "commands": total.commands,
                "modelled_calls": total.modelled_calls,
                "modelled_seconds": round(total.modelled_seconds, 6),
                "seconds_of_modelled_calls": round(total.measured_of_modelled, 6),
            }
        return {"kernels": kernels, "copies": copies}

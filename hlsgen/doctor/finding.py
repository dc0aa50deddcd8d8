# SPDX-License-Identifier: Apache-2.0
"""One part of the toolchain as `hlsgen doctor` found it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """version: "" where there is none to tell. where: found where, or how it is missing. stops:
    what does not work while it is missing; mend: the line that gets it. required: csim cannot be
    built without it; optional: neither csim nor a card needs it."""

    name: str
    found: bool
    version: str
    where: str
    stops: str
    mend: str
    required: bool = False
    optional: bool = False

    @property
    def mark(self) -> str:
        """For a table: ok, -- where it is missing, or optional where it may be."""
        if self.found:
            return "ok"
        return "optional" if self.optional else "--"

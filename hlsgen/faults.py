# SPDX-License-Identifier: Apache-2.0
"""Faults of a user's file: where, which field, what is wrong, and the mend; one line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from .errors import InputError

SHOWN_FAULTS = 30
"""Faults that an error's text spells out; more are only counted."""


def shown(text: str, limit: int = 60) -> str:
    """`text` on one line and at most about `limit` characters long, safe on any terminal."""
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


@dataclass(frozen=True)
class Fault:
    """One fault. `line` and `column` count from 1, None for the whole file; `field` may be ""."""

    file: str
    line: int | None
    column: int | None
    field: str
    message: str
    mend: str

    def __str__(self) -> str:
        place = shown(self.file, 4096)
        if self.line is not None:
            place += f":{self.line}:{self.column}"
        return ": ".join(part for part in (place, self.field, self.message, self.mend) if part)


class SpecError(InputError):
    """All faults found in one file, in the order of their lines."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda f: (f.line or 0, f.column or 0)))
        lines = [str(fault) for fault in self.faults[:SHOWN_FAULTS]]
        if len(self.faults) > SHOWN_FAULTS:
            file = shown(self.faults[0].file, 4096)
            lines.append(f"{file}: {len(self.faults) - SHOWN_FAULTS} more faults: mend these first")
        super().__init__("\n".join(lines))

    def details(self) -> list[dict[str, object]]:
        return [asdict(fault) for fault in self.faults]

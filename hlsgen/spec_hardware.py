# SPDX-License-Identifier: Apache-2.0
"""The `hardware` section of a spec: how its xclbin is made, for `hlsgen build --target hw`.

Nothing in it changes csim, the program or the kernels' sources.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from .spec_base import Section, broken, number

LOWEST_CLOCK_MHZ, HIGHEST_CLOCK_MHZ = 50, 500


def _line(value: str) -> str:
    if not value.isprintable():
        raise broken(f"{json.dumps(value[:60])} has a line end or a control character", "remove it")
    return value


Line = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_line)]
Clock = Annotated[int, Field(ge=LOWEST_CLOCK_MHZ, le=HIGHEST_CLOCK_MHZ)]


def _place(text: str) -> Any:
    return Field(default=None, description=f"{text}; default null, to find it.")


class HardwareSpec(Section):
    """The vendor's tools and what to ask of them."""

    platform: Line | None = _place("Name of the card's platform, or path of its .xpfm file")
    vitis: Line | None = _place("Folder of the Vitis installation, the one with settings64.sh")
    clock_ladder: tuple[Clock, ...] = Field(
        default=(),
        strict=False,
        min_length=0,
        max_length=8,
        description="Lower clocks in MHz to link for, one after the other, while the timing is "
        f"missed: up to 8 falling ones from {LOWEST_CLOCK_MHZ} to {HIGHEST_CLOCK_MHZ}, below "
        "clock_mhz, default [].",
    )
    jobs: int = number("Processes that synthesis and implementation may use at once", 8, 1, 64)

    @field_validator("clock_ladder")
    @classmethod
    def _falls(cls, ladder: tuple[int, ...]) -> tuple[int, ...]:
        falling = sorted(set(ladder), reverse=True)
        if list(ladder) != falling:
            raise broken(
                f"the clocks {list(ladder)} do not fall",
                f"write {falling}",
                "hardware.clock_ladder",
            )
        return ladder

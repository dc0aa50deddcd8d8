# SPDX-License-Identifier: Apache-2.0
"""The two kernels as a host sees them: arguments in the order of the C++ signature.

The one table of argument numbers: XRT sets arguments and finds memory groups by position, the link
connects ports by name. A test holds it equal to the signatures in templates/sat_kernels.h.j2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Argument:
    """bundle: of the m_axi port behind a pointer, None for a scalar. reads, writes: of the port."""

    name: str
    bundle: str | None = None
    reads: bool = False
    writes: bool = False

    @property
    def is_pointer(self) -> bool:
        """Whether the argument is device memory; else it is a 32-bit scalar."""
        return self.bundle is not None


@dataclass(frozen=True)
class Kernel:
    """name: of the C function, and of the kernel in an xclbin."""

    name: str
    arguments: tuple[Argument, ...]

    @property
    def instance(self) -> str:
        """Its only compute unit, as the linker names it (UG1702, connectivity.nk)."""
        return f"{self.name}_1"

    @property
    def bundles(self) -> tuple[str, ...]:
        """Its AXI masters: arguments of one bundle share one."""
        return tuple(dict.fromkeys(each.bundle for each in self.arguments if each.bundle))

    def position(self, argument: str) -> int:
        """The number of an argument. Raises KeyError for an unknown name."""
        return {each.name: number for number, each in enumerate(self.arguments)}[argument]


STCE = Kernel(
    "sat_stce",
    (
        Argument("count"),
        Argument("commands", "commands", reads=True),
        Argument("a", "a", reads=True),
        Argument("b", "b", reads=True),
        Argument("y_in", "y_in", reads=True),
        Argument("y_out", "y_out", writes=True),
        Argument("nonfinite", "nonfinite", writes=True),
    ),
)

WUVE = Kernel(
    "sat_wuve",
    (
        Argument("count"),
        Argument("commands", "commands", reads=True),
        Argument("weights_in", "weights", reads=True),
        Argument("velocity_in", "velocity", reads=True),
        Argument("gradient", "gradient", reads=True),
        Argument("weights_out", "weights", writes=True),
        Argument("velocity_out", "velocity", writes=True),
        Argument("ff", "ff", writes=True),
        Argument("bp", "bp", writes=True),
    ),
)

KERNELS = (STCE, WUVE)


def masters(kernels: Iterable[Kernel] = KERNELS) -> int:
    """AXI masters of all kernels."""
    return sum(len(kernel.bundles) for kernel in kernels)

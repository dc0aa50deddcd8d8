# SPDX-License-Identifier: Apache-2.0
"""The parts of the kernels that an estimate and a C synthesis both tell apart.

They cut a kernel differently: the estimate by what it is made of, C synthesis by function with all
that is inside. A part joins what belongs together; the rest of a kernel is its last part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sat_host.kernels import STCE, WUVE

from ..estimate import Estimate
from ..resources import Resources, total
from ..toolchain.reports.csynth import CsynthReport, Module


@dataclass(frozen=True)
class Part:
    """modules: of the estimate; functions: C++ processes, as C synthesis names its modules."""

    name: str
    kernel: str
    modules: tuple[str, ...]
    functions: tuple[str, ...]


REST = "streams, adapters, control"
"""What is left of a kernel: in C synthesis, its top without its processes."""

_LOADERS = (
    "fetch_commands",
    "place_units",
    "read_activations",
    "hold_activations",
    "arrange_activations",
    "read_weights",
    "form_packets",
    "read_sums",
)

ROW_UNITS = Part("row units", STCE.name, ("USPE", "row unit"), ("row_unit", "last_row_unit"))

PARTS: tuple[Part, ...] = (
    ROW_UNITS,
    Part("period plans", STCE.name, ("plan_periods",), ("plan_periods",)),
    Part("loaders", STCE.name, (*_LOADERS, "strip buffer", "panels", "transposer"), _LOADERS),
    Part("store", STCE.name, ("store_tiles",), ("store_tiles",)),
    Part("update", WUVE.name, ("update_blocks",), ("update_blocks",)),
    Part("mark kept", WUVE.name, ("mark_kept",), ("mark_kept_rows",)),
    Part(
        "rows",
        WUVE.name,
        ("row readers", "row writers"),
        ("fetch_updates", "read_weight_rows", "read_update_rows", "write_update_rows"),
    ),
    Part(
        "SORE",
        WUVE.name,
        ("SORE select", "SORE transposer", "SORE assemble", "SORE write"),
        (
            "select_forward",
            "select_backward",
            "transpose_blocks",
            "assemble_records",
            "write_records",
        ),
    ),
)


def parts_of(kernel: str) -> tuple[Part, ...]:
    """The parts of a kernel but the last."""
    return tuple(part for part in PARTS if part.kernel == kernel)


def estimated(estimate: Estimate, kernel: str) -> dict[str, Resources]:
    """What is estimated of each part of a kernel, REST included."""
    part_of = {module: part.name for part in parts_of(kernel) for module in part.modules}
    found: dict[str, Resources] = {}
    for module in estimate.modules:
        if module.kernel == kernel:
            name = part_of.get(module.name, REST)
            found[name] = found.get(name, Resources()) + module.total
    return found


def synthesised(report: CsynthReport, kernel: str) -> dict[str, Resources]:
    """What C synthesis says of each part of a kernel, REST included; {} when the report names none
    of the processes (it is of the top alone)."""
    parts = parts_of(kernel)
    functions = [function for part in parts for function in part.functions]
    amounts = _functions(functions, report.modules)
    if not amounts:
        return {}
    found = {
        part.name: total(tuple(amounts.get(name, Resources()) for name in part.functions))
        for part in parts
    }
    found[REST] = _less(report.resources, total(tuple(found.values())))
    return found


def _functions(names: Sequence[str], modules: Sequence[Module]) -> dict[str, Resources]:
    """All instances of each function. A module is named after its function, with the template's
    arguments or a number behind; the longest name that fits is meant. What HLS made of a function's
    loops counts in the function already."""
    found: dict[str, Resources] = {}
    for module in modules:
        fit = [name for name in names if f"{module.name}_".startswith(f"{name}_")]
        if fit and "_Pipeline_" not in module.name and "_Loop_" not in module.name:
            name = max(fit, key=len)
            found[name] = found.get(name, Resources()) + module.resources * module.instances
    return found


def _less(whole: Resources, part: Resources) -> Resources:
    """What is left, at least nothing."""
    left = whole + part * -1
    return Resources(
        lut=max(0, left.lut),
        ff=max(0, left.ff),
        dsp=max(0, left.dsp),
        bram36=max(0.0, left.bram36),
        uram=max(0, left.uram),
    )

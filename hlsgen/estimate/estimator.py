# SPDX-License-Identifier: Apache-2.0
"""A spec's estimate, whether it fits its card, and the largest array that would."""

from __future__ import annotations

from pathlib import Path

from ..cards import CARDS
from ..errors import InputError
from ..faults import shown
from ..resources import total
from ..spec import Spec
from .fit import Placement, faults_of, parts_of, place, remarks_of
from .modules import STCE, WUVE, modules_of
from .result import Estimate


def estimate(spec: Spec) -> Estimate:
    """The modules of `spec`, SLR by SLR of its card. Raises WorkError as rendering does."""
    card, modules = CARDS[spec.card], modules_of(spec)
    parts = parts_of(modules, spec.array.rows)
    placed = place(parts, card)
    needed = total(module.total for module in modules)
    return Estimate(
        modules=modules,
        card=card.name,
        slrs=placed.slrs,
        faults=faults_of(needed, card),
        remarks=remarks_of(placed, parts),
        kernel_slrs=_kernel_slrs(placed, spec.array.rows),
        unplaced=placed.left,
    )


def _kernel_slrs(placed: Placement, rows: int) -> dict[str, str]:
    """Kernels that lie whole in an SLR, where there is room for all that lies there."""
    roomy = {slr.name: slr for slr in placed.slrs if slr.use.within(slr.limit)}
    found = {WUVE: placed.second} if placed.second in roomy else {}
    first = placed.slrs[0]
    if first.name in roomy and len(first.rows) == rows:
        found[STCE] = first.name
    return found


def require_fit(spec: Spec, file: Path | str) -> Estimate:
    """The estimate of `spec`. Raises InputError, in one line, for one that needs more than its card
    has."""
    found = estimate(spec)
    fault = refusal(spec, file, found)
    if fault is not None:
        raise fault
    return found


def refusal(spec: Spec, file: Path | str, found: Estimate) -> InputError | None:
    """Why `spec`, whose estimate is `found`, can't be built for its card; None when it may fit."""
    if found.fits:
        return None
    array = spec.array
    return InputError(
        f"{shown(str(file), 4096)}: array: {array.rows}x{array.lanes} does not fit {spec.card} "
        f"(estimated): {'; '.join(found.faults)}: {_mend(spec)}"
    )


def _mend(spec: Spec) -> str:
    largest = largest_array(spec)
    if largest is None:
        return "choose another card"
    planned = largest_array(spec, within_plan=True)
    wanted = {"rows": spec.array.rows, "lanes": spec.array.lanes}
    lower = [
        f"array.{field} to {value}"
        for (field, most), value in zip(wanted.items(), planned or largest, strict=True)
        if value != most
    ]
    most = f"{largest[0]}x{largest[1]} is the most that fits at all"
    if planned is None:
        why = f"{most}, and none is within the planned share"
    elif planned == largest:
        why = f"{planned[0]}x{planned[1]} is the most that fits, and within the planned share"
    else:
        why = f"{planned[0]}x{planned[1]} is the most within the planned share; {most}"
    return f"lower {' and '.join(lower)} ({why}), or choose another card"


def largest_array(spec: Spec, *, within_plan: bool = False) -> tuple[int, int] | None:
    """Rows and lanes of the array with the most USPEs, neither above the spec's, that fits the card
    with all else as it is; None when even one row unit does not.

    within_plan: within the planned share of every SLR.
    """
    best: tuple[int, int] | None = None
    lanes = spec.array.lanes
    while lanes >= max(spec.sparsity.group, 4):
        enough = 0 if best is None else best[0] * best[1] // lanes  # rows that bring no more USPEs
        rows = _most_rows(spec, lanes, enough, within_plan)
        if rows > enough:
            best = (rows, lanes)
        lanes //= 2
    return best


def _most_rows(spec: Spec, lanes: int, enough: int, within_plan: bool) -> int:
    """The most rows of so many lanes that fit, or `enough` when no more do."""
    if enough >= spec.array.rows or not _fits(spec, enough + 1, lanes, within_plan):
        return enough
    low, high = enough + 1, spec.array.rows
    while low < high:  # more rows never take less
        rows = (low + high + 1) // 2
        if _fits(spec, rows, lanes, within_plan):
            low = rows
        else:
            high = rows - 1
    return low


def _fits(spec: Spec, rows: int, lanes: int, within_plan: bool) -> bool:
    found = estimate(_resized(spec, rows, lanes))
    return found.within_plan if within_plan else found.fits


def _resized(spec: Spec, rows: int, lanes: int) -> Spec:
    """The spec with another array, no larger, which breaks no rule of a valid one."""
    array = spec.array.model_copy(update={"rows": rows, "lanes": lanes})
    return spec.model_copy(update={"array": array})

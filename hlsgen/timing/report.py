# SPDX-License-Identifier: Apache-2.0
"""A timed simulation as a JSON document, and as the cells and lines of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .activity import Activity, Fill, Wait
from .families import base_of, family_of, span_name
from .outcome import NOTABLE_LOSS, Outcome
from .recording import Entry
from .resolve import MEMORY, READ, BankTiming

PRODUCTS = ("product", "tiling", "runs", "cycles", "modelled", "error", "bound", "FIFO loss")
PROCESSES = ("process", "busy", "share", "read", "write", "memory", "idle", "waits most")
STREAMS = ("FIFO", "count", "depth", "fill", "if endless", "tokens", "empty", "full")
NUMBERS = {*PRODUCTS[2:6], PRODUCTS[7], *PROCESSES[1:7], *STREAMS[1:]}
"""Columns that stand to the right."""

LINES = 10
"""Of the tables of products and of FIFOs, where nothing else is asked for."""

_NAMED = 5
_NOT_BUSY = ("read", "write", "memory", "idle")

NOTE = (
    "Simulated: the kernel sources ran, and their reads and writes were replayed with FIFOs of "
    "these depths and the card's memory; pipeline depths and the memory's latency are assumed "
    "(docs/timing.md). Modelled: by the closed form of `hlsgen schedule`. Nothing is measured. "
    "Columns read, write, memory: cycles blocked on these. Row "
    "units stand in one line, with their mean cycles; the FIFOs of a family with the greatest "
    "figures of any."
)


def product_rows(
    entries: Sequence[Entry], found: Sequence[Outcome], top: int | None = None
) -> list[tuple[str, ...]]:
    """Cells of PRODUCTS, each entry's for all its runs; `top`: of the slowest only."""
    pairs = [(entry, found[entry.record]) for entry in entries]
    chosen = _first(pairs, top, lambda pair: pair[0].runs * pair[1].cycles)
    return [
        (
            f"{entry.layer} {entry.stage}",
            entry.tiling or "-",
            f"{entry.runs:,}",
            f"{entry.runs * outcome.cycles:,}",
            f"{entry.runs * entry.modelled:,}",
            signed(entry.modelled / outcome.cycles - 1),
            entry.bound,
            percent(outcome.loss),
        )
        for entry, outcome in chosen
    ]


def process_rows(
    found: Iterable[Activity], *, unfolded: bool = False, top: int | None = None
) -> list[tuple[str, ...]]:
    """Cells of PROCESSES; of row units that differ only in their number one line, with their mean,
    unless unfolded. top: of those that wait longest only."""
    groups = _grouped(found, lambda each: each.name if unfolded else base_of(each.name))
    chosen = _first(groups, top, lambda group: max(map(_blocked, group)))
    return [
        (
            span_name(each.name for each in group),
            _mean(each.busy for each in group),
            _span_percent(map(_share, group)),
            *(_mean(getattr(each, name) for each in group) for name in _NOT_BUSY),
            _longest_wait(group, short=True),
        )
        for group in chosen
    ]


def stream_rows(
    found: Iterable[Fill], *, unfolded: bool = False, top: int | None = None
) -> list[tuple[str, ...]]:
    """Cells of STREAMS, a line a family with the greatest figures, unless unfolded. top: of those
    that hold up longest."""
    groups = _grouped(found, lambda each: each.name if unfolded else family_of(each.name))
    chosen = _first(groups, top, lambda group: max(each.empty + each.full for each in group))
    return [
        (
            group[0].name if len(group) == 1 else family_of(group[0].name),
            str(len(group)),
            _depths(group),
            f"{max(each.fill for each in group):,}",
            _endless(group),
            f"{max(each.tokens for each in group):,}",
            f"{max(each.empty for each in group):,}",
            f"{max(each.full for each in group):,}",
        )
        for group in chosen
    ]


def total_lines(
    total: Outcome, modelled: int, clock_mhz: float, *, endless: bool, other_memory: bool
) -> list[str]:
    """The whole, a line each figure. endless: it was resolved with endless FIFOs; other_memory: not
    with the card's, which the model has."""
    fifos = " with endless FIFOs" if endless else ""
    ms = total.cycles / (clock_mhz * 1e3)
    of = "with the card's memory, " if other_memory else ""
    error = signed(modelled / total.cycles - 1)
    lines = [
        f"simulated cycles{fifos}: {total.cycles:,} ({ms:,.3f} ms at {clock_mhz:g} MHz)",
        f"modelled cycles: {modelled:,} ({of}{error} of the simulated)",
    ]
    if not endless:
        lines.append(
            f"simulated cycles with endless FIFOs: {total.endless:,} (the FIFOs' depths lose "
            f"{percent(total.loss)})"
        )
        lines += _loss_lines(total)
    return [*lines, *_bound_lines(total)]


def _loss_lines(total: Outcome) -> list[str]:
    """Which FIFOs lose the time, where enough is lost to ask."""
    if total.loss <= NOTABLE_LOSS:
        return []
    found = sorted(total.regained.items(), key=lambda item: (-item[1], item[0]))
    if not found:
        return ["FIFOs that are too small: no family alone; --size finds the depths together"]
    listed = ", ".join(f"{family} ({cycles:,} cycles)" for family, cycles in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return [f"FIFOs that are too small, with what endless ones would regain alone: {listed}{more}"]


def _bound_lines(total: Outcome) -> list[str]:
    """The busiest process, the last one, and the FIFO that is waited for longest."""
    groups = _grouped(total.activities, lambda each: base_of(each.name))
    busiest = max(groups, key=lambda group: max(each.busy for each in group))
    last = next(each for each in total.activities if each.name == total.last)
    named = span_name(each.name for each in busiest)
    lines = [
        f"busiest process: {named}, {_span_percent(map(_share, busiest))} of its kernel's cycles"
        f"{_waits_text(busiest)}",
        f"last process to end: {last.name}{_waits_text([last])}",
    ]
    waits = {
        (each.name, word): cycles
        for each in total.fills
        for word, cycles in (("empty", each.empty), ("full", each.full))
    }
    longest = max(waits, key=lambda wait: waits[wait], default=None)
    if longest is not None and waits[longest]:
        name, word = longest
        lines.append(f"FIFO waited for longest: {name}, found {word} for {waits[longest]:,} cycles")
    return lines


def _waits_text(group: Sequence[Activity]) -> str:
    wait = _longest_wait(group)
    return "" if wait == "-" else f" (waits most: {wait})"


def kernel_cycles(entries: Sequence[Entry], found: Sequence[Outcome]) -> dict[str, int]:
    """By kernel, the cycles of all its runs: what those of each of its processes add up to."""
    total: dict[str, int] = {}
    for entry in entries:
        cycles = entry.runs * found[entry.record].cycles
        total[entry.kernel] = total.get(entry.kernel, 0) + cycles
    return total


def document(
    total: Outcome, entries: Sequence[Entry], found: Sequence[Outcome], clock_mhz: float
) -> dict[str, Any]:
    """For programs; docs/timing.md has the keys."""
    kernels = {
        activity.name: entry.kernel
        for entry in entries
        for activity in found[entry.record].activities
    }
    modelled = sum(entry.runs * entry.modelled for entry in entries)
    return {
        "cycles": total.cycles,
        "ms": total.cycles / (clock_mhz * 1e3),
        "endless_cycles": total.endless,
        "loss": total.loss,
        "modelled_cycles": modelled,
        "modelled_error": modelled / total.cycles - 1,
        "products": [_product(entry, found[entry.record]) for entry in entries],
        "kernels": [
            {"name": name, "cycles": cycles}
            for name, cycles in kernel_cycles(entries, found).items()
        ],
        "last_process": total.last,
        "regained": [
            {"family": family, "cycles": cycles} for family, cycles in total.regained.items()
        ],
        "processes": [_process(each, kernels[each.name]) for each in total.activities],
        "streams": [_stream(each) for each in total.fills],
    }


def memory(timing: BankTiming) -> dict[str, float]:
    """The memory that it was resolved with, for programs."""
    return {
        "bytes_per_cycle": float(timing.bytes_per_cycle),
        "run_overhead_bytes": timing.overhead_bytes,
        "run_words": timing.run_words,
        "latency": timing.latency,
    }


def percent(part: float) -> str:
    """Of a part of one."""
    return f"{100 * part:.2f} %"


def signed(part: float) -> str:
    """A difference as a part of one."""
    return f"{100 * part:+.2f} %"


def _product(entry: Entry, outcome: Outcome) -> dict[str, Any]:
    return {
        "layer": entry.layer,
        "stage": entry.stage,
        "tiling": entry.tiling or None,
        "runs": entry.runs,
        "cycles": outcome.cycles,
        "endless_cycles": outcome.endless,
        "loss": outcome.loss,
        "modelled_cycles": entry.modelled,
        "modelled_error": entry.modelled / outcome.cycles - 1,
        "modelled_bound": entry.bound,
    }


def _process(each: Activity, kernel: str) -> dict[str, Any]:
    return {
        "name": each.name,
        "kernel": kernel,
        "cycles": each.cycles,
        "busy": each.busy,
        "blocked_on_read": each.read,
        "blocked_on_write": each.write,
        "blocked_on_memory": each.memory,
        "idle": each.idle,
        "share": _share(each),
        "waits": [
            {"for": _wait_text(wait), "cycles": cycles}
            for wait, cycles in sorted(each.waits.items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _stream(each: Fill) -> dict[str, Any]:
    return {
        "name": each.name,
        "family": family_of(each.name),
        "depth": each.depth,
        "resource": each.resource,
        "fill": each.fill,
        "endless_fill": each.endless,
        "tokens": each.tokens,
        "found_empty": each.empty,
        "found_full": each.full,
    }


def _grouped(found: Iterable[Any], key: Callable[[Any], str]) -> list[list[Any]]:
    groups: dict[str, list[Any]] = {}
    for each in found:
        groups.setdefault(key(each), []).append(each)
    return list(groups.values())


def _first(found: Sequence[Any], top: int | None, rank: Callable[[Any], int]) -> list[Any]:
    """All in their order, or where there are more than `top`, those of highest rank first."""
    if top is None or len(found) <= top:
        return list(found)
    return sorted(found, key=rank, reverse=True)[:top]


def _share(each: Activity) -> float:
    """Of its cycles, the busy ones."""
    return each.busy / each.cycles if each.cycles else 0.0


def _mean(values: Iterable[int]) -> str:
    listed = list(values)
    return f"{round(sum(listed) / len(listed)):,}"


def _blocked(each: Activity) -> int:
    return each.read + each.write + each.memory


def _longest_wait(group: Sequence[Activity], *, short: bool = False) -> str:
    """What the processes of a group wait for longest, all together. short: a FIFO's name alone."""
    total: dict[Wait, int] = {}
    for cause, name, cycles in (
        (cause, name, cycles) for each in group for (cause, name), cycles in each.waits.items()
    ):
        wait = cause, family_of(name) if len(group) > 1 and cause != MEMORY else name
        total[wait] = total.get(wait, 0) + cycles
    if not total:
        return "-"
    wait = min(total, key=lambda each: (-total[each], each))
    return wait[1] if short and wait[0] != MEMORY else _wait_text(wait)


def _wait_text(wait: Wait) -> str:
    cause, name = wait
    if cause == MEMORY:
        return f"memory {name}"
    return f"{'read' if cause == READ else 'write'} {name}"


def _span(values: Iterable[int]) -> str:
    """One value, or the least and the greatest."""
    listed = list(values)
    low, high = min(listed), max(listed)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _span_percent(values: Iterable[float]) -> str:
    texts = [f"{100 * value:.1f}" for value in sorted(values)]
    low, high = texts[0], texts[-1]
    return f"{low} %" if low == high else f"{low}-{high} %"


def _depths(group: Sequence[Fill]) -> str:
    known = [each.depth for each in group if each.depth is not None]
    return _span(known) if len(known) == len(group) else "endless"


def _endless(group: Sequence[Fill]) -> str:
    known = [each.endless for each in group if each.endless is not None]
    return f"{max(known):,}" if known else "-"

# SPDX-License-Identifier: Apache-2.0
"""What each optimisation of the array brings, alone and with the others. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from sat_host.config import least_strip_words
from sat_host.models.workload import Row
from sat_host.tiling import DATAFLOWS

from .options import Options
from .step import Hardware, Pruning, model_step, with_bandwidth

BANDWIDTHS = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2))
SIDES = (8, 16, 32, 64)
"""Of the square arrays: rows and lanes."""


@dataclass(frozen=True)
class Line:
    """A setting of one group. cycles, dense_cycles: of the method and of dense, on the same
    hardware. gain: cycles of the group's first setting over those of this one."""

    group: str
    setting: str
    cycles: int
    dense_cycles: int
    gain: float

    @property
    def speedup(self) -> float:
        """Over dense, on the same hardware."""
        return self.dense_cycles / self.cycles


@dataclass(frozen=True)
class Case:
    """What a line models."""

    group: str
    setting: str
    hardware: Hardware
    options: Options


def cases(hardware: Hardware, options: Options) -> Iterator[Case]:
    """All that is compared, group by group, in order. options: with all that the array can do."""
    flows = tuple(flow for flow in DATAFLOWS if flow in options.dataflows)  # whatever their order
    options = replace(options, dataflows=flows)
    bare = Options(flows[:1], interleaved=False, pregenerated=False, overlap=False)
    # Each optimisation's name, the options without it alone, and those with it alone.
    optimisations = [
        (
            "interleave mapping",
            replace(options, interleaved=False),
            replace(bare, interleaved=True),
        ),
        ("pre-generation", replace(options, pregenerated=False), replace(bare, pregenerated=True)),
    ]
    if options.overlap:
        off, alone = replace(options, overlap=False), replace(bare, overlap=True)
        optimisations.append(("overlapped updates", off, alone))
    for name, off, _ in optimisations:
        yield Case(name, "off", hardware, off)
        yield Case(name, "on", hardware, options)
    slow, name = with_bandwidth(hardware, BANDWIDTHS[0]), f"pre-generation, memory x{BANDWIDTHS[0]}"
    yield Case(name, "off", slow, replace(options, pregenerated=False))
    yield Case(name, "on", slow, options)
    if len(options.dataflows) > 1:
        for flow in flows:
            fixed = replace(options, dataflows=(flow,))
            yield Case("choice of dataflow", f"{flow} only", hardware, fixed)
        yield Case("choice of dataflow", "chosen", hardware, options)
        chosen = replace(bare, dataflows=flows)
        optimisations.append(("choice of dataflow", options, chosen))
    yield Case("together", "none", hardware, bare)
    for name, _, alone in optimisations:
        yield Case("together", f"{name} alone", hardware, alone)
    yield Case("together", "all", hardware, options)
    for factor in BANDWIDTHS:
        yield Case("bandwidth", f"x{factor}", with_bandwidth(hardware, factor), options)
    for side in SIDES:
        sized = square(hardware, side)
        if sized is not None:
            yield Case("array", f"{side}x{side}", sized, options)


def square(hardware: Hardware, side: int) -> Hardware | None:
    """With side x side USPEs, and at least the strip memory that these need; None where the lanes
    are no multiple of the group."""
    config = hardware.config
    if side % config.group:
        return None
    strip_words = max(config.strip_words, least_strip_words(side, side))
    sized = replace(config, rows=side, lanes=side, strip_words=strip_words)
    return replace(hardware, config=sized)


def ablate(
    rows: Sequence[Row], hardware: Hardware, pruning: Pruning, options: Options
) -> list[Line]:
    """Every case, modelled. Raises InputError for a product that the array can't hold."""
    known: dict[tuple[Hardware, Options], tuple[int, int]] = {}
    first: dict[str, int] = {}
    lines = []
    for case in cases(hardware, options):
        key = case.hardware, case.options
        if key not in known:
            step = model_step(rows, case.hardware, pruning, case.options)
            known[key] = step.cycles, step.dense_cycles
        cycles, dense_cycles = known[key]
        base = first.setdefault(case.group, cycles)
        lines.append(Line(case.group, case.setting, cycles, dense_cycles, base / cycles))
    return lines


def document(lines: Sequence[Line]) -> list[dict[str, object]]:
    """The lines for programs; docs/schedule.md has the keys."""
    return [
        {
            "group": line.group,
            "setting": line.setting,
            "total_cycles": line.cycles,
            "dense_cycles": line.dense_cycles,
            "speedup": line.speedup,
            "gain": line.gain,
        }
        for line in lines
    ]


HEADER = ("group", "setting", "modelled cycles", "modelled speedup over dense", "modelled gain")
NOTE = (
    "Each group changes one thing and leaves the rest as it is, but for together, where all is off "
    "and on. Speedup: over dense on the same hardware with the same settings. Gain: cycles of the "
    "group's first line over those of the line. Interleave mapping off: each addition waits for "
    "the one before. Pre-generation off: FF and BP read dense weights and prune them at the loader."
)


def rows_of(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """The cells of each line, in the columns of HEADER."""
    return [
        (
            line.group,
            line.setting,
            f"{line.cycles:,.0f}",
            f"{line.speedup:.3f}",
            f"{line.gain:.3f}",
        )
        for line in lines
    ]

# SPDX-License-Identifier: Apache-2.0
"""The tables of a report: cells with the text that is shown and the value to sort and copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..resources import RESOURCES, TITLES, plain

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """value: what sorting compares and copying takes, without separators of thousands, "" for
    none. bound: the one whose colour it has, "" for none. right: whether its column has numbers."""

    text: str
    value: str | float | int
    bound: str = ""
    right: bool = False


@dataclass(frozen=True)
class Table:
    """name: for people and for the copying button. kind: of its figures. foot: rows that stay
    below when the others are sorted."""

    name: str
    kind: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[tuple[Cell, ...], ...] = ()

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """Each column's name, and whether it has numbers."""
        first = [cell.right for cell in self.rows[0]] if self.rows else [False] * len(self.header)
        return list(zip(self.header, first, strict=True))


def word(text: str, bound: str = "") -> Cell:
    """A cell of text."""
    return Cell(text, text, bound)


def count(value: float | None, decimals: int = 0) -> Cell:
    """A cell of a number, "-" for none."""
    if value is None:
        return Cell("-", "", right=True)
    return Cell(f"{value:,.{decimals}f}", value, right=True)


def layers(cycles: Json) -> Table:
    """By layer and stage."""
    header = (
        "layer", "stage", "cycles", "dense cycles", "speedup", "bound", "dense bound", "tiling",
        "runs", "utilised %", "MB moved", "MMAC",
    )  # fmt: skip
    rows = tuple(
        (
            word(each["layer"]),
            word(each["stage"]),
            count(each["cycles"]),
            count(each["dense_cycles"]),
            count(each["speedup"], 3),
            word(each["bound"], each["bound"]),
            word(each["dense_bound"], each["dense_bound"])
            if each["dense_bound"]
            else Cell("-", ""),
            word(each["tiling"]) if each["tiling"] else Cell("-", ""),
            count(each["runs"]),
            count(100 * each["utilisation"] if each["macs"] else None, 2),
            count(each["bytes"] / 1e6, 3),
            count(each["macs"] / 1e6 if each["macs"] else None, 2),
        )
        for each in cycles["layers"]
    )
    return Table("Cycles by layer and stage", "modelled", header, rows)


def stages(cycles: Json) -> Table:
    """By stage."""
    rows = tuple(
        (
            word(each["stage"]),
            count(each["cycles"]),
            count(100 * each["cycles"] / cycles["total_cycles"], 1),
            count(each["dense_cycles"]),
            count(each["speedup"], 3),
        )
        for each in cycles["stages"]
    )
    header = ("stage", "cycles", "share %", "dense cycles", "speedup")
    foot = (
        word("all"), count(cycles["total_cycles"]), count(100, 1), count(cycles["dense_cycles"]),
        count(cycles["speedup"], 3),
    )  # fmt: skip
    return Table("Cycles by stage", "modelled", header, rows, (foot,))


def roofline(told: Json) -> Table:
    """The roofline's points."""
    rows = tuple(
        (
            word(each["layer"]),
            word(each["stage"]),
            count(each["ops_per_byte"], 2),
            count(each["gops"], 2),
            count(100 * each["gops"] / told["peak_gops"], 2),
            word(each["bound"], each["bound"]),
        )
        for each in told["points"]
    )
    header = ("layer", "stage", "operations a byte", "GOPS", "of peak %", "bound")
    return Table("Points of the roofline", "modelled", header, rows)


def resources(told: Json) -> Table:
    """By module, with the total and what the card has."""
    rows = tuple(
        (word(each["kernel"]), word(each["name"]), count(each["count"]), *_amounts(each["total"]))
        for each in told["modules"]
    )
    foot = tuple(
        (word(""), word(name), Cell("", "", right=True), *_amounts(told[key]))
        for name, key in (("total", "total"), ("left for kernels", "available"))
    )
    header = ("kernel", "module", "count", *TITLES.values())
    return Table("Resources by module", "estimated", header, rows, foot)


def tools(told: Json) -> Table:
    """Of the vendor's tools, beside the estimate."""
    rows = tuple(
        (
            word(each["name"]),
            word(TITLES[each["resource"]]),
            *(_amount(each[key]) for key in ("estimated", "csynth", "linked")),
            count(None if each["change"] is None else 100 * each["change"], 1),
        )
        for each in told["resources"]
    )
    header = ("kernel", "resource", "estimated", "C synthesis", "linked", "difference %")
    return Table("Resources as the tools reported them", told["kind"], header, rows)


def missed(told: Json) -> Table:
    """Loops whose II was missed."""
    rows = tuple(
        (word(each["kernel"]), word(each["module"]), word(each["loop"]), count(each["wanted_ii"]),
         count(each["ii"]), word(each["reason"]))
        for each in told["missed"]
    )  # fmt: skip
    header = ("kernel", "module", "loop", "II wanted", "II", "why")
    return Table("Loops that missed their II", told["kind"], header, rows)


def products(told: Json) -> Table:
    """Products timed on a device."""
    rows = tuple(
        (
            word(each["name"]),
            count(each["macs"] / 1e6, 3),
            count(1e3 * each["seconds"], 3),
            count(_times(1e3, each["kernel_seconds"]), 3),
            count(_times(1e3, each["modelled_seconds"]), 3),
            count(each["gops"], 2),
            count(each["kernel_gops"], 2),
            count(each["modelled_gops"], 2),
            count(_times(100, each["modelled_part"]), 1),
        )
        for each in told["products"]
    )
    kind = told["kind"]
    header = (
        "product", "MMAC", f"ms, {kind}", "ms, kernel", "ms, modelled", f"GOPS, {kind}",
        "GOPS, kernel", "GOPS, modelled", "of modelled %",
    )  # fmt: skip
    return _filled(Table("Products timed", f"{kind} beside modelled", header, rows))


def copies(told: Json) -> Table:
    """Copies timed on a device."""
    rows = tuple(
        (word(each["direction"].replace("_", " ")), count(each["bytes"] / 1e6, 1),
         count(1e3 * each["seconds"], 3), count(each["gb_per_s"], 2))
        for each in told["copies"]
    )  # fmt: skip
    return Table("Copies timed", told["kind"], ("copy", "MB", "ms", "GB/s"), rows)


def kernels(told: Sequence[Json]) -> Table:
    """What a card measured of itself in training runs."""
    rows = tuple(
        (
            word(run["name"]),
            word(each["name"]),
            count(each["calls"]),
            count(each["seconds"], 3),
            count(each["seconds_of_modelled"], 3),
            count(each["modelled_seconds"], 3),
        )
        for run in told
        for each in run["kernels"]
    )
    header = (
        "run", "kernel", "calls", "s, measured", "s, those modelled",
        "s, modelled",
    )  # fmt: skip
    return Table("Kernels over the runs", "measured beside modelled", header, rows)


def tensors(memory: Json) -> Table:
    """Every tensor."""
    rows = tuple(
        (
            word(tensor["name"]),
            count(bank["bank"]),
            Cell(f"{tensor['address']:#x}", tensor["address"], right=True),
            count(tensor["bytes"]),
        )
        for bank in memory["banks"]
        for tensor in bank["tensors"]
    )
    return Table("Tensors in memory", "modelled", ("tensor", "bank", "address", "bytes"), rows)


def depths(fifos: Json) -> Table:
    """Without a recording."""
    rows = tuple(
        (
            word(each["family"]), word(each["kernel"]), count(each["count"]),
            count(each["depth"]), word(each["resource"]),
        )
        for each in fifos["families"]
    )  # fmt: skip
    header = ("FIFO family", "kernel", "count", "depth", "made of")
    return Table("Depths of the FIFOs", "as built", header, rows)


def fills(simulated: Json) -> Table:
    """With one."""
    rows = tuple(
        (
            word(each["family"]),
            *(count(each[key]) for key in ("count", "depth", "fill", "endless_fill", "tokens",
                                           "found_empty", "found_full")),
        )
        for each in simulated["families"]
    )  # fmt: skip
    header = (
        "FIFO family", "count", "depth", "fill", "if endless", "tokens", "found empty (cycles)",
        "found full (cycles)",
    )  # fmt: skip
    return Table("Fills of the FIFOs", "simulated", header, rows)


def segments(simulated: Json) -> Table:
    """The products of a recording."""
    rows = tuple(
        (word(each["layer"]), word(each["stage"]), count(each["start"]), count(each["cycles"]),
         word(each["bound"], each["bound"]))
        for each in simulated["segments"]
    )  # fmt: skip
    header = ("layer", "stage", "start", "cycles", "modelled bound")
    return Table("Products of the recording", "simulated", header, rows)


def runs(told: Sequence[Json]) -> Table:
    """The runs' last and best accuracies."""
    rows = tuple(
        (
            word(each["name"] if each["complete"] else f"{each['name']} (unfinished)"),
            word(each["method"]),
            word(f"{each['keep']}:{each['group']}"),
            count(each["seed"]),
            count(len(each["epochs"])),
            count(100 * each["test_accuracy"], 2),
            count(100 * each["best_accuracy"], 2),
            count(each["epochs"][-1]["loss"], 4),
            word(each["device"]),
            word(each["kind"]),
        )
        for each in told
    )
    header = (
        "run", "method", "N:M", "seed", "epochs", "accuracy %", "best %", "loss", "device", "kind",
    )  # fmt: skip
    kinds = {each["kind"] for each in told}
    return Table("Runs", " and ".join(sorted(kinds)), header, rows)


def _filled(table: Table) -> Table:
    """Without columns in which no row has anything."""
    kept = [
        place for place in range(len(table.header))
        if any(row[place].value != "" for row in table.rows)
    ]  # fmt: skip
    header = tuple(table.header[place] for place in kept)
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return replace(table, header=header, rows=rows)


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value


def _amount(value: float | None) -> Cell:
    return count(None) if value is None else Cell(plain(value), value, right=True)


def _amounts(each: Json) -> tuple[Cell, ...]:
    return tuple(Cell(plain(each[key]), each[key], right=True) for key in RESOURCES)

# SPDX-License-Identifier: Apache-2.0
"""The page of a report: one HTML file that needs nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from markupsafe import Markup

from ..paths import package_dir
from ..schedule.pieces import PIECES
from ..templates import template_environment
from . import charts, drawings, tables
from .svg import NARROW, WIDE, Figure

Json = Mapping[str, Any]

BOUNDS = {
    "compute": ("#0072b2", "#4da6e0"),
    "memory": ("#d55e00", "#f0833a"),
    "fill": ("#8a8a8a", "#a0a0a0"),
    "distribution": ("#009e73", "#2fbf95"),
    "b_delivery": ("#cc79a7", "#e39bc2"),
    "drain": ("#e69f00", "#f2bb45"),
    "store": ("#56b4e9", "#8fd0f5"),
    "overlap": ("#7f6f1f", "#d8cf70"),
}
"""By bound, its colour on light and on dark, after Okabe and Ito, safe for the colour-blind."""

_COLOURS = {
    "paper": ("#ffffff", "#14171a"),
    "ink": ("#1b1f23", "#e8eaec"),
    "soft": ("#59626b", "#a3abb3"),
    "grid": ("#e3e6e9", "#2b3136"),
    "edge": ("#b9c0c7", "#4a525a"),
    "panel": ("#f5f6f8", "#1d2125"),
    "cell": ("#bcc7d3", "#55626f"),
    "link": ("#0b5cad", "#7db8f0"),
    "on-bound": ("#ffffff", "#101214"),
}
_SECTIONS = (
    ("spec", "glance"), ("array", "array"), ("cycles", "cycles"), ("roofline", "roofline"),
    ("timeline", "timeline"), ("resources", "resources"), ("memory", "memory"),
    ("fifos", "FIFOs"), ("runs", "runs"),
)  # fmt: skip

assert set(BOUNDS) == set(PIECES)


def page(told: Json) -> str:
    """The HTML of a report's document; ends with a newline."""
    environment = template_environment(package_dir() / "report" / "templates", escape=True)
    cycles = told["cycles"]
    found = {each["bound"] for each in cycles.get("layers", ())}
    context = {
        "told": told,
        "spec": told["spec"],
        "sections": _SECTIONS,
        "tiles": tiles(told),
        "facts": facts(told["spec"]),
        "figures": figures(told),
        "tables": _tables(told),
        "bounds": [bound for bound in BOUNDS if bound in found],
        "all_bounds": list(BOUNDS),
        "colours": _COLOURS | BOUNDS,
        "wide": WIDE,
        "json": embedded(told),
    }
    return environment.get_template("page.html.j2").render(context).rstrip("\n") + "\n"


def embedded(told: Json) -> Markup:
    """JSON that can't end the script element that it stands in."""
    text = json.dumps(told, separators=(",", ":"), allow_nan=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def tiles(told: Json) -> list[dict[str, Any]]:
    """The key numbers. key: where they stand in the document."""
    cycles, resources = told["cycles"], told["resources"]
    found: list[dict[str, Any]] = []

    def add(name: str, key: str, value: Any, text: str, kind: str) -> None:
        found.append({"name": name, "key": key, "value": value, "text": text, "kind": kind})

    if "missing" not in cycles:
        total, ms, rate = cycles["total_cycles"], cycles["ms"], cycles["images_per_s"]
        add("cycles a step", "cycles.total_cycles", total, f"{total:,}", "modelled")
        lasts = f"{ms:,.3f} ms" if ms < 1000 else f"{ms / 1e3:,.3f} s"
        add("a step", "cycles.ms", ms, lasts, "modelled")
        add("images a second", "cycles.images_per_s", rate, f"{rate:,.0f}", "modelled")
        if (speedup := cycles["speedup"]) is not None:
            add("over dense", "cycles.speedup", speedup, f"{speedup:.2f}x", "modelled")
    simulated = told["simulated"]
    if "missing" not in simulated:
        count = simulated["cycles"]
        add("cycles recorded", "simulated.cycles", count, f"{count:,}", "simulated")
    dsp = resources["total"]["dsp"]
    share = 100 * dsp / resources["available"]["dsp"]
    add(f"DSPs, {share:.0f} % of them", "resources.total.dsp", dsp, f"{dsp:,}", "estimated")
    if isinstance(told["runs"], list):
        best = max(told["runs"], key=lambda run: run["best_accuracy"])
        accuracy = best["best_accuracy"]
        name = f"best accuracy, {best['method']}"
        add(name, "best_accuracy", accuracy, f"{100 * accuracy:.2f} %", best["kind"])
    return found


def facts(spec: Json) -> list[tuple[str, str]]:
    """The spec, name by name."""
    micro = spec["micro_batch"]
    pruned = spec["method"]
    if pruned != "dense":
        pruned += f" {spec['keep']}:{spec['group']}"
    return [
        ("card", spec["card_title"]),
        ("clock", f"{spec['clock_mhz']} MHz"),
        ("array", f"{spec['rows']} x {spec['lanes']} USPEs"),
        ("group", f"{spec['group']} weights"),
        ("pruning", pruned),
        ("dataflows", ", ".join(spec["dataflows"])),
        ("interleave T", str(spec["interleave"])),
        ("memory tile Q", str(spec["memory_tile"])),
        ("adder latency", f"{spec['adder_latency']} cycles"),
        ("feed", f"{spec['feed']} words a cycle"),
        ("strip", f"2 x {spec['strip_words']:,} words"),
        ("network", f"{spec['network']} on {spec['data']}"),
        ("batch", f"{spec['batch']}" + (f", {micro} at a time" if micro else "")),
        ("epochs", f"{spec['epochs']}"),
        ("learning rate", f"{spec['learning_rate']:g}"),
        ("seed", f"{spec['seed']}"),
    ]


def figures(told: Json) -> dict[str, tuple[Figure, Figure] | None]:
    """Every figure, wide and narrow; None for what is missing."""
    spec, clock = told["spec"], told["spec"]["clock_mhz"]

    def both(draw: Callable[[float], Figure], *needed: str) -> tuple[Figure, Figure] | None:
        if any(_missing(told[name]) for name in needed):
            return None
        return draw(WIDE), draw(NARROW)

    def timeline(name: str, title: str) -> tuple[Figure, Figure] | None:
        return both(
            lambda width: charts.timeline(told[name]["segments"], clock, width, title), name
        )

    return {
        "array": both(partial(drawings.array, spec, told["memory"])),
        "cycles": both(lambda width: charts.cycle_bars(told["cycles"]["layers"], width), "cycles"),
        "roofline": both(partial(charts.roofline, told["roofline"]), "roofline"),
        "timeline": timeline("timeline", "Modelled timeline of a training step"),
        "simulated": timeline("simulated", "Simulated timeline of the recording"),
        "slrs": both(partial(drawings.slrs, told["resources"])),
        "memory": both(partial(drawings.memory_map, told["memory"]), "memory"),
        "accuracy": both(partial(charts.accuracy, told["runs"]), "runs"),
    }


def _tables(told: Json) -> dict[str, tables.Table | None]:
    made: dict[str, tuple[Callable[[Any], tables.Table], str]] = {
        "layers": (tables.layers, "cycles"),
        "stages": (tables.stages, "cycles"),
        "roofline": (tables.roofline, "roofline"),
        "resources": (tables.resources, "resources"),
        "tensors": (tables.tensors, "memory"),
        "depths": (tables.depths, "fifos"),
        "fills": (tables.fills, "simulated"),
        "segments": (tables.segments, "simulated"),
        "runs": (tables.runs, "runs"),
    }
    return {
        name: None if _missing(told[key]) else table(told[key])
        for name, (table, key) in made.items()
    }


def _missing(section: Any) -> bool:
    return isinstance(section, Mapping) and "missing" in section

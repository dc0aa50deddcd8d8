# SPDX-License-Identifier: Apache-2.0
"""The page of a report: one HTML file that needs nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from ..paths import package_dir
from ..resources import TITLES
from ..templates import template_environment
from . import charts, drawings, tables
from .bounds import BOUNDS, Look
from .kinds import KINDS
from .roofline import roofline
from .svg import NARROW, WIDE, Figure

Json = Mapping[str, Any]

_COLOURS = {
    "paper": ("#ffffff", "#14171a"),
    "ink": ("#1b1f23", "#e8eaec"),
    "soft": ("#59626b", "#a3abb3"),
    "grid": ("#e3e6e9", "#2b3136"),
    "edge": ("#b9c0c7", "#4a525a"),
    "panel": ("#f5f6f8", "#1d2125"),
    "cell": ("#bcc7d3", "#55626f"),
    "link": ("#0b5cad", "#7db8f0"),
    "activations": ("#c9d6e4", "#41566d"),
    "gradients": ("#e6d3ba", "#6b5637"),
    "master": ("#cfe3d3", "#3f614a"),
    "packed": ("#e0cfe4", "#5f4868"),
    "rest": ("#dddddd", "#505050"),
}
_SECTIONS = (
    ("spec", "glance"), ("array", "array"), ("cycles", "cycles"), ("roofline", "roofline"),
    ("timeline", "timeline"), ("resources", "resources"), ("memory", "memory"),
    ("fifos", "FIFOs"), ("device", "device"), ("runs", "runs"),
)  # fmt: skip


def page(told: Json) -> str:
    """The HTML of a report's document; ends with a newline."""
    environment = template_environment(package_dir() / "report" / "templates", escape=True)
    cycles = told["cycles"]
    timed = [*cycles.get("layers", ()), *told["simulated"].get("segments", ())]
    points = told["roofline"].get("points", ())
    context = {
        "told": told,
        "spec": told["spec"],
        "sections": _SECTIONS,
        "tiles": tiles(told),
        "facts": facts(told["spec"]),
        "figures": figures(told),
        "tables": _tables(told),
        "bounds": _legend(timed),
        "point_bounds": _legend(points),
        "all_bounds": BOUNDS,
        "tensors": _tensor_kinds(told["memory"]),
        "all_tensors": list(drawings.TENSORS),
        "kinds": KINDS,
        "colours": _COLOURS | {name: (look.light, look.dark) for name, look in BOUNDS.items()},
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
    """The key numbers. key: where they stand in the document, its parts joined by points."""
    cycles = told["cycles"]
    found: list[dict[str, Any]] = []

    def add(name: str, key: str, value: Any, text: str, kind: str) -> None:
        found.append({"name": name, "key": key, "value": value, "text": text, "kind": kind})

    if "missing" not in cycles:
        total, ms, rate = cycles["total_cycles"], cycles["ms"], cycles["images_per_s"]
        add("cycles of a step", "cycles.total_cycles", total, f"{total:,}", "modelled")
        lasts = f"{ms:,.3f} ms" if ms < 1000 else f"{ms / 1e3:,.3f} s"
        add("time of a step", "cycles.ms", ms, lasts, "modelled")
        digits = 0 if rate >= 100 else 1
        add("images a second", "cycles.images_per_s", rate, f"{rate:,.{digits}f}", "modelled")
        if (speedup := cycles["speedup"]) is not None:
            add("faster than dense", "cycles.speedup", speedup, f"{speedup:.2f}x", "modelled")
        used = cycles["utilisation"]
        add("array utilised", "cycles.utilisation", used, f"{100 * used:.1f} %", "modelled")
    simulated = told["simulated"]
    if "missing" not in simulated:
        count = simulated["cycles"]
        add("cycles recorded", "simulated.cycles", count, f"{count:,}", "simulated")
    for resource, amount, share in _used(told["resources"]):
        name = f"{TITLES[resource]}, {100 * share:.0f} % of what is left for kernels"
        add(name, f"resources.total.{resource}", amount, f"{amount:,}", "estimated")
    device = told["device"]
    if device.get("kind") == "measured" and device["products"]:
        rates = [each["gops"] for each in device["products"]]
        place = rates.index(max(rates))
        key, most = f"device.products.{place}.gops", rates[place]
        add("GOPS, fastest product", key, most, f"{most:,.1f}", "measured")
    if isinstance(told["runs"], list):
        place = _best(told["runs"], told["spec"])
        best = told["runs"][place]
        accuracy = best["best_accuracy"]
        name, key = f"best accuracy, {charts.method_of(best)}", f"runs.{place}.best_accuracy"
        add(name, key, accuracy, f"{100 * accuracy:.2f} %", best["kind"])
    return found


def _used(resources: Json) -> list[tuple[str, float, float]]:
    """The resource of which the greatest share is used, and DSPs: name, amount and share."""
    total, left = resources["total"], resources["available"]
    shares = {name: total[name] / left[name] for name in TITLES if left[name]}
    fullest = max(shares, key=lambda name: shares[name])
    return [(name, total[name], shares[name]) for name in dict.fromkeys((fullest, "dsp"))]


def _best(runs: Sequence[Json], spec: Json) -> int:
    """The place of the run of most accuracy: of the spec's own pruning, or, if it has none, of
    any."""
    wanted = charts.method_of(spec)
    own = [place for place, run in enumerate(runs) if charts.method_of(run) == wanted]
    return max(own or range(len(runs)), key=lambda place: runs[place]["best_accuracy"])


def facts(spec: Json) -> list[tuple[str, str]]:
    """The spec, name by name."""
    micro = spec["micro_batch"]
    return [
        ("card", spec["card_title"]),
        ("clock", f"{spec['clock_mhz']} MHz"),
        ("array", f"{spec['rows']} x {spec['lanes']} USPEs"),
        ("group", f"{spec['group']} weights"),
        ("pruning", charts.method_of(spec)),
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
        "roofline": both(partial(roofline, told["roofline"]), "roofline"),
        "timeline": timeline("timeline", "Modelled timeline of a training step"),
        "simulated": timeline("simulated", "Simulated timeline of the recording"),
        "slrs": both(partial(drawings.slrs, told["resources"])),
        "memory": both(partial(drawings.memory_map, told["memory"]), "memory"),
        "fills": both(
            lambda width: drawings.fills(told["simulated"]["families"], width), "simulated"
        ),
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
        "tools": (tables.tools, "tools"),
        "missed": (tables.missed, "tools"),
        "products": (tables.products, "device"),
        "copies": (tables.copies, "device"),
        "runs": (tables.runs, "runs"),
        "kernels": (tables.kernels, "runs"),
    }
    found = {
        name: None if _missing(told[key]) else table(told[key])
        for name, (table, key) in made.items()
    }
    return {name: table if table and table.rows else None for name, table in found.items()}


def _legend(parts: Iterable[Json]) -> list[tuple[str, Look, tuple[Figure, Figure]]]:
    """The bounds that there are, each with how it looks."""
    found = {each["bound"] for each in parts}
    return [(bound, look, _samples(bound)) for bound, look in BOUNDS.items() if bound in found]


def _samples(bound: str) -> tuple[Figure, Figure]:
    """For legends, how bars and points look."""
    bar, point = Figure(16, bound, 12), Figure(16, bound, 12)
    bar.bar(0, 0, 16, 12, bound)
    point.shape(8, 6, BOUNDS[bound].shape, f"b-{bound}")
    return bar, point


def _tensor_kinds(memory: Json) -> list[tuple[str, str]]:
    """Those that lie in memory, with what they are called."""
    found = {
        drawings.kind_of(tensor["name"])
        for bank in memory.get("banks", ())
        for tensor in bank["tensors"]
    }
    return [(kind, name) for kind, (name, _) in drawings.TENSORS.items() if kind in found]


def _missing(section: Any) -> bool:
    return isinstance(section, Mapping) and "missing" in section

# SPDX-License-Identifier: Apache-2.0
"""Figures of the hardware: the array with its memory, the banks' tensors, the card's SLRs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..disk import bytes_text
from ..resources import RESOURCES, TITLES
from ..schedule.placement import TENSORS as ROLES
from .svg import LETTER, Figure, cut, short

Json = Mapping[str, Any]

_GAP = 12.0
_MOST_ROWS, _MOST_CELLS = 5, 32
TENSORS = {
    "activations": ("activations", ("x", "y", "other")),
    "gradients": ("gradients of activations", ("dy", "dx", "d_other", "dx_in_place")),
    "master": ("weights, velocity, gradient", ("weights", "velocity", "gradient")),
    "packed": ("packed weights", ("ff", "bp")),
    "rest": ("commands", ("commands",)),
}
"""Kinds of tensors: for people, and the roles of hlsgen.schedule.placement that are of it."""

assert {role for _, roles in TENSORS.values() for role in roles} == set(ROLES)

_SPLIT = 700
"""Pixels from which on the two kernels stand beside each other."""


def array(spec: Json, memory: Json, width: float) -> Figure:
    """The row units with their lanes, the loaders, the store, WUVE, and the banks below."""
    title = f"The array: {spec['rows']} row units of {spec['lanes']} lanes, with its memory"
    figure = Figure(width, title)
    beside = width >= _SPLIT
    engine = (width - _GAP) * 0.66 if beside else width
    bottom = _engine(figure, spec, engine)
    if beside:
        _update(figure, spec, engine + _GAP, 0, width - engine - _GAP, bottom)
        ports = [engine / 2, engine + _GAP + (width - engine - _GAP) / 2]
    else:
        bottom = _update(figure, spec, 0, bottom + _GAP, width, 0)
        ports = [width / 2]
    top = bottom + 26
    for port in ports:
        _arrow(figure, port, bottom, top)
        _arrow(figure, port + 14, top, bottom)
    figure.rect(0, top, width, 26, "unit", radius=4)
    figure.text(width / 2, top + 17, "AXI ports: each reaches every bank", "label", "middle")
    _banks(figure, spec, memory, top + 26)
    return figure


def _engine(figure: Figure, spec: Json, width: float) -> float:
    """STCE; returns its lower edge."""
    rows, pad = spec["rows"], 14.0
    shown: list[int | None] = list(range(rows))
    if rows > _MOST_ROWS:
        shown = [0, 1, 2, None, rows - 1]
    chain = 100.0
    height = chain + 36 * len(shown) + 112
    figure.rect(0, 0, width, height, "panel", radius=8)
    figure.text(pad, 22, f"STCE: {rows} x {spec['lanes']} USPEs", "head")
    half = (width - 2 * pad - _GAP) / 2
    held = f"{short(2 * spec['strip_words'])} words held"
    for place, (name, detail) in enumerate((("A loader", held), ("B loader", "packets"))):
        x = pad + place * (half + _GAP)
        figure.rect(x, 34, half, 40, "unit", radius=4)
        figure.text(x + half / 2, 51, name, "label strong", "middle")
        figure.text(x + half / 2, 66, detail, "tick", "middle")
        _arrow(figure, x + half / 2, 74, chain)
    for place, row in enumerate(shown):
        y = chain + 36 * place
        if row is None:
            figure.text(width / 2, y + 18, f"… {rows - 4} more row units …", "label", "middle")
        else:
            _row_unit(figure, spec, row, pad, y, width - 2 * pad)
        _arrow(figure, width / 2, y + 28, y + 36)
    y = chain + 36 * len(shown)
    figure.rect(pad, y, width - 2 * pad, 30, "unit", radius=4)
    figure.text(width / 2, y + 19, "store: finished sums to memory", "label", "middle")
    _lane(figure, spec, pad, y + 40, width - 2 * pad)
    return height


def _lane(figure: Figure, spec: Json, x: float, y: float, width: float) -> None:
    """What a value passes in each lane."""
    figure.text(x, y + 12, "in each lane", "tick")
    parts = (
        ("multiplexer", f"{spec['group']}:1"),
        ("multiplier", "11 x 11 bits"),
        ("adder", f"{spec['adder_latency']} cycles"),
        ("sums", f"Q {spec['memory_tile']} x T {spec['interleave']}"),
    )
    gap = 14.0
    size = (width - gap * (len(parts) - 1)) / len(parts)
    for place, (name, detail) in enumerate(parts):
        at = x + place * (size + gap)
        figure.rect(at, y + 18, size, 38, "unit", radius=4)
        figure.text(at + size / 2, y + 34, name, "label", "middle")
        figure.text(at + size / 2, y + 49, detail, "tick", "middle")
        if place:
            start = at - gap
            figure.line(start, y + 37, at - 5, y + 37, "rule")
            figure.path([(at - 5, y + 33), (at - 5, y + 41), (at, y + 37)], "arrow")


def _row_unit(figure: Figure, spec: Json, row: int, x: float, y: float, width: float) -> None:
    lanes, name = spec["lanes"], 58.0
    figure.rect(x, y, width, 28, "unit", radius=4)
    figure.text(x + 8, y + 18, f"row {row}", "label")
    cells = min(lanes, _MOST_CELLS, int((width - name - 64) / 9))
    size = (width - name - 64) / cells
    tip = f"row {row}: {lanes} lanes, T = {spec['interleave']}, Q = {spec['memory_tile']}"
    for cell in range(cells):
        figure.rect(x + name + cell * size, y + 6, size - 2, 16, "cell", tip, 1.5)
    figure.text(x + width - 8, y + 18, f"{lanes} lanes", "tick", "end")


def _update(figure: Figure, spec: Json, x: float, y: float, width: float, height: float) -> float:
    """WUVE and SORE; returns their lower edge. height: 0 for as much as they need."""
    pad, box = 14.0, 46.0
    height = height or 4 * (box + 18) + 40
    figure.rect(x, y, width, height, "panel", radius=8)
    figure.text(x + pad, y + 22, f"WUVE: {spec['lanes']} lanes", "head")
    texts = (
        ("loaders", "weights, velocity, gradient"),
        ("momentum SGD", "binary32, one rounding each"),
        ("SORE", f"keeps N of each {spec['group']}"),
        ("writers", "weights, velocity, FF and BP forms"),
    )
    step = (height - 40) / len(texts)
    for place, (name, detail) in enumerate(texts):
        at = y + 34 + place * step
        figure.rect(x + pad, at, width - 2 * pad, box, "unit", radius=4)
        figure.text(x + width / 2, at + 20, name, "label strong", "middle")
        figure.text(x + width / 2, at + 36, detail, "tick", "middle")
        if place + 1 < len(texts):
            _arrow(figure, x + width / 2, at + box, at + step)
    return y + height


def _banks(figure: Figure, spec: Json, memory: Json, top: float) -> None:
    banks = memory.get("banks", [])
    if not banks:
        figure.text(
            0, top + 24, f"{spec['memory_kind']} memory: no map without program.json", "tick"
        )
        figure.height = top + 32
        return
    columns = min(len(banks), 4 if figure.width >= _SPLIT else 2)
    size = (figure.width - _GAP * (columns - 1)) / columns
    for place, bank in enumerate(banks):
        x = (place % columns) * (size + _GAP)
        y = top + 16 + place // columns * 66
        if place < columns:
            _arrow(figure, x + size / 2, top, y)
        figure.rect(x, y, size, 54, "bank", radius=4)
        tags = bank["tags"]
        span = tags[0] if len(tags) == 1 else f"{tags[0]}-{tags[-1]}"
        figure.text(x + size / 2, y + 20, f"bank {bank['bank']}", "label strong", "middle")
        used = f"{bytes_text(bank['used'])} of {bytes_text(memory['bank_bytes'])}"
        figure.text(x + size / 2, y + 34, cut(span, size), "tick", "middle")
        figure.text(x + size / 2, y + 48, cut(used, size), "tick", "middle")
    figure.height = top + 16 + -(-len(banks) // columns) * 66


def _arrow(figure: Figure, x: float, start: float, end: float) -> None:
    """Down, or up where `end` is above."""
    tip = 5.0 if end > start else -5.0
    figure.line(x, start, x, end - tip, "rule")
    figure.path([(x - 4, end - tip), (x + 4, end - tip), (x, end)], "arrow")


def memory_map(memory: Json, width: float) -> Figure:
    """Each bank's tensors at their addresses; a bar is as long as the fullest bank's use."""
    banks = memory["banks"]
    figure = Figure(width, "Memory map: the tensors of each bank, in the order of their addresses")
    most = max(max(bank["used"] for bank in banks), 1)
    left, row, top = 58.0, 50.0, 8.0
    scale = (width - left) / most
    for place, bank in enumerate(banks):
        y = top + place * row
        figure.text(0, y + 20, f"bank {bank['bank']}", "label")
        figure.rect(left, y + 4, width - left, 24, "empty")
        start = bank["bank"] * memory["bank_bytes"]
        for tensor in bank["tensors"]:
            at = left + (tensor["address"] - start) * scale
            size = tensor["bytes"] * scale
            tip = f"{tensor['name']}: {tensor['bytes']:,} bytes at {tensor['address']:#x}"
            kind = f"t-{kind_of(tensor['name'])}"
            figure.rect(at, y + 4, max(size - 0.7, 0.5), 24, kind, tip)
            if len(tensor["name"]) * LETTER + 6 < size:
                figure.text(at + size / 2, y + 20, tensor["name"], "on-tensor", "middle")
        share = 100 * bank["used"] / memory["bank_bytes"]
        used = f"{bytes_text(bank['used'])} of {bytes_text(memory['bank_bytes'])} ({share:.2g} %)"
        figure.text(left, y + 41, f"{len(bank['tensors'])} tensors, {used}", "tick")
    figure.height = top + len(banks) * row
    return figure


def kind_of(tensor: str) -> str:
    """Of TENSORS, that which a tensor is of, by the role at the end of its name."""
    role = tensor.rpartition(".")[2]
    return next((kind for kind, (_, roles) in TENSORS.items() if role in roles), "rest")


def fills(families: Sequence[Json], width: float) -> Figure:
    """How full each family of FIFOs got, of its depth."""
    figure = Figure(width, "Greatest fill of each family of FIFOs, of its depth")
    columns = 2 if width >= _SPLIT else 1
    size = (width - _GAP * 2 * (columns - 1)) / columns
    lines, row = -(-len(families) // columns), 20.0
    name = max(len(each["family"]) for each in families) * LETTER + 8
    for place, each in enumerate(families):
        x, y = place // lines * (size + _GAP * 2), place % lines * row
        fill, depth = each["fill"], each["depth"]
        length = size - name - 100
        figure.text(x + name - 6, y + 14, each["family"], "label", "end")
        figure.rect(x + name, y + 4, length, 12, "empty")
        tip = f"{each['family']}: {fill:,} of {depth:,}; waited {each['found_full']:,} cycles full"
        kind = "tight" if fill >= depth else "used"
        figure.rect(x + name, y + 4, min(fill / depth, 1) * length, 12, kind, tip)
        text = f"{fill:,} of {depth:,}{' full' if fill >= depth else ''}"
        figure.text(x + name + length + 6, y + 14, text, "value")
    figure.height = lines * row + 4
    return figure


def slrs(told: Json, width: float) -> Figure:
    """Of each SLR and resource, the share that is used; a mark where the planned share ends."""
    figure = Figure(width, "Estimated resources of each SLR, of what the platform leaves")
    parts: Sequence[Json] = told["slrs"]
    beside = len(parts) if width >= _SPLIT else 1
    size = (width - _GAP * 2 * (beside - 1)) / beside
    row, name, value = 22.0, 54.0, 48.0
    block = row * len(RESOURCES) + 40
    for place, slr in enumerate(parts):
        x, y = (place % beside) * (size + _GAP * 2), place // beside * block
        span = f"row units {slr['rows'][0]} to {slr['rows'][-1]}" if slr["rows"] else "no row unit"
        figure.text(x, y + 14, f"{slr['name']}: {span}", "label strong")
        length = size - name - value
        for line, key in enumerate(RESOURCES):
            at = y + 24 + line * row
            use, limit, planned = slr["use"][key], slr["limit"][key], slr["planned"][key]
            if not limit:
                continue
            share = use / limit
            figure.text(x + name - 6, at + 13, TITLES[key], "tick", "end")
            figure.rect(x + name, at + 2, length, 14, "empty")
            tip = f"{slr['name']} {TITLES[key]}: {use:,g} of {limit:,g}, planned {planned:,g}"
            kind = "over" if use > limit else "tight" if use > planned else "used"
            figure.rect(x + name, at + 2, min(share, 1) * length, 14, kind, tip)
            mark = x + name + planned / limit * length
            figure.line(mark, at, mark, at + 18, "planned")
            sign = "!" if use > planned else ""
            text = f"{100 * share:.0f} %{sign}"
            figure.text(x + name + length + 6, at + 13, text, "value")
    figure.height = -(-len(parts) // beside) * block
    return figure

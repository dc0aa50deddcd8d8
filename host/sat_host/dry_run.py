# SPDX-License-Identifier: Apache-2.0
"""What a training run would do, told without data, device or work. Needs no NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .errors import SettingsError
from .methods import plan_network
from .models import build_network
from .models.description import describe_plan
from .settings import TrainingConfig

Image = tuple[int, int, int]
Report = dict[str, Any]

_DATA: dict[str, tuple[Image, int]] = {
    "digits": ((8, 8, 1), 10),
    "cifar10": ((32, 32, 3), 10),
    "cifar100": ((32, 32, 3), 100),
}


def data_shape(settings: Mapping[str, Any]) -> tuple[Image | None, int | None]:
    """Image (height, width, channels) and classes of the `data` section, each None where only the
    files tell.
    """
    name, size = settings.get("name"), settings.get("size")
    if name in _DATA:
        return _DATA[name]
    return (size, size, 3) if isinstance(size, int) else None, None


def dry_run(settings: Mapping[str, Any], **overrides: Any) -> Report:
    """The plan of a run as JSON: its layers, and the multiplications of a step by stage.

    settings: those of a bundle; overrides: fields of `TrainingConfig`, None for the bundle's value.
    Raises SettingsError, with all that is wrong with the network.
    """
    config = TrainingConfig.from_settings(settings, **overrides)
    for section in ("model", "data"):
        if not isinstance(settings.get(section), Mapping):
            raise SettingsError(f"{section}: missing from the bundle's settings")
    network = build_network(settings["model"], *data_shape(settings["data"]))
    plans = plan_network(network, config.method, config.keep, config.group)
    plan = describe_plan(network, plans, config.batch, config.group)
    return {
        "network": network.name,
        "image": list(network.image),
        "classes": network.classes,
        "method": config.method,
        "keep": config.group if config.method == "dense" else config.keep,
        "group": config.group,
        "layers": [asdict(row) for row in plan.rows],
        "parameters": plan.parameters,
        "batch": plan.batch,
        "macs": plan.macs,
        "fraction": plan.fraction,
    }


def describe_dry_run(report: Report) -> list[str]:
    """The report as lines of text: a table of layers, then the work of a step."""
    pruning = "" if report["method"] == "dense" else f" {report['keep']}:{report['group']}"
    image = " x ".join(map(str, report["image"]))
    head = ("layer", "shape", "FF", "BP", "WU", "work", "stays dense because")
    rows = [
        (
            row["name"], row["shape"], row["ff"], row["bp"], row["wu"],
            _percent(row["macs"], row["dense"]), row["dense_because"],
        )
        for row in report["layers"]
    ]  # fmt: skip
    macs = report["macs"]
    stages = ", ".join(f"{stage} {_count(macs[stage])}" for stage in ("FF", "BP", "WU"))
    spent = sum(macs[stage] for stage in ("FF", "BP", "WU"))
    return [
        f"{report['network']} on {image}, {report['classes']} classes, "
        f"{_count(report['parameters'])} parameters, {report['method']}{pruning}",
        "",
        *_table([head, *rows]),
        "",
        f"MACs of a step of {report['batch']} images: {stages}; together {_count(spent)}, "
        f"{100 * report['fraction']:.1f} % of the dense {_count(macs['dense'])}",
    ]


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"


def _count(number: int) -> str:
    """Three digits and the power of a thousand: 11.7 M."""
    value, unit = float(number), ""
    for unit in ("", " k", " M", " G", " T", " P"):
        if value < 999.5 or unit == " P":
            break
        value /= 1000
    return f"{value:.3g}{unit}"

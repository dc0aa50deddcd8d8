# SPDX-License-Identifier: Apache-2.0
"""Options of a training run that several commands take: fields of `TrainingConfig` by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from sat_host.settings import LIMITS, METHODS

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _within(field: str) -> str:
    low, high = LIMITS[field]
    return f"{low} to {high}"


_OPTIONS: dict[str, tuple[str, Any, str | None]] = {
    "method": ("Which products are pruned", click.Choice(METHODS), None),
    "keep": ("Weights kept of each group, 1 to the group's size", click.INT, "N"),
    "seed": (
        "Of the first weights, the order of samples and their augmentation, " + _within("seed"),
        click.INT,
        "S",
    ),
    "epochs": (f"Passes over the training data, {_within('epochs')}", click.INT, "E"),
    "batch": (f"Images in a step, {_within('batch')}", click.INT, "B"),
}
"""By name: what it says, its type and its metavar."""


def training_options(default: str, *names: str) -> Callable[[_Command], _Command]:
    """Options by these names, all of them by default. default: what each is without it, in
    words."""

    def add(command: _Command) -> _Command:
        for name in reversed(names or tuple(_OPTIONS)):
            text, kind, metavar = _OPTIONS[name]
            option = click.option(
                f"--{name}", type=kind, metavar=metavar, help=f"{text}; {default}."
            )
            command = option(command)
        return command

    return add

# SPDX-License-Identifier: Apache-2.0
"""What `hlsgen schedule` models and `hlsgen time` simulates: from options and a spec to hardware,
pruning and products."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

import click
from sat_host.models import MODELS, NetworkError, build_network
from sat_host.models.network import Network
from sat_host.models.workload import Row, workload

from .. import workloads
from ..errors import InputError
from ..faults import shown
from ..schedule.program import Training, map_of
from ..schedule.shapes import at_batch
from ..schedule.step import Pruning
from ..scheduled import machine_of
from ..spec import Spec
from ..workloads.table import read

PAPER = "paper"
"""The workload that stands for workloads.PAPER."""

NETWORKS = tuple(name for name in MODELS if name != "layers")
"""Networks that a name alone describes."""


def check_memory(spec: Spec, network: str, rows: tuple[Row, ...], pruning: Pruning) -> None:
    """Raises InputError for the first tensor of a step that does not fit its bank of the card."""
    machine, images = machine_of(spec), rows[0].batch
    try:
        map_of(rows, machine, Training(pruning.method, pruning.keep, images, images))
    except InputError as error:
        raise InputError(f"{network}: {error}") from None


def pruning_of(spec: Spec, method: str | None, keep: int | None) -> Pruning:
    """The spec's, but for what is given."""
    group = spec.sparsity.group
    if keep is not None and not 1 <= keep <= group:
        raise InputError(
            f"{_command()}: --keep {keep}: the group has {group} weights: "
            f"give a number from 1 to {group}"
        )
    return Pruning(method or spec.sparsity.method, spec.sparsity.keep if keep is None else keep)


def products_of(
    spec: Spec, name: str | None, model: str | None, batch: int | None, others: Sequence[str] = ()
) -> tuple[str, tuple[Row, ...]]:
    """What to call the network, and its products at `batch` images: those of a table, of a built-in
    network, or of the spec's own. others: workloads that the command has besides the tables."""
    if name is not None and model is not None:
        raise InputError(
            f"{_command()}: --workload and --model: each names a network: give one of them"
        )
    if name is not None:
        return shown(name, 4096), at_batch(_table(name, others), batch)
    network = spec.network() if model is None else _network(spec, model)
    return network.name, workload(network, batch or spec.training.batch)


def paper_tables(batch: int | None) -> dict[str, tuple[Row, ...]]:
    """The products of the paper's workloads, by name."""
    return {name: at_batch(workloads.load(name), batch) for name in workloads.PAPER}


def _table(name: str, others: Sequence[str]) -> tuple[Row, ...]:
    if name in workloads.NAMES:
        return workloads.load(name)
    if name.endswith(".csv") or os.path.exists(name):  # a pipe too
        return read(Path(name))
    if name == PAPER:  # `hlsgen schedule` has it
        raise InputError(
            f"{_command()}: --workload {PAPER}: it stands for several networks: name one of them"
        )
    known = (*workloads.NAMES, *others)
    close = difflib.get_close_matches(name[:60], known, 1)
    mend = close[0] if close else f"one of {', '.join(known)}"
    raise InputError(
        f"{_command()}: --workload {shown(name)}: no such workload: give {mend}, or a CSV file"
    )


def _network(spec: Spec, name: str) -> Network:
    """A built-in network on images and classes of the spec's; with the spec's settings when it is
    the spec's own, else with the defaults."""
    own = spec.network()
    if own.name == name:
        return own
    try:
        return build_network({"name": name}, own.image, own.classes)
    except NetworkError as error:
        fault = error.faults[0]
    size = "x".join(map(str, own.image))
    raise InputError(
        f"{_command()}: --model {name}: on images of {size}: {fault.what}: {fault.mend}"
    )


def _command() -> str:
    """The command that was called, as errors begin with it."""
    return click.get_current_context().command_path

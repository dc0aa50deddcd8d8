# SPDX-License-Identifier: Apache-2.0
"""One training run of a bundle, from its directory to its final record; every command line that
trains calls `train_bundle`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from .bundle import Bundle, load_bundle, open_device
from .data import load_dataset
from .device import Device
from .errors import SettingsError, TrainingError
from .golden_device import GoldenDevice
from .metrics import MetricsWriter, Record
from .progress import Progress, make_progress
from .training import Trainer, TrainingConfig

DEVICES: dict[str, Callable[[Bundle], Device]] = {
    "csim": open_device,
    "golden": lambda bundle: GoldenDevice(bundle.config),
}


def train_bundle(
    bundle: Path,
    *,
    device: str = "csim",
    metrics: Path | None = None,
    quiet: bool = False,
    **overrides: Any,
) -> Record:
    """Train the bundle's model on its data; returns the final record.

    device: "csim" (the bundle's library) or "golden" (the NumPy model). metrics: a file that gets
    every record as a JSON line, replaced if it exists once the run is complete (`MetricsWriter`
    says where the lines are until then). overrides: fields of `TrainingConfig`, by name; None means
    the bundle's value. Raises HostError; the text is one line.
    """
    if device not in DEVICES:
        raise SettingsError(f"device: expected one of {', '.join(DEVICES)}, got {device!r}")
    opened = load_bundle(bundle)
    config = TrainingConfig.from_settings(opened.settings, **overrides)
    dataset = load_dataset(config.data, config.test_fraction)
    with (
        closing(Trainer(DEVICES[device](opened), config, dataset)) as trainer,
        closing(MetricsWriter(metrics)) as writer,
        closing(make_progress(quiet)) as progress,
    ):
        return run_trainer(trainer, device, writer, progress)


def run_trainer(trainer: Trainer, device: str, writer: MetricsWriter, progress: Progress) -> Record:
    """Run to the end, each record written and shown as it comes; returns the final one."""
    for record in trainer.run():
        if record["kind"] in ("start", "final"):
            record["device"] = device
        writer.write(record)
        progress.show(record)
        if record["kind"] == "final":
            return record
    raise TrainingError("the training run ended without a final record")


def describe_final(record: Record) -> str:
    """The result in one line for people."""
    return (
        f"test accuracy {100 * record['test_accuracy']:.2f} % "
        f"({_pruning(record)}, seed {record['seed']}, "
        f"{record['epochs']} {'epoch' if record['epochs'] == 1 else 'epochs'}, "
        f"{record['steps']} steps, "
        f"{record['skipped_steps']} skipped, "
        f"{record['seconds']:.1f} s on {record['device']})"
    )


def _pruning(record: Record) -> str:
    method: str = record["method"]
    return method if method == "dense" else f"{method} {record['keep']}:{record['group']}"

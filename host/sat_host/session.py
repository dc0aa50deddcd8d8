# SPDX-License-Identifier: Apache-2.0
"""One training run of a bundle, from its directory to its final record; every command line that
trains calls `train_bundle`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from .bundle import BUNDLE_JSON, load_bundle, open_device
from .check_device import check_device
from .checkpoint import CheckpointStore
from .data import load_dataset
from .errors import (
    ArgumentError,
    CheckpointError,
    MissingPackageError,
    SettingsError,
    TrainingError,
)
from .metrics import MetricsWriter, Record
from .models import build_network
from .progress import Progress, make_progress
from .recording.dump import DumpOptions, DumpWriter
from .recording.recorder import RecordingDevice
from .run_state import identity
from .training import Trainer, TrainingConfig


class Saver:
    """Takes a trainer's checkpoints to a store and back; without a store it does nothing."""

    def __init__(self, store: CheckpointStore | None, run: Mapping[str, Any]) -> None:
        self._store = store
        self._run = run

    def restore(self, trainer: Trainer) -> None:
        """Let the trainer go on from the newest checkpoint, if there is one."""
        checkpoint = self._store.load(self._run) if self._store else None
        if checkpoint is None:
            return
        try:
            trainer.restore(checkpoint.tensors, checkpoint.state)
        except (ArgumentError, CheckpointError) as error:
            raise CheckpointError(
                f"{checkpoint.path}: {error}: give another folder for checkpoints"
            ) from None

    def after(self, record: Record, trainer: Trainer) -> None:
        """Save, when a checkpoint is due after this record: at an epoch's end, or inside it every
        `checkpoint_every` steps.
        """
        if self._store is None or record["kind"] not in ("step", "epoch"):
            return
        if record["kind"] == "step":
            every = trainer.config.checkpoint_every
            ended = trainer.state.batches == trainer.steps_per_epoch
            if every is None or record["step"] % every or ended:
                return
        with trainer.clock("checkpoint"):
            trainer.state.add_memory(trainer.clock.memory())
            tensors, state = trainer.snapshot()
            finished = trainer.finished
            self._store.save(record["step"], tensors, state, self._run, finished=finished)


def train_bundle(
    bundle: Path,
    *,
    device: str = "csim",
    metrics: Path | None = None,
    quiet: bool = False,
    checkpoints: Path | None = None,
    resume: bool = False,
    source: str | None = None,
    dump: DumpOptions | None = None,
    **overrides: Any,
) -> Record:
    """Train the bundle's model on its data; returns the final record.

    device: "csim" (the bundle's library), "golden" (the NumPy model) or "xrt:N" (its xclbin on card
    N). metrics: a file that gets every record as a JSON line, replaced if it exists once the run is
    complete (`MetricsWriter` says where the lines are until then); of a resumed run, the epochs'
    records from before come first. checkpoints: the folder for the run's checkpoints
    (`CheckpointStore`), None for none. resume: go on from the newest of them, if there is one.
    source: the file that faults of the data name, the bundle's manifest by default. dump: what
    to record of the device's calls, and where. overrides: fields of `TrainingConfig`, by name; None
    means the bundle's value. Raises HostError; the text is one line.
    """
    check_device(device)
    if resume and checkpoints is None:
        raise SettingsError("resume: needs a folder of checkpoints: give one by --checkpoints")
    opened = load_bundle(bundle)
    settings = opened.settings
    config = TrainingConfig.from_settings(settings, **overrides)
    with ExitStack() as stack:
        store = None
        if checkpoints is not None:
            store = stack.enter_context(closing(CheckpointStore(checkpoints, resume=resume)))
        stack.enter_context(data_faults(source or str(bundle / BUNDLE_JSON)))
        dataset = load_dataset(settings["data"])
        network = build_network(settings["model"], dataset.image, dataset.classes)
        run = identity(config, settings, network, dataset) if store or dump else {}
        accelerator = open_device(opened, device)
        if dump is not None:
            recorded = stack.enter_context(DumpWriter(dump, device, opened.config, run))
            accelerator = RecordingDevice(accelerator, recorded)
        trainer = stack.enter_context(closing(Trainer(accelerator, config, dataset, network)))
        if dump is not None:
            recorded.expect(trainer.steps)
        saver = Saver(store, run)
        saver.restore(trainer)
        writer = stack.enter_context(closing(MetricsWriter(metrics, resumed=resume)))
        progress = stack.enter_context(closing(make_progress(quiet)))
        return run_trainer(trainer, device, writer, progress, saver)


def run_trainer(
    trainer: Trainer, device: str, writer: MetricsWriter, progress: Progress, saver: Saver
) -> Record:
    """Run to the end, each record written and shown as it comes; returns the final one.

    Added to the first record and the final one: device, and already_complete, whether nothing was
    left to train; to the final one: devices, which trained, stage_memory_bytes and, on a device
    that measures its work, device_profile.
    """
    state, complete = trainer.state, trainer.finished
    earlier = list(state.history)
    if not complete and device not in state.devices:
        state.devices.append(device)
    for record in trainer.run():
        if record["kind"] in ("start", "final"):
            record |= {"device": device, "already_complete": complete}
        if record["kind"] == "final":
            state.add_memory(trainer.clock.memory())
            record |= {"devices": state.devices, "stage_memory_bytes": state.stage_memory}
            if (profile := trainer.device.profile()) is not None:
                record["device_profile"] = profile
        writer.write(record)
        if record["kind"] == "start":
            for epoch in earlier:
                writer.write(epoch)
        progress.show(record)
        saver.after(record, trainer)
        if record["kind"] == "final":
            return record
    raise TrainingError("the training run ended without a final record")


def describe_final(record: Record) -> str:
    """The result in one line for people."""
    complete = "; it was complete already: nothing was left to train"
    return (
        f"test accuracy {100 * record['test_accuracy']:.2f} % "
        f"({_pruning(record)}, seed {record['seed']}, "
        f"{record['epochs']} {'epoch' if record['epochs'] == 1 else 'epochs'}, "
        f"{record['steps']} steps, "
        f"{record['skipped_steps']} skipped, "
        f"{record['seconds']:.1f} s on {' and '.join(record['devices'])})"
        f"{complete if record['already_complete'] else ''}"
    )


@contextmanager
def data_faults(source: str) -> Iterator[None]:
    """Faults of the data, of an image that a later step reads too, name the file that asks."""
    try:
        yield
    except (SettingsError, MissingPackageError) as error:
        if str(error).startswith(("data.", "data:")):
            raise type(error)(f"{source}: {error}") from None
        raise


def _pruning(record: Record) -> str:
    method: str = record["method"]
    return method if method == "dense" else f"{method} {record['keep']}:{record['group']}"

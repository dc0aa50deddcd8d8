# SPDX-License-Identifier: Apache-2.0
"""Where a training run is, apart from its tensors, and whose run it is: what a checkpoint holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .data import Dataset
from .errors import CheckpointError
from .loss import LossScaler
from .metrics import Record
from .models import Network
from .settings import TrainingConfig


@dataclass
class RunState:
    """The position of a run.

    step: of the whole run, skipped ones included. batches, loss_total: of the epoch under way.
    stale_epochs: epochs since `best_accuracy`. history: the records of the epochs done. seconds,
    stages, stage_memory, peak_memory: used until now, by the processes that went before as well.
    devices: those that trained, in order.
    """

    loss_scale: float
    good_steps: int = 0
    step: int = 0
    skipped_steps: int = 0
    epochs_done: int = 0
    batches: int = 0
    loss_total: float = 0.0
    best_accuracy: float = 0.0
    stale_epochs: int = 0
    history: list[Record] = field(default_factory=list)
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    peak_memory: int = 0
    stage_memory: dict[str, int] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)

    @property
    def accuracy(self) -> float:
        """Test accuracy after the last whole epoch, 0 to 1."""
        return float(self.history[-1]["test_accuracy"]) if self.history else 0.0

    def end_epoch(self, accuracy: float, record: Record) -> None:
        """One more epoch is done."""
        self.stale_epochs = 0 if accuracy > self.best_accuracy else self.stale_epochs + 1
        self.best_accuracy = max(self.best_accuracy, accuracy)
        self.epochs_done += 1
        self.batches, self.loss_total = 0, 0.0
        self.history.append(record)

    def add_memory(self, stages: Mapping[str, int]) -> None:
        """The most bytes at an end of each stage, seen by this process."""
        for name, count in stages.items():
            self.stage_memory[name] = max(count, self.stage_memory.get(name, 0))

    def finished(self, config: TrainingConfig) -> bool:
        """Whether the run is over: all epochs done, or too many without a better accuracy."""
        stale = config.patience is not None and self.stale_epochs >= config.patience
        return stale or self.epochs_done >= config.epochs

    def scaler(self, growth: int) -> LossScaler:
        """The loss scaler as it stands."""
        return LossScaler(self.loss_scale, growth, self.good_steps)

    def to_json(self) -> dict[str, Any]:
        """The values by name, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunState:
        """What `to_json` gave. Raises CheckpointError for other names."""
        if set(values) != {item.name for item in fields(cls)}:
            raise CheckpointError("not the state of a run")
        return cls(**values)


def identity(
    config: TrainingConfig, settings: Mapping[str, Any], network: Network, dataset: Dataset
) -> dict[str, Any]:
    """All that decides the bits of a run, as JSON: equal for two runs that must be equal.

    Neither the device nor the array is among it, since they don't, nor where the data lie.
    """
    nested = config.nested()
    sparsity, training = nested["sparsity"], nested["training"]
    if config.method == "dense":
        del sparsity["keep"]
    if config.method != "sr_ste":
        del sparsity["sr_decay"]
    del training["checkpoint_every"]
    training["micro_batch"] = config.piece
    data = {name: value for name, value in settings["data"].items() if name != "path"}
    digest = hashlib.sha256(repr(network).encode())
    return {
        **nested,
        "model": dict(settings["model"]),
        "data": {**data, "fingerprint": dataset.fingerprint()},
        "network": digest.hexdigest(),
    }

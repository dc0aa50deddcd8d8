# SPDX-License-Identifier: Apache-2.0
"""The training loop: one program for every device, the same bits on each."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from .binary16 import round_binary16
from .data import Dataset
from .device import Device, UpdateScalars
from .errors import SettingsError, TrainingError
from .layers import Mlp, plan_layers
from .loss import MIN_SCALE, LossScaler, softmax_cross_entropy
from .metrics import Record
from .settings import TrainingConfig

__all__ = ["Trainer", "TrainingConfig"]


class Trainer:
    """Trains an MLP on `dataset` through `device`, with momentum SGD and dynamic loss scaling.

    The seed decides the initial weights and the order of the samples; apart from the seconds in
    the records, equal arguments give equal results, bit for bit. `close` frees the device memory
    (use `contextlib.closing`). Raises SettingsError when the group is not the accelerator's.
    """

    def __init__(self, device: Device, config: TrainingConfig, dataset: Dataset) -> None:
        if config.group != device.config.group:
            raise SettingsError(
                f"sparsity.group: the accelerator was built for {device.config.group}, "
                f"got {config.group}"
            )
        self.config = config
        self.dataset = dataset
        initial, shuffle = np.random.SeedSequence(config.seed).spawn(2)
        self._shuffle = np.random.default_rng(shuffle)
        self._scaler = LossScaler(float(config.loss_scale), config.loss_scale_growth)
        widths = [dataset.features, *config.hidden, dataset.classes]
        self.plans = plan_layers(widths, config.method, config.keep, config.group)
        self._model = Mlp(device, self.plans, config.batch, np.random.default_rng(initial))
        self.step = 0
        self.skipped_steps = 0

    def close(self) -> None:
        """Give the device memory back; the trainer is of no use afterwards."""
        self._model.free()

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch, the last of which may be smaller."""
        return -(-len(self.dataset.train_y) // self.config.batch)

    @property
    def steps(self) -> int:
        """Steps of the whole run, skipped ones included."""
        return self.steps_per_epoch * self.config.epochs

    def run(self) -> Iterator[Record]:
        """Train; yields a record at the start, after each step and each epoch, and at the end.

        Raises TrainingError when the run diverges.
        """
        config, started = self.config, time.perf_counter()
        keep = config.group if config.method == "dense" else config.keep
        summary = {"method": config.method, "seed": config.seed, "keep": keep}
        summary |= {"group": config.group, "epochs": config.epochs, "steps": self.steps}
        yield {"kind": "start", **summary, "layers": [asdict(plan) for plan in self.plans]}
        accuracy = 0.0
        for epoch in range(1, config.epochs + 1):
            losses = []
            for batch in self._batches():
                record = self._train_step(batch)
                losses.append(record["loss"])
                yield {"kind": "step", "epoch": epoch, **record, "seconds": _since(started)}
            accuracy = self.evaluate()
            yield {
                "kind": "epoch",
                "epoch": epoch,
                "step": self.step,
                "loss": float(np.mean(losses)),
                "test_accuracy": accuracy,
                "loss_scale": self._scaler.scale,
                "skipped_steps": self.skipped_steps,
                "seconds": _since(started),
            }
        yield {
            "kind": "final",
            "test_accuracy": accuracy,
            **summary,
            "seconds": _since(started),
            "skipped_steps": self.skipped_steps,
        }

    def evaluate(self) -> float:
        """Accuracy on the test set, 0 to 1: FF through the device with the weights as trained."""
        batch, data = self.config.batch, self.dataset
        correct = 0
        for start in range(0, len(data.test_y), batch):
            logits = self._model.forward(data.test_x[start : start + batch])
            correct += int(np.sum(logits.argmax(axis=1) == data.test_y[start : start + batch]))
        return correct / len(data.test_y)

    def weights(self) -> list[npt.NDArray[np.float32]]:
        """Weights [inputs, outputs] and bias [1, outputs] of each layer, from the device."""
        return self._model.parameters()

    def _batches(self) -> Iterator[npt.NDArray[np.int64]]:
        order = self._shuffle.permutation(len(self.dataset.train_y))
        for start in range(0, len(order), self.config.batch):
            yield order[start : start + self.config.batch]

    def _train_step(self, batch: npt.NDArray[np.int64]) -> Record:
        """One step; the update is left out for all layers if any gradient is not finite."""
        rate, scale = self.config.rate(self.step, self.steps), self._scaler.scale
        self.step += 1
        logits = self._model.forward(self.dataset.train_x[batch])
        loss, gradient = softmax_cross_entropy(logits, self.dataset.train_y[batch])
        if not math.isfinite(loss):
            raise TrainingError(
                f"training diverged at step {self.step}: the loss is {loss}; "
                "lower optimizer.learning_rate"
            )
        finite = self._model.backward(round_binary16(gradient * scale))
        if finite:
            weights, bias = self._scalars(rate, scale)
            self._model.update(weights, bias)
            self._scaler.applied()
        else:
            self._skip()
        return {
            "step": self.step,
            "loss": loss,
            "learning_rate": rate,
            "loss_scale": scale,
            "skipped": not finite,
        }

    def _scalars(self, rate: float, scale: float) -> tuple[UpdateScalars, UpdateScalars]:
        """The scalars for weights and for biases, which do not decay."""
        momentum, decay = self.config.momentum, self.config.weight_decay
        return (
            UpdateScalars(rate, momentum, decay, 1.0 / scale),
            UpdateScalars(rate, momentum, 0.0, 1.0 / scale),
        )

    def _skip(self) -> None:
        if self._scaler.scale == MIN_SCALE:
            raise TrainingError(
                f"training diverged at step {self.step}: gradients overflow even with a loss "
                "scale of 1; lower optimizer.learning_rate"
            )
        self.skipped_steps += 1
        self._scaler.skipped()


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 4)

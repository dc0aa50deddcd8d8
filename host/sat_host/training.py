# SPDX-License-Identifier: Apache-2.0
"""The training loop: one program for every device, the same bits on each."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .data import Batch, Dataset, Loader
from .device import Device, UpdateScalars
from .errors import SettingsError, TrainingError
from .loss import MIN_SCALE, softmax_cross_entropy
from .methods import plan_network
from .metrics import Record
from .models import Network
from .models.workload import macs
from .nn import Model, Run, StageClock
from .run_state import RunState
from .settings import TrainingConfig
from .usage import peak_memory

__all__ = ["Trainer", "TrainingConfig"]

Item = TypeVar("Item")


class Trainer:
    """Trains `network` on `dataset` through `device`, with momentum SGD and dynamic loss scaling.

    The seed decides the initial weights, the order of the samples and their augmentation; apart
    from seconds and memory in the records, equal arguments give equal results, bit for bit, and so
    does a run that goes on from another's `snapshot`. `close` frees the device memory (use
    `contextlib.closing`). Raises SettingsError when the group is not the accelerator's.
    """

    def __init__(
        self, device: Device, config: TrainingConfig, dataset: Dataset, network: Network
    ) -> None:
        if config.group != device.config.group:
            raise SettingsError(
                f"sparsity.group: the accelerator was built for {device.config.group}, "
                f"got {config.group}"
            )
        self.device, self.config, self.dataset, self.network = device, config, dataset, network
        self.plans = plan_network(network, config.method, config.keep, config.group)
        self.state = RunState(float(config.loss_scale))
        self.clock = StageClock()
        self._scaler = self.state.scaler(config.loss_scale_growth)
        self._schedule = config.learning_rates()
        self._loader = Loader(
            dataset.train, config.batch, config.seed,
            piece=config.piece, crop=config.crop, flip=config.flip,
        )  # fmt: skip
        generator = np.random.default_rng(np.random.SeedSequence(config.seed))
        self._model = Model(device, network, self.plans, config.piece, generator)
        self._before = self.state  # used by the processes that went before this one
        self._started = time.perf_counter()

    def close(self) -> None:
        """Give the device memory back; the trainer is of no use afterwards."""
        self._model.free()

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch, the last of which may be smaller."""
        return -(-len(self.dataset.train.labels) // self.config.batch)

    @property
    def steps(self) -> int:
        """Steps of the whole run, skipped ones included, unless it stops early."""
        return self.steps_per_epoch * self.config.epochs

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""
        return self.state.finished(self.config)

    def run(self) -> Iterator[Record]:
        """Train on from `state`; yields a record at the start, after each step and each epoch, and
        at the end. Between two records, `snapshot` is whole. Raises TrainingError on divergence.
        """
        state = self.state
        self._started = time.perf_counter()
        yield {
            "kind": "start",
            **self._summary(),
            "epochs": self.config.epochs,
            "steps": self.steps,
            "resumed_step": state.step,
            "layers": [asdict(plan) for plan in self.plans.values()],
        }
        while not self.finished:
            epoch = state.epochs_done + 1
            for batch in self._loaded(self._loader.batches(epoch, state.batches)):
                record = self._train_step(batch)
                state.batches += 1
                state.loss_total += record["loss"] * batch.samples
                yield {"kind": "step", "epoch": epoch, **record, "seconds": self._seconds()}
            yield self._end_epoch()
        yield {"kind": "final", **self._result()}

    def evaluate(self) -> float:
        """Accuracy on the test set, 0 to 1: FF through the device with the weights as trained.

        A sample with a logit that is NaN counts as wrong.
        """
        test = self.dataset.test
        run = Run(training=False, clock=StageClock())
        correct = 0
        for x, labels in Loader(test, self.config.piece, shuffle=False).epoch(0):
            logits = self._model.forward(x, run)
            answered = ~np.isnan(logits).any(axis=1)
            correct += int(np.sum(answered & (logits.argmax(axis=1) == labels)))
        return correct / len(test)

    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """All that the network has learned and all that its updates need, by name: a copy."""
        return self._model.state()

    def snapshot(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """The tensors and, as JSON, the position, from which `restore` goes on."""
        state = self.state
        state.loss_scale, state.good_steps = self._scaler.scale, self._scaler.good_steps
        used = {"seconds": self._seconds(), "stages": self._stages(), "peak_memory": self._peak()}
        return self._model.state(), {**state.to_json(), **used}

    def restore(self, tensors: Mapping[str, npt.NDArray[Any]], state: Mapping[str, Any]) -> None:
        """Go on from a `snapshot` of a run of the same settings. Raises CheckpointError."""
        self.state = RunState.from_json(state)
        self.device.mark("restoring", self.state.step)
        self._before = RunState.from_json(state)
        self._model.load_state(dict(tensors))
        self._scaler = self.state.scaler(self.config.loss_scale_growth)

    def _loaded(self, items: Iterator[Item]) -> Iterator[Item]:
        """The same items; what it takes to make them counts as loading."""
        while True:
            with self.clock("loader"):
                item = next(items, None)
            if item is None:
                return
            yield item

    def _train_step(self, batch: Batch) -> Record:
        """One step; the update is left out for all layers if any gradient is not finite."""
        state, scale = self.state, self._scaler.scale
        rate = self._rate(state.step)
        state.step += 1
        loss, finite = self._gradients(batch, scale)
        if finite:
            self._model.update(*self._scalars(rate, scale))
            self._scaler.applied()
        else:
            self._skip()
        return {
            "step": state.step,
            "loss": loss,
            "learning_rate": rate,
            "loss_scale": scale,
            "skipped": not finite,
        }

    def _gradients(self, batch: Batch, scale: float) -> tuple[float, bool]:
        """The mean loss of a batch, and its gradients, times the scale, on the device.

        Returns whether every gradient is finite; after one that is not, the other pieces are left
        out, of the loss too.
        """
        total, seen, step = 0.0, 0, self.state.step
        for number, (x, labels) in enumerate(self._loaded(batch.pieces)):
            self.device.mark("training", step, number)
            run = Run(
                training=True,
                seed=self.config.seed,
                step=step,
                micro=number,
                accumulate=number > 0,
                clock=self.clock,
            )
            logits = self._model.forward(x, run)
            with self.clock("loss"):
                loss, gradient = softmax_cross_entropy(logits, labels, self.config.label_smoothing)
                share = len(labels) / batch.samples
                scaled = (gradient * (scale * share)).astype(np.float32)
            total += loss * share
            seen += len(labels)
            if not math.isfinite(loss):
                raise TrainingError(
                    f"training diverged at step {step}: the loss is {loss}; "
                    "lower optimizer.learning_rate"
                )
            if not self._model.backward(scaled, run):
                return total / (seen / batch.samples), False
        return total, True

    def _scalars(self, rate: float, scale: float) -> tuple[UpdateScalars, UpdateScalars]:
        """The scalars for weights and for learned vectors, which do not decay."""
        config = self.config
        sr_decay = config.sr_decay if config.method == "sr_ste" else 0.0
        return (
            UpdateScalars(rate, config.momentum, config.weight_decay, 1.0 / scale, sr_decay),
            UpdateScalars(rate, config.momentum, 0.0, 1.0 / scale),
        )

    def _skip(self) -> None:
        if self._scaler.scale == MIN_SCALE:
            raise TrainingError(
                f"training diverged at step {self.state.step}: gradients overflow even with a loss "
                "scale of 1; lower optimizer.learning_rate"
            )
        self.state.skipped_steps += 1
        self._scaler.skipped()

    def _end_epoch(self) -> Record:
        state = self.state
        self.device.mark("evaluation", state.step)
        with self.clock("evaluation"):
            accuracy = self.evaluate()
        record = {
            "kind": "epoch",
            "epoch": state.epochs_done + 1,
            "step": state.step,
            "loss": state.loss_total / len(self.dataset.train),
            "test_accuracy": accuracy,
            "learning_rate": self._rate(state.step - 1),
            "loss_scale": self._scaler.scale,
            "skipped_steps": state.skipped_steps,
            "seconds": self._seconds(),
        }
        state.end_epoch(accuracy, record)
        return record

    def _result(self) -> Record:
        state = self.state
        return {
            "test_accuracy": state.accuracy,
            "best_accuracy": state.best_accuracy,
            **self._summary(),
            "epochs": state.epochs_done,
            "steps": state.step,
            "stopped_early": state.epochs_done < self.config.epochs,
            "seconds": self._seconds(),
            "skipped_steps": state.skipped_steps,
            "macs": macs(self.network, self.config.batch, self.plans, self.config.group),
            "stages": {name: round(spent, 4) for name, spent in self._stages().items()},
            "peak_memory_bytes": self._peak(),
        }

    def _summary(self) -> Record:
        config = self.config
        keep = config.group if config.method == "dense" else config.keep
        summary = {"method": config.method, "seed": config.seed, "keep": keep}
        return summary | {"group": config.group, "network": self.network.name}

    def _rate(self, step: int) -> float:
        return self._schedule.rate(step, self.steps_per_epoch, self.config.epochs)

    def _seconds(self) -> float:
        return round(self._before.seconds + time.perf_counter() - self._started, 4)

    def _stages(self) -> dict[str, float]:
        now, before = self.clock.summary(), self._before.stages
        return {name: before.get(name, 0.0) + now.get(name, 0.0) for name in {**before, **now}}

    def _peak(self) -> int:
        return max(self._before.peak_memory, peak_memory())

# SPDX-License-Identifier: Apache-2.0
"""Progress of a training run on stderr: a tqdm bar on a terminal, else one plain line an epoch."""

from __future__ import annotations

import importlib
import sys
from typing import Any, TextIO

from .metrics import Record
from .usage import describe_usage


class Progress:
    """Shows nothing; the base of the others and the quiet mode."""

    def show(self, record: Record) -> None:
        """Take one record of the trainer, in order."""

    def close(self) -> None:
        """The run is over or was stopped."""


class LineProgress(Progress):
    """One plain line an epoch and a table at the end, without control characters."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._epochs = 0

    def show(self, record: Record) -> None:
        if record["kind"] == "start":
            self._epochs = record["epochs"]
            self._line(describe_start(record))
            if record["resumed_step"] and not record["already_complete"]:
                self._line(f"resumed after step {record['resumed_step']} of {record['steps']}")
        elif record["kind"] == "epoch":
            self._line(f"epoch {record['epoch']}/{self._epochs}: {describe_epoch(record)}")
        elif record["kind"] == "final":
            memory, peak = record["stage_memory_bytes"], record["peak_memory_bytes"]
            for line in describe_usage(record["stages"], memory, peak):
                self._line(line)

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class BarProgress(LineProgress):
    """A tqdm bar over the steps, with the last epoch's figures beside it."""

    def __init__(self, stream: TextIO, tqdm: Any) -> None:
        super().__init__(stream)
        self._tqdm = tqdm
        self._bar: Any = None

    def show(self, record: Record) -> None:
        if record["kind"] == "start":
            super().show(record)
            steps, done = record["steps"], record["resumed_step"]
            self._bar = self._tqdm(total=steps, initial=done, unit="step", file=self._stream)
        elif record["kind"] == "step":
            self._bar.update()
        elif record["kind"] == "epoch":
            self._bar.set_postfix_str(describe_epoch(record))
        elif record["kind"] == "final":
            self.close()  # so that the table is below the bar
            super().show(record)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def describe_start(record: Record) -> str:
    """The run, and how many products of the layers with weights are pruned."""
    group, plans = record["group"], record["layers"]
    forward = sum(plan["ff_keep"] < group for plan in plans)
    backward = sum(
        plan["masked_bp"]
        or (plan["bp_keep"] or group) < group
        or (plan["dy_keep"] or group) < group
        for plan in plans
    )
    text = f"{record['method']}, seed {record['seed']}: {record['network']}, {len(plans)} layers"
    if record["method"] == "dense":
        return text
    ratio = f"{record['keep']}:{group}"
    return f"{text}, {ratio} in FF of {forward} and in BP of {backward}"


def describe_epoch(record: Record) -> str:
    """Loss, accuracy, and what the loss scaler did."""
    return (
        f"loss {record['loss']:.4f}, test accuracy {100 * record['test_accuracy']:.2f} %, "
        f"skipped {record['skipped_steps']}, {record['seconds']:.1f} s"
    )


def make_progress(quiet: bool, stream: TextIO | None = None) -> Progress:
    """What suits `stream` (stderr): nothing when quiet or closed, a bar on a terminal with tqdm."""
    stream = sys.stderr if stream is None else stream
    if quiet or stream is None:  # Python's stderr is None when it was closed at the start
        return Progress()
    if stream.isatty():
        try:
            return BarProgress(stream, importlib.import_module("tqdm").tqdm)
        except ImportError:
            pass
    return LineProgress(stream)

# SPDX-License-Identifier: Apache-2.0
"""Progress of a training run on stderr: a tqdm bar on a terminal, else one plain line an epoch."""

from __future__ import annotations

import importlib
import sys
from typing import Any, TextIO

from .metrics import Record


class Progress:
    """Shows nothing; the base of the others and the quiet mode."""

    def show(self, record: Record) -> None:
        """Take one record of the trainer, in order."""

    def close(self) -> None:
        """The run is over or was stopped."""


class LineProgress(Progress):
    """One plain line an epoch, without control characters."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._epochs = 0

    def show(self, record: Record) -> None:
        if record["kind"] == "start":
            self._epochs = record["epochs"]
            self._line(describe_start(record))
        elif record["kind"] == "epoch":
            self._line(f"epoch {record['epoch']}/{self._epochs}: {describe_epoch(record)}")

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
            self._bar = self._tqdm(total=record["steps"], unit="step", file=self._stream)
        elif record["kind"] == "step":
            self._bar.update()
        elif record["kind"] == "epoch":
            self._bar.set_postfix_str(describe_epoch(record))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def describe_start(record: Record) -> str:
    """The run and which products of which layers are pruned."""
    group = record["group"]

    def ratio(keep: int | None) -> str:
        if keep is None:
            return "none"
        return "dense" if keep == group else f"{keep}:{group}"

    layers = ", ".join(
        f"{plan['inputs']}x{plan['outputs']} FF {ratio(plan['ff_keep'])} "
        f"BP {ratio(plan['bp_keep'])}"
        for plan in record["layers"]
    )
    return f"{record['method']}, seed {record['seed']}: {layers}"


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

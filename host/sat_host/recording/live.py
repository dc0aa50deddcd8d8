# SPDX-License-Identifier: Apache-2.0
"""A run that is recorded while it goes on, a step at a time, to be compared with another one."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from ..bundle import load_bundle, open_device
from ..data import load_dataset
from ..errors import HostError
from ..models import build_network
from ..run_state import identity
from ..session import data_faults
from ..settings import PATHS, TrainingConfig
from ..training import Trainer
from .calls import Call, Detail, Place
from .recorder import RecordingDevice

FROM_RUN = ("method", "keep", "seed", "epochs", "batch")
"""Overrides that a run of a dump may have had."""


class LiveRun:
    """The run of a bundle on `device`, for its first `steps` steps.

    overrides: fields of `TrainingConfig` by name. source: the file that faults of the data name.
    Raises HostError.
    """

    def __init__(
        self, bundle: Path, device: str, steps: int, overrides: Mapping[str, Any], source: str
    ) -> None:
        opened = load_bundle(bundle)
        settings = opened.settings
        self.device, self.steps, self.config = device, steps, opened.config
        self._training = TrainingConfig.from_settings(settings, **overrides)
        with data_faults(source):
            self._dataset = load_dataset(settings["data"])
        self._source = source
        self._network = build_network(settings["model"], self._dataset.image, self._dataset.classes)
        self.run = identity(self._training, settings, self._network, self._dataset)
        self._opened = opened

    def sections(self) -> Generator[tuple[Place, list[Call]], None, None]:
        """The calls by place, in their order, each place once it is done. The values of one step
        are held at a time."""
        kept = _Kept()
        device = RecordingDevice(open_device(self._opened, self.device), kept)
        with data_faults(self._source), ExitStack() as stack:
            trainer = Trainer(device, self._training, self._dataset, self._network)
            stack.enter_context(closing(trainer))
            try:
                for record in trainer.run():
                    yield from kept.all()
                    if record["kind"] == "step" and trainer.state.step >= self.steps:
                        return
            except HostError:
                # What went before may tell why.
                yield from kept.all()
                raise


class _Kept:
    """A `Sink` that keeps every call."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def detail(self, place: Place) -> Detail:
        return Detail.VALUES

    def take(self, call: Call) -> None:
        self._calls.append(call)

    def all(self) -> Iterator[tuple[Place, list[Call]]]:
        """What was taken, by place; it is kept no longer."""
        calls, self._calls = self._calls, []
        places: dict[Place, list[Call]] = {}
        for call in calls:
            places.setdefault(call.place, []).append(call)
        yield from places.items()


def overrides_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """The overrides with which a bundle's run may be the one of a dump."""
    found: dict[str, Any] = {}
    for name in FROM_RUN:
        value: Any = run
        for part in PATHS[name]:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found[name] = value
    return found

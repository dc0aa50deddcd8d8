# SPDX-License-Identifier: Apache-2.0
"""What a timed simulation keeps of what it ran, so that it can be resolved again without a run."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter
from sat_host.kernels import STCE, WUVE

from ..disk import disk_errors, scratch_folder
from ..errors import InputError
from ..spec import Spec
from .jobs import Job, different
from .output import replaced
from .run import Recorded
from .trace import Trace, load, save

_FORMAT = "hlsgen-recording-2"
_CONTENT = "recording.json"
_MOST_BANKS = 1 << 10

Made = int | float | str
_AGAIN = "record it again with `hlsgen time SPEC --record`"


@dataclass(frozen=True)
class Entry:
    """A product or an update of what was simulated.

    tiling: dataflow, T, Q of a product, and whether the loader holds its activations; empty of an
    update. runs: how often it takes place. modelled: cycles of one run. bound: what the model says
    that holds them up. record: the number of its record.
    """

    layer: str
    stage: str
    tiling: str
    runs: int
    modelled: int
    bound: str
    record: int

    @property
    def kernel(self) -> str:
        """The name of the one that runs it."""
        return WUVE.name if self.stage == "update" else STCE.name


@dataclass(frozen=True, eq=False)
class Record:
    """A product or an update as it ran: the trace of each of its command lists, which follow each
    other. places: of each trace, the bank of each port."""

    traces: tuple[Trace, ...]
    places: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Recording:
    """title: what was simulated. made_for: as `made_for` of the spec that it ran with."""

    title: str
    made_for: Mapping[str, Made]
    entries: tuple[Entry, ...]
    records: tuple[Record, ...]

    def runs(self, record: int) -> int:
        """How often a record takes place, in all entries."""
        return sum(entry.runs for entry in self.entries if entry.record == record)


def made_for(spec: Spec) -> dict[str, Made]:
    """What a recording depends on, beside what was simulated: the card and the clock, for which
    tiles are chosen and modelled, the dataflows, and the array by the names of ArrayConfig."""
    return {
        "card": spec.card,
        "clock_mhz": spec.clock_mhz,
        "dataflows": ", ".join(spec.dataflows),
        **asdict(spec.array_config()),
    }


def entries_of(jobs: Sequence[Job]) -> tuple[Entry, ...]:
    """Of jobs, whose records stand in the order of their different ones."""
    numbers = {job.key: number for number, job in enumerate(different(jobs))}
    return tuple(
        Entry(job.layer, job.stage, _tiling(job), job.runs, job.modelled, job.bound,
              numbers[job.key])
        for job in jobs
    )  # fmt: skip


def record_of(found: Recorded) -> Record:
    """What a recording keeps of a job that ran."""
    places = tuple(
        tuple(found.job.places([port.name for port in trace.ports])) for trace in found.traces
    )
    return Record(found.traces, places)


def save_recording(recorded: Recording, path: Path) -> None:
    """Write it whole or not at all. Raises InputError or WorkError when the disk refuses."""
    content = {
        "format": _FORMAT,
        "title": recorded.title,
        "made_for": dict(recorded.made_for),
        "entries": [asdict(entry) for entry in recorded.entries],
        "records": [{"places": each.places} for each in recorded.records],
    }
    with (
        replaced(path, "--record") as partial,
        scratch_folder("hlsgen-recording-") as folder,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive,
    ):
        archive.writestr(_CONTENT, json.dumps(content, indent=1))
        for number, record in enumerate(recorded.records):
            for which, trace in enumerate(record.traces):
                name = f"{number}.{which}.npz"
                save(trace, folder / name)
                archive.write(folder / name, name)


def load_recording(path: Path) -> Recording:
    """What `save_recording` wrote. Raises InputError, one line, for what is no whole recording."""
    with disk_errors(path, "name a file that --record wrote"):
        if path.is_dir():
            raise InputError(f"{path}: is a folder: name a file that --record wrote")
        try:
            return _loaded(path)
        except (zipfile.BadZipFile, ValueError, KeyError, EOFError, NotImplementedError) as error:
            raise InputError(f"{path}: no whole recording: {_AGAIN}") from error


@dataclass(frozen=True)
class _Places:
    __pydantic_config__ = ConfigDict(extra="forbid")

    places: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class _Content:
    """The content of a recording's text; pydantic raises ValidationError, a ValueError."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    format: str
    title: str
    made_for: dict[str, Made]
    entries: tuple[Entry, ...]
    records: tuple[_Places, ...]


def _loaded(path: Path) -> Recording:
    with zipfile.ZipFile(path) as archive, scratch_folder("hlsgen-recording-") as folder:
        content = TypeAdapter(_Content).validate_json(archive.read(_CONTENT))
        if content.format != _FORMAT:
            raise ValueError(content.format)
        records = []
        for number, each in enumerate(content.records):
            names = [f"{number}.{which}.npz" for which in range(len(each.places))]
            try:
                traces = tuple(load(Path(archive.extract(name, folder))) for name in names)
            except InputError as error:  # names a file that nobody knows
                raise ValueError(str(error)) from error
            records.append(Record(traces, each.places))
    _check(content, records)
    return Recording(content.title, content.made_for, content.entries, tuple(records))


def _check(content: _Content, records: Sequence[Record]) -> None:
    """Raises ValueError where the parts do not fit each other."""
    numbers = {entry.record for entry in content.entries}
    if not numbers or numbers != set(range(len(records))):
        raise ValueError("entries")
    if any(entry.runs < 1 or entry.modelled < 1 for entry in content.entries):
        raise ValueError("runs")
    for record in records:
        for trace, places in zip(record.traces, record.places, strict=True):
            if len(places) != len(trace.ports) or not set(places) <= set(range(_MOST_BANKS)):
                raise ValueError("places")


def _tiling(job: Job) -> str:
    tiling = job.tiling
    if tiling is None:
        return ""
    held = ", A held" if tiling.buffered else ""
    return f"{tiling.dataflow} T {tiling.interleave} Q {tiling.blocks}{held}"

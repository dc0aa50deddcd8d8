# SPDX-License-Identifier: Apache-2.0
"""Training runs of a bundle: metrics of `hlsgen train`, compare.json of `hlsgen compare`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .reading import FAULTS, checked, parsed_json, reason_of

MOST_FILES = 200
"""Files of metrics that are read; of more, the newest."""

COMPARED = "compare.json"
_OWN = {"src", "sat_host"}  # folders of a bundle that hold no runs

Json = Mapping[str, Any]


@dataclass(frozen=True)
class KernelTime:
    """Of a kernel over a run: its calls and their seconds, and of those calls that the program
    models the seconds taken and modelled."""

    name: str
    calls: int
    seconds: float
    seconds_of_modelled: float
    modelled_seconds: float


@dataclass(frozen=True)
class Run:
    """name: of its file. kind: simulated (csim, its golden model or XRT's emulator) or measured
    (on a card, at least in part). device: on which, several with "and". kernels: times that a card
    measured itself. keep, group: of its pruning, equal for dense. epochs: (number, loss or
    None, test accuracy 0 to 1). complete: whether it has its final record."""

    name: str
    kind: str
    device: str
    method: str
    keep: int
    group: int
    seed: int
    epochs: tuple[tuple[int, float | None, float], ...]
    complete: bool
    kernels: tuple[KernelTime, ...] = ()

    @property
    def accuracy(self) -> float:
        """After the last epoch, 0 to 1."""
        return self.epochs[-1][2]

    @property
    def best(self) -> float:
        """The highest, 0 to 1."""
        return max(accuracy for _, _, accuracy in self.epochs)


def found_runs(folder: Path, digest: str) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """The runs in a bundle's folder, in BUNDLE.runs and in BUNDLE.compare beside it; and a line for
    each file that was passed over. digest: of the bundle's sources."""
    runs: list[Run] = []
    remarks: list[str] = []
    files = sorted(_files(folder), key=_age, reverse=True)
    if len(files) > MOST_FILES:
        remarks.append(f"{len(files) - MOST_FILES} older files of metrics: left out")
    for path in files[:MOST_FILES]:
        try:
            read = _read(path, digest)
            checked([asdict(run) for run in read])
            runs += read
        except OSError as error:
            remarks.append(f"{path.name}: {error.strerror}: left out")
        except FAULTS as error:
            reason = reason_of(error)
            remarks.append(f"{path.name}: no whole metrics ({reason}): left out")
    return tuple(sorted(runs, key=lambda run: (run.method, run.seed, run.name))), tuple(remarks)


def runs_folder(folder: Path) -> Path:
    """Where `hlsgen train` keeps a bundle's runs: beside it, since a new build replaces it."""
    return folder.with_name(f"{folder.name}.runs")


def _files(folder: Path) -> Iterator[Path]:
    folder = folder.resolve()
    for place in (folder, runs_folder(folder), folder.with_name(f"{folder.name}.compare")):
        for pattern in ("*.jsonl", COMPARED, "*/*.jsonl", f"*/{COMPARED}"):
            for path in place.glob(pattern):
                if path.is_file() and path.parent.name not in _OWN:
                    yield path


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, str(path)
    except OSError:
        return 0.0, str(path)


def _read(path: Path, digest: str) -> list[Run]:
    text = path.read_text(encoding="utf-8")
    if path.name == COMPARED:
        return compared_runs(parsed_json(text), digest)
    return [run_of(path.stem, [parsed_json(line) for line in text.splitlines() if line])]


def run_of(name: str, records: Sequence[Json]) -> Run:
    """The run that metrics records tell of. Raises ValueError for what tells of none."""
    kinds = [record["kind"] for record in records]
    if "start" not in kinds:
        raise ValueError("no record of its start")
    start = records[kinds.index("start")]
    epochs = [record for record in records if record["kind"] == "epoch"]
    if not epochs:
        raise ValueError("no epoch")
    final = records[kinds.index("final")] if "final" in kinds else {}
    profile = final.get("device_profile") or {}
    devices = [str(device) for device in final.get("devices", [start["device"]])]
    emulated = profile.get("target") == "hw_emu"
    return Run(
        name, "simulated" if emulated else _kind(devices), " and ".join(devices),
        str(start["method"]), int(start["keep"]), int(start["group"]), int(start["seed"]),
        _epochs(epochs), bool(final), () if emulated else _kernels(profile),
    )  # fmt: skip


def compared_runs(document: Json, digest: str) -> list[Run]:
    """The runs of a compare.json. Raises ValueError for one of another accelerator."""
    if document["accelerator"]["digest"] != digest:
        raise ValueError("of another accelerator")
    device = str(document["device"])
    return [
        Run(
            f"{run['method']}, seed {run['seed']}", _kind([device]), device, str(run["method"]),
            int(run["keep"]), int(run["group"]), int(run["seed"]), _epochs(run["epochs"]), True,
        )
        for run in document["runs"]
    ]  # fmt: skip


def _kind(devices: Sequence[str]) -> str:
    on_card = any(device.startswith("xrt") for device in devices)
    return "measured" if on_card else "simulated"


def _kernels(profile: Json) -> tuple[KernelTime, ...]:
    return tuple(
        KernelTime(
            str(name), int(told["calls"]), float(told["seconds"]),
            float(told["seconds_of_modelled_calls"]), float(told["modelled_seconds"]),
        )
        for name, told in profile.get("kernels", {}).items()
    )  # fmt: skip


def _epochs(records: Sequence[Json]) -> tuple[tuple[int, float | None, float], ...]:
    found = []
    for record in records:
        loss, accuracy = record["loss"], float(record["test_accuracy"])
        if not 0 <= accuracy <= 1:
            raise ValueError(f"test_accuracy {accuracy}")
        known = loss is not None and math.isfinite(float(loss))
        found.append((int(record["epoch"]), float(loss) if known else None, accuracy))
    if not found:
        raise ValueError("no epoch")
    return tuple(sorted(found))

# SPDX-License-Identifier: Apache-2.0
"""Which runs a comparison needs, checked before any work, and what decides each one's bits."""

from __future__ import annotations

import copy
import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sat_host.data import Dataset
from sat_host.data.folder import FilePixels
from sat_host.errors import SettingsError
from sat_host.settings import LIMITS, METHODS, TrainingConfig

from ..cache import content_key
from ..errors import InputError
from ..hosterrors import host_errors

DENSE = "dense"
MAX_SEEDS = 1000
_DECIDING_PACKAGES = ("numpy", "scikit-learn", "pillow")


@dataclass(frozen=True)
class Request:
    """What to compare. seeds: how many, from the spec's `training.seed` on; keep, epochs, batch:
    None means the spec's."""

    methods: tuple[str, ...]
    seeds: int
    keep: int | None = None
    epochs: int | None = None
    batch: int | None = None


@dataclass(frozen=True)
class Job:
    """One training run. settings: those of the spec with the run's own values in their places."""

    method: str
    seed: int
    settings: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The run in messages."""
        return f"{self.method}, seed {self.seed}"

    @property
    def overrides(self) -> dict[str, Any]:
        """What `train_bundle` is told beside the bundle, whose spec may say otherwise."""
        training = self.settings["training"]
        return {
            "method": self.method,
            "seed": self.seed,
            "keep": self.settings["sparsity"]["keep"],
            "epochs": training["epochs"],
            "batch": training["batch"],
        }


def parse_methods(text: str) -> tuple[str, ...]:
    """Method names from a list with commas. Raises InputError for an unknown or repeated one."""
    names = tuple(name.strip() for name in text.split(","))
    for number, name in enumerate(names):
        if name not in METHODS:
            known = ", ".join(METHODS)
            raise InputError(f"--methods: {name[:60]!r} is no method: choose among {known}")
        if name in names[:number]:
            raise InputError(f"--methods: {name} is there twice: name each method once")
    return names


def make_settings(spec: Mapping[str, Any], request: Request) -> dict[str, Any]:
    """The spec's settings (as JSON) with what the request overrides, common to all runs."""
    settings = copy.deepcopy(dict(spec))
    for section, field in (("sparsity", "keep"), ("training", "epochs"), ("training", "batch")):
        value = getattr(request, field)
        if value is not None:
            settings[section][field] = value
    return settings


def make_jobs(settings: Mapping[str, Any], request: Request) -> tuple[Job, ...]:
    """All runs, seed by seed. Raises InputError or HlsgenError, one line, for what can't be run."""
    if not 1 <= request.seeds <= MAX_SEEDS:
        raise InputError(f"--seeds: expected 1 to {MAX_SEEDS}, got {request.seeds}")
    first, highest = settings["training"]["seed"], LIMITS["seed"][1]
    if first + request.seeds - 1 > highest:
        raise InputError(
            f"--seeds: {request.seeds} seeds from training.seed {first} on exceed {highest:.0f}: "
            "lower either"
        )
    jobs = tuple(
        _job(settings, method, seed)
        for seed in range(first, first + request.seeds)
        for method in request.methods
    )
    with host_errors():
        for job in jobs:
            TrainingConfig.from_settings(settings, **job.overrides)
    return jobs


def run_key(job: Job, library_sha256: str, host_digest: str, data: str) -> str:
    """Equal keys, equal bits: the settings, the library, the host package, what it runs on.

    data: the stamp of the data set, wherever it lies.
    """
    settings = copy.deepcopy(dict(job.settings))
    settings.pop("name", None)
    settings["data"].pop("path", None)
    if job.method == DENSE:
        settings["sparsity"].pop("keep", None)
    return content_key(
        format=1,
        settings=settings,
        library=library_sha256,
        host=host_digest,
        data=data,
        machine=platform.machine(),
        versions=versions(),
    )


def data_stamp(dataset: Dataset) -> str:
    """Differs for other data: its fingerprint, and of images in files their place and times too.

    Raises SettingsError when one is gone.
    """
    digest = hashlib.sha256(dataset.fingerprint().encode())
    for pixels in (dataset.train.pixels, dataset.test.pixels):
        if isinstance(pixels, FilePixels):
            digest.update(os.fsencode(pixels.root))
            for name in pixels.files:
                digest.update(_changed_ns(pixels.root / name).to_bytes(16, "little", signed=True))
    return digest.hexdigest()


def versions() -> dict[str, str | None]:
    """Python and the packages that have a part in the bits; None for one that is not there."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in _DECIDING_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _job(settings: Mapping[str, Any], method: str, seed: int) -> Job:
    own = copy.deepcopy(dict(settings))
    own["sparsity"]["method"] = method
    own["training"]["seed"] = seed
    return Job(method, seed, own)


def _changed_ns(file: Path) -> int:
    try:
        return os.stat(file).st_mtime_ns
    except OSError as error:
        text = f"data.path: {file}: cannot be read: {error.strerror or error}"
        raise SettingsError(text) from None

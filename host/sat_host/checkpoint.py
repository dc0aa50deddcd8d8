# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of a training run: a folder of folders, each of which is whole or absent.

    step-0000001234/tensors.safetensors   weights, momentum, statistics
    step-0000001234/state.json            position, loss scale, records, whose run it is, digests
    lock                                  held by the process that trains

A checkpoint is written under a hidden name, flushed to the disk and then renamed, so that an end
of the process or of the machine at any moment leaves those that were there. Every byte of both
files is covered by a digest. The last two are kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DISK_FULL, CheckpointError, HostError, MissingPackageError, disk_fault

Tensors = dict[str, npt.NDArray[Any]]

FORMAT = 2
KEPT = 2
STATE, TENSORS, LOCK = "state.json", "tensors.safetensors", "lock"

_NAME = re.compile(r"step-\d{10}")
_HIDDEN = re.compile(r"\.step-\d{10}\.(new|old)")


@dataclass(frozen=True)
class Checkpoint:
    """What was saved. identity: whose run it is; state: where that run was; both as in JSON."""

    path: Path
    step: int
    finished: bool
    identity: dict[str, Any]
    state: dict[str, Any]
    tensors: Tensors


class CheckpointStore:
    """The checkpoints in `folder`, which is made when absent and locked until `close`.

    With `resume`, the run goes on from `load`. Without, it is a new one: it takes the place of a
    finished run's checkpoints with its first `save`, and an unfinished run's are refused.

    Raises CheckpointError when another process uses the folder or a checkpoint must not be used,
    MissingPackageError without the safetensors package, HostError when the disk fails; one line.
    """

    def __init__(self, folder: Path, *, resume: bool = False) -> None:
        self.folder = folder
        self._format = _safetensors()
        self._resume = resume
        try:
            self._lock = _locked(folder)
        except OSError as error:
            place = Path(error.filename or folder)  # the lock perhaps
            raise _failed(place, "cannot keep checkpoints here", error) from None
        try:
            self._clean()
            self._replaced = [] if resume else self._finished()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Unlock the folder, and remove it if it has no checkpoint."""
        with suppress(OSError):  # something else is in it, or somebody removed it
            if not self._all():
                os.unlink(self.folder / LOCK)
                os.rmdir(self.folder)
        os.close(self._lock)

    def load(self, identity: Mapping[str, Any]) -> Checkpoint | None:
        """The newest checkpoint, None if there is none or the run is new.

        Raises CheckpointError when it is damaged, or not of the run that `identity` describes.
        """
        paths = self._all()
        if not self._resume or not paths:
            return None
        checkpoint = self._read(paths[-1])
        difference = _difference(checkpoint.identity, identity)
        if difference is not None:
            raise CheckpointError(
                f"{checkpoint.path / STATE}: of another run: {difference}: train with the settings "
                "of that run, or give another folder for checkpoints"
            )
        return checkpoint

    def save(
        self,
        step: int,
        tensors: Mapping[str, npt.NDArray[Any]],
        state: Mapping[str, Any],
        identity: Mapping[str, Any],
        *,
        finished: bool,
    ) -> None:
        """Write the checkpoint of `step`, past those that the run has, and drop the third last."""
        path = self.folder / f"step-{step:010d}"
        hidden = path.with_name(f".{path.name}.new")
        content = self._format.save(
            {name: np.asarray(value, order="C") for name, value in tensors.items()}
        )
        body = {
            "format": FORMAT,
            "step": step,
            "finished": finished,
            "identity": identity,
            "state": state,
            "tensors": {"file": TENSORS, "sha256": hashlib.sha256(content).hexdigest()},
        }
        text = _canonical({**body, "digest": _digest(body)})
        try:
            try:
                os.mkdir(hidden)
                _write(hidden / TENSORS, content)
                _write(hidden / STATE, text.encode())
                _flush(hidden)
                self._hide(self._replaced)
                self._replaced = []
                os.rename(hidden, path)
                _flush(self.folder)
            except BaseException:
                shutil.rmtree(hidden, ignore_errors=True)
                raise
            self._hide(self._all()[:-KEPT])
            self._clean()
        except OSError as error:
            raise _failed(path, "cannot write the checkpoint", error, HostError) from None

    def _all(self) -> list[Path]:
        """Every checkpoint in the folder, the newest last."""
        names = sorted(name for name in os.listdir(self.folder) if _NAME.fullmatch(name))
        return [self.folder / name for name in names]

    def _hide(self, paths: Iterable[Path]) -> None:
        """Take checkpoints away; `_clean` removes them, a folder of many files, at leisure."""
        for path in paths:
            os.rename(path, path.with_name(f".{path.name}.old"))

    def _clean(self) -> None:
        """Remove what is hidden; but what no checkpoint has replaced yet comes back."""
        replaced = bool(self._all())
        for name in os.listdir(self.folder):
            if not _HIDDEN.fullmatch(name):
                continue
            if name.endswith(".old") and not replaced:
                os.rename(self.folder / name, self.folder / name[1 : -len(".old")])
            else:
                shutil.rmtree(self.folder / name, ignore_errors=True)

    def _finished(self) -> list[Path]:
        """Every checkpoint, those of a finished run; CheckpointError for an unfinished one's."""
        paths = self._all()
        if paths and not self._read(paths[-1]).finished:
            raise CheckpointError(
                f"{paths[-1]}: of a run that is not finished: go on with it by --resume, delete "
                f"{self.folder}, or give another folder for checkpoints"
            )
        return paths

    def _read(self, path: Path) -> Checkpoint:
        """A checkpoint whose digests fit, or CheckpointError."""
        body = self._read_state(path)
        file = path / TENSORS
        try:
            content = file.read_bytes()
        except OSError as error:
            raise self._damaged(file, error.strerror or "can't be read") from None
        if hashlib.sha256(content).hexdigest() != body["tensors"]["sha256"]:
            raise self._damaged(file, f"truncated or changed, its digest is not that in {STATE}")
        return Checkpoint(
            path=path,
            step=body["step"],
            finished=body["finished"],
            identity=body["identity"],
            state=body["state"],
            tensors=self._format.load(content),
        )

    def _read_state(self, path: Path) -> dict[str, Any]:
        """All of state.json, its digest taken out."""
        file = path / STATE
        try:
            text = file.read_bytes().decode()
            body = json.loads(text)
        except OSError as error:
            raise self._damaged(file, error.strerror or "can't be read") from None
        except (ValueError, RecursionError):
            raise self._damaged(file, "not the JSON that was written") from None
        if not isinstance(body, dict) or _canonical(body) != text:
            raise self._damaged(file, "changed since it was written")
        if body.pop("digest", None) != _digest(body):
            raise self._damaged(file, "changed since it was written")
        if body.get("format") != FORMAT:
            raise CheckpointError(
                f"{file}: of format {body.get('format')}, this program reads format {FORMAT}: "
                "resume with the version that wrote it, or give another folder for checkpoints"
            )
        if f"step-{body['step']:010d}" != path.name:
            raise self._damaged(file, f"of step {body['step']}")
        return body

    def _damaged(self, file: Path, reason: str) -> CheckpointError:
        earlier = [path.name for path in self._all() if path.name < file.parent.name]
        then = f"resume from {earlier[-1]}" if earlier else "start anew"
        return CheckpointError(f"{file}: damaged ({reason}): delete {file.parent} to {then}")


def _safetensors() -> Any:
    try:
        return importlib.import_module("safetensors.numpy")
    except ImportError:
        raise MissingPackageError(
            "checkpoints need the package safetensors, which is not installed: "
            "run `pip install safetensors`, or train without them (`hlsgen train --no-checkpoints`)"
        ) from None


def _locked(folder: Path) -> int:
    """Makes the folder and returns the descriptor of its lock, held until the process ends."""
    path = folder / LOCK
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise CheckpointError(
                f"{folder}: another process trains with these checkpoints: wait for its end, or "
                "give another folder for checkpoints"
            ) from None
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)  # of a file that its holder removed meanwhile


def _difference(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """The first setting in which two runs differ, in words; None if they are one run."""
    for name, value in wanted.items():
        other = saved.get(name)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            inner = _difference(other, value)
            if inner is not None:
                return f"{name}.{inner}"
        elif other != value:
            return f"{name} was {_short(other)}, is {_short(value)} now"
    extra = sorted(set(saved) - set(wanted))
    return f"{extra[0]} was {_short(saved[extra[0]])}, is absent now" if extra else None


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _canonical(body: Mapping[str, Any]) -> str:
    """The one text of a body: any other, of the same meaning too, was changed by someone."""
    return json.dumps(body, indent=1, sort_keys=True) + "\n"


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(
    place: Path, what: str, error: OSError, kind: type[HostError] = CheckpointError
) -> HostError:
    text = disk_fault(error, "give another folder for checkpoints")
    return (HostError if error.errno in DISK_FULL else kind)(f"{place}: {what}: {text}")

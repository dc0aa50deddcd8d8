# SPDX-License-Identifier: Apache-2.0
"""A content cache on disk: one file for each key, checked when read, published whole.

The folder is $HLSGEN_CACHE, else $XDG_CACHE_HOME/hlsgen, else ~/.cache/hlsgen. An entry is the
payload and beside it its sha256; a payload that disagrees with its sha256 counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sat_host.digests import file_digest

from .disk import disk_errors, exclusive, scratch_folder
from .errors import InputError

Make = Callable[[Path], None]


@dataclass(frozen=True)
class Entry:
    """A verified cache entry. cached: it was there before; sha256: of the payload."""

    path: Path
    sha256: str
    cached: bool


def content_key(**parts: Any) -> str:
    """sha256 in hexadecimal of named, JSON-able parts: equal parts, equal key."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Cache:
    """Files by key below `folder`. `warning` is a line for the user if the folder is makeshift."""

    folder: Path
    warning: str | None = None

    def get(self, key: str, suffix: str) -> Entry | None:
        """The entry of `key`, or None when it is absent or damaged."""
        path = self._path(key, suffix)
        with suppress(OSError):
            recorded = _record(path).read_text(encoding="ascii", errors="replace")
            if file_digest(path) == recorded:
                return Entry(path, recorded, cached=True)
        return None

    def get_or_make(
        self, key: str, suffix: str, make: Make, cancelled: Callable[[], bool] = lambda: False
    ) -> Entry:
        """The entry of `key`; when absent, `make(path)` writes it to a temporary path first.

        Two processes or threads that ask for one key make it once. What `make` raises passes
        through and leaves no entry. Raises InputError or WorkError when the disk refuses.
        """
        path = self._path(key, suffix)
        with disk_errors(self.folder, "set HLSGEN_CACHE to another folder"):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock_file = path.with_name(f"{path.name}.lock")
            with exclusive(lock_file, f"another build of {path}", cancelled):
                entry = self.get(key, suffix)
                if entry is None:
                    entry = _publish(path, make)
                return entry

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / key[:2] / f"{key}{suffix}"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where the cache is for this user, whether or not it exists.

    Raises InputError for a path that starts with the home of no user.
    """
    if named := environ.get("HLSGEN_CACHE"):
        return _expanded("HLSGEN_CACHE", named)
    if base := environ.get("XDG_CACHE_HOME"):
        return _expanded("XDG_CACHE_HOME", base) / "hlsgen"
    return _expanded("HOME", environ.get("HOME") or "~") / ".cache" / "hlsgen"


@contextmanager
def open_cache(environ: Mapping[str, str]) -> Iterator[Cache]:
    """The user's cache; a temporary one, with a warning, when its folder cannot be written."""
    folder = cache_folder(environ)
    problem = _write_problem(folder)
    if problem is None:
        yield Cache(folder)
        return
    with scratch_folder("hlsgen-cache-") as makeshift:
        yield Cache(
            makeshift,
            f"{folder}: cannot be written: {problem}: nothing is kept between builds; "
            "set HLSGEN_CACHE to a folder of yours",
        )


def peek_cache(environ: Mapping[str, str]) -> Cache:
    """The user's cache for looking only: nothing is made or written."""
    return Cache(cache_folder(environ))


def _expanded(variable: str, path: str) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise InputError(f"{variable}: {path}: {error}: set it to a folder of yours") from None


def _publish(path: Path, make: Make) -> Entry:
    """Make the payload beside its place, then move record and payload in. Runs under the lock."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    for stale in path.parent.glob(f"{path.name}.*.partial*"):
        stale.unlink(missing_ok=True)
    try:
        make(partial)
        sha256 = file_digest(partial)
        _record(partial).write_text(sha256, encoding="ascii")
        # A reader between the two moves finds a mismatch, which counts as absent.
        os.replace(_record(partial), _record(path))
        os.replace(partial, path)
    finally:
        for leftover in (partial, _record(partial)):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)
    return Entry(path, sha256, cached=False)


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _write_problem(folder: Path) -> str | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)

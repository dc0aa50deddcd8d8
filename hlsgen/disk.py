# SPDX-License-Identifier: Apache-2.0
"""File-system faults as one-line errors, sizes as text, and locks between processes."""

from __future__ import annotations

import errno
import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from .errors import Cancelled, HlsgenError, InputError, WorkError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FAILING = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_ATTEMPT_SECONDS = 0.5
_TOLD_ATTEMPT = 4  # after two seconds
_LOG = logging.getLogger(__name__)


@contextmanager
def disk_errors(folder: Path, mend: str = "choose another folder") -> Iterator[None]:
    """Turn an OSError of writing into `folder` into an error of one line.

    Raises WorkError for a full or failing disk, InputError for a folder that cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise explain(error, folder, mend) from error


def explain(error: OSError, place: Path | None, mend: str) -> HlsgenError:
    """The error to show for `error`, met at `place`, when that is known."""
    text = f"{place or 'hlsgen'}: {error.strerror or error}"
    if error.errno in _FULL:
        free = f" ({bytes_text(free_bytes(place))} free)" if place else ""
        return WorkError(f"{text}{free}: make room, or {mend}")
    if place is None or error.errno in _FAILING:
        return WorkError(text)
    return InputError(f"{text}: {mend}")


def free_bytes(folder: Path) -> int:
    """Bytes free to this user on the disk of `folder`, or of its nearest existing parent."""
    for place in (folder, *folder.parents):
        with suppress(OSError):
            return shutil.disk_usage(place).free
    return 0


def bytes_text(count: int) -> str:
    """A size with a binary unit, such as `512 KiB`."""
    size = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} TiB"


def make_public(path: str, mode: int) -> None:
    """Let what `tempfile` made, which is private, be as readable as any other output. mode: before
    the umask, 0o666 of a file and 0o777 of a folder. Raises OSError."""
    mask = os.umask(0)  # there is no other way to ask
    os.umask(mask)
    os.chmod(path, mode & ~mask)


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder that is removed at the end. Raises InputError or WorkError, one line."""
    with disk_errors(Path(os.environ.get("TMPDIR", "/tmp")), "set TMPDIR to another folder"):
        folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def quietly(quiet: bool) -> Iterator[None]:
    """Tell of no wait meanwhile, in any thread, if `quiet`."""
    level = _LOG.level
    if quiet:
        _LOG.setLevel(logging.ERROR)
    try:
        yield
    finally:
        _LOG.setLevel(level)


@contextmanager
def exclusive(
    lock_file: Path, what: str, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Hold a lock that other processes and threads wait for; the lock file goes with the holder.

    The system releases the lock of a process that dies. A wait of more than two seconds is told on
    stderr, unless `quietly`; what: who holds the lock. Raises Cancelled when `cancelled()` turns
    true while waiting, OSError when the lock file cannot be made.
    """
    # filelock would try for ever where no file can be made, as in /proc.
    with tempfile.TemporaryFile(dir=lock_file.parent):
        pass
    # Not a singleton: each thread must contend on its own.
    lock = filelock.FileLock(lock_file, is_singleton=False, thread_local=False)
    for attempt in itertools.count():
        if attempt == _TOLD_ATTEMPT:
            _LOG.warning("waiting for %s", what)  # to stderr, by `logging.lastResort`
        with suppress(filelock.Timeout):
            lock.acquire(timeout=_ATTEMPT_SECONDS, poll_interval=0.02)
            break
        if cancelled():
            raise Cancelled(f"{lock_file}: gave up waiting for {what}")
    try:
        yield
    finally:
        # While still holding it: who waits on the unlinked file makes a new one (filelock >= 3.21).
        with suppress(OSError):
            os.unlink(lock_file)
        lock.release()

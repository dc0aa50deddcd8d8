# SPDX-License-Identifier: Apache-2.0
"""Files that a command leaves: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..disk import disk_errors, make_public
from ..errors import InputError


@contextmanager
def replaced(target: Path, option: str) -> Iterator[Path]:
    """A path beside `target` for what takes its place when the block ends, and vanishes when it
    raises. option: what the user named the file with. A link stays, what it leads to is replaced.

    Raises InputError for a target that can't be written, WorkError for a full disk.
    """
    mend = f"name another file with {option}"
    target = check_target(target, option)
    with disk_errors(target, mend):
        number, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent
        )
        os.close(number)
    try:
        with disk_errors(target, mend):
            yield Path(name)
            make_public(name, 0o666)
            os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def check_target(target: Path, option: str) -> Path:
    """The file itself, where links lead. Raises InputError for one that `replaced` would refuse, as
    far as looking can tell."""
    mend = f"name another file with {option}"
    try:
        file = target.resolve()
    except (OSError, RuntimeError):  # RuntimeError: links in a ring, before Python 3.13
        raise InputError(f"{target}: can't be resolved: {mend}") from None
    if file.is_dir():
        raise InputError(f"{target}: is a folder: {mend}")
    # Through the links: what /dev/stdout leads to may have no name of its own.
    if file.is_symlink() or (target.exists() and not target.is_file()):
        raise InputError(f"{target}: is no regular file: {mend}")
    folder = file.parent
    if not folder.is_dir():
        raise InputError(f"{target}: there is no folder {folder}: make it, or {mend}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{target}: the folder {folder} is not writable: {mend}")
    return file

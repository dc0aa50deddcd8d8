# SPDX-License-Identifier: Apache-2.0
"""Publish a folder, as of a bundle, whole: written beside its target, swapped in when complete.

A build that fails or is interrupted leaves the target as it was. What a killed build left behind is
mended and removed by the next build of the same target.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sat_host.bundle import BUNDLE_JSON

from .disk import disk_errors, exclusive, explain, make_public
from .errors import InputError

_MEND = "choose another folder with -o"


@contextmanager
def staged(target: Path, marker: str = BUNDLE_JSON, kind: str = "bundle") -> Iterator[Path]:
    """An empty folder that becomes `target` when the block ends, and vanishes when it raises.

    Two builds of one target wait for each other. marker, kind: a file that every such folder has,
    and what it is called. Raises InputError when the target cannot be written or holds something
    else, WorkError when the disk is full.
    """
    target = resolve_target(target)
    parent = target.parent
    made = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    try:
        with disk_errors(parent, _MEND):
            parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with disk_errors(parent, _MEND):
                what = f"another {'build' if kind == 'bundle' else kind} of {target}"
                lock_file = target.with_name(f".{target.name}.lock")
                stack.enter_context(exclusive(lock_file, what))
            _recover(target)
            refuse_foreign(target, marker, kind)
            partial = _make_partial(target)
            try:
                yield partial
                with disk_errors(parent, _MEND):
                    _swap(partial, target)
            finally:
                _recover(target)
    except BaseException:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def resolve_target(target: Path) -> Path:
    """The absolute target behind symbolic links. Raises InputError for a loop of links."""
    try:
        return target.resolve()
    except (OSError, RuntimeError) as error:
        raise InputError(f"{target}: not a usable path: {error}: {_MEND}") from error


def check_target(target: Path, marker: str = BUNDLE_JSON, kind: str = "bundle") -> None:
    """Raise InputError for a target that `staged` would refuse, as far as looking can tell."""
    refuse_foreign(target, marker, kind)
    parent = next((folder for folder in target.parents if folder.exists()), target.parent)
    if not parent.is_dir():
        raise InputError(f"{target}: cannot be written: {parent} is a file: {_MEND}")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{target}: cannot be written: {parent} is not writable: {_MEND}")


def refuse_foreign(target: Path, marker: str = BUNDLE_JSON, kind: str = "bundle") -> None:
    """Raise InputError when replacing `target` would lose something that is not of this kind."""
    try:
        content = os.listdir(target)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise InputError(f"{target}: is a file, or lies below one: {_MEND}") from None
    except OSError as error:
        raise explain(error, target, _MEND) from error
    if content and marker not in content:
        raise InputError(
            f"{target}: is not empty and has no {marker}, so it is no {kind} to replace: "
            f"{_MEND}, or empty it"
        )
    here = Path.cwd()
    if target == here or target in here.parents:
        raise InputError(f"{target}: is the current folder, which cannot be replaced: {_MEND}")


def _make_partial(target: Path) -> Path:
    with disk_errors(target.parent, _MEND):
        name = tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
        make_public(name, 0o777)
    return Path(name)


def _recover(target: Path) -> None:
    """Undo a swap that stopped half-way and clear what builds left, this one or killed ones.

    Runs under the lock, so no other living build owns any of it.
    """
    for aside in _leftovers(target, ".old"):
        with suppress(OSError):
            if not target.exists():
                os.rename(aside, target)
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)
    for partial in _leftovers(target, ".partial"):
        shutil.rmtree(partial, ignore_errors=True)


def _leftovers(target: Path, suffix: str) -> list[Path]:
    """Folders that a build of `target` named `.NAME.XXXXXXXX.suffix` (`mkdtemp`: 8 characters)."""
    head = f".{target.name}."
    with suppress(OSError):
        return [
            target.parent / name
            for name in sorted(os.listdir(target.parent))
            if name.startswith(head)
            and name.endswith(suffix)
            and len(name) == len(head) + 8 + len(suffix)
        ]
    return []


def _swap(partial: Path, target: Path) -> None:
    """Put `partial` in the place of `target`, which is left aside for `_recover` to remove."""
    # Linux can exchange two folders in one step, but not on every file system (NFS), so these two
    # renames would be needed beside it. A kill between them leaves the old bundle aside, whole;
    # the next build of the target puts it back before it does anything else.
    if target.exists():
        os.rename(target, partial.with_suffix(".old"))
    os.rename(partial, target)

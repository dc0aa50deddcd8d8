# SPDX-License-Identifier: Apache-2.0
"""Unpacking an archive of `hlsgen package`: whole and checked, or not at all."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import BundleError, bundle_disk_error
from .contents import MANIFEST_JSON, check_files, is_inner_path, read_contents

SUFFIX = ".tar.gz"
SUFFIXES = (SUFFIX, ".tgz")
"""Of archives that are read; `hlsgen package` writes SUFFIX."""

_HEAD_BYTES = 16 << 20
"""Of an archive up to its MANIFEST.json, which comes early; that says how much follows."""
_MEMBER_BYTES = 8 << 10  # of a file's header, with a long name, and of what fills its last block

_MEND = "copy it again, or package the bundle again with `hlsgen package`"
_OTHER = "choose another folder with -o"


def is_archive(path: Path) -> bool:
    """Whether a path names an archive and not a bundle folder."""
    return path.name.endswith(SUFFIXES) and not path.is_dir()


def default_folder(archive: Path) -> Path:
    """Where an archive is unpacked: in the current folder, by its own name without the suffix."""
    suffix = next((each for each in SUFFIXES if archive.name.endswith(each)), "")
    return Path(archive.name.removesuffix(suffix))


def unpack(archive: Path, folder: Path) -> bool:
    """Unpack an archive as `folder`, every file proved by MANIFEST.json; whether it was done now.

    A folder that was unpacked from the same archive before stays as it is. Raises BundleError for
    a damaged archive or one that would write outside of the folder, for a folder that holds
    something else, and when the disk refuses; then nothing is left behind.
    """
    with _opened(archive) as (tar, stream):
        if folder.exists():
            _refuse_other(tar, archive, folder)
            return False
        parent = folder.absolute().parent
        partial = None
        try:
            parent.mkdir(parents=True, exist_ok=True)
            partial = Path(
                tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=parent)
            )
            inner = partial / "bundle"
            inner.mkdir()
            names = _extract(tar, stream, archive, inner)
            while stream.read(1 << 20):  # to the checksum at the end
                pass
            _check_names(archive, inner, names)
            inner.rename(folder)
        except gzip.BadGzipFile:
            raise  # of the archive, not of the disk
        except OSError as error:
            raise bundle_disk_error(error, folder, _OTHER) from None
        finally:
            if partial is not None:
                shutil.rmtree(partial, ignore_errors=True)
    return True


class _Stream(gzip.GzipFile):
    """What an archive unpacks to: no more of it than `limit` bytes, however small the archive."""

    limit = _HEAD_BYTES

    def allow(self, sizes: Iterable[int]) -> None:
        """Let files of these sizes come, too."""
        self.limit = _HEAD_BYTES + sum(size + _MEMBER_BYTES for size in sizes)

    def read(self, size: int | None = -1) -> bytes:
        room = max(0, self.limit - self.tell())
        data = super().read(room + 1 if size is None or size < 0 else min(size, room + 1))
        if len(data) > room:
            raise tarfile.ReadError(f"unpacks to more than the {self.limit:,} bytes allowed")
        return data


@contextmanager
def _opened(archive: Path) -> Iterator[tuple[tarfile.TarFile, _Stream]]:
    """The archive and the stream that it is read from; their faults are one line."""
    try:
        with _Stream(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            yield tar, stream
    # ValueError is how tarfile tells of some headers.
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BundleError(f"{archive}: damaged ({reason}): {_MEND}") from None
    except FileNotFoundError:
        raise BundleError(f"{archive}: no such archive: make one with `hlsgen package`") from None
    except OSError as error:
        raise BundleError(f"{archive}: {error.strerror or error}: {_MEND}") from None


def _extract(tar: tarfile.TarFile, stream: _Stream, archive: Path, folder: Path) -> set[str]:
    """Write the files of the archive's one folder into `folder`; their paths in it."""
    names: set[str] = set()
    tops: set[str] = set()
    for member in tar:
        top, _, name = member.name.partition("/")
        tops.add(top)
        if not (_is_plain(member) and is_inner_path(top) and name and is_inner_path(name)):
            raise BundleError(
                f"{archive}: {member.name!r:.200}: not a plain file in a folder: {_MEND}"
            )
        if len(tops) > 1 or name in names:
            raise BundleError(f"{archive}: {member.name}: not an archive of one bundle: {_MEND}")
        names.add(name)
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        source = tar.extractfile(member)
        assert source is not None  # a regular file
        with source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy)
        if name == MANIFEST_JSON:
            with _of_archive(archive, folder):
                entries = read_contents(folder)["files"].values()
            stream.allow(entry["bytes"] for entry in entries)
    return names


def _is_plain(member: tarfile.TarInfo) -> bool:
    """Whether a member is a file whose bytes are in the archive: of a sparse one, which may be of
    any size, they are not."""
    return member.isreg() and not member.issparse()


def _check_names(archive: Path, folder: Path, names: set[str]) -> None:
    """Every file is in MANIFEST.json and is as it says."""
    if MANIFEST_JSON not in names:
        raise BundleError(
            f"{archive}: {MANIFEST_JSON} is missing: not an archive of `hlsgen package`"
        )
    with _of_archive(archive, folder):
        unknown = sorted(names - {MANIFEST_JSON} - set(read_contents(folder)["files"]))
        if unknown:
            raise BundleError(f"{unknown[0]}: not in {MANIFEST_JSON}: {_MEND}")
        check_files(folder)


@contextmanager
def _of_archive(archive: Path, folder: Path) -> Iterator[None]:
    """Let faults of the scratch folder, which is gone when they are read, name the archive."""
    try:
        yield
    except BundleError as error:
        raise BundleError(f"{archive}: {str(error).replace(f'{folder}/', '')}") from None


def _refuse_other(tar: tarfile.TarFile, archive: Path, folder: Path) -> None:
    """Raise BundleError unless `folder` was unpacked from this archive."""
    for member in tar:
        if member.name.partition("/")[2] == MANIFEST_JSON and _is_plain(member):
            source = tar.extractfile(member)
            assert source is not None
            with source, suppress(OSError):
                if (folder / MANIFEST_JSON).read_bytes() == source.read():
                    return
            break
    raise BundleError(
        f"{folder}: is there already, and is not what {archive} holds: "
        f"give the folder itself, or {_OTHER}"
    )

# SPDX-License-Identifier: Apache-2.0
"""Unpacking: whole and checked, or not at all, and never outside of its folder."""

from __future__ import annotations

import errno
import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sat_host.archive import unpack as unpacking
from sat_host.archive.contents import MANIFEST_JSON, check_files, is_inner_path
from sat_host.archive.unpack import default_folder, is_archive, unpack
from sat_host.errors import BundleError, HostError

pytestmark = pytest.mark.slow


def test_unpacked_is_the_bundle_and_a_second_time_nothing_happens(
    packed: Path, built: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "here"
    assert unpack(packed, folder) is True
    assert check_files(folder) > 0
    for path in built.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert (folder / path.relative_to(built)).read_bytes() == path.read_bytes()
    (folder / "metrics.jsonl").touch()
    assert unpack(packed, folder) is False
    assert (folder / "metrics.jsonl").exists()


def test_a_folder_with_something_else_stays(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "thesis.tex").touch()
    with pytest.raises(BundleError, match="is there already"):
        unpack(packed, tmp_path / "here")
    (tmp_path / "here" / MANIFEST_JSON).write_text("{}")
    with pytest.raises(BundleError, match="is there already"):
        unpack(packed, tmp_path / "here")
    assert len(list((tmp_path / "here").iterdir())) == 2


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9, 0.9999])
@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_archive_is_one_line_and_leaves_nothing(
    packed: Path, tmp_path: Path, place: float, cut: bool
) -> None:
    data = bytearray(packed.read_bytes())
    at = int(place * len(data))
    if cut:
        del data[at:]
    else:
        data[at : at + 3] = bytes(byte ^ 0x5A for byte in data[at : at + 3])
    archive = tmp_path / "bad.tar.gz"
    archive.write_bytes(data)
    with pytest.raises(BundleError) as caught:
        unpack(archive, tmp_path / "here")
    assert "\n" not in str(caught.value) and str(archive) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar.gz"]


def rewritten(packed: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with other members."""
    with tarfile.open(packed) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    change(files)
    with tarfile.open(target, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return target


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("small/../../evil", "not a plain file"),
        ("/evil", "not a plain file"),
        ("../evil", "not a plain file"),
        ("evil", "not a plain file"),
        ("other/evil", "not an archive of one bundle"),
        ("small/evil", "evil: not in MANIFEST.json"),
    ],
)
def test_files_that_do_not_belong_are_refused(
    packed: Path, tmp_path: Path, name: str, says: str
) -> None:
    def add(files: dict[str, bytes]) -> None:
        files[name] = b"evil"

    archive = rewritten(packed, tmp_path / "bad.tar.gz", add)
    with pytest.raises(BundleError, match=says):
        unpack(archive, tmp_path / "in" / "here")
    assert not list(tmp_path.rglob("*evil*")) and not (tmp_path / "in" / "here").exists()


def test_changed_missing_and_no_manifest(packed: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        files["small/libsat.so"] += b"x"

    with pytest.raises(BundleError, match="libsat.so: truncated or changed"):
        unpack(rewritten(packed, tmp_path / "1.tar.gz", change), tmp_path / "here")

    def drop(files: dict[str, bytes]) -> None:
        del files["small/libsat.so"]

    with pytest.raises(BundleError, match="libsat.so: No such file"):
        unpack(rewritten(packed, tmp_path / "2.tar.gz", drop), tmp_path / "here")

    def forget(files: dict[str, bytes]) -> None:
        del files[f"small/{MANIFEST_JSON}"]

    with pytest.raises(BundleError, match="not an archive of `hlsgen package`"):
        unpack(rewritten(packed, tmp_path / "3.tar.gz", forget), tmp_path / "here")
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("content", [b"{", b"{}", b'{"format": 1, "files": 3}'])
def test_a_damaged_manifest_names_the_archive(packed: Path, tmp_path: Path, content: bytes) -> None:
    def harm(files: dict[str, bytes]) -> None:
        files[f"small/{MANIFEST_JSON}"] = content

    archive = rewritten(packed, tmp_path / "bad.tar.gz", harm)
    with pytest.raises(BundleError) as caught:
        unpack(archive, tmp_path / "here")
    assert str(caught.value).startswith(f"{archive}: {MANIFEST_JSON}: ")
    assert ".partial" not in str(caught.value)


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 1), (errno.EDQUOT, 1),
                                                (errno.EACCES, 2)])  # fmt: skip
def test_a_full_disk_is_no_bad_input(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(unpacking.shutil, "copyfileobj", full)
    with pytest.raises(HostError) as caught:
        unpack(packed, tmp_path / "here")
    assert caught.value.exit_code == status
    assert str(caught.value).startswith(f"{tmp_path / 'here'}: {os.strerror(number)}: ")
    assert list(tmp_path.iterdir()) == []


def test_links_and_folders_are_refused(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE):
        archive = tmp_path / "bad.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            member = tarfile.TarInfo("small/link")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        with pytest.raises(BundleError, match="not a plain file"):
            unpack(archive, tmp_path / "here")


@pytest.mark.parametrize("number", ["GNU.sparse.major", "GNU.sparse.size", "GNU.sparse.map"])
def test_headers_that_are_no_numbers_are_one_line(tmp_path: Path, number: str) -> None:
    archive = tmp_path / "bad.tar.gz"
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("small/x")
        sparse = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": "1"}
        member.pax_headers = {**sparse, "GNU.sparse.map": "0,1", number: "x"}
        tar.addfile(member)
    with pytest.raises(BundleError) as caught:
        unpack(archive, tmp_path / "here")
    assert "\n" not in str(caught.value) and str(archive) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar.gz"]


def test_a_sparse_file_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    archive = tmp_path / "bad.tar.gz"
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("small/x")
        member.pax_headers = {"GNU.sparse.size": str(1 << 28), "GNU.sparse.map": f"{1 << 28},0"}
        tar.addfile(member)
    with tarfile.open(archive) as tar:
        assert [member.size for member in tar] == [1 << 28]  # as Python reads it
    with pytest.raises(BundleError, match="not a plain file"):
        unpack(archive, tmp_path / "here")


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_small_archive_does_not_become_a_large_folder(tmp_path: Path, kind: bytes) -> None:
    archive, size = tmp_path / "bomb.tar.gz", 24 << 20
    member = tarfile.TarInfo("small/x")
    member.type, member.size = kind, size
    with gzip.open(archive, "wb", 1) as stream:
        stream.write(member.tobuf(tarfile.GNU_FORMAT))
        for _ in range(size >> 20):
            stream.write(bytes(1 << 20))
    with pytest.raises(BundleError, match="unpacks to more than the 16,777,216 bytes allowed"):
        unpack(archive, tmp_path / "here")
    assert [path.name for path in tmp_path.iterdir()] == ["bomb.tar.gz"]


def test_files_larger_than_the_manifest_says(packed: Path, tmp_path: Path) -> None:
    def add(files: dict[str, bytes]) -> None:
        files["small/spec.yaml"] = bytes(24 << 20)

    with pytest.raises(BundleError, match="unpacks to more than"):
        unpack(rewritten(packed, tmp_path / "bad.tar.gz", add), tmp_path / "here")


def test_no_such_archive_and_a_folder_that_can_not_be_made(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such archive"):
        unpack(tmp_path / "none.tar.gz", tmp_path / "here")
    (tmp_path / "file").touch()
    with pytest.raises(BundleError, match="choose another folder with -o"):
        unpack(packed, tmp_path / "file" / "here")


def test_what_is_an_archive(tmp_path: Path) -> None:
    assert is_archive(tmp_path / "x.tar.gz") and not is_archive(tmp_path / "x")
    (tmp_path / "y.tar.gz").mkdir()
    assert not is_archive(tmp_path / "y.tar.gz")
    assert default_folder(tmp_path / "a.b.tar.gz") == Path("a.b")
    assert is_archive(tmp_path / "x.tgz") and default_folder(tmp_path / "x.tgz") == Path("x")


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("a/b.py", True),
        ("a", True),
        ("", False),
        (".", False),
        ("..", False),
        ("a/../b", False),
        ("/a", False),
        ("a//b", False),
        ("a\\b", False),
        ("a\nb", False),
    ],
)
def test_inner_paths(name: str, inner: bool) -> None:
    assert is_inner_path(name) is inner

# SPDX-License-Identifier: Apache-2.0
"""`hlsgen package`: one archive, the same every time, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sat_host.archive.contents import MANIFEST_JSON
from sat_host.archive.unpack import unpack
from sat_host.data import digits
from sat_host.xrt.releases import RELEASES, release_text, xrt_release

from hlsgen.cli.main import main
from hlsgen.errors import InputError
from hlsgen.package import compiler_of, package
from hlsgen.toolchain import versions


def contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        found = {}
        for member in tar:
            stream = tar.extractfile(member)
            assert stream is not None
            found[member.name] = stream.read()
    return found


def test_equal_bundles_make_equal_archives(packed: Path, bundle: Path, tmp_path: Path) -> None:
    for path in bundle.rglob("*"):
        os.utime(path, (1, 1))
    (bundle / "metrics.jsonl").write_text("{}")
    (bundle / "sat_host" / "__pycache__").mkdir()
    (bundle / "sat_host" / "__pycache__" / "x.pyc").touch()
    made = package(bundle, tmp_path / "again.tar.gz")
    assert made.archive.read_bytes() == packed.read_bytes()
    assert made.sha256 == hashlib.sha256(packed.read_bytes()).hexdigest()
    assert made.files == len(contents(packed))


def test_members_tell_nothing_of_who_made_them(packed: Path) -> None:
    with tarfile.open(packed) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    for member in members:
        assert member.isreg() and member.name.startswith("small/")
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        assert member.mode == 0o644 and member.mtime == members[0].mtime


def test_the_manifest_has_every_file_and_tells_versions_and_licences(
    packed: Path, built: Path
) -> None:
    files = contents(packed)
    manifest = json.loads(files.pop(f"small/{MANIFEST_JSON}"))
    assert {f"small/{name}" for name in manifest["files"]} == set(files)
    for name, entry in manifest["files"].items():
        data = files[f"small/{name}"]
        assert entry == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    for path in built.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert files[f"small/{path.relative_to(built).as_posix()}"] == path.read_bytes()
    compiler = manifest["versions"]["compiler"]
    assert compiler.startswith(("GCC: (", "clang")) or "clang version" in compiler
    assert manifest["versions"]["vitis"] is None
    assert manifest["versions"]["needs"]["XRT"] is None
    names = [entry["name"] for entry in manifest["licences"]]
    assert "NumPy" in names and "XRT" not in names and "sat_host/data/digits.csv.gz" in names
    assert b"Apache License" in files["small/LICENSE"]
    assert b"scikit-learn" in files["small/sat_host/data/digits.LICENSE"]


def test_digits_are_the_same_from_the_file_and_from_scikit_learn(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack(packed, tmp_path / "small")
    wanted = digits.load_digits(0.2)
    monkeypatch.setattr(digits, "FILE", tmp_path / "small" / "sat_host/data/digits.csv.gz")
    monkeypatch.setattr(digits.importlib, "import_module", lambda name: pytest.fail(name))
    found = digits.load_digits(0.2)
    for one, two in ((found.train, wanted.train), (found.test, wanted.test)):
        assert np.array_equal(one.labels, two.labels)
        every = np.arange(len(one.labels))
        assert np.array_equal(one.pixels.read(every), two.pixels.read(every))


def test_a_damaged_digits_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digits.csv.gz").write_bytes(b"\x1f\x8bno")
    monkeypatch.setattr(digits, "FILE", tmp_path / "digits.csv.gz")
    with pytest.raises(digits.SettingsError, match="damaged"):
        digits.load_digits(0.2)


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("name", "harm", "says"),
    [
        ("libsat.so", truncate, "libsat.so: truncated or changed"),
        ("program.json", truncate, "program.json: truncated or changed"),
        ("bundle.json", truncate, "bundle.json: can't be read"),
        ("bundle.json", Path.unlink, "no bundle here"),
        ("spec.yaml", Path.unlink, "spec.yaml: No such file"),
        ("src/sat_stce.cpp", truncate, "src: changed since the bundle was built"),
        ("sat_host/golden.py", truncate, "sat_host: changed since the bundle was built"),
        ("sat_host/py.typed", Path.unlink, "sat_host: changed since the bundle was built"),
        ("src/kernels/row_unit.h", Path.unlink, "src: changed since the bundle was built"),
        ("libsat.so", Path.unlink, "libsat.so: No such file"),
    ],
)
def test_a_damaged_bundle_is_refused(
    bundle: Path,
    tmp_path: Path,
    name: str,
    harm: Callable[[Path], None],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    harm(bundle / name)
    assert main(["package", str(bundle), "-o", str(tmp_path / "x.tar.gz")]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1
    assert not list(tmp_path.glob("*x.tar*"))


def test_an_older_archive_stays_when_it_fails(bundle: Path, tmp_path: Path) -> None:
    archive = package(bundle, tmp_path / "x.tar.gz").archive
    before = archive.read_bytes()
    truncate(bundle / "libsat.so")
    with pytest.raises(Exception, match="truncated"):
        package(bundle, archive)
    assert archive.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small", "x.tar.gz"]


def test_names_of_archives(bundle: Path, tmp_path: Path) -> None:
    assert package(bundle).archive == tmp_path / "small.tar.gz"
    with pytest.raises(InputError, match=r"must end in .tar.gz"):
        package(bundle, tmp_path / "x.zip")
    (tmp_path / "y.tar.gz").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        package(bundle, tmp_path / "y.tar.gz")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file"):
        package(bundle, tmp_path / "file" / "x.tar.gz")


def test_json_answer(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["package", str(bundle), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert Path(answer["archive"]).is_file() and answer["name"] == "small"
    assert answer["bytes"] == Path(answer["archive"]).stat().st_size


def test_what_to_type_there_is_quoted(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["package", str(bundle), "-o", str(bundle.parent / "out dir.tar.gz")]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("there: tar xf 'out dir.tar.gz' && cd small && ")


def test_an_archive_is_no_bundle(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mend = f"unpack it first, by `hlsgen deploy {packed}`"
    assert main(["package", str(packed)]) == 2
    assert capsys.readouterr().err == f"{packed}: is an archive, no bundle folder: {mend}\n"
    assert main(["train", str(packed)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"{packed}: is an archive, no spec: ") and err.count("\n") == 1
    assert "hlsgen deploy" in err


def test_what_is_not_inside_is_told(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hlsgen.package._digits", lambda bundle: {})
    assert main(["package", str(bundle)]) == 0
    assert "note: the digits data is not inside" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("library", "says"),
    [
        (b"\0GCC: (Debian 12.2.0-14+deb12u1) 12.2.0\0", "GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"),
        (b"\0Debian clang version 15.0.6\0", "Debian clang version 15.0.6"),
        (b"\0nothing\0", None),
    ],
)
def test_the_compiler_of_a_library(library: bytes, says: str | None) -> None:
    assert compiler_of(library) == says


def test_both_tables_of_xrt_releases_are_one() -> None:
    known = {row.version: row.xrt for row in versions.RELEASES}
    assert {vitis: release_text(release) for vitis, release in RELEASES.items()} == known
    assert xrt_release("2023.2.1") == (2, 16)
    assert xrt_release("2019.1") is None

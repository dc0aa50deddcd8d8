# SPDX-License-Identifier: Apache-2.0
"""`hlsgen package`: a bundle as one archive for another machine, which needs NumPy alone.

The archive holds one folder, named as the bundle: all of the bundle, LICENSE, and MANIFEST.json
(sat_host.archive.contents) with the digest of every file. Equal bundles give equal bytes: files are
sorted, and times, owners and modes are fixed.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.metadata
import importlib.util
import os
import re
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from sat_host import needs
from sat_host.archive.contents import FORMAT, MANIFEST_JSON, dump_contents
from sat_host.archive.unpack import SUFFIX
from sat_host.bundle import BUNDLE_JSON, Bundle, check_file, load_bundle, load_stored_program
from sat_host.digests import digest
from sat_host.manifest import library_of, program_of
from sat_host.xrt.releases import release_text, xrt_release

from . import __version__
from .disk import disk_errors, make_public
from .errors import InputError
from .hosterrors import host_errors
from .licences import licences, license_text
from .project import Project, digest_of
from .render import CSIM_UNITS, INCLUDE_DIRS
from .toolchain.compiler import Compiler
from .toolchain.gxx import LIBRARY, plan_library

_EPOCH = 315532800  # 1980-01-01, the first day that every archive format can hold
_DIGITS = "sat_host/data/digits.csv.gz"
_DIGITS_LICENCE = "sat_host/data/digits.LICENSE"
_AGAIN = "build the bundle again"
# What g++ and clang++ write into the comment section of all that they compile.
_COMPILER = re.compile(rb"(GCC: \([^()\0]*\) [\d.]+|[\w ]*clang version [\d.]+)")


@dataclass(frozen=True)
class Packaged:
    """An archive that was written. notes: what is not inside and a run needs."""

    archive: Path
    name: str
    sha256: str
    bytes: int
    files: int
    notes: tuple[str, ...]


def package(folder: Path, out: Path | None = None) -> Packaged:
    """Write the archive of the bundle in `folder` to `out`, by default <folder>.tar.gz beside it.

    Raises InputError for what is no bundle or is damaged, and for an `out` that can't be written,
    WorkError when the disk is full. Nothing is left behind then, and an older archive stays.
    """
    with host_errors():
        bundle = load_bundle(folder)
        files = bundle_files(bundle)
    name = str(bundle.settings["name"])
    target = bundle.path.with_name(bundle.path.name + SUFFIX) if out is None else out
    if not target.name.endswith(SUFFIX):
        raise InputError(f"{target}: the archive's name must end in {SUFFIX}: change -o")
    files["LICENSE"] = license_text().encode()
    files |= _digits(bundle)
    entries = {
        path: {"sha256": digest(content), "bytes": len(content)} for path, content in files.items()
    }
    document = _contents(bundle, files, entries)
    files[MANIFEST_JSON] = dump_contents(document).encode()
    with disk_errors(target.parent, "choose another file with -o"):
        _write(target, name, files)
        data = target.read_bytes()
    notes = _notes(bundle, files)
    return Packaged(target, name, digest(data), len(data), len(files), notes)


def bundle_files(bundle: Bundle) -> dict[str, bytes]:
    """Every file of a bundle by its path in it, proved by its manifest's digests. Files that are
    not a bundle's (metrics, caches) are left out. Raises InputError, BundleError."""
    settings, place = bundle.settings, bundle.path
    load_stored_program(bundle)  # checks its digest and that it can be read
    named, image = [library_of(settings, place), program_of(settings, place)], bundle.xclbin
    named += [image.file, image.emconfig, image.report] if image else []
    files = {file.path.relative_to(place).as_posix(): check_file(file) for file in named if file}
    files |= {name: _read(place / name) for name in (BUNDLE_JSON, "spec.yaml")}
    sources = _folder(place, "src")
    _check_digest(place / "src", sources, settings.get("digest"))
    host = _folder(place, "sat_host", {".py", ".typed"})
    _check_digest(place / "sat_host", host, settings.get("host"))
    return {**files, **sources, **host}


def _folder(place: Path, name: str, suffixes: set[str] | None = None) -> dict[str, bytes]:
    """The files below a folder of the bundle, by their path in the bundle."""
    paths = [path for path in sorted((place / name).rglob("*")) if path.is_file()]
    kept = [p for p in paths if suffixes is None or p.suffix in suffixes]
    if not kept:
        raise InputError(f"{place / name}: missing from the bundle: {_AGAIN}")
    return {path.relative_to(place).as_posix(): _read(path) for path in kept}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}: {_AGAIN}") from None


def _check_digest(place: Path, files: Mapping[str, bytes], wanted: object) -> None:
    """Compare a folder's texts with the digest of the project that it was written from."""
    texts = {
        path.partition("/")[2]: data.decode("utf-8", "replace") for path, data in files.items()
    }
    if digest_of(texts) != wanted:
        raise InputError(f"{place}: changed since the bundle was built: {_AGAIN}")


def _digits(bundle: Bundle) -> dict[str, bytes]:
    """scikit-learn's digits and their licence, for a bundle that trains on them: NumPy reads them.
    Nothing where scikit-learn is not installed."""
    if bundle.settings["data"]["name"] != "digits" or not importlib.util.find_spec("sklearn"):
        return {}
    try:
        terms = importlib.metadata.distribution("scikit-learn").read_text("licenses/COPYING")
        root = importlib.util.find_spec("sklearn")
        folder = Path(str(root.origin)).parent if root is not None else Path()
        data = (folder / "datasets" / "data" / "digits.csv.gz").read_bytes()
    except (OSError, importlib.metadata.PackageNotFoundError):
        return {}
    return {_DIGITS: data, _DIGITS_LICENCE: terms.encode()} if terms else {}


def _contents(
    bundle: Bundle, files: Mapping[str, bytes], entries: Mapping[str, Any]
) -> dict[str, Any]:
    """MANIFEST.json."""
    settings = bundle.settings
    xclbin, library = settings["xclbin"], settings["library"]["file"]
    release = None if xclbin is None else xrt_release(xclbin["vitis"])
    return {
        "format": FORMAT,
        "name": settings["name"],
        "versions": {
            "bundle": settings["format"],
            "hlsgen": settings["hlsgen"],
            "packaged by hlsgen": __version__,
            "compiler": compiler_of(files[library]),
            "vitis": None if xclbin is None else xclbin["vitis"],
            "needs": {
                "Python": f"{needs.PYTHON_TEXT} or newer",
                "NumPy": f"{needs.NUMPY} or newer",
                "XRT": None if release is None else f"{release_text(release)} or newer",
            },
        },
        "licences": licences(settings, _DIGITS in files),
        "compile": _recipe(files),
        "files": dict(entries),
    }


def compiler_of(library: bytes) -> str | None:
    """What compiled a library, as the compiler wrote it there; None when it does not tell."""
    found = _COMPILER.search(library)
    return found.group().decode().strip() if found else None


def _recipe(files: Mapping[str, bytes]) -> dict[str, Any]:
    """How src/ becomes the csim library; the machine adds its instruction set."""
    sources = {
        path.removeprefix("src/"): data.decode()
        for path, data in files.items()
        if path.startswith("src/")
    }
    any_compiler = Compiler(("c++",), "", "", "")
    plan = plan_library(Project(sources), CSIM_UNITS, INCLUDE_DIRS, any_compiler, "")
    return {"commands": [list(each.argv) for each in plan.commands], "output": LIBRARY}


def _write(target: Path, name: str, files: Mapping[str, bytes]) -> None:
    """The archive, which takes the place of an older one when it is whole. Raises OSError."""
    if target.is_dir():
        raise InputError(f"{target}: is a folder: name a file with -o")
    target.parent.mkdir(parents=True, exist_ok=True)
    number, partial = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(number, "wb") as stream:
            _write_tar(stream, name, files)
        make_public(partial, 0o666)
        os.replace(partial, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise


def _write_tar(stream: IO[bytes], name: str, files: Mapping[str, bytes]) -> None:
    # gzip's header gets neither a name nor a time.
    with (
        gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size, member.mtime, member.mode = len(content), _EPOCH, 0o644
            tar.addfile(member, BytesIO(content))


def _notes(bundle: Bundle, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """What the other machine must have beside the archive."""
    data = bundle.settings["data"]
    notes = []
    if data["name"] == "digits" and _DIGITS not in files:
        notes.append(
            "the digits data is not inside: scikit-learn is not installed here, so training needs "
            "it there"
        )
    if "path" in data:
        notes.append(f"training reads its data from {data['path']}, which is not inside")
    return tuple(notes)

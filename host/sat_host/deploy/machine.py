# SPDX-License-Identifier: Apache-2.0
"""Whether a machine can run a bundle: one point after the other, each with what to do about it."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import needs
from ..archive import contents
from ..bundle import Bundle, check_file, check_library, load_stored_program
from ..errors import BundleError, HostError, MissingPackageError, NoCardError
from ..manifest import Xclbin, library_of
from ..usage import MEBIBYTE
from ..xrt.environment import (
    CardSeen,
    cards,
    chosen,
    find_install,
    load_pyxrt,
    same_platform,
)
from ..xrt.releases import installed_release, release_text, xrt_release

_MISSING = MissingPackageError.exit_code


@dataclass(frozen=True)
class Point:
    """One thing that was looked at. status: 0 when it is well, else the exit status that it calls
    for. detail: what was found, and where it is not well the mend. remark: what was found stops
    nothing, and yet is worth a look."""

    name: str
    detail: str
    status: int = 0
    remark: bool = False

    @property
    def mark(self) -> str:
        """For people: ok, -- where it is not well, !! of a remark."""
        if self.status:
            return "--"
        return "!!" if self.remark else "ok"


def examine(bundle: Bundle, device: str, environ: Mapping[str, str]) -> Iterator[Point]:
    """The points for a bundle on `device` (csim, xrt:N), cheapest first; after one that is not
    well, those that build on it are left out. Changes nothing but, for an xclbin of the emulator,
    this process's environment (see `load_pyxrt`)."""
    yield _guarded("files", lambda: _files(bundle, device))
    yield _python()
    yield _numpy(np.__version__)
    yield _disk(bundle.path)
    if device == "csim":
        yield _guarded("library", lambda: _library(bundle))
        return
    image = bundle.xclbin
    if image is None:
        mend = "build it with `hlsgen build SPEC --target hw`, or use --device csim"
        yield Point("xclbin", f"the bundle has none: {mend}", BundleError.exit_code)
        return
    yield Point("xclbin", _describe(image))
    yield from _card_points(image, device, environ)


def _card_points(image: Xclbin, device: str, environ: Mapping[str, str]) -> Iterator[Point]:
    point = _xrt(image, environ)
    yield point
    if point.status:
        return
    try:
        module = load_pyxrt(image)
    except HostError as error:
        yield Point("pyxrt", str(error), error.exit_code)
        return
    where = getattr(module, "__file__", None) or "already loaded"
    yield Point("pyxrt", f"{where}, for Python {platform.python_version()}")
    if image.target != "hw":
        yield Point("card", f"none is used: {image.target}, XRT's emulator")
        return
    found = list(cards(module))
    point = _card(found, device)
    yield point
    if not point.status:
        yield _platform(image, chosen(found, device.removeprefix("xrt:")))


def _files(bundle: Bundle, device: str) -> str:
    """Compare all digests: those of the archive, or those of bundle.json."""
    if contents.is_packaged(bundle.path):
        mends = {bundle.library.name: contents.compile_mend(bundle.path)}
        size = contents.check_files(bundle.path, mends=mends)
        return f"{size:,} bytes equal {contents.MANIFEST_JSON}"
    load_stored_program(bundle)
    image = bundle.xclbin
    files = [library_of(bundle.settings, bundle.path)] if device == "csim" else []
    files += [each for each in (image.file, image.emconfig) if each] if image else []
    size = sum(len(check_file(file)) for file in files)
    return f"{size:,} bytes equal bundle.json; not packaged, so sources were not compared"


def _python() -> Point:
    fault = needs.missing(sys.version_info[:2], has_numpy=True)
    detail = f"{platform.python_version()} at {sys.executable}"
    return Point("Python", fault or detail, _MISSING if fault else 0)


def _numpy(version: str) -> Point:
    def number(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text.split(".")[:2])

    if number(version) < number(needs.NUMPY):
        mend = f"run `pip install 'numpy>={needs.NUMPY}'`"
        return Point("NumPy", f"{version} is too old: {mend}", _MISSING)
    return Point("NumPy", version)


def _disk(folder: Path) -> Point:
    """What is free; little stops nothing, as only the run will tell how much it writes."""
    free = shutil.disk_usage(folder).free
    detail = f"{free // MEBIBYTE:,} MiB free at {folder}"
    if free >= needs.DISK_BYTES:
        return Point("disk", detail)
    advised = f"{needs.DISK_BYTES // MEBIBYTE:,} MiB are advised for metrics and checkpoints"
    return Point("disk", f"{detail}, {advised}", remark=True)


def _library(bundle: Bundle) -> str:
    check_library(bundle)
    wanted = bundle.settings["library"]
    return f"csim, for {wanted['isa'] or wanted['machine']}, which this processor has"


def _xrt(image: Xclbin, environ: Mapping[str, str]) -> Point:
    """XRT's release beside that of the Vitis which linked the xclbin."""
    install = find_install(environ)
    if install is None:
        mend = "install the card's XRT package, and source its setup.sh"
        text = f"not installed (no XILINX_XRT, no /opt/xilinx/xrt): {mend}"
        return Point("XRT", text, _MISSING)
    found, wanted = installed_release(install.folder), xrt_release(image.vitis)
    if found is None or wanted is None:
        return Point("XRT", f"{install.folder}, of unknown version: it is not compared")
    detail = f"{release_text(found)} at {install.folder}"
    if found < wanted:
        return Point(
            "XRT",
            f"{detail}: the xclbin was linked with Vitis {image.vitis}, which came out with XRT "
            f"{release_text(wanted)}: install that or a newer one",
            _MISSING,
        )
    return Point("XRT", f"{detail}, Vitis {image.vitis} needs {release_text(wanted)} or newer")


def _card(found: list[CardSeen], device: str) -> Point:
    listed = ", ".join(f"xrt:{card.index} ({card.bdf})" for card in found)
    card = chosen(found, device.removeprefix("xrt:"))
    if card is None:
        mend = f"choose from {listed} with --device" if found else "see `xrt-smi examine`"
        there = "" if found else ", XRT lists none"
        return Point("card", f"{device}: no such card{there}: {mend}", NoCardError.exit_code)
    if card.fault:
        return Point("card", f"{device}: can't be opened ({card.fault}): see `xrt-smi examine`", 1)
    return Point("card", f"{device}, {card.bdf}, {card.name}")


def _platform(image: Xclbin, card: CardSeen | None) -> Point:
    name = "" if card is None else card.name
    if same_platform(name, image.platform):
        return Point("platform", f"{name} on the card, {image.platform} in the xclbin")
    return Point(
        "platform",
        f"{name} on the card, but the xclbin is for {image.platform}: build for the card's, or "
        "flash that platform (`xbmgmt program`)",
        BundleError.exit_code,
    )


def _describe(image: Xclbin) -> str:
    # The emulator keeps no clock, so none is in force there.
    clock = "in force" if image.target == "hw" else "asked for"
    return (
        f"{image.file.path.name} for {image.target}, {image.platform}, Vitis {image.vitis}, "
        f"{image.clock_mhz:g} MHz {clock}"
    )


def _guarded(name: str, look: Callable[[], str]) -> Point:
    """A point whose fault is an error."""
    try:
        return Point(name, look())
    except HostError as error:
        return Point(name, str(error), error.exit_code)

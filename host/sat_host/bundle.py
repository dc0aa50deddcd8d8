# SPDX-License-Identifier: Apache-2.0
"""Opening a bundle: its manifest, its library or its xclbin, and the device that they make."""

from __future__ import annotations

import json
import os
import platform
import shlex
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import manifest
from .archive.contents import compile_mend, is_packaged
from .archive.unpack import is_archive
from .check_device import check_device
from .config import ArrayConfig
from .csim import CsimBackend
from .device import Device
from .digests import digest
from .engine import EngineDevice
from .errors import BundleError, HostError, SettingsError
from .golden_device import GoldenDevice
from .isa import LEVELS, machine_flags, missing_flags
from .manifest import BUNDLE_JSON, FORMAT, File, Xclbin
from .stored_program import NO_PROGRAM, StoredProgram, read_program
from .xrt.backend import XrtBackend, card_for

__all__ = [
    "BUNDLE_JSON",
    "FORMAT",
    "Bundle",
    "check_file",
    "check_library",
    "load_bundle",
    "load_stored_program",
    "open_device",
]


@dataclass(frozen=True)
class Bundle:
    """A bundle folder whose manifest was read. path: absolute. settings: all of bundle.json."""

    path: Path
    config: ArrayConfig
    settings: dict[str, Any]

    @property
    def library(self) -> Path:
        """The csim library."""
        return manifest.library_of(self.settings, self.path).path

    @property
    def xclbin(self) -> Xclbin | None:
        """The image for a card, if there is one."""
        return manifest.xclbin_of(self.settings, self.path)

    @property
    def banks(self) -> tuple[tuple[str, ...], ...]:
        """For each bank of the program, the tags of the card's memories that it is made of."""
        return manifest.memory_banks(self.settings)

    @property
    def dataflows(self) -> tuple[str, ...]:
        """Those that the array has."""
        return tuple(self.settings["dataflows"])


def load_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Read a bundle's manifest. Raises BundleError, one line with the mend."""
    if not isinstance(path, (str, os.PathLike)):
        kind = type(path).__name__
        raise BundleError(f"bundle: expected the path of a bundle folder, got {kind}")
    folder = Path(path)
    file = folder / BUNDLE_JSON
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(f"{folder}: {_no_bundle(folder)}") from None
    except PermissionError as error:
        raise BundleError(f"{file}: {error.strerror}: check the permissions") from None
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BundleError(f"{file}: can't be read ({reason}): build the bundle again") from None
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise BundleError(f"{file}: not of format {FORMAT}: build the bundle again")
    try:
        config = manifest.check(settings)
    except SettingsError as error:
        raise BundleError(f"{file}: {error}: build the bundle again") from None
    return Bundle(folder.resolve(), config, settings)


def _no_bundle(path: Path) -> str:
    """Why there is none, and the mend."""
    if is_archive(path) and path.is_file():
        return (
            "is an archive, no bundle folder: unpack it first, by "
            f"`hlsgen deploy {shlex.quote(str(path))}`"
        )
    if path.is_file():
        return (
            "no bundle here (it is a file): give a bundle's folder; archives end in .tar.gz or .tgz"
        )
    return f"no bundle here ({BUNDLE_JSON} is missing): make one with `hlsgen build`"


def open_device(path: str | os.PathLike[str] | Bundle, device: str | None = None) -> Device:
    """The accelerator of a bundle.

    device: "csim", the bundle's library; "golden", the NumPy model; "xrt:N", the bundle's xclbin on
    card N (its number, or its PCI address); "xrt:0" for an xclbin of the emulator. None: the first
    card that the bundle's xclbin is for, if there is one, else csim, with a RuntimeWarning when an
    xclbin for cards is not used. Raises SettingsError for another name, BundleError,
    MissingPackageError without XRT, DeviceError; one line with the mend.
    """
    bundle = path if isinstance(path, Bundle) else load_bundle(path)
    if device is None:
        device = _best_device(bundle)
    check_device(device)
    if device == "golden":
        return GoldenDevice(bundle.config)
    if device == "csim":
        check_library(bundle)
        program = load_stored_program(bundle)
        backend = CsimBackend(bundle.library, bundle.config, _library_mend(bundle))
        return EngineDevice(bundle.config, backend, bundle.dataflows, program)
    program = load_stored_program(bundle)
    return EngineDevice(bundle.config, open_xrt(bundle, device), bundle.dataflows, program)


def _best_device(bundle: Bundle) -> str:
    """The first card for a bundle's xclbin, else csim."""
    image = bundle.xclbin
    # The emulator is so slow that nobody means it without saying so.
    if image is None or image.target != "hw":
        return "csim"
    try:
        return card_for(image)
    except HostError as error:
        text = f"{image.file.path}: not used, csim is: {error}"
        warnings.warn(text, RuntimeWarning, stacklevel=3)
        return "csim"


def open_xrt(bundle: Bundle, device: str) -> XrtBackend:
    """The card `device`, "xrt:N", with the bundle's xclbin loaded. Raises as `open_device`."""
    image = bundle.xclbin
    if image is None:
        raise BundleError(
            f"{bundle.path}: has no xclbin for {device}: build it with `hlsgen build SPEC "
            "--target hw` (or hw_emu), or use csim"
        )
    check_file(image.file)
    if image.emconfig is not None:
        check_file(image.emconfig)
    wanted = manifest.kernel_arguments(bundle.settings)
    return XrtBackend(image, bundle.config, bundle.banks, wanted, device.removeprefix("xrt:"))


def load_stored_program(bundle: Bundle) -> StoredProgram:
    """A bundle's program; an empty one when its card has no cycle model. Raises BundleError."""
    file = manifest.program_of(bundle.settings, bundle.path)
    if file is None:
        return NO_PROGRAM
    data = check_file(file)
    try:
        return read_program(data.decode("utf-8"), bundle.dataflows)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{file.path}: {error}: build the bundle again") from None


def check_library(bundle: Bundle) -> None:
    """Before the loader sees it: a wrong library may end the process instead of failing."""
    library, wanted = bundle.library, bundle.settings["library"]
    mend = _library_mend(bundle)
    if wanted["machine"] != platform.machine():
        raise BundleError(
            f"{library}: built for {wanted['machine']}, this machine is {platform.machine()}: "
            f"{mend}"
        )
    if wanted["isa"] not in ("", *dict(LEVELS)):
        raise BundleError(
            f"{library}: built for {wanted['isa']}, an instruction set that is not known here: "
            f"{mend}"
        )
    missing = missing_flags(wanted["isa"], machine_flags())
    if missing:
        raise BundleError(
            f"{library}: built for {wanted['isa']}, this processor lacks "
            f"{', '.join(sorted(missing))}: {mend}"
        )
    check_file(File(library, wanted["sha256"]), mend)


def _library_mend(bundle: Bundle) -> str:
    """What gets a csim library that this machine can use."""
    packaged = is_packaged(bundle.path)
    return compile_mend(bundle.path) if packaged else "build the bundle again here"


def check_file(file: File, mend: str = "build the bundle again") -> bytes:
    """All of a file of a bundle, as it was built. Raises BundleError."""
    try:
        data = file.path.read_bytes()
    except OSError as error:
        denied = isinstance(error, PermissionError)
        mend = "check the permissions" if denied else mend
        raise BundleError(f"{file.path}: {error.strerror or error}: {mend}") from None
    if digest(data) != file.sha256:
        raise BundleError(
            f"{file.path}: truncated or changed since it was built (its digest is not the one in "
            f"{BUNDLE_JSON}): {mend}"
        )
    return data

# SPDX-License-Identifier: Apache-2.0
"""Opening a bundle: its manifest, its library, and the device that they make."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from .config import ArrayConfig
from .csim import CsimBackend
from .device import Device
from .engine import EngineDevice
from .errors import BundleError, SettingsError
from .isa import LEVELS, machine_flags, missing_flags
from .product import Product
from .stored_program import read_tilings
from .tiling import Tiling

FORMAT = 2
MANIFEST = "bundle.json"


@dataclass(frozen=True)
class Bundle:
    """A bundle folder whose manifest was read. path: absolute. settings: all of bundle.json."""

    path: Path
    config: ArrayConfig
    settings: dict[str, Any]

    @property
    def library(self) -> Path:
        """The csim library."""
        return self.path / str(self.settings["library"]["file"])


def load_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Read a bundle's manifest. Raises BundleError, one line with the mend."""
    if not isinstance(path, (str, os.PathLike)):
        kind = type(path).__name__
        raise BundleError(f"bundle: expected the path of a bundle folder, got {kind}")
    folder = Path(path)
    manifest = folder / MANIFEST
    try:
        settings = json.loads(manifest.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(
            f"{folder}: no bundle here ({MANIFEST} is missing): make one with `hlsgen build`"
        ) from None
    except PermissionError as error:
        raise BundleError(f"{manifest}: {error.strerror}: check the permissions") from None
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BundleError(f"{manifest}: can't be read ({reason}): build the bundle again") from None
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise BundleError(f"{manifest}: not of format {FORMAT}: build the bundle again")
    try:
        array = {**settings["array"], "group": settings["sparsity"]["group"]}
        config = ArrayConfig(**{f.name: array[f.name] for f in fields(ArrayConfig)})
        for key in ("file", "sha256", "machine", "isa"):
            if not _is_line(settings["library"][key]):
                raise TypeError(f"library.{key}")
        dataflows = settings["dataflows"]
        if not isinstance(dataflows, list) or not all(map(_is_line, dataflows)):
            raise TypeError("dataflows")
        program = settings["program"]
        if not (program is None or isinstance(program, dict)) or not all(
            _is_line(program[key]) for key in ("file", "sha256") if program
        ):
            raise TypeError("program")
    except SettingsError as error:
        raise BundleError(f"{manifest}: {error}: build the bundle again") from None
    except (KeyError, TypeError) as error:
        raise BundleError(f"{manifest}: {error} is missing or wrong: build again") from None
    return Bundle(folder.resolve(), config, settings)


def open_device(path: str | os.PathLike[str] | Bundle) -> Device:
    """The accelerator of a bundle, on csim. Raises BundleError, one line with the mend."""
    bundle = path if isinstance(path, Bundle) else load_bundle(path)
    _check_library(bundle)
    tilings = load_tilings(bundle)
    backend = CsimBackend(bundle.library, bundle.config)
    return EngineDevice(bundle.config, backend, tuple(bundle.settings["dataflows"]), tilings)


def load_tilings(bundle: Bundle) -> dict[Product, Tiling]:
    """Those of a bundle's program; none when its card has no cycle model. Raises BundleError."""
    program = bundle.settings["program"]
    if program is None:
        return {}
    file = bundle.path / program["file"]
    data = _read(file)
    _check_digest(file, data, program["sha256"])
    try:
        return read_tilings(data.decode("utf-8"), tuple(bundle.settings["dataflows"]))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{file}: {error}: build the bundle again") from None


def _is_line(value: object) -> bool:
    """A text without line ends, NUL and other control characters."""
    return isinstance(value, str) and value.isprintable()


def _check_library(bundle: Bundle) -> None:
    """Before the loader sees it: a wrong library may end the process instead of failing."""
    library, wanted = bundle.library, bundle.settings["library"]
    if wanted["machine"] != platform.machine():
        raise BundleError(
            f"{library}: built for {wanted['machine']}, this machine is {platform.machine()}: "
            "build the bundle again here"
        )
    if wanted["isa"] not in ("", *dict(LEVELS)):
        raise BundleError(
            f"{library}: built for {wanted['isa']}, an instruction set that is not known here: "
            "build the bundle again here"
        )
    missing = missing_flags(wanted["isa"], machine_flags())
    if missing:
        raise BundleError(
            f"{library}: built for {wanted['isa']}, this processor lacks "
            f"{', '.join(sorted(missing))}: build the bundle again here"
        )
    _check_digest(library, _read(library), wanted["sha256"])


def _read(file: Path) -> bytes:
    """All of a file of a bundle."""
    try:
        return file.read_bytes()
    except OSError as error:
        denied = isinstance(error, PermissionError)
        mend = "check the permissions" if denied else "build the bundle again"
        raise BundleError(f"{file}: {error.strerror or error}: {mend}") from None


def _check_digest(file: Path, data: bytes, wanted: str) -> None:
    if hashlib.sha256(data).hexdigest() != wanted:
        raise BundleError(
            f"{file}: truncated or changed since it was built (its digest is not the one in "
            f"{MANIFEST}): build the bundle again"
        )

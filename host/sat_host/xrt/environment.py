# SPDX-License-Identifier: Apache-2.0
"""XRT as it is found on this machine: its folder, its Python module `pyxrt`, and the cards.

`pyxrt` is imported when a card is opened, never before. It belongs to XRT, not to a package index:
`source /opt/xilinx/xrt/setup.sh` puts it and the libraries that it needs on the paths, and it is
compiled for one version of Python. A process works with cards or with the emulator, never with
both: XRT chooses at its first use, by XCL_EMULATION_MODE (UG1393, running emulation).
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DeviceError, MissingPackageError, NoCardError
from ..manifest import Xclbin
from .shell_settings import usual_vitis, xrt_folder

MODE = "XCL_EMULATION_MODE"
MOST_CARDS = 16
EMULATION = (MODE, "EMCONFIG_PATH", "USER")
"""What an opened emulator leaves in the environment."""

EXAMINE = "see `xrt-smi examine` (`xbutil` before XRT 2.18)"

_MODULE = re.compile(r"pyxrt\.cpython-(\d)(\d+)-.*\.so")
_used_mode: str | None = None
"""hw or hw_emu once pyxrt was imported here."""


@dataclass(frozen=True)
class Install:
    """XRT's folder. pythons: versions of Python ("3.10") that its pyxrt is compiled for, as far as
    file names tell."""

    folder: Path
    pythons: tuple[str, ...]


@dataclass(frozen=True)
class CardSeen:
    """A card that XRT lists. name: of the platform on it; bdf: its PCI address, as
    "0000:3b:00.1", empty for the emulator's. fault: why it can't be opened, else empty."""

    index: int
    bdf: str
    name: str
    fault: str = ""


def find_install(environ: Mapping[str, str] | None = None) -> Install | None:
    """XRT, by XILINX_XRT or at its usual place; None when it is not installed."""
    folder = xrt_folder(os.environ if environ is None else environ)
    if not folder.is_dir():
        return None
    names = sorted(path.name for path in (folder / "python").glob("pyxrt*.so"))
    found = [_MODULE.fullmatch(name) for name in names]
    return Install(folder, tuple(f"{match[1]}.{match[2]}" for match in found if match))


def load_pyxrt(image: Xclbin, environ: MutableMapping[str, str] | None = None) -> Any:
    """The module, for an image of a card or of the emulator; for the latter, `environ` (of this
    process) is set up first. Raises MissingPackageError, DeviceError."""
    global _used_mode
    variables = os.environ if environ is None else environ
    if _used_mode not in (None, image.target):
        raise DeviceError(
            f"{image.file.path}: is for {image.target}, but this process has used XRT for "
            f"{_used_mode}, and it can't do both: start another process"
        )
    before = {name: variables[name] for name in EMULATION if name in variables}
    if image.target == "hw":
        _check_no_emulation(image, variables)
    else:
        _set_up_emulation(image, variables)
    try:
        module = import_pyxrt(variables)
    except MissingPackageError:
        for name in EMULATION:
            variables.pop(name, None)
        variables.update(before)
        raise
    _used_mode = image.target
    return module


def import_pyxrt(environ: Mapping[str, str] | None = None) -> Any:
    """The module `pyxrt`. Raises MissingPackageError, which says why it can't be imported."""
    try:
        return importlib.import_module("pyxrt")
    except ImportError as error:
        raise MissingPackageError(_why_missing(error, find_install(environ))) from None


def _why_missing(error: ImportError, install: Install | None) -> str:
    if install is None:
        return (
            "pyxrt: XRT is not installed (no XILINX_XRT, no /opt/xilinx/xrt): install the card's "
            "XRT package, or use --device csim"
        )
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if install.pythons and python not in install.pythons:
        built = " and ".join(install.pythons)
        return (
            f"pyxrt: that of {install.folder} is compiled for Python {built}, this is {python}: "
            f"run it with python{install.pythons[0]}"
        )
    reason = " ".join(str(error).split())
    return f"pyxrt: can't be imported ({reason}): run `source {install.folder}/setup.sh` first"


def _check_no_emulation(image: Xclbin, environ: Mapping[str, str]) -> None:
    mode = environ.get(MODE)
    if mode:
        raise DeviceError(
            f"{image.file.path}: is for a card, but {MODE}={mode} is set, and XRT would emulate: "
            f"run `unset {MODE}`"
        )


def _set_up_emulation(image: Xclbin, environ: MutableMapping[str, str]) -> None:
    """What XRT's emulator reads: the mode, where emconfig.json is, and USER, without which it
    hangs."""
    if not environ.get("XILINX_VITIS"):
        script = usual_vitis(environ, image.vitis) or "<Vitis>/settings64.sh"
        raise MissingPackageError(
            "XILINX_VITIS: not set, and the emulator is part of Vitis: run "
            f"`source {script}` and `source {xrt_folder(environ)}/setup.sh` first"
        )
    mode = environ.get(MODE)
    if mode not in (None, "", image.target):
        raise DeviceError(f"{MODE}={mode}: {image.file.path} is for {image.target}: unset it")
    if "pyxrt" in sys.modules and mode != image.target:
        raise DeviceError(
            f"{image.file.path}: pyxrt was imported before {MODE} was set, so XRT works with "
            "cards: start another process"
        )
    environ[MODE] = image.target
    if image.emconfig is not None:
        environ["EMCONFIG_PATH"] = str(image.emconfig.path.parent)
    if not environ.get("USER"):
        environ["USER"] = "user"


def cards(pyxrt: Any) -> Iterator[CardSeen]:
    """The cards that XRT lists, by number. `enumerate_devices` is there from 2024.1 on; before
    that, numbers are tried until one is refused."""
    counted = hasattr(pyxrt, "enumerate_devices")
    try:
        count = pyxrt.enumerate_devices() if counted else MOST_CARDS
    except Exception:  # no driver: no cards
        return
    for index in range(count):
        try:
            device = pyxrt.device(index)
        except Exception as error:
            if not counted:
                return
            yield CardSeen(index, "", "", one_line(error))
            continue
        yield describe(pyxrt, device, index)


def describe(pyxrt: Any, device: Any, index: int) -> CardSeen:
    """What an open device says of itself; a fault when it does not."""
    kinds = pyxrt.xrt_info_device
    try:
        bdf, name = device.get_info(kinds.bdf), device.get_info(kinds.name)
    except Exception as error:
        return CardSeen(index, "", "", f"does not say what it is: {one_line(error)}")
    return CardSeen(index, str(bdf), str(name))


def chosen(found: Iterable[CardSeen], which: str) -> CardSeen | None:
    """The card of a number, or of a whole PCI address, as pyxrt takes it."""
    if which.isdigit():
        return next((card for card in found if card.index == int(which)), None)
    return next((card for card in found if card.bdf.lower() == which.lower()), None)


def open_card(pyxrt: Any, which: str) -> Any:
    """The device of a number or of a PCI address. Raises DeviceError, or NoCardError where it is
    none of those that are there, which the text lists."""
    try:
        return pyxrt.device(int(which) if which.isdigit() else which)
    except Exception as error:
        found = list(cards(pyxrt))
        kind = NoCardError if chosen(found, which) is None else DeviceError
        raise kind(
            f"xrt:{which}: can't be opened ({one_line(error)}); {listed(found)}: {EXAMINE}"
        ) from None


def opened_card(pyxrt: Any, device: Any, which: str, image: Xclbin) -> CardSeen:
    """What is known of an open device. The emulator is not asked: its card is the one that was
    linked for. Raises DeviceError."""
    index = int(which) if which.isdigit() else -1
    if image.target != "hw":
        return CardSeen(index, "", image.platform)
    card = describe(pyxrt, device, index)
    if card.fault:
        raise DeviceError(f"xrt:{which}: {card.fault}: {EXAMINE}")
    return card


def listed(found: Iterable[CardSeen]) -> str:
    """Cards in words, for a message about one that is none of them."""
    names = [f"xrt:{card.index} ({card.fault or f'{card.bdf}, {card.name}'})" for card in found]
    return f"there are {', '.join(names)}" if names else "XRT lists no card"


def reset_hint(image: Xclbin, card: CardSeen) -> str:
    """What to do about a kernel that failed or hangs. XRT's own message about a hang recommends the
    reset."""
    if image.target != "hw":
        return "start again; the emulator's output is below .run/ in the working directory"
    return f"run `xrt-smi reset --device {card.bdf}` (`xbutil` before XRT 2.18), then start again"


def same_platform(first: str, second: str) -> bool:
    """Whether two names are of one platform as far as they tell: a card's name may say `base` or
    `shell` in place of what follows the fourth part."""
    return _parts(first) == _parts(second)


def _parts(name: str) -> list[str]:
    stem = Path(name.strip()).name.removesuffix(".xpfm")
    return stem.replace(":", "_").lower().split("_")[:4]


def one_line(error: BaseException) -> str:
    """What an exception of pyxrt says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__

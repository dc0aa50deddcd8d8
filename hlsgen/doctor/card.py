# SPDX-License-Identifier: Apache-2.0
"""`hlsgen doctor` for a card: Vitis, platforms, licence, memory of a link, XRT, pyxrt, cards.

Nothing of this is needed for csim.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sat_host.xrt.environment import EXAMINE, find_install
from sat_host.xrt.releases import installed_release, release_text

from ..disk import bytes_text
from ..errors import HlsgenError, ToolMissingError
from ..toolchain.discover import Vitis, find_vitis
from ..toolchain.platforms import SUFFIX, USUAL_FOLDERS, search_folders
from ..toolchain.run import run
from .ask_xrt import Answer, ask
from .finding import Finding

LICENCE_VARIABLES = ("XILINXD_LICENSE_FILE", "LM_LICENSE_FILE")
_LICENCE_FOLDER = ".Xilinx"
_BUILDS = "hlsgen build --target hw and hw_emu"
_RUNS = "running on a card"
_VENDOR_ID = "10ee"  # of Xilinx, on PCIe
# What a public tool, TAPA, plans for each process of v++, and the default of `hardware.jobs`.
_JOB_BYTES = 2 << 30
_JOBS = 8


def examine(environ: Mapping[str, str], ram: int) -> Iterator[Finding]:
    """The parts in the order in which a build and then a run need them. ram: bytes."""
    vitis, finding = _vitis(environ)
    yield finding
    yield _platforms(vitis, environ)
    yield _licence(environ)
    yield _memory(ram)
    yield _xrt(environ)
    answer = ask(environ) if _importable("pyxrt") else None
    yield _pyxrt(environ, answer)
    yield _cards(environ, answer)


def _vitis(environ: Mapping[str, str]) -> tuple[Vitis | None, Finding]:
    try:
        vitis = find_vitis(environ)
    except ToolMissingError as error:
        return None, Finding("Vitis", False, "", error.fault, _BUILDS, error.mend)
    hls = [name for name in ("vitis_hls", "vitis-run") if name in vitis.tools]
    where = f"{vitis.root} ({vitis.how}), {' and '.join(['v++', *hls])}"
    if not hls:
        mend = "install Vitis HLS, a part of the Vitis installer"
        return vitis, Finding("Vitis", False, vitis.version, f"{where}, no HLS", _BUILDS, mend)
    return vitis, Finding("Vitis", True, vitis.version, where, _BUILDS, "")


def _platforms(vitis: Vitis | None, environ: Mapping[str, str]) -> Finding:
    folders = _platform_folders(vitis, environ)
    found: dict[str, Path] = {}
    for folder in folders:
        for file in sorted([*folder.glob(f"*/*{SUFFIX}"), *folder.glob(f"*{SUFFIX}")]):
            found.setdefault(file.stem, file)
    names = ", ".join(found) if found else f"none in {', '.join(map(str, folders))}"
    mend = (
        "install the card's development platform package (deb or rpm) from the card's page, or "
        "export PLATFORM_REPO_PATHS=<its folder>"
    )
    count = str(len(found)) if found else ""
    return Finding("platforms", bool(found), count, names, _BUILDS, mend)


def _platform_folders(vitis: Vitis | None, environ: Mapping[str, str]) -> list[Path]:
    if vitis is not None:
        return list(search_folders(vitis, environ))
    named = environ.get("PLATFORM_REPO_PATHS", "").split(os.pathsep)
    return [Path(name) for name in (*named, *USUAL_FOLDERS) if name]


def _licence(environ: Mapping[str, str]) -> Finding:
    """Where the tools look for licences: the variables, then a folder of the home (that one from
    memory). Whether one is needed depends on the part."""
    stops = "tool runs for parts that need a licence: the tool says so"
    mend = f"export {LICENCE_VARIABLES[0]}=<port>@<server>, or the path of the .lic file"
    lost = []
    for name in LICENCE_VARIABLES:
        for part in filter(None, environ.get(name, "").split(os.pathsep)):
            if "@" in part or Path(part).exists():
                return Finding("licence", True, "", f"{part} (${name})", stops, mend)
            lost.append(f"${name} names {part}, which is not there")
    home = Path(environ.get("HOME", "/nowhere")) / _LICENCE_FOLDER
    files = sorted(home.glob("*.lic"))
    if files:
        return Finding("licence", True, "", str(files[0]), stops, mend)
    variables = " nor ".join(f"${name}" for name in LICENCE_VARIABLES)
    where = "; ".join(lost) or f"neither {variables} is set, no .lic in {home}"
    return Finding("licence", False, "", where, stops, mend)


def _memory(size: int) -> Finding:
    """What a link takes, nobody knows before."""
    assumed = _JOBS * _JOB_BYTES
    where = f"{bytes_text(assumed)} are assumed for {_JOBS} jobs of v++"
    mend = f"set hardware.jobs in the spec lower than {_JOBS}"
    found = size >= assumed
    return Finding("memory for hw", found, bytes_text(size), where, "links, perhaps", mend)


def _xrt(environ: Mapping[str, str]) -> Finding:
    install = find_install(environ)
    if install is None:
        where = "no $XILINX_XRT, no /opt/xilinx/xrt"
        mend = "apt-get install ./xrt_<version>.deb from the card's page"
        return Finding("XRT", False, "", where, _RUNS, mend)
    found = installed_release(install.folder)
    version = release_text(found) if found else "unknown"
    return Finding("XRT", True, version, str(install.folder), _RUNS, "")


def _pyxrt(environ: Mapping[str, str], answer: Answer | None) -> Finding:
    """answer: of the module, None where there is none to be imported."""
    install = find_install(environ)
    python = ".".join(platform.python_version_tuple()[:2])
    if answer is not None:
        mend = f"source {install.folder}/setup.sh" if install else "install XRT"
        where = answer.fault or f"importable by Python {python}"
        return Finding("pyxrt", not answer.fault, "", where, _RUNS, mend)
    if install is None:
        return Finding("pyxrt", False, "", "comes with XRT", _RUNS, "install XRT")
    setup = f"source {install.folder}/setup.sh"
    if not install.pythons:
        where = f"no module for a known Python in {install.folder}/python"
        return Finding("pyxrt", False, "", where, _RUNS, setup)
    where = f"{install.folder}/python, for Python {' and '.join(install.pythons)}"
    if python in install.pythons:
        return Finding("pyxrt", False, "", f"{where}, not on the path", _RUNS, setup)
    mend = f"{setup}, and run the bundle with python{install.pythons[0]} -m sat_host"
    return Finding("pyxrt", False, "", f"{where}, this is {python}", _RUNS, mend)


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # loaded by hand, without a specification
        return True


def _cards(environ: Mapping[str, str], answer: Answer | None) -> Finding:
    """What XRT lists; else what is on PCIe, which XRT may not know how to use."""
    seen = answer.cards if answer is not None else ()
    if seen:
        good = [card for card in seen if not card.fault]
        names = [f"xrt:{card.index} ({card.fault or f'{card.bdf}, {card.name}'})" for card in seen]
        return Finding("card", bool(good), "", "; ".join(names), _RUNS, EXAMINE)
    on_bus = _on_bus(environ)
    if answer is None or answer.fault:
        return on_bus
    mend = on_bus.mend
    if on_bus.found:
        mend = f"load XRT's driver (`modprobe xocl`), and {EXAMINE}"
    return replace(on_bus, found=False, where=f"XRT lists none; {on_bus.where}", mend=mend)


def _on_bus(environ: Mapping[str, str]) -> Finding:
    lspci = shutil.which("lspci", path=environ.get("PATH"))
    if lspci is None:
        mend = "apt-get install pciutils"
        return Finding("card", False, "", "unknown: no lspci on PATH", _RUNS, mend)
    try:
        lines = run([lspci, "-d", f"{_VENDOR_ID}:"], timeout=10.0).stdout.splitlines()
    except HlsgenError as error:
        mend = f"see what `lspci -d {_VENDOR_ID}:` says"
        return Finding("card", False, "", f"unknown: {error}", _RUNS, mend)
    where = "; ".join(line.strip() for line in lines) or "lspci lists none of Xilinx"
    mend = f"plug one in and boot; `lspci -d {_VENDOR_ID}:` must list it"
    return Finding("card", bool(lines), "", where, _RUNS, mend)

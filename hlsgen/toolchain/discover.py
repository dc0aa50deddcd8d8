# SPDX-License-Identifier: Apache-2.0
"""Find a Vitis installation: as named, in the environment, on PATH, or in a usual place.

Installations differ in layout: <root>/Vitis/<version> through 2024.2, <root>/<version>/Vitis
after (both with settings64.sh in that folder). What a folder holds is decided by sourcing its
settings64.sh in a shell and looking for the tools on the PATH that results.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from sat_host.xrt.shell_settings import VITIS_LAYOUTS, VITIS_ROOTS, VITIS_SETTINGS

from ..errors import ToolMissingError
from .run import CommandError, run
from .versions import NEWEST, OLDEST, Release, order, release, version_in

TOOLS = ("v++", "vitis_hls", "vitis-run", "emconfigutil")
# The tools bring their own Python, which these would lead astray.
_FOREIGN = {"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV"}
_SHELLS_OWN = {"_", "PWD", "OLDPWD", "SHLVL"}
_SOURCE_SECONDS = 120.0
_BANNER_SECONDS = 120.0


@dataclass(frozen=True)
class Vitis:
    """An installation. root: the folder with settings64.sh, None for one that is only assumed.

    settings: what to source before a tool runs, None when this environment is set up already.
    tools: {name: absolute path} of those of TOOLS that it has. how: where it was found, in words.
    """

    root: Path | None
    release: Release
    settings: Path | None
    tools: Mapping[str, str]
    how: str

    @property
    def version(self) -> str:
        """As "2023.2"."""
        return self.release.version

    @property
    def title(self) -> str:
        """As "Vitis 2023.2"."""
        return f"Vitis {self.version}"

    def tool(self, name: str) -> str:
        """Absolute path of a tool. Raises ToolMissingError when this installation lacks it."""
        if name not in self.tools:
            raise ToolMissingError(
                f"{self.title} at {self.root} has no {name}: install that part of it, or name "
                "another installation with --vitis DIR"
            )
        return self.tools[name]


def find_vitis(
    environ: Mapping[str, str],
    *,
    argument: Path | str | None = None,
    named: str | None = None,
    roots: Sequence[str] = VITIS_ROOTS,
) -> Vitis:
    """The installation to use. argument: of `--vitis`; named: the spec's hardware.vitis.

    Either is the only place that is looked at, in that order. Else $XILINX_VITIS, then `v++` on
    PATH, then the newest below `roots`. Raises ToolMissingError that says what was looked at.
    """
    for text, how in ((argument, "--vitis"), (named, "hardware.vitis")):
        if text is not None:
            return _named(Path(text).expanduser(), how, environ)
    rejected: dict[Path, _Rejected] = {}
    for folder, how in _places(environ, roots):
        if folder.resolve() not in rejected:
            outcome = _inspect(folder, how, environ)
            if isinstance(outcome, Vitis):
                return outcome
            rejected[folder.resolve()] = outcome
    seen = list(rejected.values())
    mend = (
        f"install Vitis {OLDEST} to {NEWEST}, or name its folder with --vitis DIR or "
        "hardware.vitis in the spec"
    )
    if _of_other_versions(seen):
        raise ToolMissingError(_known_versions(seen), mend=mend)
    places = "$XILINX_VITIS, PATH, " + ", ".join(roots)
    why = f": {_reasons(seen)}" if seen else ""
    raise ToolMissingError(f"Vitis not found: looked at {places}{why}", mend=mend)


@dataclass(frozen=True)
class _Rejected:
    """A folder that is of no use, and why. other_version: it is a Vitis, but not one we know."""

    reason: str
    other_version: bool = False


def _of_other_versions(rejected: Sequence[_Rejected]) -> bool:
    return bool(rejected) and all(each.other_version for each in rejected)


def _known_versions(rejected: Sequence[_Rejected]) -> str:
    return f"{_reasons(rejected)}; {OLDEST} to {NEWEST} are known"


def _reasons(rejected: Sequence[_Rejected]) -> str:
    return "; ".join(each.reason for each in rejected)


def assumed_vitis(version: str = NEWEST) -> Vitis:
    """A Vitis that nobody has looked for, to show what would be run: tools by their bare names."""
    tools = {name: name for name in TOOLS}
    return Vitis(None, release(version), None, tools, "assumed")


def tool_environment(settings: Path | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that a tool is to be run with: `environ` with `settings` sourced into it.

    In a shell of its own, never in this process: settings64.sh puts old libraries first. Raises
    ToolMissingError when the script fails.
    """
    base = {name: value for name, value in environ.items() if name not in _FOREIGN}
    base["LC_ALL"] = "C"  # logs are parsed, so they must be in English
    if settings is None:
        return base
    script = 'source "$0" >&2 </dev/null && env -0'
    bash = shutil.which("bash", path=environ.get("PATH")) or "/bin/bash"
    try:
        done = run([bash, "-c", script, str(settings)], env=base, timeout=_SOURCE_SECONDS)
    except CommandError as error:
        raise ToolMissingError(
            f"{settings} cannot be sourced: {error}: repair or reinstall Vitis"
        ) from None
    pairs = (entry.partition("=") for entry in done.stdout.split("\0") if "=" in entry)
    return {name: value for name, _, value in pairs if name not in _SHELLS_OWN}


def _places(environ: Mapping[str, str], roots: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Folders that may hold an installation, best first, and how each was found."""
    if folder := environ.get("XILINX_VITIS"):
        yield Path(folder), "$XILINX_VITIS"
    if program := shutil.which("v++", path=environ.get("PATH")):
        yield Path(program).resolve().parent.parent, "v++ on PATH"
    for root in roots:
        home = environ.get("HOME", "~")
        folder = root.replace("~", home, 1) if root.startswith("~") else root
        for found in _below(Path(folder)):
            yield found, root


def _named(folder: Path, how: str, environ: Mapping[str, str]) -> Vitis:
    """The newest in a folder that the user named."""
    rejected: list[_Rejected] = []
    for found in _below(folder):
        outcome = _inspect(found, how, environ)
        if isinstance(outcome, Vitis):
            return outcome
        rejected.append(outcome)
    if _of_other_versions(rejected):
        raise ToolMissingError(
            f"{how}: {_known_versions(rejected)}",
            mend="name the folder of one of these, or leave it out to have one looked for",
        )
    if rejected:
        raise ToolMissingError(
            f"{how} {folder}: no Vitis to use: {_reasons(rejected)}",
            mend="repair that installation, or name the folder of another",
        )
    raise ToolMissingError(
        f"{how} {folder}: no Vitis to use: no {VITIS_SETTINGS} in it, nor in Vitis/<version> or "
        "<version>/Vitis",
        mend=f"name the folder with its {VITIS_SETTINGS}",
    )


def _below(root: Path) -> list[Path]:
    """Folders with a settings64.sh, newest version first; those without a version come last."""
    patterns = [str(PurePath(layout, VITIS_SETTINGS)) for layout in VITIS_LAYOUTS]
    folders = {path.parent for pattern in patterns for path in root.glob(pattern)}

    def newest_first(folder: Path) -> tuple[int, int, str]:
        year, number = order(version_in(str(folder)) or "2000.0")
        return -year, -number, str(folder)

    return sorted(folders, key=newest_first)


def _inspect(folder: Path, how: str, environ: Mapping[str, str]) -> Vitis | _Rejected:
    """The installation in a folder, or why it is of no use."""
    folder = folder.absolute()  # steps run elsewhere
    settings = folder / VITIS_SETTINGS if (folder / VITIS_SETTINGS).is_file() else None
    try:
        variables = tool_environment(settings, environ)
    except ToolMissingError as error:
        return _Rejected(str(error))
    places = os.pathsep.join(_tool_folders(folder, variables, environ if settings else {}))
    tools = {name: path for name in TOOLS if (path := shutil.which(name, path=places))}
    if "v++" not in tools:
        return _Rejected(f"{folder} has no v++")
    version = version_in(str(folder)) or _banner_version(tools["v++"], variables)
    if version is None:
        return _Rejected(f"{folder}: v++ does not say its version")
    try:
        return Vitis(folder, release(version), settings, tools, how)
    except ToolMissingError:
        return _Rejected(f"{folder} is Vitis {version}", other_version=True)


def _tool_folders(
    folder: Path, variables: Mapping[str, str], before: Mapping[str, str]
) -> list[str]:
    """Where the tools of one installation are: its own folders, and what its settings added.

    Not the rest of PATH, which may have tools of another version. before: the environment without
    the settings. The HLS tool had a folder of its own before 2024.
    """
    own = [str(folder / "bin")]
    if hls := variables.get("XILINX_HLS"):
        own.append(str(Path(hls) / "bin"))
    known = before.get("PATH", "").split(os.pathsep)
    return own + [each for each in variables.get("PATH", "").split(os.pathsep) if each not in known]


def _banner_version(program: str, variables: Mapping[str, str]) -> str | None:
    try:
        done = run([program, "--version"], env=variables, timeout=_BANNER_SECONDS)
    except (CommandError, ToolMissingError):
        return None
    return version_in(done.stdout)

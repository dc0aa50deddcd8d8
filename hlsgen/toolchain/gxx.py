# SPDX-License-Identifier: Apache-2.0
"""Compile a rendered project into the csim library, object by object, through the cache.

Commands run in a scratch folder that holds the project, with relative paths only, so neither the
commands nor the bytes of the library depend on where it was built.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sat_host.isa import isa_flags

from ..cache import Cache, Entry, content_key
from ..disk import disk_errors, explain, scratch_folder
from ..errors import Cancelled, WorkError
from ..project import BANNER, Project, digest_of, write
from .compiler import Compiler
from .includes import sources_of
from .run import CommandError, describe_status, first_error_line, run

LIBRARY = "libsat.so"
WORKERS = 2
# Strict IEEE 754: nothing that reorders, contracts or approximates is ever added for all units.
COMMON_FLAGS = (
    *("-std=c++14", "-O3", "-fPIC", "-fvisibility=hidden", "-pthread"),
    *("-Wall", "-Wextra", "-Werror"),
    # Some distributions' checks take a jump between stacks (kernels/csim/fibers.h) for an error.
    "-U_FORTIFY_SOURCE",
)
LINK_FLAGS = ("-shared", "-pthread", "-Wl,--build-id=none", "-Wl,-z,defs")
# A comment, so specs that differ in their names alone share all that is compiled.
_BANNER_LINE = re.compile(rf"^// {BANNER}\b.*", re.MULTILINE)
_SUFFIXES = {".h", ".hh", ".hpp", ".inc", ".c", ".cc", ".cpp"}
_COMPILE_SECONDS = 900.0
_NO_SPACE = "No space left on device"
_TMPDIR = "set TMPDIR to another folder"
# Search paths and options that g++ and clang++ take from the environment.
_FOREIGN = {
    *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH"),
    *("DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "LD_RUN_PATH", "CCC_OVERRIDE_OPTIONS"),
}


@dataclass(frozen=True)
class Unit:
    """One translation unit: its path in the project, and flags that only it gets."""

    source: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """One compiler call. source: what it makes the output from, for messages."""

    source: str
    output: str
    argv: tuple[str, ...]
    key: str

    @property
    def suffix(self) -> str:
        """Suffix of the output, which is the cache entry's too."""
        return PurePosixPath(self.output).suffix


@dataclass(frozen=True)
class Plan:
    """Every compiler call of a library, in order: the units, then the link."""

    project: Project
    units: tuple[Command, ...]
    link: Command
    isa: str

    @property
    def commands(self) -> tuple[Command, ...]:
        return (*self.units, self.link)


@dataclass(frozen=True)
class ObjectReport:
    """One unit of a library. cached: it was not compiled now."""

    source: str
    cached: bool


@dataclass(frozen=True)
class CompiledLibrary:
    """A csim library in the cache. cached: nothing at all was compiled or linked."""

    path: Path
    sha256: str
    isa: str
    cached: bool
    objects: tuple[ObjectReport, ...]


def plan_library(
    project: Project,
    units: Sequence[Unit],
    include_dirs: Sequence[str],
    compiler: Compiler,
    isa: str,
) -> Plan:
    """The commands for `project`, and their cache keys. Nothing is written or run.

    units and include_dirs are relative to the project's root. isa: see `sat_host.isa.isa_flags`.
    A unit's key covers all that it may include but for the comment that names the spec, the
    compiler's version line, and all arguments.
    """
    sources = {
        path: _BANNER_LINE.sub("", text)
        for path, text in project.files.items()
        if PurePosixPath(path).suffix in _SUFFIXES
    }
    made_by = {"banner": compiler.banner, "machine": platform.machine()}
    flags = (*COMMON_FLAGS, *isa_flags(isa), *(f"-I{folder}" for folder in include_dirs))
    commands = []
    for unit in units:
        if unit.source not in sources:
            raise WorkError(f"{unit.source}: not in the rendered project")
        output = f"{PurePosixPath(unit.source).stem}.o"
        arguments = (*flags, *unit.flags, "-c", unit.source, "-o", output)
        digest = digest_of(sources_of(unit.source, sources))
        key = content_key(sources=digest, arguments=arguments, **made_by)
        commands.append(Command(unit.source, output, (*compiler.command, *arguments), key))
    arguments = (*LINK_FLAGS, "-o", LIBRARY, *(command.output for command in commands))
    key = content_key(objects=[c.key for c in commands], arguments=arguments, **made_by)
    link = Command(LIBRARY, LIBRARY, (*compiler.command, *arguments), key)
    return Plan(project, tuple(commands), link, isa)


def compile_library(plan: Plan, cache: Cache) -> CompiledLibrary:
    """The library of `plan`, from the cache or compiled now, two units at a time.

    Raises WorkError that quotes the compiler's first error, and InputError or WorkError when the
    disk refuses. Ctrl-C ends the compilers and leaves no entry.
    """
    entry = cache.get(plan.link.key, plan.link.suffix)
    if entry is None:
        with scratch_folder("hlsgen-compile-") as scratch:
            with disk_errors(scratch, _TMPDIR):
                write(plan.project, scratch)
            shop = _Workshop(cache, scratch, threading.Event())
            objects = shop.make_objects(plan.units)
            entry = shop.make(plan.link)
    else:
        objects = tuple(ObjectReport(unit.source, True) for unit in plan.units)
    return CompiledLibrary(entry.path, entry.sha256, plan.isa, entry.cached, objects)


@dataclass(frozen=True)
class _Workshop:
    """A scratch folder with the project in it, where commands run. `cancel` stops all of them."""

    cache: Cache
    scratch: Path
    cancel: threading.Event

    def make_objects(self, units: Sequence[Command]) -> tuple[ObjectReport, ...]:
        """Have every object in the cache and in the scratch folder, two at a time."""
        with ThreadPoolExecutor(WORKERS) as pool:
            futures = [pool.submit(self._make_object, unit) for unit in units]
            try:
                return tuple(future.result() for future in futures)
            except BaseException:
                self.cancel.set()
                pool.shutdown(cancel_futures=True)
                _raise_cause(futures)
                raise

    def make(self, command: Command) -> Entry:
        """The output of one command, from the cache or made now."""
        return self.cache.get_or_make(
            command.key,
            command.suffix,
            lambda path: self._execute(command, path),
            self.cancel.is_set,
        )

    def _make_object(self, unit: Command) -> ObjectReport:
        try:
            entry = self.make(unit)
            with disk_errors(self.scratch, _TMPDIR):
                shutil.copyfile(entry.path, self.scratch / unit.output)
        except BaseException:
            self.cancel.set()
            raise
        return ObjectReport(unit.source, entry.cached)

    def _execute(self, command: Command, target: Path) -> None:
        try:
            run(
                command.argv,
                cwd=self.scratch,
                env=_environment(),
                timeout=_COMPILE_SECONDS,
                cancel=self.cancel,
            )
        except CommandError as error:
            raise self._compile_error(command, error, target) from error
        shutil.copyfile(self.scratch / command.output, target)

    def _compile_error(self, command: Command, error: CommandError, target: Path) -> WorkError:
        verb = "linking" if command.source == command.output else "compiling"
        if _NO_SPACE in error.stderr + error.stdout:
            full = explain(OSError(errno.ENOSPC, _NO_SPACE), self.scratch.parent, _TMPDIR)
            return WorkError(f"{verb} {command.source} failed: {full}")
        if error.status is None or error.status < 0:
            text = f"{command.argv[0]} {describe_status(error.status)}"
        else:
            text = first_error_line(error.stderr, error.stdout)
        where = ""
        if self.cache.warning is None:  # else the folder does not outlive this build
            log = target.parent / f"{command.key}.log"
            with suppress(OSError):
                log.write_text(error.stderr + error.stdout, encoding="utf-8")
                where = f" (whole output: {log})"
        return WorkError(f"{verb} {command.source} failed: {text}{where}")


def _environment() -> dict[str, str]:
    """This process's, without what changes a compiler's output and is in no cache key."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _FOREIGN and not name.startswith("GCC_")
    }
    return {**kept, "LC_ALL": "C"}  # messages are parsed, so they must be in English


def _raise_cause(futures: Sequence[Future[ObjectReport]]) -> None:
    """Raise the failure that made the others stop, if there is one."""
    for future in futures:
        if future.done() and not future.cancelled():
            error = future.exception()
            if error is not None and not isinstance(error, Cancelled):
                raise error

# SPDX-License-Identifier: Apache-2.0
"""Check a project: every translation unit by every rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..toolchain.compiler import find_compiler
from . import (
    binding_rules,
    construct_rules,
    dataflow_rules,
    interface_rules,
    loop_rules,
    memory_rules,
    operator_rules,
    pragma_rules,
    region_rules,
    stream_rules,
    turn_rules,
    variable_rules,
)
from .context import read_context
from .findings import Finding
from .preprocess import Source, preprocess, units_of
from .syntax import text_of


@dataclass(frozen=True)
class Report:
    """What was checked, and what was found. folder: the project; files and lines: those of its
    synthesizable sources that the units include; pragmas: of HLS, in them."""

    folder: Path
    units: tuple[str, ...]
    files: int
    lines: int
    pragmas: int
    findings: tuple[Finding, ...]


def lint(build: Path, environ: Mapping[str, str]) -> Report:
    """Check the HLS C++ of a bundle, or of a rendered project.

    Raises InputError when it is neither or can't be preprocessed, ToolMissingError without a
    compiler or without the parser.
    """
    folder = project_of(build)
    compiler = find_compiler(environ)
    units = units_of(folder)
    findings: set[Finding] = set()
    places: set[tuple[str, int]] = set()
    pragmas: set[tuple[str, int, str]] = set()
    for unit in units:
        source = preprocess(folder, unit, compiler)
        places.update(source.places)
        found, seen = check_source(source, folder)
        findings.update(found)
        pragmas.update(seen)
    files = len({file for file, _ in places})
    return Report(folder, tuple(units), files, len(places), len(pragmas), tuple(sorted(findings)))


def check_source(source: Source, folder: Path) -> tuple[set[Finding], set[tuple[str, int, str]]]:
    """The findings of one preprocessed unit, and its pragmas: file, line and text."""
    context = read_context(source)
    findings = {
        *pragma_rules.check(context),
        *binding_rules.check(context),
        *operator_rules.check(context),
        *variable_rules.check(context, folder),
        *memory_rules.check(context),
        *interface_rules.check(context),
        *stream_rules.check(context),
        *region_rules.check(context),
        *dataflow_rules.check(context),
        *loop_rules.check(context),
        *turn_rules.check(context),
        *construct_rules.check(context),
    }
    seen = {(*context.unit.place(each.node), text_of(each.node)) for each in context.pragmas.all}
    return findings, seen


def project_of(build: Path) -> Path:
    """The folder with the kernels' sources: `src` of a bundle, or the project itself.

    Raises InputError when there are none.
    """
    if not build.is_dir():
        what = "is no folder" if build.exists() else "no such folder"
        raise InputError(f"{build}: {what}: give a bundle of `hlsgen build`")
    for folder in (build / "src", build):
        if units_of(folder):
            return folder
    raise InputError(f"{build}: holds no kernels: give a bundle of `hlsgen build`")

# SPDX-License-Identifier: Apache-2.0
"""Files of FIFO depths: a YAML mapping `fifos` of depths by family, which a spec may name.

A spec that was read has numbers only, so nothing later depends on such a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from .faults import Fault, SpecError
from .spec import Spec
from .spec_fifos import DEFAULT, FifosSpec
from .specfault import findings
from .specread import decode, read_spec
from .yamlmarks import Document, FieldPath, Mark, parse_document, path_text

KEY = "fifos"
_AT: FieldPath = (KEY,)
_CHOICES = "default, the path of a file of depths, or depths by family, as {tiles: 16}"


def depths_text(depths: Mapping[str, int], comment: str) -> str:
    """The content of a file of depths. comment: its first line, without the mark."""
    lines = [f"# {' '.join(comment.split())}", f"{KEY}:" if depths else f"{KEY}: {{}}"]
    return "\n".join([*lines, *(f"  {name}: {depth}" for name, depth in depths.items())]) + "\n"


def with_depths(document: Document, file: str) -> Document:
    """The document of a spec with the depths of the file that it names in the name's place, and
    with faults where that can't be. file: the spec's, from whose folder paths count."""
    if not isinstance(document.value, dict) or document.value.get(KEY, DEFAULT) == DEFAULT:
        return document
    value = document.value[KEY]
    if isinstance(value, dict) or _AT in document.spoilt:
        return document
    try:
        depths = _read(value, document, file)
    except SpecError as error:
        faults = [*document.faults, *error.faults]
        return replace(document, faults=faults, spoilt=document.spoilt | {_AT})
    return replace(document, value={**document.value, KEY: depths})


def self_contained(text: bytes, spec: Spec, file: str) -> bytes:
    """The text of `spec` as a bundle keeps it: where it names a file of depths, with these in the
    name's place; else byte for byte."""
    plain = decode(text, file)
    document = parse_document(plain, file)
    value = document.value.get(KEY)
    if not isinstance(value, str) or value == DEFAULT:
        return text
    given = spec.fifos.given()
    wanted = {**document.value, KEY: given}
    changed = _replaced(plain, document.values[_AT], value, given)
    if changed is not None and parse_document(changed, file).value == wanted:
        return changed.encode()
    # An alias, or a text in several lines.
    return yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False).encode()


def _replaced(text: str, mark: Mark, value: str, depths: Mapping[str, int]) -> str | None:
    """`text` with depths in the place of the scalar `value`; None where it is not written so."""
    lines = text.split("\n")
    line = lines[mark.line - 1]
    before, rest = line[: mark.column - 1], line[mark.column - 1 :]
    for written in (value, f'"{value}"', f"'{value}'"):
        if rest.startswith(written):
            listed = ", ".join(f"{name}: {depth}" for name, depth in depths.items())
            lines[mark.line - 1] = f"{before}{{{listed}}}{rest.removeprefix(written)}"
            return "\n".join(lines)
    return None


def _read(value: Any, document: Document, file: str) -> dict[str, int]:
    """The depths of the file of that name. Raises SpecError, at the name or within the file."""
    mark = document.values[_AT] if value is not None else document.keys[_AT]
    if not isinstance(value, str) or not value or not value.isprintable():
        what = "has no value" if value is None else "is neither a mapping nor the path of a file"
        raise SpecError([Fault(file, *mark, KEY, what, f"write {_CHOICES}")])
    path = Path(file).parent / value
    try:
        data = read_spec(path, "file of FIFO depths")
    except SpecError as error:
        (fault,) = error.faults
        what = f"{path}: {fault.message}"
        mend = f"{fault.mend}, or write default" if "path" in fault.mend else fault.mend
        raise SpecError([Fault(file, *mark, KEY, what, mend)]) from None
    return _depths(parse_document(decode(data, str(path)), str(path)), str(path))


def _depths(document: Document, file: str) -> dict[str, int]:
    faults = [*document.faults, *_content_faults(document, file)]
    if faults:
        raise SpecError(faults)
    return FifosSpec.model_validate(document.value[KEY]).given()


def _content_faults(document: Document, file: str) -> Iterator[Fault]:
    """What keeps the content of a file from being depths."""
    value, mend = document.value, f"write `{KEY}:` with depths by family below it, as `tiles: 16`"
    if not isinstance(value, dict) or KEY not in value:
        mark = document.values.get((), Mark(1, 1))
        yield Fault(file, *mark, KEY, "missing, so this is no file of FIFO depths", mend)
        return
    for key in value:
        if key != KEY:
            what = f"unknown field of a file of FIFO depths, which has {KEY} alone"
            yield Fault(file, *document.keys[(key,)], path_text((key,)), what, "remove it")
    if not isinstance(value[KEY], dict):
        yield Fault(file, *document.values[_AT], KEY, "is no mapping", mend)
        return
    try:
        FifosSpec.model_validate(value[KEY])
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            detail["loc"] = (KEY, *detail["loc"])
            yield from (found.fault for found in findings(detail, document, file))

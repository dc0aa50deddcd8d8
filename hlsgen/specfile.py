# SPDX-License-Identifier: Apache-2.0
"""A spec file to a `Spec`, or all its faults at once, each with its line and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .faults import Fault, SpecError, shown
from .spec import Spec
from .specfault import Finding, finding
from .yamlmarks import Document, FieldPath, parse_document

MAX_BYTES = 1 << 20


def load_spec(path: Path) -> Spec:
    """Read and check the spec file at `path`.

    Raises SpecError (an InputError), whose text has a line `file:line:column: field: what is
    wrong: the mend` for every fault, and whose `faults` hold the same for programs.
    """
    return parse_spec(read_spec(path), str(path))


def parse_spec(text: str | bytes, file: str) -> Spec:
    """As `load_spec`, from text or what `read_spec` gives; `file` names it in faults."""
    if isinstance(text, bytes):
        text = _decode(text, file)
    document = parse_document(text, file)
    if not isinstance(document.value, dict):
        mark = document.values.get((), (1, 1))
        kind = "is a list" if isinstance(document.value, list) else "is a single value"
        what = "the file holds nothing" if document.value is None else f"the file {kind}"
        mend = "write the fields of a spec, first `name: my_name`"
        raise SpecError([*document.faults, Fault(file, *mark, "", what, mend)])
    spec, faults = _validate(document, file)
    if spec is None or document.faults:
        raise SpecError([*document.faults, *faults])
    return spec


def _validate(document: Document, file: str) -> tuple[Spec | None, list[Fault]]:
    """The spec, and all faults of its fields.

    The rules between fields are checked only where the fields themselves are right. So that all
    faults show at once, faulty fields are taken out and the rest is checked again; what then
    concerns a field taken out is not reported.
    """
    faults: list[Fault] = []
    removed = {path for path in document.spoilt if path}
    value = _without(document.value, removed)
    while True:
        try:
            spec = Spec.model_validate(value)
            return (None if faults else spec), faults
        except ValidationError as error:
            details = error.errors(include_url=False)
        findings = [finding(d, document, file) for d in details if not _follows(d, details)]
        faults += [f.fault for f in findings if not _concerns(f, removed)]
        new = {path for f in findings for path in f.fields} - removed
        if not new:
            return None, faults
        removed |= new
        value = _without(value, new)


def _follows(detail: ErrorDetails, others: list[ErrorDetails]) -> bool:
    """Whether a list's length is only wrong because pydantic did not count its faulty items."""
    loc = detail["loc"]
    return detail["type"] in ("too_short", "too_long") and any(
        len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in others
    )


def _concerns(found: Finding, removed: set[FieldPath]) -> bool:
    prefixes = {path[:n] for path in found.fields for n in range(1, len(path) + 1)}
    return not prefixes.isdisjoint(removed)


def _without(value: dict[str, Any], removed: set[FieldPath]) -> dict[str, Any]:
    """A copy of the mapping without the fields at these paths; a faulty list goes as a whole."""
    here = {path[0] for path in removed if len(path) == 1 or isinstance(path[1], int)}
    result = {}
    for key, item in value.items():
        if key not in here:
            inner = {path[1:] for path in removed if path[0] == key}
            result[key] = _without(item, inner) if isinstance(item, dict) and inner else item
    return result


def read_spec(path: Path) -> bytes:
    """The content of the spec file at `path`. Raises SpecError when it is none."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unread(path, "no such file", "check the path") from None
    except IsADirectoryError:
        raise _unread(path, "is a folder", "name the spec file in it") from None
    except PermissionError:
        raise _unread(path, "may not be read", "change its permissions") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unread(path, f"can't be read, {reason}", "check the path") from None
    if len(data) > MAX_BYTES:
        raise _unread(path, "is larger than 1 MiB", "give a spec, a short YAML file")
    return data


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        what = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        fault = Fault(file, line, column, "", what, "give a text file saved as UTF-8")
        raise SpecError([fault]) from None


def _unread(path: Path, what: str, mend: str) -> SpecError:
    return SpecError([Fault(str(path), None, None, "", shown(what, 200), mend)])

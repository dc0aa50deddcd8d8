# SPDX-License-Identifier: Apache-2.0
"""A spec file to a `Spec`, or all its faults at once, each with its line and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .faults import Fault, SpecError
from .spec import Spec
from .spec_base import UNREAD
from .specfault import Finding, findings
from .specfifos import with_depths
from .specread import decode, read_spec
from .yamlmarks import Document, FieldPath, parse_document

__all__ = ["load_spec", "parse_spec", "read_spec"]


def load_spec(path: Path) -> Spec:
    """Read and check the spec file at `path`.

    Raises SpecError (an InputError), whose text has a line `file:line:column: field: what is
    wrong: the mend` for every fault, and whose `faults` hold the same for programs.
    """
    return parse_spec(read_spec(path), str(path))


def parse_spec(text: str | bytes, file: str) -> Spec:
    """As `load_spec`, from text or what `read_spec` gives.

    file: names it in faults; a file of FIFO depths that it names is looked for from its folder.
    """
    if isinstance(text, bytes):
        text = decode(text, file)
    document = with_depths(parse_document(text, file), file)
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
    faults show at once, faulty fields are taken out, and the rest is checked again, with stand-ins
    where a field must be; what then concerns a field taken out is not reported.
    """
    faults: list[Fault] = []
    absent: set[FieldPath] = set()
    removed = {path for path in document.spoilt if path}
    value = _without(document.value, removed)
    while True:
        try:
            spec = Spec.model_validate(value)
            return (None if faults else spec), faults
        except ValidationError as error:
            details = error.errors(include_url=False)
        primary = [detail for detail in details if not _follows(detail, details)]
        found = [each for detail in primary for each in findings(detail, document, file)]
        faults += [each.fault for each in found if not _concerns(each, removed)]
        new = {path for each in found for path in each.fields} - removed
        missing = {each.fields[0] for each in found if each.absent} - absent
        if not new | missing:
            return None, faults
        removed |= new
        absent |= missing
        value = _without(document.value, removed)
        for path in absent:
            _stand_in(value, path)


def _follows(detail: ErrorDetails, others: list[ErrorDetails]) -> bool:
    """Whether a list's length is only wrong because pydantic did not count its faulty items."""
    loc = detail["loc"]
    return detail["type"] in ("too_short", "too_long") and any(
        len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in others
    )


def _concerns(found: Finding, removed: set[FieldPath]) -> bool:
    prefixes = {path[:n] for path in found.fields for n in range(1, len(path) + 1)}
    return not prefixes.isdisjoint(removed)


def _without(value: Any, removed: set[FieldPath]) -> Any:
    """A copy of a mapping or list without what is at these paths.

    A list of sections keeps its length: one that is faulty, or has a faulty field, gives way to a
    stand-in. A list of anything else goes as a whole.
    """
    if isinstance(value, list):
        return [_item(item, {p[1:] for p in removed if p[0] == n}) for n, item in enumerate(value)]
    result = {}
    for key, item in value.items():
        inner = {path[1:] for path in removed if path[0] == key}
        if () in inner or (inner and not _holds_sections(item)):
            continue
        result[key] = _without(item, inner) if inner else item
    return result


def _stand_in(value: Any, path: FieldPath) -> None:
    """Put a stand-in at `path`, unless what it is in was taken out."""
    for step in path[:-1]:
        known = isinstance(value, dict) and step in value
        if not known and not isinstance(value, list):
            return
        value = value[step]
    if isinstance(value, dict):
        value[path[-1]] = UNREAD


def _holds_sections(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, dict) for item in value)
    return isinstance(value, dict)


def _item(item: Any, removed: set[FieldPath]) -> Any:
    own = {path for path in removed if len(path) < 2 or not isinstance(path[1], int)}
    if own or (removed and not isinstance(item, dict)):
        return UNREAD
    return _without(item, removed) if removed else item

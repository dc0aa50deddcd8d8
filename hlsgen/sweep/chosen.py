# SPDX-License-Identifier: Apache-2.0
"""The spec of a point, as a file that is ready to build."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ..errors import InputError, WorkError
from ..faults import SpecError
from ..spec import Spec
from ..spec_base import NAME
from ..specfault import findings
from ..specfile import parse_spec
from ..yamlmarks import Document
from .axes import overridden
from .evaluate import Point, Request, spec_of


def spec_text(request: Request, point: Point, comment: str, file: Path) -> str:
    """The YAML of a point's spec, read again and found equal. comment: its first line. file: where
    it will be, after which it is named, lest its bundle take the place of the first spec's. Raises
    WorkError where it does not say the same."""
    added = {"name": name_of(file)} | _batch(request)
    request = replace(request, keys=(*request.keys, *added))
    point = replace(point, values=(*point.values, *added.values()))
    document = overridden(request.document, dict(zip(request.keys, point.values, strict=True)))
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    text = f"# {' '.join(comment.split())}\n{body}"
    try:
        if parse_spec(text, str(file)) == spec_of(request, point):
            return text
    except SpecError as error:
        raise WorkError(f"{file}: the best point can't be written as a spec: {error}") from None
    raise WorkError(f"{file}: the best point, written as a spec, is read as another one")


def name_of(file: Path) -> str:
    """A spec's name like the file's."""
    name = re.sub("[^a-z0-9_]+", "_", file.stem.lower())
    return (name if re.match(NAME, name) else f"best_{name}")[:40]


def check_batch(request: Request) -> None:
    """Raises InputError for images of a step that the spec can't have, where `spec_text` would
    write them."""
    changed = overridden(request.document, _batch(request))
    try:
        Spec.model_validate(changed)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        fault = next(iter(findings(detail, Document(changed), request.file))).fault
        raise InputError(
            f"hlsgen sweep: --batch {request.batch}: a spec can't have it: {fault.field}: "
            f"{fault.message}: {fault.mend}, or leave out --best"
        ) from None


def _batch(request: Request) -> dict[str, Any]:
    """What the points were modelled with and their keys don't say; a table has its own network."""
    given = request.batch is not None and request.table is None
    return {"training.batch": request.batch} if given else {}

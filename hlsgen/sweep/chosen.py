# SPDX-License-Identifier: Apache-2.0
"""The spec of a point, as a file that is ready to build."""

from __future__ import annotations

from pathlib import Path

import yaml

from ..errors import WorkError
from ..faults import SpecError
from ..specfile import parse_spec
from .axes import overridden
from .evaluate import Point, Request, spec_of


def spec_text(request: Request, point: Point, comment: str, file: Path) -> str:
    """The YAML of a point's spec, read again and found equal. comment: its first line. file: where
    it will be. Raises WorkError where it does not say the same."""
    changes = dict(zip(request.keys, point.values, strict=True))
    document = overridden(request.document, changes)
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    text = f"# {' '.join(comment.split())}\n{body}"
    try:
        if parse_spec(text, str(file)) == spec_of(request, point):
            return text
    except SpecError as error:
        raise WorkError(f"{file}: the best point can't be written as a spec: {error}") from None
    raise WorkError(f"{file}: the best point, written as a spec, is read as another one")

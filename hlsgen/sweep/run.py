# SPDX-License-Identifier: Apache-2.0
"""A sweep from its request to its rows, kept as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ..errors import InputError
from ..specfifos import with_depths
from ..specfile import read_spec
from ..specread import decode
from ..yamlmarks import Document, parse_document
from .axes import Axis
from .columns import Row
from .evaluate import Request
from .journal import Journal, heading, journal_of, opened
from .pool import batches_of, evaluated, points_of

Told = Callable[[int, int], None]
"""Of points that are done, of how many."""


def document_of(file: Path) -> Document:
    """The plain value of a spec file that is valid, the depths of a file that it names included."""
    text = decode(read_spec(file), str(file))
    return with_depths(parse_document(text, str(file)), str(file))


@contextmanager
def _kept(out: Path | None, request: Request, axes: tuple[Axis, ...], resume: bool) -> Iterator[
    Journal | None
]:  # fmt: skip
    if out is None:
        yield None
        return
    with opened(journal_of(out), heading(request, axes), resume=resume) as journal:
        yield journal


def sweep(
    request: Request,
    axes: tuple[Axis, ...],
    out: Path | None,
    told: Told = lambda done, points: None,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    resume: bool = False,
) -> list[Row]:
    """The rows of all combinations, in order.

    out: where the results will go; the rows are kept beside it as they come, and `finished` removes
    them. Raises what `opened` and `evaluated` do.
    """
    if resume and out is None:
        raise InputError(
            "hlsgen sweep: --resume: name with -o the results of the sweep to go on with"
        )
    points = list(points_of(axes))
    with _kept(out, request, axes, resume) as journal:
        rows: dict[int, Row] = {} if journal is None else journal.rows
        missing = [point for point in points if point.number not in rows]
        batches = batches_of(axes, missing, 1 if cluster is None and jobs == 1 else max(jobs, 1))
        told(len(rows), len(points))
        with closing(evaluated(request, batches, jobs, cluster)) as found:
            for batch in found:
                if journal is not None:
                    journal.add(batch)
                else:
                    rows.update((row["point"], row) for row in batch)
                told(len(rows), len(points))
    return [rows[point.number] for point in points]


def finished(out: Path) -> None:
    """Remove what an interrupted sweep would go on from: the results are there."""
    journal_of(out).unlink(missing_ok=True)


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Points by status."""
    found: dict[str, int] = {}
    for row in rows:
        found[row["status"]] = found.get(row["status"], 0) + 1
    return found

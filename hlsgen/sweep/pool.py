# SPDX-License-Identifier: Apache-2.0
"""Batches of points, evaluated in this process, in several, or on a Dask cluster."""

from __future__ import annotations

import importlib
import itertools
import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from .. import __version__
from ..errors import InputError, ToolMissingError, WorkError
from .axes import Axis
from .columns import Row
from .evaluate import Point, Request, evaluate

MOST_OF_BATCH = 256
_BATCHES_A_WORKER = 8
_AT_ONCE = 64
"""Points that are worth a batch: their work is done in common."""

_CONNECT_SECONDS = 10

# Points that are alike in the first of these share the most work, so they come together.
_SHARED_FIRST = ("array", "sparsity.group", "dataflows", "model", "data", "training.batch",
                 "sparsity.method", "sparsity.keep", "fifos", "card", "clock_mhz")  # fmt: skip


def points_of(axes: Sequence[Axis]) -> Iterator[Point]:
    """All combinations; the last axis changes fastest."""
    for number, values in enumerate(itertools.product(*(axis.values for axis in axes))):
        yield Point(number, values)


def batches_of(axes: Sequence[Axis], points: Sequence[Point], workers: int) -> list[list[Point]]:
    """The points in batches, those that share work beside each other, enough for all workers."""
    steps = _strides(axes)
    order = sorted(range(len(axes)), key=lambda place: _shared(axes[place].key))

    def key(point: Point) -> tuple[int, ...]:
        return tuple(point.number // steps[place][0] % steps[place][1] for place in order)

    ordered = sorted(points, key=key)
    share = math.ceil(len(ordered) / workers)
    size = max(
        1, min(MOST_OF_BATCH, max(math.ceil(share / _BATCHES_A_WORKER), min(share, _AT_ONCE)))
    )
    return [ordered[first : first + size] for first in range(0, len(ordered), size)]


def _strides(axes: Sequence[Axis]) -> list[tuple[int, int]]:
    """Of each axis, how many points one step is, and how many values there are."""
    sizes = [len(axis.values) for axis in axes]
    return [(math.prod(sizes[place + 1 :]), size) for place, size in enumerate(sizes)]


def _shared(key: str) -> int:
    for place, known in enumerate(_SHARED_FIRST):
        if key == known or key.startswith(known + "."):
            return place
    return len(_SHARED_FIRST)


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0))


def evaluated(
    request: Request, batches: Sequence[list[Point]], jobs: int, cluster: str | None
) -> Generator[list[Row], None, None]:
    """The rows of each batch, as they come. Close the iterator to end what still runs.

    cluster: the address of a Dask scheduler, whose workers have the same hlsgen. Raises WorkError
    for a process that dies, ToolMissingError without Dask, InputError for an address where none is.
    """
    if cluster is not None:
        yield from _on_cluster(request, batches, cluster)
    elif jobs == 1 or len(batches) < 2:
        for batch in batches:
            for first in range(0, len(batch), _AT_ONCE):  # so that little is lost by an interrupt
                yield evaluate(request, batch[first : first + _AT_ONCE])
    else:
        yield from _in_processes(request, batches, min(jobs, len(batches)))


def _in_processes(
    request: Request, batches: Sequence[list[Point]], jobs: int
) -> Generator[list[Row], None, None]:
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin)
    try:
        futures = [pool.submit(evaluate, request, batch) for batch in batches]
        for future in as_completed(futures):
            yield _result(future)
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Future[list[Row]]) -> list[Row]:
    try:
        return future.result()
    except BrokenProcessPool:
        raise WorkError(
            "hlsgen sweep: a worker process died, maybe for want of memory: use fewer --jobs, and "
            "go on with --resume"
        ) from None


def _begin() -> None:
    """In a worker: Ctrl-C is for the parent, whose end is the worker's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def require_dask() -> Any:
    """The package `distributed`. Raises ToolMissingError."""
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise ToolMissingError(
            "hlsgen sweep: --cluster: needs Dask's package distributed, which is not installed: "
            "run `pip install 'hlsgen[dask]'`"
        ) from None


def _on_cluster(
    request: Request, batches: Sequence[list[Point]], address: str
) -> Generator[list[Row], None, None]:
    distributed = require_dask()
    try:
        client = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # a timeout is an OSError
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"hlsgen sweep: --cluster {address}: no scheduler answers ({reason}): check the address"
        ) from None
    try:
        _check_workers(client, address)
        futures = client.map(evaluate, [request] * len(batches), batches, pure=False)
        try:
            for _, rows in distributed.as_completed(futures, loop=client.loop, with_results=True):
                yield rows
        except distributed.KilledWorker as error:
            raise WorkError(
                f"hlsgen sweep: --cluster {address}: workers died ({error}): go on with --resume"
            ) from None
        finally:
            client.cancel(futures)
    finally:
        client.close()


def version() -> str:
    """Of hlsgen, where it is asked."""
    return __version__


def _check_workers(client: Any, address: str) -> None:
    """Raises WorkError for a cluster without workers or with another hlsgen."""
    where = f"hlsgen sweep: --cluster {address}"
    try:
        found = client.run(version)
    except (ImportError, AttributeError):
        raise WorkError(f"{where}: its workers have no such hlsgen: install it there") from None
    if not found:
        raise WorkError(f"{where}: the scheduler has no workers: start some with `dask worker`")
    if others := {each for each in found.values() if each != __version__}:
        raise WorkError(
            f"{where}: its workers have hlsgen {', '.join(sorted(others))}, not {__version__}: "
            "install the same there"
        )

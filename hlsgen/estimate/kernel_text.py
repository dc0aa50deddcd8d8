# SPDX-License-Identifier: Apache-2.0
"""What the rendered kernels state of themselves: streams, ports, and what memories are made of.

So the estimate counts the sources that a build compiles, and no list that goes stale beside them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from .. import paths
from ..errors import WorkError
from ..fifos import FAMILIES
from ..paths import kernels_dir
from ..render import Chain, render_kernel
from ..spec import Spec

_FIFO = re.compile(r"^\s*SAT_FIFO\((\w+), (\w+), (\d+), (\w+)\)", re.MULTILINE)
_PORT = re.compile(r"^\s*SAT_(READS|WRITES)\((\w+), (\w+), (\d+), (\d+)\)", re.MULTILINE)
_STORAGE = re.compile(r"^\s*SAT_STORAGE\(([\w.]+), (\w+), (\w+)\)", re.MULTILINE)
_PIPELINE = re.compile(r"SAT_PIPELINE(?:_READING)?\((\d+)[,)]")


@dataclass(frozen=True)
class Stream:
    """A FIFO of `depth` tokens, of what BIND_STORAGE names."""

    token: str
    name: str
    depth: int
    resource: str


@dataclass(frozen=True)
class Port:
    """One direction of an m_axi bundle. burst: beats, outstanding: requests under way."""

    name: str
    bundle: str
    writes: bool
    burst: int
    outstanding: int


@dataclass(frozen=True)
class KernelText:
    """One kernel's streams and ports."""

    streams: tuple[Stream, ...]
    ports: tuple[Port, ...]


def kernel_texts(spec: Spec, rows: int | None = None) -> dict[str, KernelText]:
    """By the kernel's name, of what `spec` renders. Raises WorkError as rendering does.

    rows: of the chain that is rendered, with all else as in the spec; by default the spec's own.
    """
    depths = spec.fifo_depths()
    chain = Chain(rows or spec.array.rows, spec.array.lanes)
    return {
        name: _kernel_text(
            name,
            # The update engine has no row units.
            chain if name == "sat_stce" else Chain(1, chain.lanes),
            tuple((family, depths[family]) for family in families),
            paths.templates_dir(),
        )
        for name, families in _families().items()
    }


@cache
def _families() -> dict[str, list[str]]:
    """The streams of each kernel."""
    found: dict[str, list[str]] = {"sat_stce": [], "sat_wuve": []}
    for family in FAMILIES.values():
        found[family.kernel].append(family.name)
    return found


@lru_cache(maxsize=1 << 10)
def _kernel_text(
    name: str, chain: Chain, depths: tuple[tuple[str, int], ...], folder: Path
) -> KernelText:
    """folder: of the templates, for the cache alone."""
    return read_kernel(render_kernel(name, chain, dict(depths)))


def read_kernel(text: str) -> KernelText:
    """The streams and ports of a kernel's source. Raises WorkError for a source without any."""
    streams = tuple(
        Stream(token, name, int(depth), resource)
        for token, name, depth, resource in _FIFO.findall(text)
    )
    ports = tuple(
        Port(name, bundle, way == "WRITES", int(burst), int(outstanding))
        for way, name, bundle, burst, outstanding in _PORT.findall(text)
    )
    if not streams or not ports:
        raise WorkError("the rendered kernels have no streams or ports that can be counted")
    return KernelText(streams, ports)


@cache
def storage() -> dict[str, str]:
    """What each memory of the kernel library is made of, by `file:variable`: the SAT_STORAGE lines.

    Raises WorkError when the library can't be found.
    """
    return {
        f"{path.name}:{variable}": resource
        for path in sorted(kernels_dir().glob("*.h"))
        for variable, _, resource in _STORAGE.findall(path.read_text(encoding="utf-8"))
    }


@cache
def interval(header: str, loop: str) -> int:
    """The initiation interval that a pipelined loop of the library states: within it, uses of an
    operator may share one (UG1399, PIPELINE). Raises WorkError for a loop that states none."""
    text = (kernels_dir() / header).read_text(encoding="utf-8")
    _, found, body = text.partition(f"SAT_LOOP({loop})")
    stated = _PIPELINE.search("\n".join(body.splitlines()[:4]))
    if not found or stated is None:
        raise WorkError(f"kernels/{header}: the loop {loop} states no initiation interval")
    return int(stated[1])

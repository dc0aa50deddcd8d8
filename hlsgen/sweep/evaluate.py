# SPDX-License-Identifier: Apache-2.0
"""What a sweep finds out about its points: one function for a batch of them, in any process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from sat_host.models import NetworkError, build_network
from sat_host.models.workload import Row as Product
from sat_host.models.workload import workload

from ..cards import CARDS
from ..errors import InputError
from ..estimate import estimate
from ..resources import RESOURCES, Resources
from ..schedule.options import Options
from ..schedule.program import Machine, Training, map_of
from ..schedule.shapes import at_batch
from ..schedule.step import Pruning
from ..scheduled import hardware_of, machine_of
from ..spec import Spec
from ..specfault import findings
from ..yamlmarks import Document
from .axes import overridden
from .columns import DONE, ESTIMATED, ILLEGAL, MODELLED, TOO_LARGE, UNSCHEDULED, Row
from .listing import storage_config
from .step_cycles import Asked, StepCycles, steps_cycles


@dataclass(frozen=True)
class Request:
    """document: the spec's plain value, of depths that a file may have held. file: the spec's name.
    keys: of the axes. table: the products of a workload, None for a network's. model: a built-in
    network in place of the spec's. batch: images of a step in place of the table's or the spec's.
    """

    document: dict[str, Any]
    file: str
    keys: tuple[str, ...]
    table: tuple[Product, ...] | None
    model: str | None
    batch: int | None
    overlap: bool


@dataclass(frozen=True)
class Point:
    """number: of all combinations. values: of Request.keys."""

    number: int
    values: tuple[Any, ...]


class _Illegal(Exception):
    """A combination that breaks a rule."""


def evaluate(request: Request, points: Sequence[Point]) -> list[Row]:
    """A row for each point, those that can't be built with the reason."""
    begun = [_begun(request, point) for point in points]
    asked = [each.asked for each in begun if each.asked is not None]
    cycles = iter(steps_cycles(asked))
    return [
        each.row if each.asked is None else each.row | _modelled(each.asked, next(cycles))
        for each in begun
    ]


@dataclass(frozen=True)
class _Begun:
    """A point's row as far as the step's cycles have no part in it; asked: None where it ends."""

    row: Row
    asked: Asked | None = None


def spec_of(request: Request, point: Point) -> Spec:
    """The spec of a point. Raises ValidationError."""
    changes = dict(zip(request.keys, point.values, strict=True))
    return Spec.model_validate(overridden(request.document, changes))


def _begun(request: Request, point: Point) -> _Begun:
    values = dict(zip(request.keys, point.values, strict=True))
    row: Row = {"point": point.number, **values, "status": DONE, "reason": ""}
    row |= dict.fromkeys((*MODELLED, *ESTIMATED))
    try:
        spec = spec_of(request, point)
        products = _products(request, spec)
    except ValidationError as error:
        return _Begun(row | {"status": ILLEGAL, "reason": _why(error, request, values)})
    except _Illegal as error:
        return _Begun(row | {"status": ILLEGAL, "reason": str(error)})
    found = _estimated(spec)
    row |= found.figures
    if found.faults:
        return _Begun(row | {"status": TOO_LARGE, "reason": "; ".join(found.faults)})
    pruning = Pruning(spec.sparsity.method, spec.sparsity.keep)
    fault = _memory_fault(products, _stored(machine_of(spec)), pruning)
    if fault is not None:
        return _Begun(row | {"status": UNSCHEDULED, "reason": fault})
    options = Options(dataflows=spec.dataflows, overlap=request.overlap)
    return _Begun(row, Asked(products, hardware_of(spec), pruning, options))


def _why(error: ValidationError, request: Request, values: dict[str, Any]) -> str:
    document = Document(overridden(request.document, values))
    found = [
        each.fault
        for detail in error.errors(include_url=False)
        for each in findings(detail, document, request.file)
    ]
    return "; ".join(f"{fault.field}: {fault.message}" for fault in found)


def _products(request: Request, spec: Spec) -> tuple[Product, ...]:
    """Of a step. Raises _Illegal."""
    own = "training.batch" in request.keys
    batch = spec.training.batch if own else request.batch
    if request.table is not None:
        return _of_table(request.table, batch)
    images = batch or spec.training.batch
    return _of_network(spec.model, spec.data, request.model, images, spec=_Unkeyed(spec))


@lru_cache(maxsize=256)
def _of_table(table: tuple[Product, ...], batch: int | None) -> tuple[Product, ...]:
    return at_batch(table, batch)


@dataclass(frozen=True, eq=False)
class _Unkeyed:
    """A spec that caches do not tell apart."""

    spec: Spec

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unkeyed)


@lru_cache(maxsize=256)
def _of_network(
    model: object, data: object, name: str | None, images: int, *, spec: _Unkeyed
) -> tuple[Product, ...]:
    """The first two are what the network depends on."""
    network = spec.spec.network()
    if name is not None and name != network.name:
        try:
            network = build_network({"name": name}, network.image, network.classes)
        except NetworkError as error:
            raise _Illegal(f"--model {name}: {error.faults[0].what}") from None
    return workload(network, images)


@dataclass(frozen=True)
class _Estimated:
    figures: dict[str, Any]
    faults: tuple[str, ...]


def _estimated(spec: Spec) -> _Estimated:
    """Neither the clock nor what is trained changes the estimate."""
    key = spec.card, spec.array_config(), frozenset(spec.dataflows), spec.fifos
    return _estimate_of(key, _Unkeyed(spec))


@lru_cache(maxsize=4096)
def _estimate_of(key: object, spec: _Unkeyed) -> _Estimated:
    found = estimate(spec.spec)
    shares = dict(_shares(found.total, CARDS[spec.spec.card].kernels))
    figures: dict[str, Any] = {f"estimated_{name}": amount for name, amount in found.total}
    figures |= {f"estimated_{name}_share": shares[name] for name in RESOURCES}
    figures["estimated_within_plan"] = found.within_plan
    return _Estimated(figures, found.faults)


def _shares(used: Resources, available: Resources) -> list[tuple[str, float | None]]:
    return [
        (name, amount / most if most else None)
        for (name, amount), (_, most) in zip(used, available, strict=True)
    ]


def _modelled(asked: Asked, step: StepCycles | InputError) -> Row:
    """What a row says of a step, or that the array's counters are too small for it."""
    if isinstance(step, InputError):
        return {"status": UNSCHEDULED, "reason": str(step)}
    hardware = asked.hardware
    seconds = step.cycles / (hardware.clock_mhz * 1e6)
    watts = None if hardware.power is None else hardware.power.watts
    config = hardware.config
    return {
        "modelled_cycles": step.cycles,
        "modelled_ms": 1e3 * seconds,
        "modelled_images_per_s": asked.rows[0].batch / seconds,
        "modelled_utilisation": step.macs / (step.cycles * config.rows * config.lanes),
        "modelled_energy_j": None if watts is None else watts * seconds,
        "assumed_power_w": watts,
    }


def _stored(machine: Machine) -> Machine:
    """With what the memory map depends on alone."""
    memory = replace(machine.memory, bytes_per_cycle=1.0, burst_overhead_bytes=0.0, latency=0)
    config = storage_config(machine.config)
    return replace(machine, config=config, memory=memory, clock_mhz=1.0)


@lru_cache(maxsize=256)
def _memory_fault(products: tuple[Product, ...], machine: Machine, pruning: Pruning) -> str | None:
    """The first tensor that does not fit its bank."""
    images = products[0].batch
    try:
        map_of(products, machine, Training(pruning.method, pruning.keep, images, images))
    except InputError as error:
        return str(error)
    return None

# SPDX-License-Identifier: Apache-2.0
"""The program of a spec's own training step, as a bundle brings it."""

from __future__ import annotations

from dataclasses import dataclass

from sat_host.models.workload import workload

from .cards import CARDS
from .errors import InputError, WorkError
from .faults import shown
from .schedule.checker import check
from .schedule.memory import Memory
from .schedule.options import Options
from .schedule.program import Machine, Program, Training, addressable, program_of
from .schedule.program_file import dump_program
from .schedule.step import Hardware, Power
from .spec import Spec


@dataclass(frozen=True)
class Scheduled:
    """text: the content of program.json. cycles: modelled, of a step. products: how many it has."""

    text: str
    cycles: int
    products: int


def program_text(spec: Spec, file: str) -> Scheduled:
    """The program, proved, as a file. Raises as `program_of_spec`."""
    program = program_of_spec(spec, file)
    return Scheduled(dump_program(program), program.cycles, len(program.products))


def machine_of(spec: Spec) -> Machine:
    """The spec's array with the card's memory as seen at the spec's clock."""
    card = CARDS[spec.card]
    memory = Memory.of_card(card, spec.clock_mhz)
    return addressable(Machine(spec.array_config(), memory, card.bank_bytes, spec.clock_mhz))


def program_of_spec(spec: Spec, file: str) -> Program:
    """The program of a step as `hlsgen train` runs it.

    file: the spec's. Raises InputError, naming it, for a network that does not fit the card's
    memory or the array, WorkError for a program with a fault.
    """
    machine, training = machine_of(spec), spec.training
    micro_batch = training.batch if training.micro_batch is None else training.micro_batch
    step = Training(spec.sparsity.method, spec.sparsity.keep, training.batch, micro_batch)
    rows = workload(spec.network(), micro_batch)
    try:
        program = program_of(rows, machine, step, Options(dataflows=spec.dataflows))
    except InputError as error:
        raise InputError(f"{shown(file, 4096)}: {error}") from None
    faults = check(program)
    if faults:
        raise WorkError(f"schedule: {len(faults)} faults, first {faults[0]}: nothing was published")
    return program


def hardware_of(spec: Spec) -> Hardware:
    """The spec's array, with what it can address of the card's memory, at the spec's clock."""
    machine = machine_of(spec)
    card = CARDS[spec.card]
    watts = card.assumed_power_w
    power = None if watts is None else Power(watts, card.power_source)
    return Hardware(machine.config, machine.memory, machine.clock_mhz, power)

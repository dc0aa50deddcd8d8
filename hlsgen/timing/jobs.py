# SPDX-License-Identifier: Apache-2.0
"""What the timed simulation runs: command lists, the memory they need and where operands lie.

Operands lie one after the other from address zero: what a run takes depends on whether words follow
each other and on the banks, not on where an operand begins. So products of one shape are one job.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sat_host.command_lists import ONE, Copies, between_words, command_lists
from sat_host.config import ArrayConfig
from sat_host.errors import ArgumentError
from sat_host.kernels import STCE, WUVE, Kernel
from sat_host.product import Operand, Product, Source, Target
from sat_host.program import Commands, Update, update_command
from sat_host.tiling import Tiling

from ..errors import InputError
from ..schedule.choose import schedule
from ..schedule.memory import Memory
from ..schedule.options import Options
from ..schedule.program import ProductEntry, Program, UpdateEntry, product_modelled
from ..schedule.step import STAGES
from ..schedule.work import ProductWork

PORTS = {
    STCE.name: {
        "commands": "commands", "a": "a", "b": "b", "y_in": "y", "y_out": "y",
        "nonfinite": "commands",
    },
    WUVE.name: {
        "commands": "commands", "weights_in": "weights", "weights_out": "weights",
        "velocity_in": "velocity", "velocity_out": "velocity", "gradient": "gradient",
        "ff": "ff", "bp": "bp",
    },
}  # fmt: skip
"""By kernel, the operand behind each of its ports."""


@dataclass(frozen=True, eq=False)
class Job:
    """One product or update.

    layer, stage: its names; stage is FF, BP, WU, update or matmul. lists: for one kernel, to run
    one after the other. words: of memory of `lanes` elements, from address zero on. banks: the bank
    of each port. runs: how often what was asked for runs it. tiling: None of an update. modelled:
    cycles of one run by the cycle model; bound: their largest piece.
    """

    layer: str
    stage: str
    kernel: Kernel
    lists: tuple[Commands, ...]
    words: int
    lanes: int
    banks: Mapping[str, int]
    runs: int
    tiling: Tiling | None
    modelled: int
    bound: str

    @property
    def name(self) -> str:
        """Layer and stage."""
        return f"{self.layer} {self.stage}"

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for jobs that take the same cycles."""
        # By field, since nothing says what lies between fields.
        lists = tuple(
            tuple(commands[name].tobytes() for name in commands.dtype.names or ())
            for commands in self.lists
        )
        return self.kernel.name, lists, tuple(sorted(self.banks.items()))

    def places(self, ports: Sequence[str]) -> list[int]:
        """The bank of each of `ports`, names of a trace's. Raises KeyError for another one."""
        return [self.banks[port] for port in ports]


def matmul_job(
    config: ArrayConfig,
    memory: Memory,
    sizes: tuple[int, int, int],
    *,
    keep: int | None = None,
    dataflows: tuple[str, ...],
    tiling: Tiling | None = None,
) -> Job:
    """The product [I, K] . [K, J] as Device.matmul runs it: sums are stored as binary32.

    keep: N of B, packed records; None for a row-major matrix, of which all is multiplied.
    dataflows: that the scheduler may choose from. tiling: in place of its choice. Raises InputError
    for sizes, an N or a tiling that the array can't hold.
    """
    rows, columns, reduction = sizes
    for letter, size in zip("IJK", (rows, columns, reduction), strict=True):
        if not 1 <= size < 1 << 24:
            raise InputError(f"--matmul: {letter}: expected 1 to {(1 << 24) - 1}, got {size}")
    if keep is not None and not 1 <= keep <= config.group:
        raise InputError(f"--keep: expected 1 to {config.group}, the group's size, got {keep}")
    product = Product(
        rows,
        columns,
        reduction,
        Source(0, config.blocks(reduction), reduction),
        _operand(config, columns, reduction, keep),
        Target.rows(0, 2 * config.blocks(columns), binary32=True),
    )
    name = f"{rows}x{columns}x{reduction}"
    return product_job(config, memory, ProductWork(name, "matmul", 1, product), dataflows, tiling)


def _operand(config: ArrayConfig, columns: int, reduction: int, keep: int | None) -> Operand:
    if keep is None:
        return Operand(0, False, config.group, config.blocks(columns))
    step = config.blocks(reduction) * config.record_words(keep)
    return Operand(0, True, keep, block_step=step, tap_step=step, tap_row_step=step)


def product_job(
    config: ArrayConfig,
    memory: Memory,
    work: ProductWork,
    dataflows: tuple[str, ...],
    tiling: Tiling | None = None,
) -> Job:
    """One product, by the scheduler's choice or by `tiling`. Raises InputError as `matmul_job`."""
    options = Options(dataflows=dataflows, overlap=False)
    if tiling is None:
        (layer,) = schedule([work], config, memory, options)
        assert layer.tiling is not None
        tiling = layer.tiling
    elif tiling.dataflow not in dataflows:
        raise InputError(f"dataflow: {tiling.dataflow}: the spec's array has only {dataflows[0]}")
    try:
        lists, words = _product_lists(config, work.product, tiling, ONE)
        modelled = product_modelled(config, memory, work, tiling, options)
    except (ArgumentError, ValueError) as error:
        raise InputError(f"{work.layer}: {error}") from None
    banks = _banks(STCE, work.places(memory.banks))
    return Job(
        work.layer, work.stage, STCE, lists, words, config.lanes, banks, 1, tiling,
        modelled.cycles, modelled.bound,
    )  # fmt: skip


def program_jobs(program: Program, layer: str | None = None, stage: str | None = None) -> list[Job]:
    """The jobs of a training step in its program's order of products, then of updates; of one layer
    or stage when given. Raises InputError for a layer or stage that the program does not have."""
    entries: list[ProductEntry | UpdateEntry] = [*program.products, *program.updates]
    names = list(dict.fromkeys(entry.layer for entry in entries))
    if layer is not None and layer not in names:
        raise InputError(f"--layer: {layer}: no such layer: give one of {', '.join(names)}")
    chosen = [entry for entry in entries if layer in (None, entry.layer)]
    stages = list(dict.fromkeys(stage_of(entry) for entry in chosen))
    if stage is not None and stage not in STAGES:
        raise InputError(f"--stage: {stage}: no such stage: give one of {', '.join(stages)}")
    if stage is not None and stage not in stages:
        raise InputError(f"--stage: {stage}: not in this step: give one of {', '.join(stages)}")
    return [entry_job(program, entry) for entry in chosen if stage in (None, stage_of(entry))]


def stage_of(entry: ProductEntry | UpdateEntry) -> str:
    """FF, BP, WU or update."""
    return "update" if isinstance(entry, UpdateEntry) else entry.stage


def entry_job(program: Program, entry: ProductEntry | UpdateEntry) -> Job:
    """One product or update of a program, in the banks that its memory map has."""
    config, memory = program.config, program.memory
    modelled = entry.modelled
    if isinstance(entry, UpdateEntry):
        command, words = _update_list(config, entry.update)
        roles = ["weights", "velocity", "gradient", "ff", *(["bp"] if entry.update.bp_keep else [])]
        banks = {role: memory[f"{entry.layer}.{role}"].bank for role in roles}
        tiling, kernel, stage, runs = None, WUVE, "update", 1
        lists: tuple[Commands, ...] = (command,)
    else:
        lists, words = _product_lists(config, entry.product, entry.tiling, entry.copies)
        banks = {
            name: memory[tensor].bank for name, tensor in zip("aby", entry.tensors, strict=True)
        }
        tiling, kernel, stage, runs = entry.tiling, STCE, entry.stage, entry.runs
    banks["commands"] = program.command_bank(entry)
    return Job(
        entry.layer, stage, kernel, lists, words, config.lanes, _banks(kernel, banks), runs,
        tiling, modelled.cycles, modelled.bound,
    )  # fmt: skip


def update_job(
    config: ArrayConfig, update: Update, modelled: tuple[int, str], places: Mapping[str, int]
) -> Job:
    """An update by itself. modelled: cycles and bound. places: the bank of each operand."""
    command, words = _update_list(config, update)
    name = f"{update.rows}x{update.columns}"
    banks = _banks(WUVE, places)
    lanes = config.lanes
    return Job(name, "update", WUVE, (command,), words, lanes, banks, 1, None, *modelled)


def _banks(kernel: Kernel, places: Mapping[str, int]) -> dict[str, int]:
    """By port; an operand that is not there moves nothing."""
    return {port: places.get(operand, 0) for port, operand in PORTS[kernel.name].items()}


def _product_lists(
    config: ArrayConfig, product: Product, tiling: Tiling, copies: Copies
) -> tuple[tuple[Commands, ...], int]:
    """A product's lists, its operands one after the other, and the words that all need."""
    sizes = _operand_words(config, product)
    a, b, y = (
        words + (copies.count - 1) * step for words, step in zip(sizes, copies.steps, strict=True)
    )
    placed = replace(
        product,
        a=replace(product.a, address=0),
        b=replace(product.b, address=a),
        y=replace(product.y, address=a + b),
        sums=None,
    )
    scratch = between_words(config, placed, tiling, copies)
    lists = command_lists(config, placed, tiling, copies, a + b + y if scratch else None)
    return tuple(lists), a + b + y + scratch


def _operand_words(config: ArrayConfig, product: Product) -> tuple[int, int, int]:
    """Words from the first to the last of A, B and Y."""
    a, b, y = product.a, product.b, product.y
    pixels = product.reduction if product.transpose_a else product.rows
    images = -(-(product.first_pixel + pixels) // (a.out_size[0] * a.out_size[1]))
    a_words = images * a.size[0] * a.size[1] * a.pitch
    columns = config.blocks(product.columns)
    if b.packed:
        b_words = (
            (columns - 1) * b.block_step
            + (a.taps[0] - 1) * b.tap_row_step
            + (a.taps[1] - 1) * b.tap_step
            + config.blocks(product.reduction) * config.record_words(b.keep)
        )
    else:
        b_words = (product.columns if b.transposed else product.reduction) * b.pitch
    height, width = product.y_size
    images = -(-product.rows // (height * width))
    y_words = (
        (images - 1) * y.image_pitch + (height - 1) * y.row_pitch + (width - 1) * y.pitch
        + columns * (2 if y.binary32 else 1)
    )  # fmt: skip
    return a_words, b_words, y_words


def _update_list(config: ArrayConfig, update: Update) -> tuple[Commands, int]:
    """An update's list, its matrices one after the other, and the words that all need."""
    matrix = update.rows * update.pitch
    records = config.blocks(update.rows) * config.blocks(update.columns)
    forms = [
        records * config.record_words(keep) if keep else 0
        for keep in (update.ff_keep, update.bp_keep)
    ]
    placed = replace(
        update,
        weights_address=0,
        velocity_address=matrix,
        gradient_address=2 * matrix,
        ff_address=3 * matrix,
        bp_address=3 * matrix + forms[0],
    )
    return update_command(placed), 3 * matrix + sum(forms)


@dataclass(frozen=True)
class Effort:
    """What simulating jobs takes. cycles: modelled, of each different job once. seconds, bytes of
    memory at once: about."""

    cycles: int
    seconds: float
    bytes: float


# About, each process of each modelled cycle: seconds on one core of a 2-core Xeon, bytes while it
# runs and is resolved (tokens of all streams, stalls), and bytes of what is kept. Sparse products
# take most.
_SECONDS_PER_PROCESS_CYCLE = 2.0e-7
_BYTES_PER_PROCESS_CYCLE = 16.0
_KEPT_PER_PROCESS_CYCLE = 2.0
_PROCESSES_BESIDE_ROWS = 10


def effort(config: ArrayConfig, jobs: Sequence[Job], *, kept: bool = False) -> Effort:
    """What simulating `jobs` takes, one after the other. kept: all recordings stay."""
    modelled = [job.modelled for job in different(jobs)]
    cycles, processes = sum(modelled), config.rows + _PROCESSES_BESIDE_ROWS
    at_once = max(modelled, default=0) * _BYTES_PER_PROCESS_CYCLE
    if kept:
        at_once += cycles * _KEPT_PER_PROCESS_CYCLE
    seconds = cycles * processes * _SECONDS_PER_PROCESS_CYCLE
    return Effort(cycles, seconds, at_once * processes)


def require_effort(
    config: ArrayConfig,
    jobs: Sequence[Job],
    most_seconds: float,
    most_bytes: float = math.inf,
    *,
    kept: bool = False,
) -> Effort:
    """The effort. Raises InputError for one of more seconds or bytes."""
    found = effort(config, jobs, kept=kept)
    mend = "give a smaller --batch or --matmul, one --layer NAME:STAGE, or --force"
    if found.seconds > most_seconds:
        raise InputError(
            f"{found.cycles:,} modelled cycles take about {found.seconds / 60:,.0f} minutes to "
            f"simulate: {mend}"
        )
    if found.bytes > most_bytes:
        raise InputError(
            f"{found.cycles:,} modelled cycles take about {found.bytes / 2**30:,.1f} GiB of memory "
            f"to simulate, and {most_bytes / 2**30:,.1f} GiB may be used: {mend}"
        )
    return found


def different(jobs: Sequence[Job]) -> Iterator[Job]:
    """The first of each set of equal jobs, in order."""
    found: dict[object, Job] = {}
    for job in jobs:
        found.setdefault(job.key, job)
    return iter(found.values())

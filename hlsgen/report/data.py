# SPDX-License-Identifier: Apache-2.0
"""All figures of a report as one JSON document; the page shows nothing that is not in it.

docs/report.md has the keys. A section that can't be made is {"missing": why, in a line}.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .. import __version__
from ..cards import CARDS
from ..errors import HlsgenError, InputError
from ..estimate import estimate
from ..estimate import report as estimated
from ..schedule.program import Program
from ..spec import Spec
from .cycles import cycles_document, dense_program, roofline_document, segments
from .inputs import Inputs
from .measured import NO_MEASUREMENT
from .runs import Run
from .simulated import depths_document, resolved, simulated_document
from .vendor import NO_TOOLS, vendor_document

Json = dict[str, Any]

NO_PROGRAM = "the bundle has no program.json: build it again, for a card with a cycle model"
NO_RECORDING = (
    "no recording: make one with `mkdir -p BUNDLE.runs` and `hlsgen time SPEC --step --record "
    "BUNDLE.runs/step.npz`, or give one by --recorded"
)
NO_RUNS = "no runs in this folder or beside it: train with `hlsgen train DIR`"


def document(inputs: Inputs) -> Json:
    """The whole report. Raises HlsgenError for a recording that was asked for and can't be resolved
    (a deadlock, no compiler)."""
    spec, program = inputs.spec, inputs.program
    remarks, hardware = list(inputs.remarks), inputs.hardware
    missing: Json = {"missing": NO_PROGRAM}
    cycles = roofline = timeline = memory = missing
    if program is not None:
        cycles = _cycles(spec, program, remarks)
        roofline = roofline_document(program, CARDS[spec.card])
        timeline = {"kind": "modelled", "segments": segments(program)}
        memory = memory_document(program, spec)
    return {
        "format": 1,
        "hlsgen": __version__,
        "bundle": inputs.name,
        "built_by": inputs.manifest["hlsgen"],
        "spec": spec_document(spec),
        "cycles": cycles,
        "roofline": roofline,
        "timeline": timeline,
        "simulated": _simulated(inputs),
        "resources": estimated.document(estimate(spec)),
        "tools": vendor_document(hardware) if hardware else {"missing": NO_TOOLS},
        "device": dict(inputs.deployed) if inputs.deployed else {"missing": NO_MEASUREMENT},
        "memory": memory,
        "fifos": {"kind": "as built", "families": depths_document(spec)},
        "runs": [run_document(run) for run in inputs.runs] or {"missing": NO_RUNS},
        "remarks": remarks,
    }


def spec_document(spec: Spec) -> Json:
    """The spec at a glance."""
    card, array, sparsity, training = CARDS[spec.card], spec.array, spec.sparsity, spec.training
    return {
        "name": spec.name,
        "summary": spec.summary(),
        "card": spec.card,
        "card_title": card.title,
        "memory_kind": card.memory.kind,
        "clock_mhz": spec.clock_mhz,
        "rows": array.rows,
        "lanes": array.lanes,
        "interleave": array.interleave,
        "memory_tile": array.memory_tile,
        "adder_latency": array.adder_latency,
        "feed": array.feed,
        "strip_words": array.strip_words,
        "dataflows": list(spec.dataflows),
        "method": sparsity.method,
        "keep": sparsity.group if sparsity.method == "dense" else sparsity.keep,
        "group": sparsity.group,
        "network": spec.network().name,
        "data": spec.data.name,
        "batch": training.batch,
        "micro_batch": training.micro_batch,
        "epochs": training.epochs,
        "learning_rate": spec.optimizer.learning_rate,
        "seed": training.seed,
    }


def memory_document(program: Program, spec: Spec) -> Json:
    """Each bank with what lies in it."""
    memory, banks = program.memory, CARDS[spec.card].banks
    return {
        "kind": "modelled",
        "bank_bytes": memory.bank_bytes,
        "banks": [
            {
                "bank": number,
                "tags": list(banks[number].tags),
                "used": used,
                "tensors": [
                    {"name": each.name, "address": each.address, "bytes": each.bytes}
                    for each in memory.tensors
                    if each.bank == number
                ],
            }
            for number, used in enumerate(memory.used)
        ],
    }


def run_document(run: Run) -> Json:
    """A run with its curve; accuracies are 0 to 1."""
    return {
        "kind": run.kind,
        "name": run.name,
        "device": run.device,
        "method": run.method,
        "keep": run.keep,
        "group": run.group,
        "seed": run.seed,
        "complete": run.complete,
        "test_accuracy": run.accuracy,
        "best_accuracy": run.best,
        "epochs": [
            {"epoch": epoch, "loss": loss, "test_accuracy": accuracy}
            for epoch, loss, accuracy in run.epochs
        ],
        "kernels": [asdict(kernel) for kernel in run.kernels],
    }


def _cycles(spec: Spec, program: Program, remarks: list[str]) -> Json:
    try:
        dense = dense_program(spec)
    except InputError as error:
        remarks.append(f"dense: {error}")
        return cycles_document(program, None)
    return cycles_document(program, dense)


def _simulated(inputs: Inputs) -> Json:
    if inputs.recording is None:
        return {"missing": NO_RECORDING}
    name = "" if inputs.recorded is None else inputs.recorded.name
    try:
        found = resolved(inputs.recording, inputs.spec)
    except HlsgenError as error:
        if not inputs.asked:
            return {"missing": f"{name}: {str(error).splitlines()[0]}"}
        error.args = (f"{inputs.recorded}: {error}",)
        raise
    return simulated_document(inputs.recording, found, inputs.spec, name)

# SPDX-License-Identifier: Apache-2.0
"""Comparisons that nobody trained: records as the trainer writes them, from a formula."""

from __future__ import annotations

import math
from typing import Any

from hlsgen.compare.plan import Job, Request, make_jobs, make_settings
from hlsgen.compare.results import make_run, summarize
from hlsgen.specfile import parse_spec

SPEC = """\
name: tiny
array: {rows: 4, lanes: 8, interleave: 4}
model: {name: mlp, hidden: [16]}
data: {name: digits, test_fraction: 0.9}
training: {epochs: 3, batch: 64}
"""
MACS = {"FF": 1_000_000, "BP": 500_000, "WU": 1_500_000, "dense": 4_000_000}


def settings_of(request: Request, text: str = SPEC) -> dict[str, Any]:
    """The sample spec's settings, overridden."""
    return make_settings(parse_spec(text, "tiny.yaml").model_dump(mode="json"), request)


def jobs_of(request: Request, text: str = SPEC) -> tuple[Job, ...]:
    """The runs of a request on the sample spec."""
    return make_jobs(settings_of(request, text), request)


def accuracy(method: str, seed: int, epoch: int) -> float:
    """Some accuracy that rises with the epochs."""
    offset = 0.004 * (len(method) % 3) + 0.002 * math.sin(7 * seed + epoch)
    return 0.97 - 0.6 * math.exp(-0.7 * epoch) - offset


def records(job: Job, macs: dict[str, int] | None = MACS) -> list[dict[str, Any]]:
    """All that a run of `job` writes."""
    method, seed, epochs = job.method, job.seed, job.settings["training"]["epochs"]
    done: list[dict[str, Any]] = [{"kind": "start", "steps": 2 * epochs}]
    for epoch in range(1, epochs + 1):
        for step in (2 * epoch - 1, 2 * epoch):
            done.append({"kind": "step", "step": step, "loss": 1.0 / step})
        done.append(
            {
                "kind": "epoch",
                "epoch": epoch,
                "step": 2 * epoch,
                "loss": 1.0 / epoch,
                "test_accuracy": accuracy(method, seed, epoch),
                "seconds": float(epoch),
            }
        )
    final = {
        "kind": "final",
        "test_accuracy": accuracy(method, seed, epochs),
        "steps": 2 * epochs,
        "seconds": epochs + 0.5,
        "peak_memory_bytes": 1 << 20,
    }
    return [*done, final | ({} if macs is None else {"macs": macs})]


def document_of(request: Request, text: str = SPEC) -> dict[str, Any]:
    """compare.json of a comparison on the sample spec."""
    settings = settings_of(request, text)
    runs = [make_run(job, records(job)) for job in make_jobs(settings, request)]
    return {
        "format": 1,
        "spec": {"name": settings["name"], "sha256": "0123456789abcdef" * 4},
        "settings": settings,
        "methods": list(request.methods),
        "seeds": sorted({run["seed"] for run in runs}),
        "summary": summarize(request.methods, runs),
        "runs": runs,
    }

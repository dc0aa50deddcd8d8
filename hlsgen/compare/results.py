# SPDX-License-Identifier: Apache-2.0
"""The numbers of a comparison: its document (compare.json), and one summary a method.

Keys of compare.json; equal inputs give equal files apart from `seconds`:

* format: 1. hlsgen: the version that wrote it
* spec: name, and sha256 of `settings` as sorted compact JSON
* settings: the whole spec with what the options changed; its method and seed are not used
* methods, seeds: in the table's order
* accelerator: digest of the rendered sources, library_sha256, compiler, isa
* versions: python and the packages that take part, null where one is absent
* device: what the runs were trained on; csim, the simulator of the accelerator
* runs: for each (method, seed): method, seed, keep, group (keep = group for dense), test_accuracy
  after the last epoch (0 to 1), macs, steps, skipped_steps, seconds, and epochs, a list with epoch
  (from 1), step, loss, test_accuracy, learning_rate, seconds, …
* summary: for each method: method, keep, group, accuracy {mean, std, min, max} over the seeds
  (0 to 1; std: the sample standard deviation, null for one seed), difference_points (mean minus
  dense's, in percentage points; null without dense), macs, seconds (mean of a run)
* macs, of one full step: FF, BP, WU, total (multiply-accumulates done), dense (those of the same
  step unpruned), fraction (total / dense); null when the runs do not tell
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from .. import __version__
from ..build import BuildResult
from ..cache import content_key
from .plan import DENSE, Job, Request, versions

Document = dict[str, Any]
STAGES = ("FF", "BP", "WU")

# Of the trainer's records; all but the seconds repeat themselves.
_FINAL = ("test_accuracy", "best_accuracy", "steps", "skipped_steps", "seconds")
_EPOCH = (
    "epoch",
    "step",
    "loss",
    "test_accuracy",
    "learning_rate",
    "loss_scale",
    "skipped_steps",
    "seconds",
)


def make_run(job: Job, records: Sequence[Mapping[str, Any]]) -> Document:
    """One run of the document from the records of its epochs and its final one."""
    final = records[-1]
    group = job.settings["sparsity"]["group"]
    keep = group if job.method == DENSE else job.settings["sparsity"]["keep"]
    run: Document = {"method": job.method, "seed": job.seed, "keep": keep, "group": group}
    run |= _chosen(final, _FINAL)
    run["macs"] = _macs(final.get("macs"))
    run["epochs"] = [_chosen(record, _EPOCH) for record in records if record["kind"] == "epoch"]
    return run


def make_document(
    settings: Mapping[str, Any],
    request: Request,
    built: BuildResult,
    runs: Sequence[Document],
) -> Document:
    """The whole of compare.json. runs: of every method and seed."""
    return {
        "format": 1,
        "hlsgen": __version__,
        "spec": {"name": settings["name"], "sha256": content_key(settings=settings)},
        "settings": dict(settings),
        "methods": list(request.methods),
        "seeds": sorted({run["seed"] for run in runs}),
        "accelerator": {
            "digest": built.digest,
            "library_sha256": built.library_sha256,
            "compiler": built.compiler,
            "isa": built.isa,
        },
        "versions": versions(),
        "device": "csim",
        "summary": summarize(request.methods, runs),
        "runs": list(runs),
    }


def summarize(methods: Sequence[str], runs: Sequence[Document]) -> list[Document]:
    """One summary a method, in order."""
    by_method = {method: [run for run in runs if run["method"] == method] for method in methods}
    means = {method: mean(run["test_accuracy"] for run in own) for method, own in by_method.items()}
    rows = []
    for method, own in by_method.items():
        values = [run["test_accuracy"] for run in own]
        difference = 100 * (means[method] - means[DENSE]) if DENSE in means else None
        rows.append(
            {
                "method": method,
                "keep": own[0]["keep"],
                "group": own[0]["group"],
                "accuracy": {
                    "mean": means[method],
                    "std": stdev(values) if len(values) > 1 else None,
                    "min": min(values),
                    "max": max(values),
                },
                "difference_points": difference,
                "macs": own[0]["macs"],
                "seconds": mean(run["seconds"] for run in own),
            }
        )
    return rows


def to_text(document: Document) -> str:
    """The document as the text of compare.json."""
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _chosen(record: Mapping[str, Any], keys: Sequence[str]) -> Document:
    return {key: record[key] for key in keys if key in record}


def _macs(told: Mapping[str, Any] | None) -> Document | None:
    if not told:
        return None
    stages = {stage: told[stage] for stage in STAGES}
    total, dense = sum(stages.values()), told["dense"]
    return {**stages, "total": total, "dense": dense, "fraction": total / dense}

# SPDX-License-Identifier: Apache-2.0
"""The table of a comparison as cells, and as Markdown."""

from __future__ import annotations

from typing import Any

HEADER = (
    "method",
    "test accuracy",
    "against dense",
    "MACs a step",
    "of dense",
    "seconds a run",
)
NONE = "-"


def rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """The cells of each method, in the columns of HEADER."""
    return [_row(summary) for summary in document["summary"]]


def title(document: dict[str, Any]) -> str:
    """What was trained, in one line."""
    settings = document["settings"]
    training = settings["training"]
    return (
        f"{document['spec']['name']}: {settings['model']['name']} on {settings['data']['name']}, "
        f"{counted(training['epochs'], 'epoch')} of batch {training['batch']}, "
        f"{seeds_text(document['seeds'])}"
    )


def note(document: dict[str, Any]) -> str:
    """How to read the table."""
    spread = "mean ± sample standard deviation over the seeds"
    accuracy = "the accuracy after the last epoch"
    if len(document["seeds"]) > 1:
        accuracy = f"{spread} of {accuracy}"
    return (
        f"Test accuracy: {accuracy}; against dense: difference of the means in percentage points. "
        "MACs: multiply-accumulates of FF, BP and WU in one training step. Every product and "
        "weight update ran on the simulator of the accelerator, whose seconds are the CPU's."
    )


def markdown(document: dict[str, Any]) -> str:
    """Title, table and note in Markdown."""
    aligned = ["---"] + ["--:"] * (len(HEADER) - 1)
    lines = [f"| {' | '.join(cells)} |" for cells in (HEADER, aligned, *rows(document))]
    return "\n".join([f"{title(document)}:", "", *lines, "", note(document)])


def method_label(summary: dict[str, Any]) -> str:
    """The method with its N:M; dense has none."""
    if summary["keep"] == summary["group"]:
        return str(summary["method"])
    return f"{summary['method']} {summary['keep']}:{summary['group']}"


def seeds_text(seeds: list[int]) -> str:
    """`5 seeds (0 to 4)`."""
    return (
        f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds ({seeds[0]} to {seeds[-1]})"
    )


def counted(count: int, what: str) -> str:
    """`1 epoch`, `2 epochs`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def macs_text(count: float) -> str:
    """Multiply-accumulates with three digits and a unit, such as `12.3 M`."""
    for unit, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= 0.9995 * factor:
            scaled = count / factor
            digits = max(0, 2 - len(str(int(scaled + 0.5))) + 1)
            return f"{scaled:.{digits}f} {unit}"
    return f"{count:.0f}"


def _row(summary: dict[str, Any]) -> tuple[str, ...]:
    accuracy, difference = summary["accuracy"], summary["difference_points"]
    spread = "" if accuracy["std"] is None else f" ± {100 * accuracy['std']:.2f}"
    macs = summary["macs"]
    if summary["method"] == "dense" or difference is None:
        against = NONE
    else:
        against = f"{difference + 0.0:+.2f}"
    return (
        method_label(summary),
        f"{100 * accuracy['mean']:.2f}{spread} %",
        against,
        NONE if macs is None else macs_text(macs["total"]),
        NONE if macs is None else f"{100 * macs['fraction']:.1f} %",
        f"{summary['seconds']:.1f}",
    )

# SPDX-License-Identifier: Apache-2.0
"""The answer of a comparison as JSON and as lines for people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .calls import Call, Result
from .compare import Divergence, Element
from .diff import Answer


def answer_fields(answer: Answer) -> dict[str, Any]:
    """As JSON: "equal", how much was compared, and "divergence"."""
    return {
        "equal": answer.divergence is None,
        "compared": {**asdict(answer.compared), "steps": _steps_fields(answer.steps)},
        "skipped_places": answer.skipped,
        "first_step_not_compared": answer.unseen,
        "divergence": None if answer.divergence is None else _divergence_fields(answer.divergence),
    }


def answer_lines(answer: Answer) -> list[str]:
    """For people."""
    lines = [] if answer.divergence is None else divergence_lines(answer.divergence)
    done, found = answer.compared, answer.divergence
    counts = f"{_many(done.calls, 'call')}, {_many(done.elements, 'element')} bit by bit"
    if done.digests:
        counts += f", {_many(done.digests, 'result')} by digest"
    lines.append(f"equal{'' if found is None else ' before'}: {_steps(answer.steps)}{counts}")
    if answer.skipped:
        some = _many(answer.skipped, "step or evaluation", "steps and evaluations")
        lines.append(f"not compared: {some} that one side alone has")
    if answer.unseen is not None:
        what = f"step {answer.unseen}" if answer.unseen else "the start"
        lines.append(
            f"note: {what} was not compared, so an earlier difference is possible: record it with "
            f"--dump-steps {answer.unseen}"
        )
    return lines


def _steps(steps: tuple[int, ...]) -> str:
    """Whole steps that were equal, for people, with what follows them parted off."""
    if not steps:
        return ""
    span = f"step {steps[0]}" if steps[0] == steps[-1] else f"steps {steps[0]} to {steps[-1]}"
    gaps = len(steps) <= steps[-1] - steps[0]
    return f"{len(steps)} of the {span}, " if gaps else f"{span}, "


def _steps_fields(steps: tuple[int, ...]) -> dict[str, int] | None:
    return {"first": steps[0], "last": steps[-1], "count": len(steps)} if steps else None


def divergence_lines(found: Divergence) -> list[str]:
    """For people: the first line says where, the others what."""
    call = found.call or found.other
    assert call is not None, "a divergence has a call of one side"
    piece = f", micro-batch {call.piece}" if call.piece else ""
    lines = [f"first difference: {found.place}{piece}, call {call.number}: {_call(call, found)}"]
    if found.element is not None and found.result is not None:
        lines += _element_lines(found.element, found.result)
    elif found.kind == "digest":
        lines.append(
            "  a digest alone is there: for the element, record that step again with --dump-steps "
            f"{found.place.step}"
        )
    elif found.kind == "count":
        counts = [None if each is None else each.nonfinite for each in (found.call, found.other)]
        lines.append(f"  infinite and NaN results: A counts {counts[0]}, B {counts[1]}")
    else:
        for name, each in (("A", found.call), ("B", found.other)):
            lines.append(f"  {name}: {each or 'no further call'}")
    return lines + [f"  note: {note}" for note in found.notes]


def _call(call: Call, found: Divergence) -> str:
    text = f"{call.operation}, layer {call.layer}, stage {call.stage}"
    return text if found.result is None else f"{text}, {_result(found.result)}"


def _result(result: Result) -> str:
    kept = f" packed keep {result.keep}," if result.keep else ""
    return f"{result.role}{kept} {result.dtype} {' x '.join(map(str, result.shape))}"


def _element_lines(element: Element, result: Result) -> list[str]:
    where = element.where
    packed = ("column block", "panel", "word", "lane")
    names: tuple[str, ...] = packed if result.keep else ("row", "column")
    index = ", ".join(f"{name} {i}" for name, i in zip(names, element.index, strict=True))
    width = max(len(element.first.decimal), len(element.second.decimal))
    ulps = "" if element.ulps is None else f"  {element.ulps:,} ULP apart"
    lines = [
        f"  element: {index}",
        f"  A: {element.first.hex}  {element.first.decimal:>{width}}",
        f"  B: {element.second.hex}  {element.second.decimal:>{width}}{ulps}",
    ]
    first, second = (spot.text for spot in element.spots)
    if first == second or not first or not second:
        lines += [f"  made by: {first or second}"] if first or second else []
    elif not element.spots[0].word:
        lines += [f"  made by, in A: {first}", f"  made by, in B: {second}"]
    else:
        lines += [f"  in A: {first}", f"  in B: {second}"]
    lines.append(
        f"  {where.differing:,} of {where.of:,} elements differ: rows {where.rows[0]} to "
        f"{where.rows[1]}, columns {where.columns[0]} to {where.columns[1]}"
    )
    return lines + [f"    |{line}|" for line in where.map]


def _divergence_fields(found: Divergence) -> dict[str, Any]:
    call = found.call or found.other
    assert call is not None, "a divergence has a call of one side"
    return {
        "kind": found.kind,
        "step": found.place.step,
        "phase": found.place.phase,
        "micro_batch": call.piece,
        "call": call.number,
        "operation": call.operation,
        "layer": call.layer,
        "stage": call.stage,
        "a": _side_fields(found.call),
        "b": _side_fields(found.other),
        "result": None if found.result is None else _result_fields(found.result),
        "element": None if found.element is None else _element_fields(found.element),
        "notes": list(found.notes),
    }


def _side_fields(call: Call | None) -> dict[str, Any] | None:
    return None if call is None else {"call": str(call), "nonfinite": call.nonfinite}


def _result_fields(result: Result) -> dict[str, Any]:
    fields = {"role": result.role, "dtype": result.dtype, "shape": list(result.shape)}
    return {**fields, "keep": result.keep or None}


def _element_fields(element: Element) -> dict[str, Any]:
    spots = [spot.fields() for spot in element.spots]
    return {
        "index": list(element.index),
        "a": {**asdict(element.first), "place": spots[0]},
        "b": {**asdict(element.second), "place": spots[1]},
        "ulps": element.ulps,
        "where": asdict(element.where),
    }


def _many(count: int, one: str, more: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"

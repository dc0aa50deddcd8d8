# SPDX-License-Identifier: Apache-2.0
"""The roofline's texts: each beside its own mark or led to it, and none on a line."""

from __future__ import annotations

import math
from typing import Any

import pytest
from report_bundles import SPEC

from hlsgen.cards import CARDS
from hlsgen.report.cycles import roofline_document
from hlsgen.report.roofline import roofline
from hlsgen.report.svg import NARROW, WIDE, Figure
from hlsgen.scheduled import program_of_spec
from hlsgen.specfile import load_spec

LETTER = 6.0
"""Pixels of a letter, at the least."""

Box = tuple[float, float, float, float]
Point = tuple[float, float]


def box_of(mark: dict[str, Any]) -> Box:
    shape, size = mark["attributes"], LETTER * len(mark["text"])
    x, y = float(shape["x"]), float(shape["y"])
    left = x - {"start": 0.0, "middle": size / 2, "end": size}[shape["text-anchor"]]
    return left, y - 9, left + size, y + 2


def marks_in(figure: Figure) -> dict[str, Point]:
    """Where each mark is, by its names."""
    found = {}
    for mark in figure.marks:
        shape = mark["attributes"]
        if mark["tag"] == "circle":
            found[mark["tip"].split(": ")[0]] = (float(shape["cx"]), float(shape["cy"]))
        elif mark["tag"] == "polygon":
            corners = [tuple(map(float, each.split(","))) for each in shape["points"].split()]
            xs, ys = zip(*corners, strict=True)
            found[mark["tip"].split(": ")[0]] = (sum(xs) / len(xs), sum(ys) / len(ys))
    return found


def lines_in(figure: Figure) -> list[tuple[Point, Point]]:
    """The ceilings."""
    found = []
    for mark in figure.marks:
        shape = mark["attributes"]
        if "roof" not in shape.get("class", ""):
            continue
        if mark["tag"] == "line":
            ends = [(float(shape[f"x{n}"]), float(shape[f"y{n}"])) for n in (1, 2)]
        else:
            pairs = (each.split(",") for each in shape["points"].split())
            ends = [(float(x), float(y)) for x, y in pairs]
        found.append((ends[0], ends[1]))
    return found


def away(box: Box, point: Point) -> float:
    x, y = point
    return math.hypot(max(box[0] - x, 0, x - box[2]), max(box[1] - y, 0, y - box[3]))


def crosses(box: Box, line: tuple[Point, Point]) -> bool:
    (x1, y1), (x2, y2) = line
    parts = (each / 1000 for each in range(1001))
    return any(away(box, (x1 + part * (x2 - x1), y1 + part * (y2 - y1))) == 0 for part in parts)


def meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.fixture(scope="module", params=["digits_cnn", "tinyimagenet_resnet18", "cifar100_vgg19"])
def told(request: pytest.FixtureRequest) -> dict[str, Any]:
    spec = load_spec(SPEC.with_name(f"{request.param}.yaml"))
    return roofline_document(program_of_spec(spec, "spec.yaml"), CARDS[spec.card])


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_texts_are_where_they_belong(width: int, told: dict[str, Any]) -> None:
    figure = roofline(told, width)
    marks, lines, key = marks_in(figure), lines_in(figure), dict(figure.key)
    led = {
        (float(mark["attributes"]["x1"]), float(mark["attributes"]["y1"]))
        for mark in figure.marks
        if mark["attributes"].get("class") == "leader"
    }
    texts = [mark for mark in figure.marks if mark["attributes"].get("class") == "label"]
    assert len(lines) in (2, 3)  # the one of all banks may lie left of the figure
    named, boxes = set(), []
    for mark in texts:
        text, box = mark["text"], box_of(mark)
        assert not any(crosses(box, line) for line in lines), f"a ceiling strikes {text}"
        assert not any(meet(box, other) for other in boxes), f"{text} lies on another text"
        boxes.append(box)
        names = key.get(text, text)
        if names not in marks:
            assert text.startswith(("array: ", "1 bank: ", f"{told['banks']} banks: ")), text
            continue
        named.add(names)
        own = marks[names]
        nearest = min(marks.values(), key=lambda other: away(box, other))
        assert nearest == own or any(math.dist(own, start) < 0.2 for start in led), text
    assert named == set(marks), "each mark has its name or its number"
    ceilings = {text for text in (*key.values(), *(mark["text"] for mark in texts)) if ": " in text}
    assert len(ceilings) == len(lines)

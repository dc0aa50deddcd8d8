# SPDX-License-Identifier: Apache-2.0
"""Reading JSON files that other commands wrote: all their numbers are numbers, as a page needs."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, TypeVar

FAULTS = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""What a file of another content may raise as it is read."""

T = TypeVar("T")


def parsed_json(text: str | bytes) -> Any:
    """As json.loads, but NaN, infinities and numbers beyond 64 bits raise ValueError."""
    return json.loads(text, parse_constant=_refused, parse_float=_finite, parse_int=_whole)


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > 19:
        raise ValueError(f"{text[:19]}... is too large")
    return int(text)


def checked(told: T) -> T:
    """`told`, if what was worked out in it is finite too. Raises ValueError."""
    json.dumps(told, allow_nan=False)
    return told


def reason_of(error: Exception) -> str:
    """Why a file's content is not what it should be, in one short line."""
    text = " ".join(str(error).split())[:80]
    return f"no {text}" if isinstance(error, KeyError) else text

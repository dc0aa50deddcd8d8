# SPDX-License-Identifier: Apache-2.0
"""What all sections of a spec are made of: strictness, numbers with their ranges, broken rules."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

RULE = "spec_rule"
"""Error type of our own rules; `ctx["broken"]` holds what is broken, a tuple of `Broken`."""

NAME = r"[a-z][a-z0-9_]{0,39}"


@dataclass(frozen=True)
class Broken:
    """One broken rule.

    fields: full dotted paths of what it is about, numbers for items of lists; the first that the
    file has is pointed at. None: the value that it was found in. also: paths of what it depends on
    besides; when one of those is wrong itself, the rule is not reported.
    """

    what: str
    mend: str
    fields: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


def broken(what: str, mend: str, *fields: str) -> PydanticCustomError:
    """The error of one broken rule."""
    return all_broken([Broken(what, mend, fields)])


def all_broken(rules: Sequence[Broken]) -> PydanticCustomError:
    """The error of several broken rules."""
    text = "; ".join(rule.what for rule in rules)
    return PydanticCustomError(RULE, "{what}", {"what": text, "broken": tuple(rules)})


def _power_of_two(value: int) -> int:
    if value & (value - 1):
        below = 1 << (value.bit_length() - 1)
        raise broken(f"{value} is not a power of two", f"use {below} or {2 * below}")
    return value


def _identifier(value: str) -> str:
    if not re.fullmatch(NAME, value):
        raise broken(
            f"{json.dumps(value[:60])} is no name",
            "start with a-z, then at most 39 more of a-z, 0-9 and _",
        )
    return value


PowerOfTwo = Annotated[int, AfterValidator(_power_of_two)]
Identifier = Annotated[str, AfterValidator(_identifier)]


def number(
    text: str,
    default: Any,
    low: float,
    high: float,
    *,
    above_low: bool = False,
    below_high: bool = False,
    **schema: Any,
) -> Any:
    """A number with its range, which its description repeats, so that the two can't disagree.

    default: `...` for a number that must be given, None for one that may be left out.
    """
    limits: dict[str, Any] = {"gt" if above_low else "ge": low, "lt" if below_high else "le": high}
    first = f"above {low}" if above_low else f"{low}"
    last = f"below {high}" if below_high else f"{high}"
    shown = "no default" if default is ... else f"default {plain(default)}"
    return Field(
        default=default,
        description=f"{text}; {first} to {last}, {shown}.",
        json_schema_extra=schema or None,
        **limits,
    )


def plain(default: Any) -> str:
    """A default as YAML has it."""
    if isinstance(default, tuple):
        return str(list(default))
    return json.dumps(default) if default is None or isinstance(default, bool) else str(default)


def flag(text: str, default: bool) -> Any:
    """A field that is true or false."""
    return Field(default=default, description=f"{text}; default {plain(default)}.")


def named(default: str) -> BeforeValidator:
    """For a union told apart by `name`: a section without a name is the default's."""

    def fill(value: Any) -> Any:
        return {"name": default, **value} if isinstance(value, dict) else value

    return BeforeValidator(fill)


class Unread:
    """Stands for a value that is known to be faulty while the others are checked."""


UNREAD = Unread()


def _unread_passes(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    return value if value is UNREAD else read(value)


READ_OR_NOT = WrapValidator(_unread_passes)
"""For values that the rules between fields can do without, as long as others are faulty."""


class Section(BaseModel):
    """Base of the spec and of all its sections: frozen, strict, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

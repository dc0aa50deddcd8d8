# SPDX-License-Identifier: Apache-2.0
"""What a rule is given: the unit, and the answers that several rules ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .calls import Calls
from .constants import Constants
from .effects import Effects
from .findings import Finding
from .kinds import Kinds
from .loops import Loops
from .pragmas import Pragmas
from .preprocess import Source
from .program import Unit, read_unit
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True, eq=False)
class Context:
    """One parsed unit and its analyses."""

    unit: Unit
    calls: Calls
    pragmas: Pragmas
    loops: Loops
    constants: Constants
    effects: Effects
    values: Values
    kinds: Kinds

    def finding(self, node: Node, rule: str, message: str, mend: str) -> Finding:
        """A finding at a node."""
        return Finding(*self.unit.place(node), rule, message, mend)


def read_context(source: Source) -> Context:
    """Parse a unit. Raises ToolMissingError without the parser."""
    unit = read_unit(source)
    calls = Calls(unit)
    pragmas = Pragmas(unit)
    loops = Loops(calls, pragmas)
    constants = Constants(calls, loops.unrolled)
    effects, values, kinds = Effects(calls), Values(calls), Kinds(calls)
    return Context(unit, calls, pragmas, loops, constants, effects, values, kinds)

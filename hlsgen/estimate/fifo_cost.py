# SPDX-License-Identifier: Apache-2.0
"""What a family of streams costs at some depth, for a choice between depths."""

from __future__ import annotations

from ..fifos import FAMILIES, fifo_resource
from ..resources import Resources
from ..spec import Spec
from .storage import stream
from .widths import Widths


def fifo_cost(spec: Spec, family: str, depth: int) -> Resources:
    """All streams of a family (hlsgen.fifos) together, with `depth` tokens each, of what streams of
    that depth are made of. Estimated. Raises KeyError for no family."""
    found = FAMILIES[family]
    widths = Widths(spec.array_config(), "ws" in spec.dataflows)
    one = stream(widths.tokens()[found.token], depth, fifo_resource(depth))
    return one * len(found.streams(spec.array.rows))

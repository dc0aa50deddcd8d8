# SPDX-License-Identifier: Apache-2.0
"""The layers of a training step with the tensors that they need, apart from where these lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sat_host.config import ArrayConfig
from sat_host.layer_shapes import ActivationLayer, LayerShape, WeightedLayer
from sat_host.methods import plan_layer
from sat_host.models.workload import Row
from sat_host.nn.arrays import Fold


@dataclass(frozen=True)
class Demand:
    """A tensor of a layer: role as in hlsgen.schedule.placement, words of `lanes` binary16 values.
    extents: rows and columns of an activation or its gradient; None for the others."""

    role: str
    words: int
    extents: tuple[int, int] | None = None


def layer_shapes(
    rows: Sequence[Row], config: ArrayConfig, method: str, keep: int
) -> tuple[LayerShape, ...]:
    """The layers of a workload. One that is not prunable is dense whatever the method. Raises
    ValueError for an unknown method."""
    return tuple(_layer(row, not n, config, method, keep) for n, row in enumerate(rows))


def _layer(row: Row, first: bool, config: ArrayConfig, method: str, keep: int) -> LayerShape:
    if row.kind == "attn":
        keys = row.layer.endswith(".qk")
        return ActivationLayer(row.layer, row.batch, row.h_in, row.c_in, row.c_out, keys)
    if not row.prunable and not first:
        method = "dense"
    plan = plan_layer(row.layer, row.c_in, row.c_out, first, method, keep, config.group)
    shape = row.geometry()
    if plan.bp_keep is None:
        fold = Fold.of(shape, config.lanes)
        shape = fold.folded if fold else shape
    keeps = plan.ff_keep, plan.bp_keep or 0, plan.dy_keep or 0
    return WeightedLayer(row.layer, shape, *keeps, masked=plan.masked_bp)


def at_images(row: Row, images: int, batch: int) -> Row:
    """The row for `images` images in place of `batch`."""
    return replace(row, batch=row.batch // batch * images)


def at_batch(rows: tuple[Row, ...], batch: int | None) -> tuple[Row, ...]:
    """The same products for another number of images; None for the table's own."""
    given = rows[0].batch
    return tuple(replace(row, batch=row.batch // given * (batch or given)) for row in rows)


def demands(layer: LayerShape, config: ArrayConfig) -> Iterator[Demand]:
    """Every tensor of a layer, in the order of allocation; y and dx, which other layers' tensors
    may take the place of, last."""
    if isinstance(layer, ActivationLayer):
        yield from _activations(layer, config)
        return
    shape, lanes = layer.shape, config.lanes
    rows = shape.weight_rows(lanes)
    inner, outer = config.blocks(shape.channels), config.blocks(shape.filters)
    x, y = (shape.in_pixels, shape.channels), (shape.out_pixels, shape.filters)
    yield Demand("x", x[0] * inner, x)
    yield Demand("dy", y[0] * outer, y)
    for role in ("weights", "velocity", "gradient"):
        yield Demand(role, 2 * rows * outer)
    height = config.blocks(rows)
    yield Demand("ff", outer * height * config.record_words(layer.ff_keep))
    if layer.bp_keep:
        yield Demand("bp", height * outer * config.record_words(layer.bp_keep))
    yield Demand("y", y[0] * outer, y)
    if layer.bp_keep:
        yield Demand("dx", x[0] * inner, x)


def _activations(layer: ActivationLayer, config: ArrayConfig) -> Iterator[Demand]:
    def matrix(role: str, rows: int, columns: int) -> Demand:
        extents = layer.copies * rows, columns
        return Demand(role, extents[0] * config.blocks(columns), extents)

    height, inner, outer = layer.height, layer.inner, layer.outer
    other = (outer, inner) if layer.keys else (inner, outer)
    yield matrix("x", height, inner)
    yield matrix("other", *other)
    yield matrix("dy", height, outer)
    yield matrix("dx_in_place", height, inner)
    yield matrix("d_other", *other)
    yield matrix("y", height, outer)

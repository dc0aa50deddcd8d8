# SPDX-License-Identifier: Apache-2.0
"""What a training step asks of the array: its products and updates, without addresses.

The products are those that the host runs, made by the functions that the host makes its commands
with; here only their extents are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sat_host import convolution_program
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.methods import LayerPlan, plan_layer
from sat_host.models.workload import Row, kept
from sat_host.nn.arrays import Fold
from sat_host.program import Operand, Product, Source, Target


@dataclass(frozen=True)
class ProductWork:
    """`copies` equal, independent products [rows, columns], in elements.

    stage: FF, BP or WU. Each sum runs over `taps` x `reduction` elements, of which keep of every
    group are multiplied. a_channels: of a pixel of A; transposed_a: the rows are the channels of
    A's taps. packed_b: B is packed records, else a matrix, with transposed_b [columns, reduction].
    binary32: Y's type, else binary16.
    """

    layer: str
    stage: str
    copies: int
    rows: int
    columns: int
    reduction: int
    taps: int
    keep: int
    transposed_a: bool = False
    transposed_b: bool = False
    packed_b: bool = True
    binary32: bool = False
    a_channels: int = 0

    def macs(self, group: int) -> int:
        """Multiplications of kept weights, without the zeros that pad the last group."""
        terms = self.taps * kept(self.reduction, self.keep, group)
        return self.copies * self.rows * self.columns * terms

    def product(self) -> Product:
        """One of the products, at address zero and on images of one row."""
        taps = self.rows // self.a_channels if self.transposed_a else self.taps
        return Product(
            self.rows,
            self.columns,
            self.reduction,
            Source(0, 0, self.a_channels, taps=(1, taps)),
            Operand(0, self.packed_b, self.keep, transposed=self.transposed_b),
            Target.rows(0, 0, self.binary32),
            transpose_a=self.transposed_a,
        )


@dataclass(frozen=True)
class UpdateWork:
    """One pass of WUVE and SORE over a weight matrix [rows, columns], in elements.

    rows: those between a tap's channels and the next tap included. ff_keep, bp_keep: of the packed
    forms that it writes; 0 for a form that nobody needs.
    """

    layer: str
    rows: int
    columns: int
    ff_keep: int
    bp_keep: int

    stage = "update"


Work = ProductWork | UpdateWork


def works(rows: Sequence[Row], config: ArrayConfig, method: str, keep: int) -> list[Work]:
    """All work of one training step, in order of execution.

    FF; then WU and BP, from the last layer to the first; then the updates. rows: as `workload` and
    the tables of hlsgen.workloads give them; the first takes the network's input. A layer that is
    not prunable is dense whatever the method. Raises ValueError for an unknown method.
    """
    layers = [_layer(row, n == 0, config, method, keep) for n, row in enumerate(rows)]
    found: list[Work] = []
    for layer in layers:
        found += [work for work in layer if work.stage == "FF"]
    for layer in reversed(layers):
        found += [work for stage in ("WU", "BP") for work in layer if work.stage == stage]
    for layer in layers:
        found += [work for work in layer if work.stage == "update"]
    return found


def _layer(row: Row, first: bool, config: ArrayConfig, method: str, keep: int) -> list[Work]:
    if row.kind == "attn":
        return list(_attention(row, config.group))
    if not row.prunable and not first:
        method = "dense"
    plan = plan_layer(row.layer, row.c_in, row.c_out, first, method, keep, config.group)
    return _weighted(row.geometry(), plan, config)


def _weighted(shape: Convolution, plan: LayerPlan, config: ArrayConfig) -> list[Work]:
    """The work of a layer with weights; the first has no BP, and its taps fold as on the host."""
    if plan.bp_keep is None:
        fold = Fold.of(shape, config.lanes)
        shape = fold.folded if fold else shape
    forward = convolution_program.forward(config, shape, 0, (0, plan.ff_keep), 0)
    gradient = convolution_program.gradient(config, shape, 0, 0, 0, accumulate=False)
    found: list[Work] = [_work(plan, "FF", forward), _work(plan, "WU", gradient)]
    if plan.bp_keep is not None:
        weights, dy_keep = (0, plan.bp_keep), plan.dy_keep or 0
        phases = convolution_program.backward(config, shape, 0, weights, 0, dy_keep)
        found += [_work(plan, "BP", phase) for phase in phases]
    update = UpdateWork(
        plan.name, shape.weight_rows(config.lanes), shape.filters, plan.ff_keep, plan.bp_keep or 0
    )
    return [*found, update]


def _work(plan: LayerPlan, stage: str, product: Product) -> ProductWork:
    return ProductWork(
        plan.name,
        stage,
        copies=1,
        rows=product.rows,
        columns=product.columns,
        reduction=product.reduction,
        taps=product.sum_taps,
        keep=product.b.keep,
        transposed_a=product.transpose_a,
        packed_b=product.b.packed,
        binary32=product.y.binary32,
        a_channels=product.a.channels,
    )


def _attention(row: Row, group: int) -> tuple[ProductWork, ...]:
    """Y = A . B [height, c_in] . [c_in, c_out] for each image and head, dA = dY . B^T and
    dB = A^T . dY, as sat_host.nn.attention runs them: of Q . K^T (a layer's `.qk`), K is stored as
    [c_out, c_in], and so is its gradient."""
    height, inner, outer = row.h_in, row.c_in, row.c_out
    keys = row.layer.endswith(".qk")

    def product(stage: str, rows: int, columns: int, reduction: int, **form: bool) -> ProductWork:
        transposed = form.get("transposed_a", False)
        return ProductWork(
            row.layer, stage, row.batch, rows, columns, reduction, taps=1, keep=group,
            packed_b=False, a_channels=rows if transposed else reduction, **form,
        )  # fmt: skip

    return (
        product("FF", height, outer, inner, transposed_b=keys),
        product("BP", height, inner, outer, transposed_b=not keys),
        product("BP", *((outer, inner) if keys else (inner, outer)), height, transposed_a=True),
    )

# SPDX-License-Identifier: Apache-2.0
"""What a training step asks of the array: its products and updates, at address zero.

The products are those that the host runs, made by the functions that the host makes its commands
with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sat_host import convolution_program
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.methods import LayerPlan, plan_layer
from sat_host.models.workload import Row, kept
from sat_host.nn.arrays import Fold
from sat_host.program import Operand, Product, Source, Target

from .placement import bank_of

FF = ("x", "ff", "y")
BP = ("dy", "bp", "dx")
WU = ("x", "dy", "gradient")


@dataclass(frozen=True)
class ProductWork:
    """`copies` equal, independent products of layer number `number`.

    stage: FF, BP or WU. product: with addresses zero. tensors: what A, B and Y are, by the names of
    hlsgen.schedule.placement. The properties are the product's, in elements: each sum runs over
    `taps` x `reduction` of them, of which keep of every group are multiplied.
    """

    layer: str
    stage: str
    copies: int
    product: Product
    number: int = 0
    tensors: tuple[str, str, str] = FF

    @property
    def rows(self) -> int:
        """Of Y."""
        return self.product.rows

    @property
    def columns(self) -> int:
        """Of Y."""
        return self.product.columns

    @property
    def reduction(self) -> int:
        """Elements of one tap that a sum runs over."""
        return self.product.reduction

    @property
    def taps(self) -> int:
        """Taps that a sum runs over."""
        return self.product.sum_taps

    @property
    def keep(self) -> int:
        """N of N:M; the group's size when all is multiplied."""
        return self.product.b.keep

    @property
    def transposed_a(self) -> bool:
        """Whether the rows are the channels of A's taps."""
        return self.product.transpose_a

    @property
    def transposed_b(self) -> bool:
        """Whether B is a matrix [columns, reduction]."""
        return self.product.b.transposed

    @property
    def packed_b(self) -> bool:
        """Whether B is packed records."""
        return self.product.b.packed

    @property
    def binary32(self) -> bool:
        """Y's type; else it is binary16."""
        return self.product.y.binary32

    @property
    def a_channels(self) -> int:
        """Of a pixel of A."""
        return self.product.a.channels

    def macs(self, group: int) -> int:
        """Multiplications of kept weights, without the zeros that pad the last group."""
        terms = self.taps * kept(self.reduction, self.keep, group)
        return self.copies * self.rows * self.columns * terms

    def places(self, banks: int) -> dict[str, int]:
        """The bank of each operand: a, b, y, commands."""
        names = ("a", "b", "y", "commands")
        tensors = (*self.tensors, "commands")
        return {
            name: bank_of(tensor, self.number, banks)
            for name, tensor in zip(names, tensors, strict=True)
        }


@dataclass(frozen=True)
class UpdateWork:
    """One pass of WUVE and SORE over a weight matrix [rows, columns], in elements.

    rows: those between a tap's channels and the next tap included. ff_keep, bp_keep: of the packed
    forms that it writes; 0 for a form that nobody needs. number: of the layer.
    """

    layer: str
    rows: int
    columns: int
    ff_keep: int
    bp_keep: int
    number: int = 0

    stage = "update"

    def places(self, banks: int) -> dict[str, int]:
        """The bank of each operand: weights, velocity, gradient, ff, bp, commands."""
        names = ("weights", "velocity", "gradient", "ff", "bp", "commands")
        return {name: bank_of(name, self.number, banks) for name in names}


Work = ProductWork | UpdateWork


def works(rows: Sequence[Row], config: ArrayConfig, method: str, keep: int) -> list[Work]:
    """All work of one training step, in an order in which it can be executed.

    FF; then, from the last layer to the first, WU, BP and the update. rows: as `workload` and the
    tables of hlsgen.workloads give them; the first takes the network's input. A layer that is not
    prunable is dense whatever the method. Raises ValueError for an unknown method.
    """
    layers = [_layer(row, n, config, method, keep) for n, row in enumerate(rows)]
    found = [work for layer in layers for work in layer if work.stage == "FF"]
    for layer in reversed(layers):
        for stage in ("WU", "BP", "update"):
            found += [work for work in layer if work.stage == stage]
    return found


def _layer(row: Row, number: int, config: ArrayConfig, method: str, keep: int) -> list[Work]:
    if row.kind == "attn":
        return list(_attention(row, number, config))
    first = number == 0
    if not row.prunable and not first:
        method = "dense"
    plan = plan_layer(row.layer, row.c_in, row.c_out, first, method, keep, config.group)
    return _weighted(row.geometry(), plan, number, config)


def _weighted(shape: Convolution, plan: LayerPlan, number: int, config: ArrayConfig) -> list[Work]:
    """The work of a layer with weights; the first has no BP, and its taps fold as on the host."""
    if plan.bp_keep is None:
        fold = Fold.of(shape, config.lanes)
        shape = fold.folded if fold else shape
    forward = convolution_program.forward(config, shape, 0, (0, plan.ff_keep), 0)
    gradient = convolution_program.gradient(config, shape, 0, 0, 0, accumulate=False)
    name = plan.name
    found: list[Work] = [
        ProductWork(name, "FF", 1, forward, number, FF),
        ProductWork(name, "WU", 1, gradient, number, WU),
    ]
    if plan.bp_keep is not None:
        weights, dy_keep = (0, plan.bp_keep), plan.dy_keep or 0
        for phase in convolution_program.backward(config, shape, 0, weights, 0, dy_keep):
            found.append(ProductWork(name, "BP", 1, _at_zero(phase), number, BP))
    height = shape.weight_rows(config.lanes)
    keeps = plan.ff_keep, plan.bp_keep or 0
    return [*found, UpdateWork(name, height, shape.filters, *keeps, number)]


def _at_zero(product: Product) -> Product:
    """Without the phase's place in B and Y, so that equal phases are equal."""
    return replace(product, b=replace(product.b, address=0), y=replace(product.y, address=0))


def _attention(row: Row, number: int, config: ArrayConfig) -> tuple[ProductWork, ...]:
    """Y = A . B [height, c_in] . [c_in, c_out] for each image and head, dA = dY . B^T and
    dB = A^T . dY, as sat_host.nn.attention runs them: of Q . K^T (a layer's `.qk`), K is stored as
    [c_out, c_in], and so is its gradient."""
    height, inner, outer = row.h_in, row.c_in, row.c_out
    keys = row.layer.endswith(".qk")

    def work(
        stage: str, sizes: tuple[int, int, int], tensors: tuple[str, str, str],
        transposed_a: bool = False, transposed_b: bool = False,
    ) -> ProductWork:  # fmt: skip
        product = plain_product(
            config, *sizes, transposed_a=transposed_a, transposed_b=transposed_b
        )
        return ProductWork(row.layer, stage, row.batch, product, number, tensors)

    # dB: of Q . K^T, dK = dY^T . Q; else dV = A^T . dY.
    factors = ("dy", "x") if keys else ("x", "dy")
    sides = (outer, inner) if keys else (inner, outer)
    return (
        work("FF", (height, outer, inner), ("x", "other", "y"), transposed_b=keys),
        work("BP", (height, inner, outer), ("dy", "other", "dx_in_place"), transposed_b=not keys),
        work("BP", (*sides, height), (*factors, "d_other"), transposed_a=True),
    )


def plain_product(
    config: ArrayConfig,
    rows: int,
    columns: int,
    reduction: int,
    *,
    transposed_a: bool = False,
    transposed_b: bool = False,
    binary32: bool = False,
) -> Product:
    """The product of two row-major matrices, each stored as it is or transposed."""
    channels = rows if transposed_a else reduction
    stored = reduction if transposed_b else columns
    pitch = config.blocks(columns) * (2 if binary32 else 1)
    return Product(
        rows,
        columns,
        reduction,
        Source(0, config.blocks(channels), channels),
        Operand(0, False, config.group, config.blocks(stored), transposed_b),
        Target.rows(0, pitch, binary32),
        transpose_a=transposed_a,
    )

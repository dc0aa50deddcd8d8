# SPDX-License-Identifier: Apache-2.0
"""What a training step asks of the array: its products and updates.

The products are those that the host runs, made by the functions that the host makes its commands
with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sat_host import convolution_program
from sat_host.config import ArrayConfig
from sat_host.layer_shapes import ActivationLayer, LayerShape, WeightedLayer
from sat_host.models.workload import Row, kept
from sat_host.product import Operand, Product, Source, Target

from .placement import bank_of
from .shapes import layer_shapes

FF = ("x", "ff", "y")
BP = ("dy", "bp", "dx")
WU = ("x", "dy", "gradient")


@dataclass(frozen=True)
class ProductWork:
    """`copies` equal, independent products of layer number `number`.

    stage: FF, BP or WU. tensors: what A, B and Y are, by the names of hlsgen.schedule.placement.
    The properties are the product's, in elements: each sum runs over `taps` x `reduction` of them,
    of which keep of every group are multiplied.
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
    forms that it writes; 0 for a form that nobody needs. number: of the layer. masked: weights that
    FF prunes decay, and BP's form has zeros for them.
    """

    layer: str
    rows: int
    columns: int
    ff_keep: int
    bp_keep: int
    number: int = 0
    masked: bool = False

    stage = "update"

    def places(self, banks: int) -> dict[str, int]:
        """The bank of each operand: weights, velocity, gradient, ff, bp, commands."""
        names = ("weights", "velocity", "gradient", "ff", "bp", "commands")
        return {name: bank_of(name, self.number, banks) for name in names}


Work = ProductWork | UpdateWork

Address = Callable[[str, str], int]
"""The first word of a layer's tensor, by the layer's name and the tensor's role."""


def works(rows: Sequence[Row], config: ArrayConfig, method: str, keep: int) -> list[Work]:
    """All work of one training step, every product at address zero, so that equal ones are equal.

    rows: as `workload` and the tables of hlsgen.workloads give them; the first takes the network's
    input. Raises ValueError for an unknown method.
    """
    layers = layer_shapes(rows, config, method, keep)
    return [
        replace(work, product=work.product.shape()) if isinstance(work, ProductWork) else work
        for work in works_at(layers, config, lambda layer, role: 0)
    ]


def works_at(layers: Sequence[LayerShape], config: ArrayConfig, address: Address) -> list[Work]:
    """All work of one training step on tensors in memory, in an order in which it can be executed.

    FF; then, from the last layer to the first, WU, BP and the update.
    """
    made = [
        _weighted(layer, number, config, address)
        if isinstance(layer, WeightedLayer)
        else _attention(layer, number, config, address)
        for number, layer in enumerate(layers)
    ]
    found = [work for of_layer in made for work in of_layer if work.stage == "FF"]
    for of_layer in reversed(made):
        for stage in ("WU", "BP", "update"):
            found += [work for work in of_layer if work.stage == stage]
    return found


def _weighted(
    layer: WeightedLayer, number: int, config: ArrayConfig, address: Address
) -> list[Work]:
    """The work of a layer with weights."""
    name, shape = layer.name, layer.shape

    def at(role: str) -> int:
        return address(name, role)

    forward = convolution_program.forward(
        config, shape, at("x"), (at("ff"), layer.ff_keep), at("y")
    )
    gradient = convolution_program.gradient(
        config, shape, at("x"), at("dy"), at("gradient"), accumulate=False
    )
    found: list[Work] = [
        ProductWork(name, "FF", 1, forward, number, FF),
        ProductWork(name, "WU", 1, gradient, number, WU),
    ]
    if layer.bp_keep:
        weights = at("bp"), layer.bp_keep
        phases = convolution_program.backward(
            config, shape, at("dy"), weights, at("dx"), layer.dy_keep
        )
        found += [ProductWork(name, "BP", 1, phase, number, BP) for phase in phases]
    height = shape.weight_rows(config.lanes)
    keeps = layer.ff_keep, layer.bp_keep
    return [*found, UpdateWork(name, height, shape.filters, *keeps, number, layer.masked)]


def _attention(
    layer: ActivationLayer, number: int, config: ArrayConfig, address: Address
) -> list[Work]:
    """Y = A . B [height, inner] . [inner, outer] for each image and head, dA = dY . B^T and
    dB = A^T . dY, as sat_host.nn.attention runs them. Keys and their gradient are stored as
    [outer, inner]."""
    height, inner, outer, keys = layer.height, layer.inner, layer.outer, layer.keys

    def work(
        stage: str, sizes: tuple[int, int, int], tensors: tuple[str, str, str],
        transposed_a: bool = False, transposed_b: bool = False,
    ) -> ProductWork:  # fmt: skip
        product = plain_product(
            config, *sizes, transposed_a=transposed_a, transposed_b=transposed_b
        )
        a, b, y = (address(layer.name, role) for role in tensors)
        placed = replace(
            product,
            a=replace(product.a, address=a),
            b=replace(product.b, address=b),
            y=replace(product.y, address=y),
        )
        return ProductWork(layer.name, stage, layer.copies, placed, number, tensors)

    # dB: of Q . K^T, dK = dY^T . Q; else dV = A^T . dY.
    factors = ("dy", "x") if keys else ("x", "dy")
    sides = (outer, inner) if keys else (inner, outer)
    return [
        work("FF", (height, outer, inner), ("x", "other", "y"), transposed_b=keys),
        work("BP", (height, inner, outer), ("dy", "other", "dx_in_place"), transposed_b=not keys),
        work("BP", (*sides, height), (*factors, "d_other"), transposed_a=True),
    ]


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

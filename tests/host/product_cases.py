# SPDX-License-Identifier: Apache-2.0
"""Products, convolutions and arrays of any kind, for the tests of what the host makes of them."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.product import Operand, Product, Source, Target

SETTINGS = settings(max_examples=150)


@st.composite
def configs(draw: st.DrawFn) -> ArrayConfig:
    lanes = draw(st.sampled_from([4, 8, 16, 32, 64]))
    group = draw(st.sampled_from([m for m in (4, 8, 16, 32) if m <= lanes]))
    latency = draw(st.integers(1, 16))
    interleave = draw(st.integers(1, 64))
    tile = draw(st.integers(-(-latency // interleave), 64))
    return ArrayConfig(draw(st.integers(1, 64)), lanes, group, interleave, tile, latency)


@st.composite
def products(draw: st.DrawFn, config: ArrayConfig) -> Product:
    rows, columns = draw(st.integers(1, 3000)), draw(st.integers(1, 3000))
    reduction = draw(st.integers(1, 3000))
    transpose, packed = draw(st.booleans()), draw(st.booleans())
    binary32 = draw(st.booleans())
    extra = draw(st.integers(0, 3))
    keep = draw(st.integers(1, config.group)) if packed else config.group
    transposed = not packed and draw(st.booleans())
    pitch = config.blocks(columns) * (2 if binary32 else 1) + extra
    return Product(
        rows=rows,
        columns=columns,
        reduction=reduction,
        a=Source(
            draw(st.integers(0, 1 << 20)),
            config.blocks(rows if transpose else reduction) + extra,
            rows if transpose else reduction,
        ),
        b=Operand(
            draw(st.integers(0, 1 << 20)),
            packed=packed,
            keep=keep,
            pitch=0 if packed else config.blocks(reduction if transposed else columns) + extra,
            transposed=transposed,
            block_step=config.blocks(reduction) * config.record_words(keep) if packed else 0,
        ),
        y=Target.rows(draw(st.integers(0, 1 << 20)), pitch, binary32),
        transpose_a=transpose,
        accumulate=binary32 and draw(st.booleans()),
    )


CASES = configs().flatmap(lambda config: st.tuples(st.just(config), products(config)))


@st.composite
def convolutions(draw: st.DrawFn) -> Convolution:
    kernel = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    padding = draw(st.integers(0, 3)), draw(st.integers(0, 8))
    size = [draw(st.integers(max(1, kernel[a] - 2 * padding[a]), 40)) for a in (0, 1)]
    stride = draw(st.integers(1, 9)), draw(st.integers(1, 3))
    channels, filters = draw(st.integers(1, 200)), draw(st.integers(1, 200))
    return Convolution(draw(st.integers(1, 3)), *size, channels, filters, kernel, stride, padding)

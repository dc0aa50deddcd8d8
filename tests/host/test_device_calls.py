# SPDX-License-Identifier: Apache-2.0
"""The convenience calls of a device, their errors, and the golden device's memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sat_host import golden
from sat_host.binary16 import round_binary16
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.device import Device, UpdateScalars
from sat_host.errors import ArgumentError
from sat_host.golden_device import GoldenDevice


@pytest.fixture
def device() -> GoldenDevice:
    return GoldenDevice(ArrayConfig(4, 8, 8, 4, 2, 8))


def half(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float16)


def test_matmul_dense_pruned_and_accumulated(device: GoldenDevice) -> None:
    rng = np.random.default_rng(1)
    a, b = half(rng, 5, 19), half(rng, 19, 11)
    start = rng.standard_normal((5, 11)).astype(np.float32)
    mask = golden.keep_mask(b, 2, 8, 0)
    assert np.array_equal(device.matmul(a, b), golden.matmul(a, b))
    assert np.array_equal(device.matmul(a, b, keep=8), golden.matmul(a, b))
    assert np.array_equal(device.matmul(a, b, keep=2), golden.matmul(a, b, mask=mask))
    for dataflow in (None, "os", "ws"):
        got = device.matmul(a, b, keep=2, accumulate=start, dataflow=dataflow)
        assert np.array_equal(got, golden.matmul(a, b, mask=mask, initial=start))
    assert device.live == 0


def test_calls_take_views_that_are_not_contiguous(device: GoldenDevice) -> None:
    rng = np.random.default_rng(2)
    a, b = half(rng, 38, 10)[::2, ::-2].T, half(rng, 11, 19).T
    assert np.array_equal(device.matmul(a, b), golden.matmul(a.copy(), b.copy()))
    assert np.array_equal(device.prune(b, keep=3), golden.prune(b.copy(), 3, 8, 0))


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_prune(device: GoldenDevice, axis: int) -> None:
    w = half(np.random.default_rng(3), 21, 13)
    assert np.array_equal(device.prune(w, keep=2, axis=axis), golden.prune(w, 2, 8, axis))
    assert device.live == 0


def test_update_leaves_its_inputs(device: GoldenDevice) -> None:
    rng = np.random.default_rng(4)
    w, v, dw = (rng.standard_normal((3, 9)).astype(np.float32) for _ in range(3))
    before = [x.copy() for x in (w, v, dw)]
    got = device.update(w, v, dw, lr=0.1, momentum=0.9, weight_decay=5e-4, inv_scale=0.5)
    expected = golden.update(w, v, dw, UpdateScalars(0.1, 0.9, 5e-4, 0.5))
    assert all(np.array_equal(x, y) for x, y in zip(got, expected, strict=True))
    assert all(np.array_equal(x, y) for x, y in zip((w, v, dw), before, strict=True))
    assert device.live == 0


A, B = np.ones((2, 8), np.float16), np.ones((8, 3), np.float16)
W = np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: d.matmul(A.astype(np.float32), B), "a: expected a float16 array (I, K), got f"),
        (lambda d: d.matmul([[1.0]], B), "a: expected a float16 array (I, K), got list"),
        (
            lambda d: d.matmul(np.ones((5, 16), np.float32), B),
            "a: expected a float16 array (I, K), got float32 (5, 16): use .astype(np.float16)",
        ),
        (
            lambda d: d.update(W, W.astype(int), W, lr=1, momentum=0),
            "v: expected a float32 array (2, 3), got int64 (2, 3): use .astype(np.float32)",
        ),
        (
            lambda d: d.matmul(np.ma.masked_equal(A, 0), B),
            "a: expected a float16 array (I, K), got a masked array: use .filled()",
        ),
        (
            lambda d: d.update(W, W, np.ma.masked_equal(W, 0), lr=1, momentum=0),
            "dw: expected a float32 array (2, 3), got a masked array: use .filled()",
        ),
        (lambda d: d.matmul(A, B[:, 0]), "b: expected a float16 array (K, J), got float16 (8,)"),
        (
            lambda d: d.matmul(A, B[:, :0]),
            "b: expected a non-empty array (K, J), got float16 (8, 0",
        ),
        (lambda d: d.matmul(A, B[:5]), "b: expected 8 rows, the columns of a (2, 8), got (5, 3)"),
        (lambda d: d.matmul(A, B, keep=0), "keep: expected 1 to 8 (the group M), got 0"),
        (lambda d: d.matmul(A, B, keep=9), "keep: expected 1 to 8 (the group M), got 9"),
        (lambda d: d.matmul(A, B, keep=2.0), "keep: expected an integer from 1 to 8, got 2.0"),
        (lambda d: d.matmul(A, B, dataflow="is"), "dataflow: this device offers os, ws, got 'is'"),
        (lambda d: d.matmul(A, B, dataflow=2), "dataflow: this device offers os, ws, got 2"),
        (lambda d: d.matmul(A, B, accumulate=W[:1]), "accumulate: expected a float32 array (2, 3)"),
        (lambda d: d.prune(W, 2), "w: expected a float16 array (K, J), got float32 (2, 3)"),
        (lambda d: d.prune(A, 2, axis=2), "axis: expected 0 (rows) or 1 (columns), got 2"),
        (lambda d: d.update(W, W[:1], W, lr=1, momentum=0), "v: expected a float32 array (2, 3)"),
        (lambda d: d.update(W, W, W, lr=np.nan, momentum=0), "lr: expected a finite binary32"),
        (lambda d: d.update(W, W, W, lr="x", momentum=0), "lr: expected a number, got 'x'"),
        (lambda d: d.update(W, W, W, lr=10**400, momentum=0), "lr: expected a finite binary32"),
        (lambda d: d.matmul(A, B, keep=np.ones((3, 3))), "keep: expected an integer from 1 to 8, "),
        (lambda d: d.matrix(0, 3, "f2"), "rows: expected an integer of at least 1, got 0"),
        (lambda d: d.matrix(2.5, 3, "f2"), "rows: expected an integer of at least 1, got 2.5"),
        (lambda d: d.matrix(2, True, "f2"), "columns: expected an integer of at least 1, got True"),
        (lambda d: d.matrix(2, [3], "f2"), "columns: expected an integer of at least 1, got list"),
        (lambda d: d.matrix(1, 3, "f8"), "matrix: expected dtype float16 or float32, got float64"),
        (lambda d: d.matrix(1, 3, "no"), "matrix: expected dtype float16 or float32, got str"),
        (lambda d: d.matrix(1, 3, "f4,("), "matrix: expected dtype float16 or float32, got str"),
        (lambda d: d.packed(0, 3, 2), "reduction: expected an integer of at least 1, got 0"),
        (lambda d: d.packed(8, "3", 2), "columns: expected an integer of at least 1, got '3'"),
        (lambda d: d.packed(8, 3, 9), "keep: expected 1 to 8 (the group M), got 9"),
        (lambda d: d.matrix(2, 3, "f2").head(3), "a view of 3 rows does not fit"),
        (lambda d: d.matrix(2, 3, "f2").head(1.5), "rows: expected an integer of at least 1"),
    ],
)
def test_errors_are_one_line(
    device: GoldenDevice, call: Callable[[Device], Any], message: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        call(device)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert device.live == call.__code__.co_names.count("head")  # the matrix that was viewed


def test_product_counts_what_is_not_finite_and_uses_the_head(device: GoldenDevice) -> None:
    a, b = device.matrix(3, 2, np.float16), device.matrix(2, 2, np.float16)
    y16, y32 = device.matrix(3, 2, np.float16), device.matrix(3, 2, np.float32)
    device.write(a, np.array([[300, 0], [np.inf, 0], [1, 1]], np.float16))
    device.write(b, np.array([[300, 0], [1, 1]], np.float16))
    assert device.product(y32, a, b) == 2  # inf·300 and inf·0
    assert device.product(y16, a, b) == 3  # 90000 is beyond binary16
    assert device.product(y16.head(1), a.head(1), b) == 1
    gram = device.matrix(2, 2, np.float32)
    assert device.product(gram, a.head(1), a.head(1), transpose_a=True) == 0
    assert device.read(gram).tolist() == [[90000, 0], [0, 0]]


def test_product_refuses_what_does_not_fit(device: GoldenDevice) -> None:
    a, y = device.matrix(3, 2, np.float16), device.matrix(3, 2, np.float16)
    packed = device.packed(4, 2, 2)
    with pytest.raises(ArgumentError, match="a reduces over 2 elements, b over 4"):
        device.product(y, a, packed)
    with pytest.raises(ArgumentError, match="accumulating needs a float32 y"):
        device.product(
            device.matrix(3, 3, np.float16), a, device.matrix(2, 3, np.float16), accumulate=True
        )
    with pytest.raises(ArgumentError, match="expected packed"):
        device.pack(a, ff=packed)


def test_update_weights_packs_the_new_weights(device: GoldenDevice) -> None:
    rng = np.random.default_rng(5)
    w = rng.standard_normal((9, 12)).astype(np.float32)
    weights, velocity, gradient = (device.matrix(9, 12, np.float32) for _ in range(3))
    ff, bp = device.packed(9, 12, 2), device.packed(12, 9, 3)
    device.write(weights, w)
    device.write(gradient, w[::-1])
    device.update_weights(weights, velocity, gradient, UpdateScalars(0.5, 0.9, 0, 1), ff, bp)
    w16 = round_binary16(device.read(weights))
    assert not np.array_equal(w16, w.astype(np.float16))
    assert np.array_equal(device.read_packed(ff), golden.pack(w16, 2, device.config))
    assert np.array_equal(device.read_packed(bp), golden.pack(w16.T, 3, device.config))


SHAPE = Convolution(2, 5, 4, 3, 6, (3, 2), (2, 1), (1, 0))


def operands(device: Device) -> dict[str, Any]:
    """Matrices that fit SHAPE, and a batch of two products."""
    rows, filters = SHAPE.weight_rows(device.config.lanes), SHAPE.filters
    return {
        "x": device.matrix(SHAPE.in_pixels, SHAPE.channels, "f2"),
        "y": device.matrix(SHAPE.out_pixels, filters, "f2"),
        "dw": device.matrix(rows, filters, "f4"),
        "ff": device.packed(rows, filters, 2),
        "bp": device.packed(filters, rows, 2),
        "wide": device.matrix(4, 8, "f2"),
        "tall": device.matrix(16, 3, "f2"),
        "products": device.matrix(4, 3, "f4"),
        "weights": device.matrix(rows, filters, "f4"),
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda d, m: d.convolve(m["x"], m["x"], m["ff"], SHAPE),
            "y: expected float16 (18, 6), got float16 (40, 3)",
        ),
        (
            lambda d, m: d.convolve(m["y"], m["x"].head(39), m["ff"], SHAPE),
            "x: expected float16 (40, 3), got float16 (39, 3)",
        ),
        (
            lambda d, m: d.convolve(m["y"], m["x"], m["bp"], SHAPE),
            "weights: expected packed (43, 6), got packed (6, 43) keep 2",
        ),
        (
            lambda d, m: d.convolve(m["y"], m["x"], m["dw"], SHAPE),
            "weights: expected packed (43, 6), got float32 (43, 6)",
        ),
        (
            lambda d, m: d.convolve(m["y"], m["x"], m["ff"], (3, 2)),
            "shape: expected a Convolution, got tuple",
        ),
        (
            lambda d, m: d.convolve_backward(m["x"], m["y"], m["ff"], SHAPE),
            "weights: expected packed (6, 43), got packed (43, 6) keep 2",
        ),
        (
            lambda d, m: d.convolve_backward(m["x"], m["y"], m["bp"], SHAPE, dy_keep=9),
            "dy_keep: expected 1 to 8 (the group M), got 9",
        ),
        (
            lambda d, m: d.convolve_backward(m["x"], m["y"], m["bp"], SHAPE, dy_keep=1.0),
            "dy_keep: expected an integer from 1 to 8, got 1.0",
        ),
        (
            lambda d, m: d.convolve_backward(m["y"], m["x"], m["bp"], SHAPE),
            "dx: expected float16 (40, 3), got float16 (18, 6)",
        ),
        (
            lambda d, m: d.convolve_gradient(m["y"], m["x"], m["y"], SHAPE),
            "dw: expected float32 (43, 6), got float16 (18, 6)",
        ),
        (
            lambda d, m: d.convolve_gradient(m["dw"], m["x"], m["dw"], SHAPE),
            "dy: expected float16 (18, 6), got float32 (43, 6)",
        ),
        (
            lambda d, m: d.product_batch(m["products"], m["wide"], m["tall"], 3),
            "product_batch: y has no 3 equal parts, float32 (4, 3)",
        ),
        (
            lambda d, m: d.product_batch(m["products"], m["wide"], m["tall"], 0),
            "batch: expected an integer of at least 1, got 0",
        ),
        (
            lambda d, m: d.product_batch(m["products"], m["wide"], m["tall"], 4),
            "product_batch: a reduces over 8 elements, b over 4 (float16 (16, 3))",
        ),
        (
            lambda d, m: d.product_batch(m["wide"], m["wide"], m["tall"], 2),
            "product_batch: expected y (4, 3), got float16 (4, 8)",
        ),
        (
            lambda d, m: d.product_batch(m["products"], m["wide"], m["products"], 2),
            "product_batch: operands must be float16, got float16 (4, 8) and float32 (4, 3)",
        ),
        (
            lambda d, m: d.pack(m["weights"], bp=m["bp"], masked_bp=True),
            "masked_bp: needs ff, whose pruned weights it leaves out",
        ),
        (
            lambda d, m: d.update_weights(
                m["weights"], m["dw"], m["dw"], UpdateScalars(1, 0, 0, 1, 1e-4), bp=m["bp"]
            ),
            "sr_decay: needs ff, whose pruned weights it decays",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(
    device: GoldenDevice, call: Callable[[Device, dict[str, Any]], Any], message: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        call(device, operands(device))
    assert str(caught.value) == message


def test_the_matrices_of_these_errors_fit(device: GoldenDevice) -> None:
    matrices = operands(device)
    x, y, dw = (matrices[name] for name in ("x", "y", "dw"))
    assert device.convolve(y, x, matrices["ff"], SHAPE) == 0
    assert device.convolve_backward(x, y, matrices["bp"], SHAPE, dy_keep=8) == 0
    assert device.convolve_gradient(dw, x, y, SHAPE) == 0
    wide, tall = matrices["wide"], matrices["tall"]
    assert device.product_batch(matrices["products"], wide, tall, 2) == 0


def test_update_weights_decays_what_it_prunes_and_masks_bp(device: GoldenDevice) -> None:
    rng = np.random.default_rng(6)
    w, v, dw = (rng.standard_normal((19, 12)).astype(np.float32) for _ in range(3))
    weights, velocity, gradient = (device.matrix(19, 12, np.float32) for _ in range(3))
    for matrix, values in ((weights, w), (velocity, v), (gradient, dw)):
        device.write(matrix, values)
    ff, bp = device.packed(19, 12, 2), device.packed(12, 19, 3)
    scalars = UpdateScalars(0.5, 0.9, 1e-3, 0.25, 0.125)
    device.update_weights(weights, velocity, gradient, scalars, ff, bp, masked_bp=True)
    pruned = ~golden.keep_mask(round_binary16(w), 2, 8, 0)
    want = golden.update(w, v, dw, scalars, pruned)
    assert np.array_equal(device.read(weights), want[0])
    assert np.array_equal(device.read(velocity), want[1])
    plain = golden.update(w, v, dw, scalars)
    assert np.array_equal(want[0] != plain[0], pruned)
    w16 = round_binary16(want[0])
    masked = golden.prune(w16, 2, 8, 0)
    assert not np.array_equal(masked, golden.prune(w16, 8, 8, 0))
    assert np.array_equal(device.read_packed(ff), golden.pack(w16, 2, device.config))
    assert np.array_equal(device.read_packed(bp), golden.pack(masked.T, 3, device.config))

# SPDX-License-Identifier: Apache-2.0
"""Batches that go through in pieces: what is loaded, and which loss and accuracy come of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from sat_host.data import ArrayPixels
from sat_host.loss import MAX_SCALE
from test_training import config, parameters, synthetic, trainer


def test_pieces_add_up_to_the_batch() -> None:
    """The same loss and nearly the same weights, whatever the pieces; and one update a step."""
    losses, weights = [], []
    for micro_batch in (None, 16, 5, 1):
        settings = config(epochs=2, micro_batch=micro_batch, label_smoothing=0.2)
        with trainer(settings) as run:
            losses.append([r["loss"] for r in run.run() if r["kind"] == "step"])
            weights.append(parameters(run.weights()))
    assert losses[0] == losses[1]
    for other in losses[2:]:
        assert other == pytest.approx(losses[0], rel=2e-3)
        assert len(other) == 4
    for found in weights[1:]:
        for whole, parts in zip(weights[0], found, strict=True):
            assert np.abs(whole - parts).max() < 2e-3


@pytest.mark.parametrize(
    ("scale", "skipped", "sizes"), [(1.0, False, [8, 8, 4, 8, 4]), (MAX_SCALE, True, [8, 8])]
)
def test_no_more_than_a_piece_is_loaded_at_once(
    scale: float, skipped: bool, sizes: list[int]
) -> None:
    """And nothing more of a batch once its step is skipped."""
    read: list[int] = []

    class Watched(ArrayPixels):
        def read(self, positions: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
            read.append(len(positions))
            return super().read(positions)

    data = synthetic()
    assert isinstance(data.train.pixels, ArrayPixels)
    train = replace(data.train, pixels=Watched(data.train.pixels.images))
    settings = config(batch=20, micro_batch=8, loss_scale=scale)
    with trainer(settings, replace(data, train=train)) as run:
        steps = [r for r in run.run() if r["kind"] == "step"]
    assert [r["skipped"] for r in steps] == [skipped] * 2
    assert read == sizes


@pytest.mark.parametrize("micro_batch", [None, 20, 5])
def test_a_skipped_step_tells_the_mean_loss_of_what_it_has_seen(micro_batch: int | None) -> None:
    """Although the other pieces are left out: a part of a sum is no mean."""
    losses = []
    for scale in (1.0, MAX_SCALE):
        with trainer(config(batch=32, loss_scale=scale, micro_batch=micro_batch)) as run:
            losses.append(next(r for r in run.run() if r["kind"] == "step"))
    applied, skipped = losses
    assert (applied["skipped"], skipped["skipped"]) == (False, True)
    if micro_batch is None:
        assert skipped["loss"] == applied["loss"]
    assert skipped["loss"] == pytest.approx(applied["loss"], rel=0.3)


def test_the_loss_of_an_epoch_is_the_mean_over_its_samples() -> None:
    with trainer(config(batch=30, learning_rate=1)) as run:  # batches of 30 and of 2
        _, *steps, epoch, _ = run.run()
    first, second = (step["loss"] for step in steps)
    assert abs(first - second) > 0.01
    assert epoch["loss"] == pytest.approx((30 * first + 2 * second) / 32, rel=1e-12)


def test_a_logit_that_is_nan_is_no_right_answer() -> None:
    data = synthetic()
    with trainer(config(), data) as run:
        tensors, state = run.snapshot()
        tensors["fc3.bias"][:] = (0, 0, 1e6)
        run.restore(tensors, state)
        assert run.evaluate() == np.mean(data.test.labels == 2) > 0
        tensors["fc3.bias"][:] = (0, 0, np.nan)
        run.restore(tensors, state)
        assert run.evaluate() == 0

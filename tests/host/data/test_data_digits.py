# SPDX-License-Identifier: Apache-2.0
"""Digits are exact and split evenly; the `data` section is checked field by field."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sat_host.data import ArrayPixels, Dataset, Normalisation, Split, load_dataset
from sat_host.data.digits import stratified_test_mask
from sat_host.errors import MissingPackageError, SettingsError

DIGITS = {"name": "digits", "test_fraction": 0.2}


def test_digits_are_exact_and_split_evenly() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    data = load_dataset(DIGITS)
    assert (data.classes, data.image) == (10, (8, 8, 1))
    assert len(data.train) + len(data.test) == 1797
    everything, labels = datasets.load_digits(return_X_y=True)
    test = stratified_test_mask(labels, 0.2)
    for split, part in ((data.train, ~test), (data.test, test)):
        images = split.images(range(len(split)))
        assert images.dtype == np.float32 and images.flags.c_contiguous
        assert np.array_equal(images * 16, everything[part].reshape(-1, 8, 8, 1))
        assert np.array_equal(images, images.astype(np.float16))
        assert split.labels.dtype == np.int64
        assert np.array_equal(split.labels, labels[part])
    share = np.bincount(data.test.labels) / np.bincount(labels)
    assert np.all(np.abs(share - 0.2) < 0.01)


def test_split_takes_the_fraction_of_each_class_or_refuses() -> None:
    labels = np.array([0, 1] * 10)
    mask = stratified_test_mask(labels, 0.3)
    assert np.bincount(labels[mask]).tolist() == [3, 3]
    with pytest.raises(SettingsError, match=r"data\.test_fraction: 0\.05 leaves class 0"):
        stratified_test_mask(labels, 0.05)


def test_missing_scikit_learn_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingPackageError, match="pip install scikit-learn") as caught:
        load_dataset(DIGITS)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["digits"], "data: expected a section with a name, got ['digits']"),
        ({}, "data.name: expected one of digits, cifar10, cifar100, image_folder, got None"),
        ({"name": "mnist"}, "data.name: expected one of digits, cifar10, "),
        ({"name": ["digits"]}, "data.name: expected one of digits, cifar10, "),
        ({"name": "digits"}, "data.test_fraction: missing, and digits needs it"),
        (
            {**DIGITS, "path": "x"},
            "data.path: digits has no such field, only name, test_fraction",
        ),
        (
            {"name": "digits", "test_fraction": True},
            "data.test_fraction: expected a number from 0.01 to 0.9, got True",
        ),
        (
            {"name": "digits", "test_fraction": float("nan")},
            "data.test_fraction: expected a number from 0.01 to 0.9, got nan",
        ),
        ({"name": "cifar10"}, "data.path: missing, and cifar10 needs it"),
        ({"name": "cifar10", "path": 3}, "data.path: expected the path of a folder, got 3"),
        ({"name": "cifar10", "path": ""}, "data.path: expected the path of a folder, got ''"),
        ({"name": "cifar10", "path": "/no/such"}, "data.path: /no/such: no such folder"),
        (
            {"name": "image_folder", "path": "/", "size": 0},
            "data.size: expected an integer from 1 to 1024 or null, got 0",
        ),
    ],
)
def test_wrong_settings_name_the_field(settings: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_dataset(settings)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_path_s_tilde_is_expanded_and_a_relative_one_is_below_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load_dataset({"name": "cifar10", "path": "~/cifar"})
    assert str(caught.value) == f"data.path: {tmp_path}/home/cifar: no such folder"
    with pytest.raises(SettingsError) as caught:
        load_dataset({"name": "cifar10", "path": "cifar"})
    where = f"in the current directory, {tmp_path}"
    assert str(caught.value) == f"data.path: cifar: no such folder {where}"
    (tmp_path / "cifar.tar").touch()
    with pytest.raises(SettingsError, match="cifar.tar: not a folder: unpack it"):
        load_dataset({"name": "cifar10", "path": "cifar.tar"})
    (tmp_path / "cifar").mkdir()
    with pytest.raises(SettingsError, match=f"data.path: {tmp_path}/cifar: expected data_batch_1"):
        load_dataset({"name": "cifar10", "path": "cifar"})


def test_what_the_system_refuses_is_one_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"data\.path: .*a: cannot be read: File name too long"):
        load_dataset({"name": "cifar10", "path": str(tmp_path / ("a" * 300))})


def made(
    *, pixel: int = 7, label: int = 1, mean: float = 0.5, swap: bool = False, classes: int = 3
) -> Dataset:
    """A data set of three images, with one thing in it that may be other."""
    pixels = np.arange(3 * 2 * 2 * 1, dtype=np.uint8).reshape(3, 2, 2, 1)
    pixels[1, 1, 1, 0] = pixel
    normalisation = Normalisation(255, (mean,), (0.25,))
    parts = [
        Split(np.array([0, label, 2]), ArrayPixels(pixels), normalisation),
        Split(np.array([2]), ArrayPixels(pixels[:1]), normalisation),
    ]
    train, test = reversed(parts) if swap else parts
    return Dataset(classes, (2, 2, 1), train, test)


def test_fingerprint_tells_data_apart() -> None:
    others = [made(pixel=8), made(label=2), made(mean=0.4), made(swap=True), made(classes=4)]
    prints = [data.fingerprint() for data in (made(), *others)]
    assert made().fingerprint() == prints[0]
    assert len(set(prints)) == len(prints)
    assert all(len(text) == 16 and int(text, 16) >= 0 for text in prints)


def test_normalisation_is_what_it_says() -> None:
    normalisation = Normalisation(255, (0.5, 0.25), (0.2, 0.4))
    pixels = np.array([[0, 255], [51, 102]], np.uint8)
    expected = (pixels / 255 - np.array([0.5, 0.25])) / np.array([0.2, 0.4])
    values = normalisation.apply(pixels)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected, rtol=0, atol=4e-7)

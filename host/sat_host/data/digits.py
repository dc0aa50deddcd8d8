# SPDX-License-Identifier: Apache-2.0
"""scikit-learn's handwritten digits, with a split that does not depend on the run's seed."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MissingPackageError, SettingsError
from .dataset import ArrayPixels, Dataset, Labels, Normalisation, Split

# 0..16 becomes 0..1, exactly in binary16 too; no mean is taken off.
NORMALISATION = Normalisation(full=16, mean=(0.0,), std=(1.0,))


def load_digits(test_fraction: float) -> Dataset:
    """1797 images of 8x8x1 in 10 classes; `test_fraction` of each class is held out.

    Raises SettingsError for a fraction that leaves a split without a class, MissingPackageError
    without scikit-learn.
    """
    try:
        datasets: Any = importlib.import_module("sklearn.datasets")
    except ImportError:
        raise MissingPackageError(
            "data.name: digits comes with scikit-learn, which is not installed: "
            "run `pip install scikit-learn`"
        ) from None
    flat, numbers = datasets.load_digits(return_X_y=True)
    pixels = np.asarray(flat).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = np.asarray(numbers).astype(np.int64)
    test = stratified_test_mask(labels, test_fraction)
    train_split, test_split = (
        Split(labels[part], ArrayPixels(pixels[part]), NORMALISATION) for part in (~test, test)
    )
    return Dataset(10, (8, 8, 1), train_split, test_split)


def stratified_test_mask(labels: Labels, fraction: float) -> npt.NDArray[np.bool_]:
    """True for the test samples: the same fraction of each class, evenly spaced in file order.

    No randomness, so all methods and seeds see one test set, which spans the whole file. Raises
    SettingsError when a class would have no test or no training sample.
    """
    test = np.zeros(labels.shape, np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        counts = np.floor(np.arange(len(members) + 1) * fraction)
        chosen = members[np.diff(counts) > 0]
        if not 0 < len(chosen) < len(members):
            raise SettingsError(
                f"data.test_fraction: {fraction} leaves class {label} ({len(members)} samples) "
                "without a test or a training sample"
            )
        test[chosen] = True
    return test

# SPDX-License-Identifier: Apache-2.0
"""Training data as binary16 arrays, with a split that does not depend on the run's seed."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import MissingPackageError, SettingsError


@dataclass(frozen=True)
class Dataset:
    """Features float16 (samples, features) and labels int64 (samples,), for training and test."""

    classes: int
    train_x: npt.NDArray[np.float16]
    train_y: npt.NDArray[np.int64]
    test_x: npt.NDArray[np.float16]
    test_y: npt.NDArray[np.int64]

    @property
    def features(self) -> int:
        """Values of one sample."""
        return int(self.train_x.shape[1])


def load_dataset(name: str, test_fraction: float) -> Dataset:
    """The data set of this name; `test_fraction` of each class is held out.

    Raises SettingsError for an unknown name, MissingPackageError when its package is absent.
    """
    if name not in LOADERS:
        raise SettingsError(f"data.name: expected one of {', '.join(LOADERS)}, got {name!r}")
    features, labels = LOADERS[name]()
    test = stratified_test_mask(labels, test_fraction)
    return Dataset(
        classes=int(labels.max()) + 1,
        train_x=features[~test],
        train_y=labels[~test],
        test_x=features[test],
        test_y=labels[test],
    )


def stratified_test_mask(labels: npt.NDArray[np.int64], fraction: float) -> npt.NDArray[np.bool_]:
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


def _digits() -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int64]]:
    """scikit-learn's 1797 digits of 8x8 pixels; 0..16 becomes 0..1, exact in binary16."""
    try:
        datasets: Any = importlib.import_module("sklearn.datasets")
    except ImportError:
        raise MissingPackageError(
            "data.name: digits comes with scikit-learn, which is not installed: "
            "run `pip install scikit-learn`"
        ) from None
    images, labels = datasets.load_digits(return_X_y=True)
    return (np.asarray(images) / 16.0).astype(np.float16), np.asarray(labels, np.int64)


LOADERS = {"digits": _digits}

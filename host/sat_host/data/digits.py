# SPDX-License-Identifier: Apache-2.0
"""scikit-learn's handwritten digits, with a split that does not depend on the run's seed.

A packaged bundle brings the file of scikit-learn along (FILE), and then needs NumPy alone.
"""

from __future__ import annotations

import importlib
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MissingPackageError, SettingsError
from .dataset import ArrayPixels, Dataset, Labels, Normalisation, Split

FILE = Path(__file__).with_name("digits.csv.gz")

# 0..16 becomes 0..1, exactly in binary16 too; no mean is taken off.
NORMALISATION = Normalisation(full=16, mean=(0.0,), std=(1.0,))


def load_digits(test_fraction: float) -> Dataset:
    """1797 images of 8x8x1 in 10 classes; `test_fraction` of each class is held out.

    Raises SettingsError for a fraction that leaves a split without a class, MissingPackageError
    without scikit-learn.
    """
    flat, numbers = _read_file(FILE) if FILE.is_file() else _read_package()
    pixels = np.asarray(flat).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = np.asarray(numbers).astype(np.int64)
    test = stratified_test_mask(labels, test_fraction)
    train_split, test_split = (
        Split(labels[part], ArrayPixels(pixels[part]), NORMALISATION) for part in (~test, test)
    )
    return Dataset(10, (8, 8, 1), train_split, test_split)


def _read_file(file: Path) -> tuple[Any, Any]:
    """Pixels and labels of scikit-learn's file: lines of 64 pixels and a label."""
    try:
        table = np.loadtxt(file, delimiter=",", dtype=np.int64)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"data.name: {file}: damaged ({reason}): unpack it anew") from None
    return table[:, :-1], table[:, -1]


def _read_package() -> tuple[Any, Any]:
    try:
        datasets: Any = importlib.import_module("sklearn.datasets")
    except ImportError:
        raise MissingPackageError(
            "data.name: digits comes with scikit-learn, which is not installed: "
            "run `pip install scikit-learn`"
        ) from None
    flat, numbers = datasets.load_digits(return_X_y=True)
    return flat, numbers


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

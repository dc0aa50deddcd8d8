# SPDX-License-Identifier: Apache-2.0
"""Data sets as batches of normalised images, the same for every method and every device."""

from .catalogue import FRACTION_LIMITS, SIZE_LIMITS, load_dataset
from .dataset import ArrayPixels, Dataset, Normalisation, Pixels, Split
from .loader import Batch, Loader

__all__ = [
    "FRACTION_LIMITS",
    "SIZE_LIMITS",
    "ArrayPixels",
    "Batch",
    "Dataset",
    "Loader",
    "Normalisation",
    "Pixels",
    "Split",
    "load_dataset",
]

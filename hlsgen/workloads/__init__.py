# SPDX-License-Identifier: Apache-2.0
"""The networks that results are compared on, one table each: every product of a forward pass.

The columns are those of `sat_host.models.workload.Row`; the batch is 512.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sat_host.models.workload import Row

_FOLDER = Path(__file__).parent

NAMES = tuple(sorted(path.stem for path in _FOLDER.glob("*.csv")))

PAPER = (
    "resnet9_cifar10",
    "vit_cifar100",
    "vgg19_cifar100",
    "resnet18_tinyimagenet",
    "resnet50_imagenet",
)
"""Of NAMES: the networks and data sets that the SAT paper reports its mean speedup over."""


def load(name: str) -> tuple[Row, ...]:
    """The rows of one of NAMES. Raises KeyError for another name."""
    from .table import read  # here, since the host package loads NumPy

    if name not in NAMES:
        raise KeyError(f"{name}: expected one of {', '.join(NAMES)}")
    return read(_FOLDER / f"{name}.csv")

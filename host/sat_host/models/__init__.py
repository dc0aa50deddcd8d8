# SPDX-License-Identifier: Apache-2.0
"""Networks as descriptions: their layers, shapes and work. Nothing here needs NumPy."""

from .build import MODELS, build_network
from .faults import NetworkError, NetworkFault
from .infer import Step
from .network import Network, Operation, parameter_count, steps, trace

__all__ = [
    "MODELS",
    "Network",
    "NetworkError",
    "NetworkFault",
    "Operation",
    "Step",
    "build_network",
    "parameter_count",
    "steps",
    "trace",
]

# SPDX-License-Identifier: Apache-2.0
"""hlsgen: from one YAML spec to an accelerator for N:M-sparse DNN training, and its simulator."""

from __future__ import annotations

__version__ = "0.1.0"

# SPDX-License-Identifier: Apache-2.0
"""What all tests share: a cache in the checkout, and random tests that repeat themselves."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis

# Not the user's, which must neither change what is tested nor fill up; `make clean` removes it.
os.environ.setdefault("HLSGEN_CACHE", str(Path(__file__).parents[1] / "build" / "test-cache"))

hypothesis.settings.register_profile("tests", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("tests")

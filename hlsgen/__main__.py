# SPDX-License-Identifier: Apache-2.0
"""`python -m hlsgen` is the `hlsgen` command."""

from __future__ import annotations

import sys

from .cli.main import main

sys.exit(main())

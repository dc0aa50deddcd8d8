# SPDX-License-Identifier: Apache-2.0
"""Trying a bundle on the machine that it came to: `python -m sat_host deploy`."""

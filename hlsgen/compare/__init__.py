# SPDX-License-Identifier: Apache-2.0
"""Methods compared on one spec: every (method, seed) is trained, in worker processes, and what each
method costs in accuracy and saves in work becomes a table, a plot and a section of a report."""

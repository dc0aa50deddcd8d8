# SPDX-License-Identifier: Apache-2.0
"""Logs and reports in the forms that the vendor's tools give them, written for these tests.

No text here came out of a run of ours: there is none.
"""

from __future__ import annotations

from samples_hls import (
    CARRIED,
    CLASSIC,
    LOOPS,
    U200,
    U200_TOTAL,
    UNIFIED,
    SampleLoop,
    cosim_log,
    csynth_xml,
    hls_failed,
    hls_log,
    with_miss,
)
from samples_link import (
    WORST,
    kernel_utilisation,
    slr_utilisation,
    timing_summary,
    utilisation,
    xclbin_info,
)
from samples_vpp import U200_PLATFORM, over_used, scaled_clock, timing_missed, vpl_failed, vpp_log

__all__ = [
    "CARRIED",
    "CLASSIC",
    "LOOPS",
    "U200",
    "U200_PLATFORM",
    "U200_TOTAL",
    "UNIFIED",
    "WORST",
    "SampleLoop",
    "cosim_log",
    "csynth_xml",
    "hls_failed",
    "hls_log",
    "kernel_utilisation",
    "over_used",
    "scaled_clock",
    "slr_utilisation",
    "timing_missed",
    "timing_summary",
    "utilisation",
    "vpl_failed",
    "vpp_log",
    "with_miss",
    "xclbin_info",
]

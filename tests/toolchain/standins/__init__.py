# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the vendor's tools: they do no work, and accept only what the documents allow.

`install_vitis` makes an installation of some version and layout. Each tool of it holds its
arguments, cfg files and Tcl calls against tests/toolchain/contract.py, refuses others as a tool
would, records every call, and leaves logs, reports and outputs in the documented places.

Variables that a test may set: STANDIN_FAIL="step:kind[;step:kind]" for faults (standin_tools.faults
has the kinds), STANDIN_SLOW="step:seconds[;...]". A step is csynth, cosim, link, emconfig or
package, or one kernel's, as csynth_sat_stce.
"""

import shutil

import pytest

from .installation import Installation, install_vitis

__all__ = ["Installation", "install_vitis", "needs_tclsh"]

needs_tclsh = pytest.mark.skipif(
    shutil.which("tclsh") is None, reason="Tcl scripts are run by tclsh: apt-get install tcl"
)
"""For tests of releases whose kernels are synthesised, or co-simulated, by Tcl."""

# SPDX-License-Identifier: Apache-2.0
"""Entry of every stand-in tool: main.py TOOL VERSION CALLS [arguments of the tool]."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from contract_check import Refusal

from standin_tools import hls_tools, utilities, vpp

TOOLS = {
    "v++": vpp.run,
    "vitis_hls": hls_tools.vitis_hls,
    "vitis-run": hls_tools.vitis_run,
    "emconfigutil": utilities.emconfigutil,
}


def main() -> int:
    tool, version, calls, *arguments = sys.argv[1:]
    entry = {
        "tool": tool,
        "arguments": arguments,
        "cwd": os.getcwd(),
        "home": os.environ.get("HOME", ""),
    }
    with Path(calls).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry) + "\n")
    if "XILINX_VITIS" not in os.environ:
        print(f"ERROR: {tool}: XILINX_VITIS is not set: source settings64.sh first")
        return 1
    try:
        return TOOLS[tool](arguments, version, Path(calls))
    except Refusal as refusal:
        print(f"ERROR: [{tool} 60-1] {refusal}", flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Bundles with an xclbin for the stand-in `pyxrt`, made of csim bundles."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pyxrt_standin import MAGIC
from standin_tools.port_types import with_pointers

PLATFORM = "xilinx_u200_gen3x16_xdma_2_202110_1"


def signatures(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The kernels' arguments as the bundle's rendered header declares them."""
    text = with_pointers((folder / "src" / "sat_kernels.h").read_text(encoding="utf-8"))
    found = {}
    for name, body in re.findall(r"void (\w+)\(([^)]*)\)", text):
        arguments = [" ".join(part.split()) for part in body.split(",")]
        found[name] = [
            {"name": argument.split("*")[-1].split()[-1], "pointer": "*" in argument}
            for argument in arguments
        ]
    return found


def xclbin(folder: Path, target: str = "hw", memory: str = "DDR[0:3]") -> bytes:
    """What the linker would make of a bundle: kernels as rendered, every port linked to `memory`,
    but those for commands and results of the first kernel."""
    settings = json.loads((folder / "bundle.json").read_text())
    kernels = {}
    for name, arguments in signatures(folder).items():
        for argument in arguments:
            if argument["pointer"]:
                alone = argument["name"] in ("commands", "nonfinite")
                argument["memory"] = re.sub(r":\d+", "", memory) if alone else memory
        kernels[name] = {"instance": f"{name}_1", "arguments": arguments}
    content = {
        "target": target,
        "platform": PLATFORM,
        "clock_mhz": 187.5,
        "kernels": kernels,
        "memories": [tag for bank in settings["memory"]["banks"] for tag in bank],
    }
    return MAGIC + json.dumps(content).encode()


def add_xclbin(folder: Path, target: str = "hw", memory: str = "DDR[0:3]", **more: Any) -> None:
    """Make a csim bundle one for a card. more: other values of the manifest's `xclbin`."""
    data = xclbin(folder, target, memory)
    (folder / "sat.xclbin").write_bytes(data)
    emconfig = None
    if target == "hw_emu":
        shape = json.dumps({"Platform": {"Boards": [{"Devices": [{"Name": PLATFORM}]}]}}).encode()
        (folder / "emconfig.json").write_bytes(shape)
        emconfig = {"file": "emconfig.json", "sha256": hashlib.sha256(shape).hexdigest()}
    manifest = folder / "bundle.json"
    settings = json.loads(manifest.read_text())
    settings["xclbin"] = {
        "file": "sat.xclbin",
        "sha256": hashlib.sha256(data).hexdigest(),
        "target": target,
        "card": settings["card"],
        "platform": PLATFORM,
        "vitis": "2023.2",
        "clock_mhz": 187.5,
        "emconfig": emconfig,
        **more,
    }
    manifest.write_text(json.dumps(settings))

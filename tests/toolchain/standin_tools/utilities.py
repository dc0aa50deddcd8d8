# SPDX-License-Identifier: Apache-2.0
"""Stand-in for emconfigutil, and the files that the tools share: platforms and xclbins."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import samples
from contract_check import Refusal, check_command, order

from . import faults

_XCLBIN = b"xclbin2\0"


def read_platform(name: str, version: str) -> dict[str, Any]:
    """What a stand-in platform says of itself. Raises Refusal as v++ would for a bad one."""
    file = Path(name)
    if not name.endswith(".xpfm"):
        folders = os.environ.get("PLATFORM_REPO_PATHS", "").split(":")
        files = [Path(folder, name, f"{name}.xpfm") for folder in folders]
        file = next((each for each in files if each.is_file()), file)
    if not file.is_file():
        raise Refusal(f"specified platform {name} not found. Please make sure that the platform "
                      "name is right, or set PLATFORM_REPO_PATHS")  # fmt: skip
    described: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    made = re.search(r"_(20\d\d)(\d)\d_\d+$", described["name"])
    if made and order(f"{made[1]}.{made[2]}") > order(version):
        raise Refusal(f"platform {described['name']} was made by a newer version than {version}")
    return described


def write_xclbin(path: Path, content: dict[str, Any]) -> None:
    """The stand-in xclbin: the real file's first eight bytes, then JSON."""
    path.write_bytes(_XCLBIN + json.dumps(content, sort_keys=True).encode())


def read_xclbin(path: Path) -> dict[str, Any]:
    """What a stand-in xclbin holds. Raises Refusal."""
    data = path.read_bytes() if path.is_file() else b""
    if not data.startswith(_XCLBIN):
        raise Refusal(f"{path} is no xclbin")
    content: dict[str, Any] = json.loads(data.removeprefix(_XCLBIN))
    return content


def info_text(content: dict[str, Any], version: str) -> str:
    """The .info of a stand-in xclbin."""
    return samples.xclbin_info(
        platform=content["platform"],
        requested_mhz=content["requested_mhz"],
        achieved_mhz=content["clock_mhz"],
        memories=content["memories"],
        kernels={name: _memories(kernel) for name, kernel in content["kernels"].items()},
        version=version,
        content="Bitstream" if content["target"] == "hw" else "HW Emulation Binary",
    )  # fmt: skip


def _memories(kernel: dict[str, Any]) -> list[tuple[str, str]]:
    """Arguments and the first memory that each is joined to."""
    return [(a["name"], re.sub(r":\d+", "", a.get("memory", ""))) for a in kernel["arguments"]]


def emconfigutil(arguments: list[str], version: str, calls: Path) -> int:
    options, _ = check_command("emconfigutil", arguments, version)
    platform = read_platform(options["--platform"][0], version)
    faults.delay("emconfig")
    kind = faults.wanted("emconfig")
    if found := faults.errors(kind, calls) or (["ERROR: [ConfigGen 1]"] if kind == "error" else []):
        print(*found, sep="\n", flush=True)
        return 1
    device = {"Name": platform["name"], "HardwarePlatform": platform["name"]}
    devices = [device] * int(options.get("--nd", ["1"])[0])
    if kind != "silent":
        folder = Path(options.get("--od", ["."])[0])
        folder.mkdir(parents=True, exist_ok=True)
        shape = {"Platform": {"Boards": [{"Devices": devices}]}}
        (folder / "emconfig.json").write_text(json.dumps(shape), encoding="utf-8")
    print("INFO: [ConfigUtil 60-895]   Target platform: " + platform["name"])
    return 0

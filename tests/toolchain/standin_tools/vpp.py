# SPDX-License-Identifier: Apache-2.0
"""Stand-in for v++: compile in HLS mode, link, package."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import samples
from contract import FASTEST_CLOCK_MHZ
from contract_check import Refusal, check_cfg, check_command

from hlsgen.resources import Resources

from . import faults
from .kernel import Component, Failed, period_ns, read_object
from .utilities import info_text, read_platform, read_xclbin, write_xclbin

Cfg = dict[tuple[str, str], list[str]]
_MISSED_NS, _MET_NS = -0.883, 0.012  # worst slack, of any clock


def run(arguments: list[str], version: str, calls: Path) -> int:
    if arguments == ["--version"]:
        print(f"****** v++ v{version} (64-bit)\n  **** SW Build 1 on 2026-01-01")
        return 0
    modes = {"-c": _compile, "-l": _link, "-p": _package}
    chosen = [modes[word] for word in arguments if word in modes]
    if len(chosen) != 1:
        raise Refusal("one of -c, -l and -p is needed")
    return chosen[0](arguments, version, calls)


def _compile(arguments: list[str], version: str, calls: Path) -> int:
    options, _ = check_command("v++ hls", arguments, version)
    cfg = check_cfg("hls", _text(options["--config"][0]), version)
    component = Component(
        version,
        calls,
        samples.UNIFIED,
        top=_one(cfg, "hls", "syn.top"),
        part=_one(cfg, "", "part"),
        flow=_flow(cfg),
        period_ns=period_ns(_one(cfg, "hls", "clock")),
        sources=dict.fromkeys(
            cfg.get(("hls", "syn.file"), []), cfg.get(("hls", "syn.cflags"), [""])[0]
        ),
    )
    work = Path(options["--work_dir"][0])
    (work / "logs").mkdir(parents=True, exist_ok=True)
    try:
        log = component.synthesise(work / "hls" / "syn" / "report")
    except Failed as failed:
        print(failed, flush=True)
        return 1
    print(log, flush=True)
    (work / "logs" / "hls_compile.log").write_text(log, encoding="utf-8")
    if _one(cfg, "hls", "package.output.syn") in {"true", "1"}:
        component.export(work / f"{work.name}.xo", _one(cfg, "hls", "package.output.format"))
    return 0


def _flow(cfg: Cfg) -> str:
    """The flow that a cfg file asks for, in the words of releases before 2026.1."""
    if cfg.get(("hls", "syn.interface.default_axi")) == ["1"]:
        return "vitis"
    return cfg.get(("hls", "flow_target"), ["vivado"])[0]


def _link(arguments: list[str], version: str, calls: Path) -> int:
    options, objects = check_command("v++ link", arguments, version)
    platform = read_platform(options["--platform"][0], version)
    requested = float(options.get("--kernel_frequency", ["300"])[0])
    if requested > FASTEST_CLOCK_MHZ:
        raise Refusal(f"--kernel_frequency {requested:g}: the platform's clock 0 goes up to "
                      f"{FASTEST_CLOCK_MHZ} MHz")  # fmt: skip
    cfg = check_cfg("link", _text(options["--config"][0]), version)
    kernels = connected(cfg, [read_object(Path(name)) for name in objects], platform)
    target, output = options["-t"][0], Path(options["-o"][0])
    temporary = Path(options.get("--temp_dir", ["_x"])[0])
    reports = Path(options.get("--report_dir", [str(temporary / "reports")])[0], "link")
    logs = Path(options.get("--log_dir", [str(temporary / "logs")])[0], "link")
    faults.delay("link")
    kind = faults.wanted("link")
    found = faults.errors(kind, calls, requested)
    if kind == "error":
        found = ["ERROR: [CFGEN 83-2298] Exiting due to previous error"]
    reached = float(kind.split()[-1]) if kind.startswith("scaled to") else requested
    scaled = [samples.scaled_clock(requested, reached)] if reached != requested else []
    log = samples.vpp_log("link", errors=found, notes=scaled, output=output.name, version=version)
    log += "ERROR: [v++ 60-1] something was left behind\n" if kind == "error line" else ""
    logs.mkdir(parents=True, exist_ok=True)
    (logs / "v++.log").write_text(log, encoding="utf-8")
    print(log, flush=True)
    if target == "hw":
        missed = kind.startswith("timing") and bool(found)
        run = temporary / "link/vivado/vpl/prj/prj.runs/impl_1"
        timing = samples.timing_summary(
            _MISSED_NS if missed else _MET_NS, period_ns=round(1000 / requested, 3)
        )
        _write(run / "dr_timing_summary.rpt", timing)
        if not found:  # what is copied here is of a link that went well
            _write_reports(reports / "imp", list(kernels.values()), timing)
    if found:
        return 1
    content = {
        "target": target,
        "platform": platform["name"],
        "part": platform["part"],
        "requested_mhz": requested,
        "clock_mhz": reached,
        "kernels": kernels,
        "memories": platform["memories"],
        "config": next((o["config"] for o in map(read_object, map(Path, objects))), ""),
    }
    if kind != "silent":
        write_xclbin(output, content)
        Path(f"{output}.info").write_text(info_text(content, version), encoding="utf-8")
        Path(f"{output}.link_summary").write_text(json.dumps({"args": arguments}), "utf-8")
    return 0


def connected(
    cfg: Cfg, objects: list[dict[str, Any]], platform: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """{kernel: instance, arguments with memories} of a link. Raises Refusal for what can't be."""
    kernels = {each["kernel"]: each for each in objects}
    instances: dict[str, str] = {}
    for line in cfg.get(("connectivity", "nk"), []):
        name, count, instance = line.split(":")
        if name not in kernels or count != "1":
            raise Refusal(f"nk={line}: no such kernel, or not one instance")
        instances[instance] = name
    memories: dict[tuple[str, str], str] = {}
    for line in cfg.get(("connectivity", "sp"), []):
        port, memory = line.split(":", 1)
        instance, argument = port.split(".")
        if instance not in instances:
            raise Refusal(f"sp={line}: no instance {instance}")
        pointers = {a["name"] for a in kernels[instances[instance]]["arguments"] if a["pointer"]}
        if argument not in pointers or (instance, argument) in memories:
            raise Refusal(f"sp={line}: {argument} is no port of {instance}, or is joined twice")
        _check_memory(memory, platform["memories"])
        memories[instance, argument] = memory
    for line in cfg.get(("connectivity", "slr"), []):
        instance, slr = line.split(":")
        if instance not in instances or slr not in platform["slrs"]:
            raise Refusal(f"slr={line}: no such instance or SLR")
    if sorted(instances.values()) != sorted(kernels):
        raise Refusal("a kernel object has no nk line")
    for each in objects:
        if each["part"].lower() != platform["part"].lower():
            raise Refusal(f"{each['kernel']} was made for {each['part']}, not {platform['part']}")
    return {name: _described(name, instance, kernels[name], memories)
            for instance, name in instances.items()}  # fmt: skip


def _described(
    name: str, instance: str, kernel: dict[str, Any], memories: dict[tuple[str, str], str]
) -> dict[str, Any]:
    for argument in kernel["arguments"]:
        if argument["pointer"]:
            if (instance, argument["name"]) not in memories:
                raise Refusal(f"{instance}.{argument['name']} is joined to no memory")
            argument["memory"] = memories[instance, argument["name"]]
    return {"instance": instance, "arguments": kernel["arguments"], "sources": kernel["sources"]}


def _check_memory(memory: str, there: list[str]) -> None:
    found = re.fullmatch(r"(\w+)\[(\d+)(?::(\d+))?\]", memory)
    if found is None:
        raise Refusal(f"{memory} is no memory")
    first, last = int(found[2]), int(found[3] or found[2])
    missing = [n for n in range(first, last + 1) if f"{found[1]}[{n}]" not in there]
    if missing or last < first:
        raise Refusal(f"the platform has no {found[1]}{missing}: {memory}")


def _write_reports(folder: Path, kernels: list[dict[str, Any]], timing: str) -> None:
    units = {each["instance"]: Resources(100000, 150000, 1500, 100.0, 32) for each in kernels}
    _write(folder / "impl_1_full_util_routed.rpt", samples.utilisation())
    _write(folder / "impl_1_kernel_util_routed.rpt", samples.kernel_utilisation(units))
    _write(folder / "impl_1_hw_bb_locked_timing_summary_routed.rpt", timing)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _package(arguments: list[str], version: str, calls: Path) -> int:
    options, inputs = check_command("v++ package", arguments, version)
    platform = read_platform(options["--platform"][0], version)
    content = read_xclbin(Path(inputs[0]))
    if (content["target"], content["platform"]) != (options["-t"][0], platform["name"]):
        raise Refusal("target or platform is not the link's")
    faults.delay("package")
    kind = faults.wanted("package")
    found = faults.errors(kind, calls)
    if kind == "error":
        found = ["ERROR: [v++ 60-2254] package failed"]
    print(samples.vpp_log("package", errors=found, version=version), flush=True)
    if found:
        return 1
    Path(options["--package.out_dir"][0]).mkdir(parents=True, exist_ok=True)
    if kind != "silent":
        write_xclbin(Path(options["-o"][0]), content)
    return 0


def _text(path: str) -> str:
    if not Path(path).is_file():
        raise Refusal(f"config file not found: {path}")
    return Path(path).read_text(encoding="utf-8")


def _one(cfg: Cfg, section: str, name: str) -> str:
    values = cfg.get((section, name), [])
    if len(values) != 1:
        raise Refusal(f"'{name}' is needed once")
    return values[0]

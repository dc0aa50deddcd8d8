# SPDX-License-Identifier: Apache-2.0
"""Every name of `pyxrt` that is used is one that XRT has, in a form that it takes.

The table is of XRT's src/python/pybind11/src/pyxrt.cpp, branches 2022.2 to 2026.1; what came later
than 2022.2 has its release.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest
import pyxrt_standin
import sat_host
from pyxrt_standin import Machine, make_module

MODULE = {
    "bo", "device", "enumerate_devices", "ert_cmd_state", "hw_context", "kernel", "log_message",
    "run", "uuid", "xclBOSyncDirection", "xclbin", "xrt_info_device", "xrt_msg_level",
}  # fmt: skip
SINCE = {"enumerate_devices": "2024.1", "hw_context": "2023.2", "log_message": "2024.1"}
METHODS: dict[str, set[str]] = {
    "device": {"get_info", "get_xclbin_uuid", "load_xclbin", "register_xclbin"},
    "xclbin": {"get_axlf", "get_kernels", "get_mems", "get_uuid", "get_xsa_name"},
    "xclbin kernel": {"get_name", "get_num_args"},
    "memory": {"get_base_address", "get_index", "get_size_kb", "get_tag", "get_used"},
    "kernel": {"exclusive", "group_id", "none", "shared"},
    "run": {"add_callback", "set_arg", "start", "state", "wait"},
    "bo": {
        "address", "cacheable", "device_only", "flags", "host_only", "map", "normal", "p2p", "read",
        "size", "svm", "sync", "write",
    },
    "states": {f"ERT_CMD_STATE_{name}" for name in (
        "NEW", "QUEUED", "COMPLETED", "ERROR", "ABORT", "SUBMITTED", "TIMEOUT", "NORESPONSE",
        "SKERROR", "SKCRASHED",
    )},
    "directions": {"XCL_BO_SYNC_BO_FROM_DEVICE", "XCL_BO_SYNC_BO_TO_DEVICE"},
    "info": {
        "bdf", "dynamic_regions", "electrical", "host", "interface_uuid", "kdma", "m2m",
        "max_clock_frequency_mhz", "mechanical", "memory", "name", "nodma", "offline", "pcie_info",
        "platform", "thermal", "vmr",
    },
}  # fmt: skip
STANDINS: dict[str, Any] = {
    "device": pyxrt_standin._Device,
    "xclbin": pyxrt_standin._Xclbin,
    "xclbin kernel": pyxrt_standin._KernelFacts,
    "kernel": pyxrt_standin._Kernel,
    "run": pyxrt_standin._Run,
    "bo": pyxrt_standin._Bo,
}
OURS = {"machine", "memories"}  # of the stand-ins, for themselves
SOURCES = sorted(Path(sat_host.__file__).parent.joinpath("xrt").glob("*.py"))
TREES = [ast.parse(source.read_text(encoding="utf-8")) for source in SOURCES]
ROOTS: dict[str, tuple[set[str], set[str]]] = {
    # What the back end calls each kind of object: what there is, and what it must be seen to use.
    "pyxrt _xrt _pyxrt": (MODULE, {"bo", "device", "kernel", "run", "xclbin", "ert_cmd_state"}),
    "device _device": (METHODS["device"], {"get_info", "load_xclbin"}),
    "states": (METHODS["states"], METHODS["states"] - {
        "ERT_CMD_STATE_NEW", "ERT_CMD_STATE_QUEUED", "ERT_CMD_STATE_SUBMITTED",
    }),
    "directions": (METHODS["directions"], METHODS["directions"]),
    "kinds": (METHODS["info"], {"bdf", "name"}),
    "handle bo": (METHODS["bo"], {"address", "map", "normal", "sync"}),
    "run": (METHODS["run"], {"set_arg", "start", "state", "wait"}),
    "xclbin": (METHODS["xclbin"], {"get_kernels", "get_mems"}),
}  # fmt: skip


def used(*roots: str) -> set[str]:
    """The attributes of expressions that end in one of these names, in the XRT back end."""
    nodes = (node for tree in TREES for node in ast.walk(tree))
    return {
        node.attr for node in nodes if isinstance(node, ast.Attribute) and last(node.value) in roots
    }


def last(value: ast.expr) -> str:
    """The last name of an expression like a.b.c."""
    return value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")


def public(kind: Any) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}


@pytest.mark.parametrize("roots", ROOTS)
def test_the_back_end_uses_what_there_is(roots: str) -> None:
    there, seen = ROOTS[roots]
    found = used(*roots.split())
    assert found <= there and seen <= found


def test_it_uses_what_memories_and_kernels_have() -> None:
    ours = {"base", "bytes", "tag", "index"}  # of CardMemory
    assert METHODS["memory"] <= used("memory") <= METHODS["memory"] | ours
    asked = {name for name in used("kernel") if name.startswith("get_")}
    assert asked == METHODS["xclbin kernel"]


def test_no_name_is_made_at_run_time() -> None:
    """`used` would not see it; whether there is an enumerate_devices may be asked."""
    calls = [
        ast.unparse(node)
        for tree in TREES
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and last(node.func) in ("getattr", "hasattr", "vars")
    ]
    assert calls == ["hasattr(pyxrt, 'enumerate_devices')"]


def test_what_came_later_is_asked_for_first() -> None:
    text = "".join(source.read_text(encoding="utf-8") for source in SOURCES)
    for name in SINCE:
        assert f"pyxrt.{name}(" not in text or f'hasattr(pyxrt, "{name}")' in text


@pytest.mark.parametrize("counts", [True, False])
def test_the_stand_in_has_no_more_than_the_module(counts: bool) -> None:
    assert public(make_module(Machine(counts=counts))) <= MODULE
    for name, kind in STANDINS.items():
        assert public(kind) - OURS <= METHODS[name], name
    assert set(pyxrt_standin.ErtState.__members__) == METHODS["states"]
    assert set(pyxrt_standin.Direction.__members__) == METHODS["directions"]
    assert set(pyxrt_standin.Info.__members__) <= METHODS["info"]


def test_the_stand_in_refuses_what_the_module_refuses() -> None:
    module = make_module(Machine())
    for which in (True, 1.0, None):
        with pytest.raises(TypeError):
            module.device(which)
    for which in (1, "0000:00:00.0"):
        with pytest.raises(RuntimeError):
            module.device(which)
    with pytest.raises(AttributeError):
        _ = module.allocate

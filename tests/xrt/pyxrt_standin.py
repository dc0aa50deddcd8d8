# SPDX-License-Identifier: Apache-2.0
"""A stand-in for XRT's Python module `pyxrt`, with cards whose kernels are a csim library.

It has those names of the module that a host of PCIe cards needs (XRT, src/python/pybind11,
pyxrt.cpp), and refuses what the real one refuses, or would get wrong without a word: arguments that
are not set, scalars that are no int32, buffers in a memory that a port is not linked to. Buffers
have a host and a device side; only `sync` copies between them, and both begin as garbage.

An xclbin is its first eight bytes and JSON: target, platform, clock_mhz, memories (tags) and
kernels by name, each with its `instance` and `arguments` of name, pointer and memory ("DDR[0:3]").
The kernels are those of `libsat.so` beside the xclbin.
"""

from __future__ import annotations

import ctypes
import enum
import json
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from standin_memory import PAGE, AddressSpace, CardMemory, memories_of

MAGIC = b"xclbin2\0"
GARBAGE = 0xFF  # of which a binary16 NaN is made

ErtState = enum.IntEnum(
    "ErtState",
    {
        f"ERT_CMD_STATE_{name}": value
        for name, value in {
            "NEW": 1, "QUEUED": 2, "COMPLETED": 4, "ERROR": 5, "ABORT": 6, "SUBMITTED": 7,
            "TIMEOUT": 8, "NORESPONSE": 9, "SKERROR": 10, "SKCRASHED": 11,
        }.items()
    },
)  # fmt: skip
Direction = enum.IntEnum(
    "Direction", {"XCL_BO_SYNC_BO_TO_DEVICE": 0, "XCL_BO_SYNC_BO_FROM_DEVICE": 1}
)
Info = enum.IntEnum("Info", {"bdf": 0, "interface_uuid": 1, "name": 3})
Access = enum.IntEnum("Access", {"shared": 0, "exclusive": 1})
Flags = enum.IntEnum("Flags", {"normal": 0, "device_only": 1, "host_only": 2})


class Running:
    """The state of a running command, which the Python enumeration does not have."""


@dataclass
class Card:
    """A card that is plugged in. loaded: the xclbin on it."""

    name: str = "xilinx_u200_gen3x16_xdma_base_2"
    bdf: str = "0000:3b:00.1"
    loaded: Any = None
    memory: Any = None


@dataclass
class Machine:
    """What the stand-in finds, and how it goes wrong.

    counts: whether it has enumerate_devices, as from 2024.1 on. hang: runs never end. state: the
    one that runs end in. delay: waits that a run takes. load_error, sync_error, info_error,
    group_error, buffer_error: what these say. indexed: whether buffers may be asked for by the
    index of one memory.
    sizes: bytes of memories by tag, in place of those of the card. calls: of the kernels.
    """

    cards: list[Card] = field(default_factory=lambda: [Card()])
    counts: bool = True
    hang: bool = False
    state: str = "COMPLETED"
    delay: int = 0
    load_error: str = ""
    sync_error: str = ""
    info_error: str = ""
    group_error: str = ""
    buffer_error: str = ""
    indexed: bool = True
    sizes: dict[str, int] = field(default_factory=dict)
    old_tags: bool = False
    first_page: int = 0
    mode: str | None = None
    calls: list[tuple[str, int]] = field(default_factory=list)
    synced: dict[str, int] = field(default_factory=lambda: {"to": 0, "from": 0})
    buffers: list[Any] = field(default_factory=list)
    interrupt: bool = False
    names: list[str] = field(default_factory=list)

    def use(self) -> None:
        """The first use chooses between cards and emulation for good."""
        if self.mode is None:
            self.mode = os.environ.get("XCL_EMULATION_MODE", "hw")
        if self.mode == "hw_emu":
            assert os.environ["USER"], "the emulator hangs without USER"
            emconfig = Path(os.environ["EMCONFIG_PATH"], "emconfig.json")
            assert "Boards" in json.loads(emconfig.read_text())["Platform"]


class _Xclbin:
    def __init__(self, machine: Machine, path: str) -> None:
        _typed(path, str)
        data = Path(path).read_bytes()
        if not data.startswith(MAGIC):
            raise RuntimeError(f"failed to open file '{path}' for reading")
        self.path, self.content = Path(path), json.loads(data.removeprefix(MAGIC))
        self.uuid = _Uuid(f"uuid of {path}")
        self.space = AddressSpace(
            memories_of(
                self.content["memories"], machine.sizes, machine.first_page, machine.old_tags
            )
        )

    def get_kernels(self) -> list[Any]:
        return [_KernelFacts(name, kernel) for name, kernel in self.content["kernels"].items()]

    def get_xsa_name(self) -> str:
        return str(self.content["platform"])

    def get_mems(self) -> list[CardMemory]:
        return self.space.memories

    def get_uuid(self) -> _Uuid:
        return self.uuid


@dataclass(frozen=True)
class _Uuid:
    text: str

    def to_string(self) -> str:
        return self.text


class _KernelFacts:
    def __init__(self, name: str, kernel: dict[str, Any]) -> None:
        self._name, self._kernel = name, kernel

    def get_name(self) -> str:
        return self._name

    def get_num_args(self) -> int:
        return len(self._kernel["arguments"])


class _Device:
    def __init__(self, machine: Machine, which: int | str = 0) -> None:
        _typed(which, int, str)
        machine.use()
        known = {card.bdf: card for card in machine.cards}
        if isinstance(which, str):
            if which not in known:
                raise RuntimeError(f"Invalid device string '{which}'")
            self.card = known[which]
        elif not 0 <= which < len(machine.cards):
            raise RuntimeError(f"Could not open device with index '{which}'")
        else:
            self.card = machine.cards[which]
        self.machine = machine

    def get_info(self, kind: Info) -> str:
        if self.machine.info_error:
            raise RuntimeError(self.machine.info_error)
        return {Info.bdf: self.card.bdf, Info.name: self.card.name}.get(kind, "a-shell-uuid")

    def load_xclbin(self, xclbin: _Xclbin) -> _Uuid:
        _typed(xclbin, _Xclbin)
        if self.machine.load_error:
            raise RuntimeError(self.machine.load_error)
        if xclbin.content["target"] != self.machine.mode:
            raise RuntimeError(f"xclbin is for {xclbin.content['target']}, not {self.machine.mode}")
        if self.card.loaded is None or self.card.loaded.uuid != xclbin.uuid:
            self.card.loaded = xclbin  # else the driver leaves the card as it is
        return xclbin.uuid


class _Bo:
    def __init__(self, device: _Device, size: int, flags: Flags, group: int) -> None:
        for value, kind in ((device, _Device), (size, int), (flags, Flags), (group, int)):
            _typed(value, kind)
        self.machine, self.space = device.machine, device.card.loaded.space
        self.pages = -(-size // PAGE) * PAGE
        self.members = self.space.groups[group]
        if self.machine.buffer_error:
            raise RuntimeError(self.machine.buffer_error)
        if not self.machine.indexed and group < len(self.space.memories):
            raise RuntimeError(f"invalid memory group {group}")
        self.parts: list[tuple[CardMemory, int, int]] = []
        self._address = self._placed()
        self._size = size
        self.host = bytearray([GARBAGE]) * size
        self.space.at(self._address, self.pages)[:] = GARBAGE
        self.machine.buffers.append((self._address, self.members))

    def _placed(self) -> int:
        """In one memory of the group; else across neighbours, from the first whole one on."""
        memories = [self.space.memories[index] for index in self.members]
        for memory in memories:
            found = memory.take(self.pages)
            if found is not None:
                self.parts = [(memory, found, self.pages)]
                return found
        left = self.pages
        for memory in memories if memories[0].tag.startswith("HBM") else []:
            if (found := memory.take(size := min(left, memory.bytes))) is not None:
                self.parts.append((memory, found, size))
                left -= size
            elif self.parts:
                break
            if not left:
                return self.parts[0][1]
        raise RuntimeError("failed to allocate buffer: Cannot allocate memory")

    def __del__(self) -> None:
        for memory, start, size in getattr(self, "parts", []):
            memory.give(start, size)

    def map(self) -> memoryview:
        return memoryview(self.host)

    def size(self) -> int:
        return self._size

    def address(self) -> int:
        return self._address

    def sync(self, direction: Direction, size: int, offset: int) -> None:
        _typed(direction, Direction)
        if self.machine.sync_error:
            raise RuntimeError(self.machine.sync_error)
        if offset < 0 or size < 0 or offset + size > self._size:
            raise RuntimeError("sync: beyond the end of the buffer")
        device = self.space.at(self._address + offset, size)
        host = np.frombuffer(self.host, np.uint8)[offset : offset + size]
        if direction == Direction.XCL_BO_SYNC_BO_TO_DEVICE:
            device[:] = host
            self.machine.synced["to"] += size
        else:
            host[:] = device
            self.machine.synced["from"] += size


class _Kernel:
    def __init__(self, device: _Device, uuid: _Uuid, name: str, access: Access = Access.shared):
        for value, kind in ((device, _Device), (uuid, _Uuid), (name, str), (access, Access)):
            _typed(value, kind)
        xclbin = device.card.loaded
        if xclbin is None or xclbin.uuid != uuid:
            raise RuntimeError("No xclbin with this uuid is loaded")
        found = re.fullmatch(r"(\w+)(?::\{(\w+)\})?", name)
        kernel = xclbin.content["kernels"].get(found[1]) if found else None
        if found is None or kernel is None:
            raise RuntimeError(f"No such kernel '{name}'")
        if found[2] not in (None, kernel["instance"]):
            raise RuntimeError(f"No compute units matching '{name}'")
        self.name, self.arguments = found[1], kernel["arguments"]
        self.machine, self.xclbin = device.machine, xclbin
        device.machine.names.append(name)

    def __call__(self, *arguments: Any) -> Any:
        raise AssertionError("kernel(*args) leaves out what it can't convert, and starts anyway")

    def memories(self, position: int) -> set[str]:
        """Tags of those that an argument's port is linked to."""
        name, first, last = re.fullmatch(  # type: ignore[union-attr]
            r"(\w+)\[(\d+)(?::(\d+))?\]", self.arguments[position]["memory"]
        ).groups()
        numbers = range(int(first), int(last or first) + 1)
        space = self.xclbin.space.memories
        return {space[self.xclbin.content["memories"].index(f"{name}[{n}]")].tag for n in numbers}

    def group_id(self, position: int) -> int:
        _typed(position, int)
        if self.machine.group_error:
            raise RuntimeError(self.machine.group_error)
        if not self.arguments[position]["pointer"]:
            raise RuntimeError(f"argument {position} of {self.name} is a scalar")
        return int(self.xclbin.space.group(self.memories(position)))


class _Run:
    def __init__(self, kernel: _Kernel) -> None:
        _typed(kernel, _Kernel)
        self.kernel, self.values, self.started, self.waits = kernel, {}, False, 0
        self.machine: Machine = kernel.machine

    def set_arg(self, position: int, value: Any) -> None:
        _typed(position, int)
        if isinstance(value, _Bo):
            if not self.kernel.arguments[position]["pointer"]:
                raise RuntimeError("a buffer for a scalar")
            linked = self.kernel.memories(position)
            there = {memory.tag for memory, _, _ in value.parts}
            if not there <= linked:
                raise RuntimeError(f"buffer in {there}, port linked to {linked}")
        else:
            _typed(value, int)
            if not -(1 << 31) <= value < 1 << 31:
                raise TypeError("set_arg(): incompatible function arguments")
            if self.kernel.arguments[position]["pointer"]:
                raise RuntimeError("a scalar for a buffer")
        self.values[position] = value

    def start(self) -> None:
        names = [argument["name"] for argument in self.kernel.arguments]
        missing = [name for number, name in enumerate(names) if number not in self.values]
        assert not missing, f"{self.kernel.name} starts without {missing}"
        self.started = True
        given = {name: self.values[number] for number, name in enumerate(names)}
        self.machine.calls.append((self.kernel.name, given["count"]))
        if not self.machine.hang and self.machine.state == "COMPLETED":
            _execute(self.kernel, given)

    def wait(self, timeout_ms: int = 0) -> Any:
        assert self.started and timeout_ms > 0, "a wait without limit does not let ^C in"
        if self.machine.interrupt:
            self.machine.interrupt = False
            raise KeyboardInterrupt
        self.waits += 1
        if self.machine.hang or self.waits <= self.machine.delay:
            time.sleep(0.001)
            return ErtState.ERT_CMD_STATE_TIMEOUT
        return self.state()

    def state(self) -> Any:
        if self.machine.hang or self.waits <= self.machine.delay:
            return Running()
        return ErtState[f"ERT_CMD_STATE_{self.machine.state}"]


def _execute(kernel: _Kernel, given: dict[str, Any]) -> None:
    """Run the csim library on the card's address space."""
    space, path = kernel.xclbin.space, kernel.xclbin.path.parent / "libsat.so"
    library = ctypes.CDLL(str(path))
    tensors = [
        value for name, value in given.items()
        if isinstance(value, _Bo) and name not in ("commands", "nonfinite")
    ]  # fmt: skip
    (base,) = {tensor.address() for tensor in tensors}
    memory = ctypes.c_void_p(space.at(base, 1).ctypes.data)
    commands = ctypes.c_void_p(space.at(given["commands"].address(), 1).ctypes.data)
    if kernel.name == "sat_stce":
        count = ctypes.c_uint64()
        status = library.sat_csim_stce(given["count"], commands, memory, ctypes.byref(count))
        space.at(given["nonfinite"].address(), 4).view("<u4")[0] = count.value
    else:
        status = library.sat_csim_wuve(given["count"], commands, memory)
    library.sat_csim_error.restype = ctypes.c_char_p
    assert status == 0, library.sat_csim_error()


def _typed(value: Any, *kinds: type) -> None:
    """As the bindings refuse other types."""
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"incompatible function arguments: {type(value).__name__}")


def make_module(machine: Machine) -> ModuleType:
    """`pyxrt` on that machine, to be put into sys.modules."""
    module = ModuleType("pyxrt")
    module.device = lambda *which: _Device(machine, *which)  # type: ignore[attr-defined]
    module.xclbin = lambda path: _Xclbin(machine, path)  # type: ignore[attr-defined]
    module.kernel, module.run, module.bo = _Kernel, _Run, _Bo  # type: ignore[attr-defined]
    module.uuid = _Uuid  # type: ignore[attr-defined]
    for name in ("normal", "device_only", "host_only"):
        setattr(_Bo, name, Flags[name])
    for name in ("shared", "exclusive"):
        setattr(_Kernel, name, Access[name])
    module.xclBOSyncDirection = Direction  # type: ignore[attr-defined]
    module.ert_cmd_state = ErtState  # type: ignore[attr-defined]
    module.xrt_info_device = Info  # type: ignore[attr-defined]
    if machine.counts:
        module.enumerate_devices = lambda: len(machine.cards)  # type: ignore[attr-defined]
    return module


def write_module(folder: Path, card: str = Card.name) -> None:
    """A `pyxrt.py` for other processes, to be put on their PYTHONPATH with this file's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyxrt.py").write_text(
        "import sys\nfrom pyxrt_standin import Card, Machine, make_module\n"
        f"sys.modules[__name__] = make_module(Machine([Card(name={card!r})]))\n",
        encoding="utf-8",
    )

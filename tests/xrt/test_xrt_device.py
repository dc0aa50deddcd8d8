# SPDX-License-Identifier: Apache-2.0
"""A card as a device: its memory, its runs, and every way in which they can fail."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyxrt_standin import Machine
from sat_host import DeviceError, GoldenDevice, kernels, load_bundle, open_device
from sat_host.bundle import open_xrt
from sat_host.descriptor import STCE
from sat_host.engine import EngineDevice
from sat_host.xrt.backend import XrtBackend
from standin_memory import SPACE
from xrt_bundles import add_xclbin

Plug = Callable[..., Machine]
RNG = np.random.default_rng(3)
A, B = (RNG.standard_normal(shape).astype(np.float16) for shape in ((37, 50), (50, 21)))
MEND = "run `xrt-smi reset --device 0000:3b:00.1` (`xbutil` before XRT 2.18), then start again"


def backend_of(bundle: Path, timeout: float | None = None) -> tuple[EngineDevice, XrtBackend]:
    """The device and its back end; timeout: of its launches."""
    opened = load_bundle(bundle)
    backend = open_xrt(opened, "xrt:0")
    backend._timeout = timeout
    return EngineDevice(opened.config, backend, opened.dataflows), backend


def fault(device: EngineDevice) -> str:
    """The one line of a product that fails."""
    with pytest.raises(DeviceError) as caught:
        device.matmul(A, B, keep=2)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 1
    return str(caught.value)


@pytest.mark.parametrize("dataflow", ["os", "ws", None])
@pytest.mark.parametrize("keep", [None, 2])
def test_products_have_golden_bits(
    bundle: Path, plug: Plug, dataflow: str | None, keep: int | None
) -> None:
    plug()
    device = open_device(bundle, "xrt:0")
    want = GoldenDevice(device.config).matmul(A, B, keep=keep)
    for _ in range(2):  # the second one in buffers that the first one used
        got = device.matmul(A, B, keep=keep, dataflow=dataflow)
        assert np.array_equal(got.view(np.uint32), want.view(np.uint32))


def test_a_new_matrix_is_zero_and_infinite_results_are_counted(bundle: Path, plug: Plug) -> None:
    plug()
    device = open_device(bundle, "xrt:0")
    half = np.float16
    a, b, y = (device.matrix(9, 9, kind) for kind in (half, half, np.float32))
    assert not device.read(y).any()
    device.write(a, np.full((9, 9), np.inf, half))
    device.write(b, np.full((9, 9), 1, half))
    assert device.product(y, a, b) == 81
    device.write(a, np.full((9, 9), 1, half))
    assert device.product(y, a, b) == 0 and (device.read(y) == 9).all()


def test_arguments_go_where_the_rendered_signature_has_them(bundle: Path, plug: Plug) -> None:
    machine = plug()
    device, _ = backend_of(bundle)
    device.matmul(A, B, keep=2)
    assert machine.names == ["sat_stce:{sat_stce_1}", "sat_wuve:{sat_wuve_1}"]
    assert {kernel for kernel, _ in machine.calls} == {"sat_stce", "sat_wuve"}
    # The base where every port reaches it, results and commands where their own ports do.
    assert [members for _, members in machine.buffers[:4]] == [(0, 1, 2, 3), (0,), (0,), (0,)]


def test_a_list_that_outgrows_its_buffer(bundle: Path, plug: Plug) -> None:
    machine = plug()
    device, _ = backend_of(bundle)
    tall = RNG.standard_normal((4000, 3)).astype(np.float16)
    narrow = RNG.standard_normal((3, 5)).astype(np.float16)
    want = GoldenDevice(device.config).matmul(tall, narrow)
    assert np.array_equal(device.matmul(tall, narrow), want)
    assert max(count for _, count in machine.calls) * 128 > 4096


def test_a_list_on_the_card_has_zeros_between_its_fields(bundle: Path, plug: Plug) -> None:
    plug()
    _, backend = backend_of(bundle)
    commands = np.frombuffer(bytearray(b"\xa5" * 3 * STCE.bytes), STCE.dtype)
    for field in STCE.fields:
        commands[field.name] = 7
    sent = backend._sent(kernels.STCE, commands).host[: commands.nbytes]
    assert (sent.view(STCE.dtype) == commands).all()
    padding = sent.reshape(-1, STCE.bytes)[:, STCE.bytes - STCE.padding :]
    assert padding.size == 3 * STCE.padding > 0 and not padding.any()


@pytest.mark.parametrize(
    "state", ["ERROR", "ABORT", "TIMEOUT", "NORESPONSE", "SKERROR", "SKCRASHED"]
)
def test_a_run_that_ends_badly_stops_the_device(bundle: Path, plug: Plug, state: str) -> None:
    machine = plug(state=state)
    device, _ = backend_of(bundle)
    text = fault(device)
    assert text == f"xrt:0: sat_wuve with 1 commands: ended in state {state}: {MEND}"
    machine.state = "COMPLETED"
    assert fault(device) == text  # what the kernel left behind is not known


def test_a_run_that_hangs_is_found(bundle: Path, plug: Plug) -> None:
    plug(hang=True)
    device, _ = backend_of(bundle, timeout=0.05)
    text = fault(device)
    assert text == (
        "xrt:0: sat_wuve with 1 commands: not done after 0 s, so it is taken to hang: "
        f"{MEND}; SAT_LAUNCH_SECONDS=N allows N seconds"
    )
    assert fault(device) == text


def test_the_buffers_of_a_run_that_hangs_are_not_given_back(bundle: Path, plug: Plug) -> None:
    machine = plug(hang=True)
    device, backend = backend_of(bundle, timeout=0.05)
    fault(device)
    before = len(backend._buffers._tensors)
    machine.hang = False
    with pytest.raises(DeviceError):
        device.matmul(A, B)
    gc.collect()
    assert len(backend._buffers._tensors) == before >= 3


def test_a_run_that_takes_its_time_is_waited_for(bundle: Path, plug: Plug) -> None:
    machine = plug(delay=20)
    device, _ = backend_of(bundle)
    assert np.array_equal(device.matmul(A, B), GoldenDevice(device.config).matmul(A, B))
    assert machine.calls


def test_an_interrupt_lets_the_run_end_and_leaves_a_device_that_works(
    bundle: Path, plug: Plug
) -> None:
    machine = plug(interrupt=True, delay=3)
    device, _ = backend_of(bundle)
    with pytest.raises(KeyboardInterrupt):
        device.matmul(A, B)
    assert np.array_equal(device.matmul(A, B), GoldenDevice(device.config).matmul(A, B))
    assert not machine.interrupt


def test_an_interrupted_run_that_hangs_is_told(
    bundle: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(interrupt=True, hang=True)
    monkeypatch.setattr("sat_host.xrt.run.GRACE_SECONDS", 0.01)
    device, _ = backend_of(bundle)
    assert fault(device) == (
        f"xrt:0: sat_wuve with 1 commands: interrupted, and still running: {MEND}"
    )


def test_a_copy_that_fails(bundle: Path, plug: Plug) -> None:
    machine = plug()
    device, _ = backend_of(bundle)
    matrix = device.matrix(9, 9, np.float16)
    machine.sync_error = "Input/output\nerror"
    with pytest.raises(DeviceError) as caught:
        device.read(matrix)
    assert str(caught.value) == (
        f"xrt:0: copying 576 bytes from device failed (Input/output error): {MEND}"
    )


def test_a_full_card(bundle: Path, plug: Plug) -> None:
    plug(sizes={f"DDR[{n}]": 1 << 20 for n in range(4)})
    device, _ = backend_of(bundle)
    with pytest.raises(DeviceError, match="^device memory: 4194304 bytes do not fit, .* are free"):
        device.matrix(1 << 16, 9, np.float16)
    kept = [device.matrix(1 << 12, 9, np.float16) for _ in range(14)]
    with pytest.raises(DeviceError, match="lower the batch"):
        device.matrix(1 << 13, 9, np.float16)
    device.free(*kept)  # spare ones give way to one of another size
    for _ in range(2):
        device.matrix(1 << 13, 9, np.float16)


def test_a_card_that_died_is_not_called_full(bundle: Path, plug: Plug) -> None:
    machine = plug()
    device, _ = backend_of(bundle)
    machine.buffer_error = "Device offline\n(errno 19)"
    with pytest.raises(DeviceError) as caught:
        device.matrix(9, 9, np.float16)
    text = str(caught.value)
    assert text.startswith(
        "device memory: xrt:0 refused a buffer of 4096 bytes (Device offline (errno 19)), though "
    )
    assert "`dmesg`" in text and "\n" not in text


def test_a_driver_that_takes_no_index_of_a_memory(bundle: Path, plug: Plug) -> None:
    """Buffers come from the group of the ports then, wherever that puts them."""
    machine = plug()
    device, _ = backend_of(bundle)
    machine.indexed = False
    matrix = device.matrix(9, 9, np.float16, "fc.w")
    assert machine.buffers[-1][1] == (0, 1, 2, 3)
    device.free(matrix)
    assert np.array_equal(device.matmul(A, B), GoldenDevice(device.config).matmul(A, B))


def test_results_of_a_bank_share_one_buffer_that_grows(bundle: Path, plug: Plug) -> None:
    plug()
    device = open_device(bundle, "xrt:0")
    assert isinstance(device, EngineDevice) and isinstance(device._backend, XrtBackend)
    buffers = device._backend._buffers
    (tensor, *_) = device._program.banks
    small, large = (device.matrix(rows, 9, np.float16) for rows in (64, 2048))
    first = device.result(tensor, small)
    before = len(buffers._tensors)
    second = device.result(tensor, large)
    assert len(buffers._tensors) == before  # the old one was given back
    assert device._address(first) == device._address(second)
    assert first.rows == 64 and device.result(tensor, small).rows == 64
    values = np.ones((64, 9), np.float16)
    device.write(first, values)
    assert np.array_equal(device.read(first), values)


def test_freed_buffers_serve_again_and_many_of_them_go(bundle: Path, plug: Plug) -> None:
    machine = plug()
    device, backend = backend_of(bundle)
    first = device.matrix(64, 9, np.float16)
    device.free(first)
    made = len(machine.buffers)
    device.free(device.matrix(64, 9, np.float16))
    assert len(machine.buffers) == made
    device.free(*(device.matrix(rows, 9, np.float16) for rows in range(128, 4096, 128)))
    assert len(backend._buffers._spare) == 8
    free = backend._buffers.banks.free
    device.free(device.matrix(1 << 16, 9, np.float16))
    assert backend._buffers.banks.free < free


def test_a_buffer_below_the_base_is_not_used(bundle: Path, plug: Plug) -> None:
    machine = plug(first_page=2)
    device, backend = backend_of(bundle)
    assert backend._buffers.banks.base == SPACE + 2 * 4096
    # Another process gives memory back that lies below ours.
    memory, _, _ = backend._buffers.base.handle.parts[0]
    memory.give(SPACE, 2 * 4096)
    word = backend.allocate(100, 0)
    assert machine.buffers[-2][0] == SPACE
    assert backend._buffers.at(word).address > backend._buffers.banks.base
    assert np.array_equal(device.matmul(A, B), GoldenDevice(device.config).matmul(A, B))


def test_memories_of_hbm(bundle: Path, plug: Plug) -> None:
    """Banks of eight small memories, addressed one after the other; a tensor larger than one of
    them lies across neighbours."""
    settings = json.loads((bundle / "bundle.json").read_text())
    tags = [[f"HBM[{8 * bank + n}]" for n in range(8)] for bank in range(4)]
    settings["memory"]["banks"] = tags
    (bundle / "bundle.json").write_text(json.dumps(settings))
    add_xclbin(bundle, memory="HBM[0:31]")
    sizes = {f"HBM[{n}]": 1 << 18 for n in range(32)}
    machine = plug(sizes=sizes)
    device, backend = backend_of(bundle)
    assert backend._buffers.banks.folded == ()
    device.matrix(1 << 10, 9, np.float16)
    assert machine.buffers[-1][1] == (8,)  # the bank with most room
    want = GoldenDevice(device.config).matmul(A, B)
    assert np.array_equal(device.matmul(A, B), want)
    large = device.matrix(1 << 14, 9, np.float16)
    (start,) = (
        each.address for each in backend._buffers._tensors.values() if each.bytes == 1 << 20
    )
    assert device.read(large).shape == (1 << 14, 9) and not device.read(large).any()
    taken = [room < 1 << 18 for room in backend._buffers.banks._room.values()]
    first = (start - SPACE) >> 18
    assert taken[first : first + 4] == [True] * 4


def test_older_names_of_memories(bundle: Path, plug: Plug) -> None:
    plug(old_tags=True, counts=False)
    device, _ = backend_of(bundle)
    assert np.array_equal(device.matmul(A, B), GoldenDevice(device.config).matmul(A, B))

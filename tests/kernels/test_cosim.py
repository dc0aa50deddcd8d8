# SPDX-License-Identifier: Apache-2.0
"""The testbenches of co-simulation, run as C simulation: they pass, and they can fail."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from accelerators import ARRAYS, SYNTHESIS_FLAGS, spec_of
from sat_host.descriptor import STCE
from sat_host.kernels import KERNELS
from sat_host.program import Commands

from hlsgen import cosim
from hlsgen.paths import kernels_dir
from hlsgen.project import write
from hlsgen.render import render
from hlsgen.spec import Spec

FOLDERS = ("-I.", "-Ikernels/vitis", "-Ikernels", "-Ikernels/csim")


def compiled_testbench(spec: Spec, kernel: str, folder: Path) -> Path:
    """A testbench compiled with the macros and the multiplier of synthesis, and its data."""
    write(render(spec), folder)
    sources = [f"{kernel}.cpp", f"kernels/vitis/testbench_{kernel.removeprefix('sat_')}.cpp"]
    flags = ["-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror", *SYNTHESIS_FLAGS]
    subprocess.run(["g++", *flags, *FOLDERS, *sources, "-o", "tb"], cwd=folder, check=True)
    for name, content in cosim.cosim_files(spec, kernel).items():
        (folder / name).write_bytes(content)
    return folder / "tb"


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [kernel.name for kernel in KERNELS])
@pytest.mark.parametrize("name", ["1x4_g4", "4x8_g8"])
def test_a_testbench_passes_and_fails(kernel: str, name: str, tmp_path: Path) -> None:
    program = compiled_testbench(spec_of(name, ARRAYS[name]), kernel, tmp_path)
    assert subprocess.run([program], cwd=tmp_path).returncode == 0
    data = tmp_path / f"{kernel}.dat"
    content = bytearray(data.read_bytes())
    half = ARRAYS[name].word_bytes * cosim.ELEMENTS
    changed = next(i for i in range(half) if content[-half + i] != content[-2 * half + i])
    content[-half + changed] ^= 1  # a bit of a result
    data.write_bytes(content)
    assert subprocess.run([program], cwd=tmp_path).returncode == 1
    data.write_bytes(content[:-1])
    assert subprocess.run([program], cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("name", sorted(ARRAYS))
def test_every_array_has_its_data(name: str) -> None:
    for kernel in KERNELS:
        (content,) = cosim.cosim_files(spec_of(name, ARRAYS[name]), kernel.name).values()
        assert len(content) > 2 * ARRAYS[name].word_bytes * cosim.ELEMENTS


def test_padding_of_commands_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's copies of commands leave there what the memory held, and a file with that would be
    another one each time."""
    spec = spec_of("4x8_g8", ARRAYS["4x8_g8"])
    (content,) = cosim.cosim_files(spec, "sat_stce").values()
    end = STCE.bytes - STCE.padding
    for poisoned in (False, True):
        if poisoned:
            monkeypatch.setattr(cosim._Recorder, "stce", keep_poisoned)
        (again,) = cosim.cosim_files(spec, "sat_stce").values()
        assert again == content
        count, beats = np.frombuffer(again, "<u4", 2)
        assert beats == count * STCE.beats > 0 < STCE.padding
        lists = np.frombuffer(again, np.uint8, count * STCE.bytes, offset=5 * 4)
        assert not lists.reshape(count, STCE.bytes)[:, end:].any()


def keep_poisoned(recorder: cosim._Recorder, commands: Commands, cycles: int = 0) -> int:
    """In place of the recorder's: with bytes of no meaning between and after the fields."""
    kept = np.frombuffer(bytearray(b"\xa5" * commands.nbytes), commands.dtype)
    for name in commands.dtype.names or ():
        kept[name] = commands[name]
    recorder.lists.append(kept)
    return 0


def test_elements_are_those_of_the_pragmas() -> None:
    text = (kernels_dir() / "vitis" / "hls_macros.h").read_text(encoding="utf-8")
    assert re.findall(r"SAT_COSIM_DEPTH (\d+)", text) == [str(cosim.ELEMENTS)]

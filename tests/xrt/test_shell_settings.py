# SPDX-License-Identifier: Apache-2.0
"""Command lines that source what a card or the emulator needs, and start again with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sat_host
from sat_host.xrt import shell_settings
from sat_host.xrt.shell_settings import MARKER, settled, usual_vitis
from xrt_bundles import add_xclbin

import hlsgen

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
# Looks for XRT in another usual place, and says how often it was started.
HOST = """
import runpy, sys
from pathlib import Path
from sat_host.xrt import shell_settings
shell_settings.DEFAULT_FOLDER = Path({xrt!r})
with open({log!r}, "a") as log:
    print("started", "numpy" in sys.modules, file=log)
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
"""

TELLS_RUNS = """
import pyxrt_standin
wait = pyxrt_standin._Run.wait
def told(run, limit):
    with open({log!r}, "a") as log: print("run", file=log)
    return wait(run, limit)
pyxrt_standin._Run.wait = told
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """XRT in home/xrt, Vitis in two versions in the user's usual place; none of it is set up."""
    home = tmp_path / "the home"
    write_setup(home / "xrt" / "setup.sh", "XILINX_XRT", home / "xrt")
    python = home / "xrt" / "python"
    python.mkdir()
    (python / "pyxrt.py").write_text(
        "import sys\nfrom pyxrt_standin import Machine, make_module\n"
        f"with open({str(home / 'log')!r}, 'a') as log: print('pyxrt', file=log)\n"
        "sys.modules[__name__] = make_module(Machine())\n"
    )
    for version in ("2023.2", "2024.1"):
        folder = home / "Xilinx" / "Vitis" / version
        write_setup(folder / "settings64.sh", "XILINX_VITIS", folder)
    return home


def write_setup(script: Path, variable: str, folder: Path) -> None:
    """Like the vendor's: it talks, it has no status to rely on, and it must be sourced."""
    script.parent.mkdir(parents=True)
    script.write_text(
        f'if [ "$0" = "${{BASH_SOURCE[0]}}" ]; then echo "source me"; exit 1; fi\n'
        f'echo "{variable} : {folder}"\nread -r answer\n'
        f'export {variable}="{folder}"\n'
        f'export PYTHONPATH="{folder}/python:$PYTHONPATH"\n'
        "false\n"
    )


def environment(home: Path, **more: str) -> dict[str, str]:
    roots = [Path(each.__file__ or "").parents[1] for each in (sat_host, hlsgen)]
    kept = {name: os.environ[name] for name in ("PATH", "HLSGEN_CACHE") if name in os.environ}
    path = os.pathsep.join(map(str, (*roots, HERE)))
    return {**kept, "HOME": str(home), "PYTHONPATH": path, **more}


def command(home: Path, module: str, *arguments: str) -> list[str]:
    code = HOST.format(xrt=str(home / "xrt"), log=str(home / "log"), module=module)
    return [sys.executable, "-B", "-c", code, *arguments]


def run(home: Path, module: str, *arguments: str, **more: str) -> tuple[int, str, str]:
    done = subprocess.run(
        command(home, module, *arguments),
        env=environment(home, **more),
        capture_output=True,
        text=True,
        cwd=home,
    )
    return done.returncode, done.stdout, done.stderr


def log(home: Path) -> list[str]:
    file = home / "log"
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize("target", ["hw", "hw_emu"])
def test_a_command_sources_what_it_lacks(bundle: Path, home: Path, target: str) -> None:
    add_xclbin(bundle, target)
    status, out, err = run(home, "sat_host", "selftest", str(bundle), "--device", "0", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["ok"]
    assert log(home) == ["started False", "started False", "pyxrt"]


def test_it_does_so_before_it_imports_what_takes_time(bundle: Path, home: Path) -> None:
    code = "import os, sys\nos.execve = lambda *_: os._exit(9 if 'numpy' in sys.modules else 8)\n"
    argv = command(home, "sat_host", "train", str(bundle), "--device", "xrt:0")
    argv[argv.index("-c") + 1] = code + argv[argv.index("-c") + 1]
    assert subprocess.run(argv, env=environment(home)).returncode == 8


@pytest.mark.slow
def test_hlsgen_does_so_too(bundle: Path, home: Path) -> None:
    pytest.importorskip("sklearn")
    arguments = ("train", str(bundle), "--device", "xrt:0", "--json", "--quiet", "--no-checkpoints")
    status, out, err = run(home, "hlsgen", *arguments)
    assert (status, err) == (0, "")
    assert json.loads(out)["devices"] == ["xrt:0"]
    assert [line.split()[0] for line in log(home)] == ["started", "started", "pyxrt"]


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["selftest", "--device", "csim", "--json"], {}),
        (["info", "--json"], {}),
        (["train", "--device", "xrt:0", "--dry-run"], {}),
        (["selftest", "--device", "0"], {MARKER: "1"}),
        (["selftest", "--device", "0"], {"XILINX_XRT": "/no/such"}),
    ],
)
def test_nothing_is_started_again_without_need(
    bundle: Path, home: Path, arguments: list[str], more: dict[str, str]
) -> None:
    status, _, err = run(home, "sat_host", *arguments, str(bundle), **more)
    assert log(home) == ["started False"]
    if more:
        assert status == 3 and err.startswith("sat_host: pyxrt: ") and err.count("\n") == 1
    else:
        assert (status, err) == (0, "")


def test_scripts_that_set_nothing_are_tried_once(bundle: Path, home: Path) -> None:
    (home / "xrt" / "setup.sh").write_text("exit 1\n")
    status, out, err = run(home, "sat_host", "selftest", str(bundle), "--device", "0")
    assert (status, out, err.count("\n")) == (3, "", 1)
    assert f"run `source {home / 'xrt'}/setup.sh` first" in err
    assert log(home) == ["started False"]


def test_a_program_of_the_user_s_own_is_told_what_to_source(bundle: Path, home: Path) -> None:
    add_xclbin(bundle, "hw_emu")
    code = f"import sat_host; sat_host.open_device({str(bundle)!r}, 'xrt:0')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(home), capture_output=True, text=True
    )
    assert done.returncode == 1
    script = home / "Xilinx" / "Vitis" / "2023.2" / "settings64.sh"
    assert f"run `source {script}` and `source /opt/xilinx/xrt/setup.sh` first" in done.stderr


def test_the_vitis_that_linked_it_is_preferred_to_a_newer_one(home: Path) -> None:
    folder, environ = home / "Xilinx" / "Vitis", {"HOME": str(home)}
    assert usual_vitis(environ, "2023.2.1") == folder / "2023.2" / "settings64.sh"
    assert usual_vitis(environ, "2022.1") == folder / "2024.1" / "settings64.sh"
    assert usual_vitis({"HOME": "/no/such"}, "2022.1") is None


def test_what_is_set_up_already_is_left_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_settings, "DEFAULT_FOLDER", home / "xrt")
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "ODD": "a\nb=c \udcff", "SHLVL": "7"}
    found = settled(environ, "hw", "2023.2")
    assert found == environ | {
        "XILINX_XRT": str(home / "xrt"), "PYTHONPATH": f"{home / 'xrt'}/python:",
    }  # fmt: skip
    assert settled(found, "hw", "2023.2") == found
    given = environ | {"XILINX_XRT": "/x", "XILINX_VITIS": "/v"}
    assert settled(given, "hw_emu", "2023.2") == given


@pytest.mark.slow
def test_a_polite_end_is_one_like_ctrl_c(bundle: Path, home: Path) -> None:
    """A kernel that is at work is seen to its end, and the exit status is that of ^C."""
    pytest.importorskip("sklearn")
    python = home / "xrt" / "python" / "pyxrt.py"
    text = python.read_text().replace("Machine()", "Machine(hang=True)")
    python.write_text(f"{text}{TELLS_RUNS.format(log=str(home / 'log'))}")
    with subprocess.Popen(
        command(home, "sat_host", "train", str(bundle), "--device", "xrt:0", "--quiet"),
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while "run" not in log(home):
            assert process.poll() is None
            time.sleep(0.02)
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "interrupted, and still running: run `xrt-smi reset" in err and err.count("\n") == 1

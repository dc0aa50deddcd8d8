# SPDX-License-Identifier: Apache-2.0
"""What may be imported by what, and where: the host package lives on NumPy alone."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hlsgen
from hlsgen.cli.main import COMMANDS
from hlsgen.paths import kernels_dir, package_dir, sat_host_dir, templates_dir

HOST = sat_host_dir()
HOST_FILES = sorted(HOST.rglob("*.py"))
# Of the third-party packages that hlsgen and the host use, those that a host may lack.
ABSENT = (
    "click", "filelock", "hlsgen", "jinja2", "matplotlib", "PIL", "pydantic", "rich",
    "safetensors", "sklearn", "tqdm", "yaml",
)  # fmt: skip

OPTIONAL = {
    "checkpoint.py": {"safetensors.numpy"},
    "data/digits.py": {"sklearn.datasets"},
    "data/folder.py": {"PIL.Image"},
    "progress.py": {"tqdm"},
    "xrt/environment.py": {"pyxrt"},
}

BLOCKED = f"""
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Absent())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


HOST_NAMES = [path.relative_to(HOST).as_posix() for path in HOST_FILES]


def python(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter, in which nothing is imported yet."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        timeout=120,
    )


def imported(path: Path) -> Iterator[str]:
    """Top-level names of the absolute imports of a module, wherever they stand in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


def test_host_imports_with_numpy_alone() -> None:
    modules = [".".join(["sat_host", *Path(name).with_suffix("").parts]) for name in HOST_NAMES]
    assert "sat_host.nn.model" in modules
    modules = [name.removesuffix(".__init__") for name in modules]
    done = python("-c", BLOCKED, *modules)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", HOST_FILES, ids=HOST_NAMES)
def test_host_module_names_nothing_but_numpy_and_itself(path: Path) -> None:
    assert set(imported(path)) <= set(sys.stdlib_module_names) | {"numpy"}


@pytest.mark.parametrize("path", HOST_FILES, ids=HOST_NAMES)
def test_host_module_imports_by_name_only_what_is_optional(path: Path) -> None:
    """What `imported` can't see: packages that a module can do without, or ask for."""
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__")
    ]
    names = {ast.literal_eval(call.args[0]) for call in calls}
    assert names <= OPTIONAL.get(path.relative_to(HOST).as_posix(), set())


@pytest.mark.parametrize(
    "path", sorted(package_dir().rglob("*.py")), ids=lambda path: path.relative_to(package_dir())
)
def test_generator_module_is_below_the_command_line(path: Path) -> None:
    """Only the command line knows the command line, click and rich."""
    if path.is_relative_to(package_dir() / "cli") or path.name == "__main__.py":
        return
    assert not {"click", "rich"} & set(imported(path))
    assert not re.search(r"hlsgen\.cli|from \.+cli", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "path", sorted(package_dir().rglob("*.py")), ids=lambda path: path.relative_to(package_dir())
)
def test_generator_module_imports_its_own_relatively(path: Path) -> None:
    assert "hlsgen" not in set(imported(path))


def test_help_imports_no_command() -> None:
    """The command line answers at once: no NumPy, pydantic or Jinja2 for `--version`."""
    code = (
        "import sys; from hlsgen.cli.main import main; main(['--version'])\n"
        "print(sorted({'numpy', 'pydantic', 'jinja2', 'rich', 'sklearn'} & set(sys.modules)))"
    )
    done = python("-c", code)
    assert done.stdout == f"hlsgen {hlsgen.__version__}\n[]\n"


def test_version_of_the_module_and_of_the_script() -> None:
    done = python("-m", "hlsgen", "--version")
    assert (done.returncode, done.stdout) == (0, f"hlsgen {hlsgen.__version__}\n")
    script = Path(sys.executable).with_name("hlsgen")
    if script.exists():
        done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, f"hlsgen {hlsgen.__version__}\n")


def test_every_command_is_there() -> None:
    for target, _ in COMMANDS.values():
        assert importlib.util.find_spec(target.partition(":")[0]) is not None, target


def test_package_data_is_there() -> None:
    assert list(templates_dir().glob("*.j2")) and list(kernels_dir().glob("csim/*.h"))
    for package in (package_dir(), HOST):
        assert (package / "py.typed").is_file()

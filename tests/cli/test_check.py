# SPDX-License-Identifier: Apache-2.0
"""`hlsgen check`, and what the command line makes of errors."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hlsgen import __version__, disk
from hlsgen.cli import commands
from hlsgen.cli import main as cli_main
from hlsgen.cli.check import check
from hlsgen.cli.commands import cli
from hlsgen.cli.main import main
from hlsgen.errors import ToolMissingError, WorkError
from hlsgen.spec import json_schema

SPECS = Path(__file__).parents[2] / "specs"
DIGITS = str(SPECS / "digits.yaml")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text("name: x\narray:\n  row: 3\nsparsity: {keep: 9}\n")
    return path


def test_ok_is_one_line() -> None:
    small = str(SPECS / "small.yaml")
    result = CliRunner().invoke(cli, ["check", small])
    assert result.exit_code == 0
    assert result.output == (
        f"{small}: ok: small: 8x16 array, group 8, bdwp 2:8, mlp 64-64-10 on digits, batch 64, "
        "u50 at 200 MHz\n"
    )


def test_what_is_tight_is_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", DIGITS]) == 0
    out, err = capsys.readouterr()
    first, *remarks = out.splitlines()
    assert first == (
        f"{DIGITS}: ok: digits: 32x32 array, group 8, bdwp 2:8, mlp 64-256-256-10 on digits, "
        "batch 64, vcu1525 at 200 MHz"
    )
    assert err == "" and len(remarks) == 3
    for number, remark in enumerate(remarks):
        assert remark.startswith(f"{DIGITS}: estimated: SLR{number} is tight: LUT ")
    assert main(["check", DIGITS, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["remarks"]
    assert remarks == [f"{DIGITS}: estimated: {remark}" for remark in told]


def test_json_of_a_good_spec() -> None:
    result = CliRunner().invoke(check, [DIGITS, "--json"])
    answer = json.loads(result.output)
    assert result.exit_code == 0 and answer["ok"] is True and answer["errors"] == []
    assert answer["spec"]["array"]["rows"] == 32 and answer["spec"]["model"]["hidden"] == [256, 256]


def test_faults_go_to_stderr_one_line_each(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(bad)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"{bad}:3:3: array.row: unknown field: did you mean rows?\n"
        f"{bad}:4:18: sparsity.keep: sparsity.keep 9 is more than sparsity.group 8: "
        "lower keep to 8 or less, or raise group\n"
    )


def test_json_of_a_bad_spec(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", str(bad)]) == 2
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert err.count("\n") == 2 and set(answer) == {"ok", "errors"} and answer["ok"] is False
    assert answer["errors"][0] == {
        "file": str(bad), "line": 3, "column": 3, "field": "array.row",
        "message": "unknown field", "mend": "did you mean rows?",
    }  # fmt: skip


def test_json_of_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", str(tmp_path / "none")]) == 2
    (fault,) = json.loads(capsys.readouterr().out)["errors"]
    assert fault["line"] is None and fault["message"] == "no such file"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["check", "--json"], "hlsgen check: Missing argument 'SPEC'"),
        (["check", "--json", ""], "hlsgen check: Invalid value for '[SPEC]': the path is empty"),
        (["build", "--json", DIGITS, "-o", ""], "hlsgen build: Invalid value for '-o' / '--out': "),
        (["train", "--json", DIGITS, "--metrics", ""], "hlsgen train: Invalid value for '--metri"),
        (["train", "--json", DIGITS, "--keep", "9"], "sparsity.keep: expected an integer"),
        (["doctor", "--json", "x"], "hlsgen doctor: Got unexpected extra argument"),
        (["chek", "--json"], "hlsgen: No such command 'chek'"),
    ],
)
def test_json_of_an_error(argv: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert json.loads(out) == {"ok": False, "errors": [{"message": err.rstrip("\n")}]}
    assert err.startswith(says) and err.count("\n") == 1


def test_json_of_a_bad_spec_is_the_same_for_all(
    bad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = set()
    for command in ("check", "build", "train"):
        assert main([command, str(bad), "--json"]) == 2
        answers.add(capsys.readouterr().out)
    assert len(answers) == 1


def test_unreadable_paths_are_found_out_by_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    assert main(["check", DIGITS]) == 0


def test_schema_needs_no_spec(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--schema"]) == 0
    assert capsys.readouterr().out == json_schema()


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hlsgen {__version__}\n"
    assert main(["--help"]) == 0
    assert "check" in capsys.readouterr().out
    assert main([]) == 2
    assert "Usage: hlsgen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["check"], "hlsgen check: Missing argument 'SPEC'"),
        (["check", "--jsn"], "hlsgen check: No such option"),
        (["check", "a", "b"], "hlsgen check: Got unexpected extra argument"),
        (["chek", "a"], "hlsgen: No such command 'chek', did you mean check?"),
        (["zzz"], "hlsgen: No such command 'zzz'"),
    ],
)
def test_usage_errors_are_one_line(
    argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert err.startswith(says) and err.count("\n") == 1 and "--help`" in err


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (WorkError("self-test: failed: rebuild"), 1, "self-test: failed: rebuild\n"),
        (ToolMissingError("g++: missing: install it"), 3, "g++: missing: install it\n"),
        (click.ClickException("no"), 1, "hlsgen: no\n"),
        (BrokenPipeError(), 1, ""),
        (
            OSError(errno.ENOSPC, "No space left on device", "build/x"), 1,
            "build/x: No space left on device (2 GiB free): make room, or choose another path\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "build/x"), 2,
            "build/x: Permission denied: choose another path\n",
        ),
        (OSError(errno.EIO, "I/O error"), 1, "hlsgen: I/O error\n"),
        (
            MemoryError(), 1,
            "hlsgen: out of memory: use a smaller array, network or batch\n",
        ),
    ],
)  # fmt: skip
def test_errors_of_a_command(
    error: BaseException, status: int, text: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(disk, "free_bytes", lambda place: 2 << 30)
    assert _main_raising(error, monkeypatch) == status
    assert capsys.readouterr().err == text


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _main_raising(KeyboardInterrupt(), monkeypatch) == 130
    assert capsys.readouterr().err == "interrupted\n"


def _main_raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def fail() -> None:
        raise error

    command = click.Command("check", callback=fail)
    monkeypatch.setattr(commands.LazyGroup, "get_command", lambda *_: command)
    monkeypatch.setattr(cli_main, "_drop_stdout", lambda: None)
    return main(["check"])


def test_a_command_whose_package_is_missing_breaks_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "needy_command.py").write_text("import no_such_package_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli_main.COMMANDS, "needy", ("needy_command:run", "Needs a lot."))
    assert main(["needy"]) == 3
    assert "the Python package no_such_package_at_all is missing" in capsys.readouterr().err
    assert main(["check", DIGITS]) == 0
    capsys.readouterr()
    assert main(["--help"]) == 0
    assert "needy" in capsys.readouterr().out


def test_check_loads_no_numpy() -> None:
    code = (
        "import sys; from hlsgen.cli.main import main; status = main(sys.argv[1:]); "
        "sys.exit(9 if 'numpy' in sys.modules else status)"
    )
    done = subprocess.run([sys.executable, "-c", code, "check", DIGITS], check=False)
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_or_closed_output_is_no_traceback() -> None:
    command = [sys.executable, "-m", "hlsgen", "check", "--schema"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "make room" in done.stderr
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_traceback(closed: str, tmp_path: Path) -> None:
    for arguments in (["check", DIGITS], ["--version"], ["check", "--schema"]):
        script = f'exec "$@" {closed}'
        command = ["sh", "-c", script, "sh", sys.executable, "-m", "hlsgen", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_while_the_command_line_is_imported(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, "-m", "hlsgen", "check", DIGITS],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_what_the_card_has_no_room_for_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("name: x\ncard: u50\narray: {rows: 48}\n")
    assert main(["check", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"{path}: array: 48x32 does not fit u50 (estimated): needs ")
    assert err.count("\n") == 1

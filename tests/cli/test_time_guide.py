# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/timing.md work, in their order."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from hlsgen.cli.main import main
from hlsgen.specfile import load_spec

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "timing.md").read_text(encoding="utf-8")


def plain(text: str) -> str:
    """Without its figures, which change with the kernels."""
    return re.sub(r"[\d,]+", "N", text)


@pytest.mark.slow
def test_the_guides_commands_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    monkeypatch.chdir(tmp_path)
    lines = [line for line in GUIDE.splitlines() if line.startswith("hlsgen time ")]
    assert len(lines) > 15
    for line in lines:
        command, _, comment = line.partition("#")
        wanted = 1 if "status 1" in comment else 0
        assert main(shlex.split(command)[1:]) == wanted, line
        _, err = capsys.readouterr()
        if wanted:
            assert plain(err) in plain(GUIDE)
        else:
            assert err == "", line
    assert {"step.npz", "small.npz", "timeline.json"} <= {path.name for path in tmp_path.iterdir()}
    spec = tmp_path / "specs" / "sized.yaml"
    text = (tmp_path / "specs" / "small.yaml").read_text(encoding="utf-8")
    spec.write_text(f"{text}\nfifos: fifos.yaml\n", encoding="utf-8")
    assert load_spec(spec).fifos.given()


def test_the_guide_has_every_option() -> None:
    from hlsgen.cli.time import command

    names = {name for parameter in command.params for name in parameter.opts if name[0] == "-"}
    missing = {name for name in names if name not in GUIDE} - {"--out"}
    assert not missing

# SPDX-License-Identifier: Apache-2.0
"""What a step lacks, or says wrongly, is refused as a tool would: the stand-ins can fail.

Each row takes a step that the stand-ins run, changes one thing, and has what must then be told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from contract import CALLS, KEYS
from hardware_jobs import DATA, job, run_all, run_step
from standins import Installation, install_vitis, needs_tclsh

from hlsgen.cards import CARDS
from hlsgen.toolchain.diagnose import has_error
from hlsgen.toolchain.discover import find_vitis
from hlsgen.toolchain.plan import plan_hardware
from hlsgen.toolchain.platforms import find_platform
from hlsgen.toolchain.steps import ToolStep

pytestmark = [needs_tclsh, pytest.mark.slow]

TCL, CFG = "2023.2", "2025.2"
FLAGS = r' -cflags ".*"'

Places = dict[str, tuple[Installation, Path]]

# In the script: what is replaced (a pattern), by what, and what is told.
TCL_ROWS = [
    (r"    open_project .*\n", "", "add_files needs an open project"),
    (r"    open_solution .*\n", "", "set_part needs an open solution"),
    (r" -flow_target vitis", " -flow_target vivado", "flow_target is 'vivado'"),
    (r" -flow_target vitis", "", "flow_target is 'vivado'"),
    (r"    add_files .*\n", "", "synthesis needs a source file"),
    (r"add_files sat_stce.cpp", "add_files stce.cpp", "file not found: stce.cpp"),
    (FLAGS, "", "'arrange_activations.h' file not found (sat_stce.cpp:"),
    (r"-Ikernels/vitis ", "-Ikernels/vendor ", "'hls_macros.h' file not found"),
    (r"-I\. ", "", "'sat_descriptor.h' file not found (kernels/types.h:"),
    (r"    set_top .*\n", "", "synthesis needs a top function"),
    (r"set_top sat_stce", "set_top sat_stce_2", "Cannot find the top function"),
    (r"    set_part .*\n", "", "synthesis needs a part"),
    (r"set_part \{.*\}", "set_part u200", "Invalid word 'u200' of set_part"),
    (r"    create_clock .*\n", "", "synthesis needs a clock"),
    (r" -period \S+", "", "synthesis needs a clock"),
    (r"-strict_mode error", "-strict_mode errors", "Invalid value 'errors'"),
    (r"csynth_design", "csynth", 'invalid command name "csynth"'),
    (r"    csynth_design\n", "", "export_design needs a synthesised design"),
    (r"-format xo", "-format ip_catalog", "cannot export format 'ip_catalog' as sat_stce.xo"),
    (r" -format xo", "", "cannot export format 'ip_catalog' as sat_stce.xo"),
    (r"exit 0\n", "", "the script did not end with exit"),
]  # fmt: skip
COSIM_ROWS = [
    (TCL, r"    add_files -tb sat_stce.dat\n", "", "C TB simulation failed, nonzero return"),
    (TCL, r"    add_files -tb kernels.*\n", "", "cosim_design needs a test bench"),
    (TCL, r"(testbench_stce.cpp) -cflags .*\n", r"\1\n", "'sat_kernels.h' file not found"),
    (TCL, r"    csynth_design\n", "", "cosim_design needs a synthesised design"),
    (CFG, r" -flow_target vitis", "", "flow_target is 'vivado'"),
    (CFG, r" -flow_target vitis", " -flow_target vivado", "flow_target is 'vivado'"),
    (CFG, r"    open_component .*\n", "", "add_files needs an open project"),
    (CFG, r"    add_files -tb sat_stce.dat\n", "", "C TB simulation failed, nonzero return"),
]
CFG_ROWS = [
    (r"flow_target=vitis\n", "", "flow_target is 'vivado'"),
    (r"flow_target=vitis", "flow_target=vivado", "flow_target is 'vivado'"),
    (r"syn.cflags=.*\n", "", "'arrange_activations.h' file not found"),
    (r"-Ikernels/vitis ", "", "'hls_macros.h' file not found"),
    (r"syn.file=.*\n", "", "synthesis needs a source file"),
    (r"syn.top=.*\n", "", "'syn.top' is needed once"),
    (r"clock=.*\n", "", "'clock' is needed once"),
    (r"part=.*\n", "", "'part' is needed once"),
    (r"package.output.format=.*\n", "", "'package.output.format' is needed once"),
    (r"package.output.format=xo", "package.output.format=ip_catalog", "cannot export format"),
    (r"package.output.syn=.*\n", "", "'package.output.syn' is needed once"),
]
LINK_ROWS = [
    (r"sp=sat_stce_1.a:.*\n", "", "sat_stce_1.a is joined to no memory"),
    (r"DDR\[0:3\]", "DDR[0:4]", "the platform has no DDR[4]"),
    (r"sp=sat_stce_1.a:", "sp=sat_stce_1.count:", "count is no port of sat_stce_1"),
    (r"nk=sat_wuve:1:sat_wuve_1\n", "", "no instance sat_wuve_1"),
    (r"slr=sat_wuve_1:SLR0", "slr=sat_wuve_1:SLR7", "no such instance or SLR"),
    (r"impl.jobs", "impl.job", "unknown option 'impl.job'"),
]
# In the words: which is replaced, with the value behind it where it has one, by what.
WORD_ROWS = [
    (TCL, "csynth_sat_stce", ["-f", "hls.tcl"], [], "option '-f' of vitis_hls is required"),
    (CFG, "csynth_sat_stce", ["--work_dir", "sat_stce"], [], "option '--work_dir' of v++ hls"),
    (CFG, "csynth_sat_stce", ["--config", "hls.cfg"], [], "option '--config' of v++ hls is"),
    (CFG, "csynth_sat_stce", ["--mode", "hls"], [], "option '--mode' of v++ hls is required"),
    (CFG, "cosim_sat_stce", ["--tcl", "hls.tcl"], [], "option '--tcl' of vitis-run is required"),
    (CFG, "cosim_sat_stce", ["--mode", "hls"], [], "option '--mode' of vitis-run is required"),
    *((TCL, "link", gone, [], f"option '{gone[0]}' of v++ link is required") for gone in (
        ["-t", "hw_emu"], ["--platform", ""], ["--config", "link.cfg"], ["-o", "sat.link.xclbin"])),
    (TCL, "link", ["--kernel_frequency", "200"], ["--kernel_frequency", "2000"],
     "--kernel_frequency 2000: the platform's clock 0 goes up to 500 MHz"),
    (TCL, "link", ["sat_wuve.xo"], [], "no such kernel, or not one instance"),
    (TCL, "link", ["-l"], [], "one of -c, -l and -p is needed"),
    *((TCL, "package", gone, [], f"option '{gone[0]}' of v++ package is required") for gone in (
        ["-t", "hw_emu"], ["--platform", ""], ["-o", "sat.xclbin"])),
    (TCL, "package", ["-t", "hw_emu"], ["-t", "hw"], "target or platform is not the link's"),
    (TCL, "emconfig", ["--platform", ""], [], "option '--platform' of emconfigutil is required"),
]  # fmt: skip


def steps_of(place: Installation) -> dict[str, ToolStep]:
    """Every step there is, by name."""
    vitis = find_vitis(place.environ(), argument=place.root)
    platform = find_platform(CARDS["u200"], vitis, place.environ())
    slrs = {"sat_wuve": "SLR0"}
    settings = {"vitis": vitis, "platform": platform, "testbenches": DATA, "slrs": slrs}
    return {step.name: step for step in plan_hardware(job(target="hw_emu", **settings))}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Both ways of synthesis, each with the folder of a whole build."""
    made = {}
    for version in (TCL, CFG):
        folder = tmp_path_factory.mktemp("built")
        place = install_vitis(folder / "tools", version)
        assert run_all(list(steps_of(place).values()), folder, place.environ()) == ""
        made[version] = place, folder
    return made


def with_text(step: ToolStep, file: str, pattern: str, new: str) -> ToolStep:
    """The step with all that matches in one of its files replaced."""
    text, count = re.subn(pattern, new, str(step.files[file]))
    assert count, f"{file} has no {pattern}"
    return replace(step, files={**step.files, file: text})


def first_word(line: str) -> str:
    """The Tcl call, or the cfg key, that a line begins with."""
    return re.split(r"[ =]", line.strip())[0]


def refused(step: ToolStep, built: tuple[Installation, Path], told: str) -> None:
    """The step ends with an error that says `told`, on a line that is read as an error."""
    place, folder = built
    done = run_step(step, folder, place.environ())
    assert done.returncode, "it must not end well"
    assert told in done.stdout and "Traceback" not in done.stdout + done.stderr
    assert has_error(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new", "told"), TCL_ROWS)
def test_tcl(old: str, new: str, told: str, places: Places) -> None:
    step = steps_of(places[TCL][0])["csynth_sat_stce"]
    refused(with_text(step, "hls.tcl", old, new), places[TCL], told)


@pytest.mark.parametrize(("version", "old", "new", "told"), COSIM_ROWS)
def test_tcl_of_a_cosimulation(version: str, old: str, new: str, told: str, places: Places) -> None:
    step = steps_of(places[version][0])["cosim_sat_stce"]
    refused(with_text(step, "hls.tcl", old, new), places[version], told)


@pytest.mark.parametrize(("old", "new", "told"), CFG_ROWS)
def test_cfg(old: str, new: str, told: str, places: Places) -> None:
    step = steps_of(places[CFG][0])["csynth_sat_stce"]
    refused(with_text(step, "hls.cfg", old, new), places[CFG], told)


@pytest.mark.parametrize(("old", "new", "told"), LINK_ROWS)
def test_link_cfg(old: str, new: str, told: str, places: Places) -> None:
    step = steps_of(places[TCL][0])["link"]
    refused(with_text(step, "link.cfg", old, new), places[TCL], told)


@pytest.mark.parametrize(("version", "name", "old", "new", "told"), WORD_ROWS)
def test_words(
    version: str, name: str, old: Sequence[str], new: Sequence[str], told: str, places: Places
) -> None:
    step = steps_of(places[version][0])[name]
    place = step.argv.index(old[0])
    assert step.argv[place + len(old) - 1] == old[-1] or not old[-1], "as it was before"
    changed = (*step.argv[:place], *new, *step.argv[place + len(old) :])
    refused(replace(step, argv=changed), places[version], told)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "name", "file", "free"),
    [
        (TCL, "csynth_sat_stce", "hls.tcl", {"config_dataflow"}),
        (CFG, "csynth_sat_stce", "hls.cfg",
         {"syn.dataflow.strict_mode", "syn.compile.pragma_strict_mode"}),
        (TCL, "link", "link.cfg", {"slr", "impl.jobs", "synth.jobs"}),
    ],
)  # fmt: skip
def test_a_step_goes_without_no_line_but_these(
    version: str, name: str, file: str, free: set[str], places: Places
) -> None:
    place, folder = places[version]
    step = steps_of(place)[name]
    text, known = str(step.files[file]), {row.name for row in (*CALLS, *KEYS)}
    lines = [line for line in text.splitlines(keepends=True) if first_word(line) in known]
    went = set()
    for line in lines:
        for output in step.outputs:
            (folder / name / output).unlink(missing_ok=True)
        shorter = replace(step, files={**step.files, file: text.replace(line, "", 1)})
        if run_all([shorter], folder, place.environ()) == "":
            went.add(first_word(line))
    assert run_all([step], folder, place.environ()) == "", "for the tests after this one"
    assert len(lines) > len(free) and went == free


@pytest.mark.parametrize("step", ["csynth_sat_stce", "cosim_sat_stce"])
def test_a_release_that_cannot_refuse_pragmas_still_synthesises(
    step: str, places: Places, tmp_path: Path
) -> None:
    place, _ = places[TCL]
    fault = f"{step}:no strict pragmas"
    done = run_step(steps_of(place)[step], tmp_path, place.environ(STANDIN_FAIL=fault))
    assert done.returncode == 0, done.stdout
    assert "ERROR: [HLS 200-101] 'config_compile': Unknown option" in done.stdout
    assert "a pragma that is not understood is no error in this release" in done.stdout
    assert not has_error(done.stdout), "a refusal that the script expects ends no build"
    plain = run_step(steps_of(place)[step], tmp_path, place.environ())
    assert plain.returncode == 0 and "no error in this release" not in plain.stdout


def test_a_release_of_2026_asks_for_its_own_interfaces(tmp_path: Path) -> None:
    place = install_vitis(tmp_path / "tools", "2026.1")
    step = steps_of(place)["csynth_sat_stce"]
    assert run_step(step, tmp_path, place.environ()).returncode == 0
    without = with_text(step, "hls.cfg", r"syn.interface.default_axi=1\n", "")
    refused(without, (place, tmp_path), "flow_target is 'vivado'")

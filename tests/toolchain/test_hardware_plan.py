# SPDX-License-Identifier: Apache-2.0
"""The planned steps: in order, fitting together, and with nothing that the documents lack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from contract import CALLS, KEYS, MODES, OPTIONS, VENDOR_HEADERS
from contract_check import Refusal, check_call, check_cfg, check_command
from hardware_jobs import DATA, job, small_project
from sat_host.kernels import KERNELS

from hlsgen.cards import CARDS
from hlsgen.errors import InputError, ToolMissingError
from hlsgen.project import Project
from hlsgen.toolchain import link
from hlsgen.toolchain.discover import assumed_vitis
from hlsgen.toolchain.plan import HardwareJob, plan_hardware
from hlsgen.toolchain.steps import ToolStep
from hlsgen.toolchain.versions import RELEASES

VERSIONS = [row.version for row in RELEASES]
PLATFORM_CARDS = [name for name, card in CARDS.items() if card.default_platform]
KERNEL_NAMES = [kernel.name for kernel in KERNELS]
BUILTINS = {"set", "if", "puts", "exit"}
HEADER = re.compile(r"#include <(\S+)>")
TRIED = re.compile(r"if \{\[catch \{(.*)\}\]\} \{")


def everything(version: str) -> Iterator[tuple[HardwareJob, ToolStep]]:
    """Every step that a release can be given."""
    for card in PLATFORM_CARDS:
        for target in ("hw", "hw_emu"):
            made = job(version, card, target=target, testbenches=DATA, slrs={"sat_wuve": "SLR0"})
            for step in plan_hardware(made):
                yield made, step


def mode_of(step: ToolStep) -> str:
    tool = PurePosixPath(step.argv[0]).name
    modes = {"-c": "v++ hls", "-l": "v++ link", "-p": "v++ package"}
    return modes[step.argv[1]] if tool == "v++" else tool


def tcl_calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a script, without Tcl's own, but with what it only tries."""
    for line in text.splitlines():
        plain = TRIED.sub(r"\1", line.strip())
        words = re.findall(r'\{[^{}]*\}|"[^"]*"|\[[^\]]*\]|\S+', plain)
        if words and words[0] not in BUILTINS and not words[0].startswith(("#", "}")):
            yield words[0], [each.strip('{}"') for each in words[1:]]


def checked(version: str, step: ToolStep) -> Iterator[tuple[str, str]]:
    """What a step uses, every part of it held against the table: (where, name)."""
    mode = mode_of(step)
    options, _ = check_command(mode, step.argv[1:], version)
    yield from ((mode, name) for name in options)
    for name, text in step.files.items():
        if name.endswith(".tcl"):
            assert isinstance(text, str)
            for call, words in tcl_calls(text):
                plain = [re.sub(r"\[file join \$here (.*)\]", r"\1", word) for word in words]
                given, _ = check_call(call, plain, version)
                yield "tcl", call
                yield from (("tcl", f"{call} {option}") for option in given)
        if name.endswith(".cfg"):
            assert isinstance(text, str)
            kind = "link" if step.name == "link" else "hls"
            yield from ((kind, key) for _, key in check_cfg(kind, text, version))


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_that_is_emitted_is_documented(version: str) -> None:
    used = {each for _, step in everything(version) for each in checked(version, step)}
    assert ("v++ link", "--platform") in used and ("link", "sp") in used
    assert ("tcl", "csynth_design") in used, "co-simulation runs Tcl in every release"


def test_every_row_of_the_table_has_a_source_and_is_used() -> None:
    assert all(row.source for row in (*OPTIONS, *CALLS, *KEYS))
    used = {u for v in VERSIONS for _, step in everything(v) for u in checked(v, step)}
    used.add(("v++", "--version"))  # by discovery, where a folder's name has no version
    rows = {(row.tool, row.name) for row in OPTIONS} | {(row.kind, row.name) for row in KEYS}
    calls = {("tcl", row.name) for row in CALLS}
    options = {("tcl", f"{row.name} {option}") for row in CALLS for option in row.options}
    assert rows | calls | options == used, "a row that nothing uses"
    assert {tool for tool, _ in rows} >= set(MODES), "a tool that nothing calls"
    included = {name for text in small_project().files.values() for name in HEADER.findall(text)}
    assert included >= VENDOR_HEADERS, "a header that no kernel includes"


@pytest.mark.parametrize("version", ["2022.2", "2024.1", "2025.2"])
def test_the_order_of_the_steps(version: str) -> None:
    names = [step.name for step in plan_hardware(job(version, target="hw_emu", testbenches=DATA))]
    synthesis = [f"csynth_{kernel}" for kernel in KERNEL_NAMES]
    simulation = [f"cosim_{kernel}" for kernel in KERNEL_NAMES]
    assert names == [*synthesis, *simulation, "link", "emconfig", "package"]
    names = [step.name for step in plan_hardware(job(version))]
    assert names == [*synthesis, "link", "package"]


def test_each_step_shows_that_it_went_well() -> None:
    for step in plan_hardware(job(target="hw_emu", testbenches=DATA)):
        assert bool(step.outputs) != bool(step.passed), step.name


@pytest.mark.parametrize("version", VERSIONS)
def test_inputs_are_outputs_of_earlier_steps(version: str) -> None:
    made: set[tuple[str, str]] = set()
    for step in plan_hardware(job(version, target="hw_emu", testbenches=DATA)):
        assert {(each.step, each.output) for each in step.inputs} <= made
        words = {each.name for each in step.inputs}
        assert words <= set(step.argv), "what is brought is used"
        made |= {(step.name, output) for output in step.outputs}


def test_a_kernel_gets_its_own_sources_and_no_simulator() -> None:
    steps = {step.name: step for step in plan_hardware(job(testbenches=DATA))}
    files = set(steps["csynth_sat_stce"].files)
    assert {"sat_stce.cpp", "sat_config.h", "kernels/types.h", "kernels/vitis/uspe.h"} <= files
    assert "sat_wuve.cpp" not in files
    assert not any(name.startswith("kernels/csim/") or "testbench" in name for name in files)
    more = set(steps["cosim_sat_stce"].files) - files
    bench = {"kernels/vitis/testbench.h", "kernels/vitis/testbench_stce.cpp"}
    assert more == bench | {"sat_stce.dat"}


def test_a_change_of_one_kernel_leaves_the_others_synthesis() -> None:
    project = small_project()
    changed = Project({**project.files, "sat_stce.cpp": project.files["sat_stce.cpp"] + "\n"})
    before, after = plan_hardware(job()), plan_hardware(job(project=changed))
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, True, True, True]


def test_a_lower_clock_of_the_link_leaves_the_synthesis() -> None:
    before, after = plan_hardware(job()), plan_hardware(job(link_clock_mhz=150))
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, True]
    assert "150" in after[2].argv and "200" in before[2].argv


def test_the_clock_and_the_part_are_the_jobs() -> None:
    classic = plan_hardware(job("2022.2", "u280", clock_mhz=300))[0].files["hls.tcl"]
    assert isinstance(classic, str)
    assert "create_clock -period 3.333 " in classic
    assert "set_part {xcu280-fsvh2892-2L-e}" in classic
    unified = plan_hardware(job("2025.2", "u280", clock_mhz=300))[0].files["hls.cfg"]
    assert isinstance(unified, str)
    assert "clock=300MHz\n" in unified and "part=xcu280-fsvh2892-2L-e\n" in unified


@pytest.mark.parametrize("version", ["2022.2", "2025.2"])
def test_what_the_dataflow_and_pragmas_break_is_an_error(version: str) -> None:
    step = plan_hardware(job(version))[0]
    text = str(step.files.get("hls.tcl", step.files.get("hls.cfg")))
    assert "strict_mode error" in text or "strict_mode=error" in text
    assert "pragma_strict_mode" in text


def test_tensors_reach_every_bank_and_small_buffers_the_first() -> None:
    for card in CARDS.values():
        ports = link.ports(card)
        pointers = [(k.instance, a.name) for k in KERNELS for a in k.arguments if a.is_pointer]
        assert [(port.instance, port.argument) for port in ports] == pointers
        for port in ports:
            small = port.argument in link.OWN_BUFFERS
            assert port.memory == (card.banks[0].tags[0] if small else card.port_memory)


def test_only_a_kernel_that_fits_one_die_is_kept_on_it() -> None:
    text = link.link_cfg(CARDS["u200"], "hw", jobs=4, banner="x", slrs={"sat_wuve": "SLR2"})
    assert re.findall("^slr=.*", text, re.MULTILINE) == ["slr=sat_wuve_1:SLR2"]
    assert "slr=" not in link.link_cfg(CARDS["u200"], "hw", jobs=4, banner="x")


def test_a_bank_is_not_given_more_masters_than_it_takes() -> None:
    kernels = (*KERNELS, replace(KERNELS[0], name="more"))
    with pytest.raises(InputError, match="18 AXI masters, a bank takes 15"):
        link.link_cfg(CARDS["u200"], "hw", jobs=4, banner="x", kernels=kernels)
    assert "nk=more:1:more_1" in link.link_cfg(
        CARDS["u280"], "hw", jobs=4, banner="x", kernels=kernels
    )


def test_jobs_and_effort_go_to_the_link() -> None:
    steps = {step.name: step for step in plan_hardware(job(jobs=3))}
    text = str(steps["link"].files["link.cfg"])
    assert "impl.jobs=3\n" in text and "synth.jobs=3\n" in text
    assert "prop=run.impl_1" in text and "3 processes" in steps["link"].resources
    emulated = {step.name: step for step in plan_hardware(job(target="hw_emu"))}["link"]
    assert "prop=" not in str(emulated.files["link.cfg"])


def test_a_missing_tool_stops_the_plan() -> None:
    vitis = replace(assumed_vitis("2023.2"), tools={"v++": "/x/v++"})
    with pytest.raises(ToolMissingError, match="Vitis 2023.2 .*has no vitis_hls"):
        plan_hardware(job(vitis=vitis))


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(InputError, match="--target sw_emu: one of hw, hw_emu"):
        job(target="sw_emu")


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        ("hls", "[hls]\nflow_target=vitis # why\n", "a comment behind a value"),
        ("hls", "[hls]\nsyn.tops=f\n", "unknown option 'syn.tops' in section 'hls'"),
        ("hls", "syn.top=f\n", "unknown option 'syn.top' in section ''"),
        ("hls", "[hls]\nsyn.top=f\nsyn.top=g\n", "'syn.top' is given twice"),
        ("link", "[connectivity]\nsp=k_1.a:DDR\n", "invalid value 'k_1.a:DDR' of 'sp'"),
        ("link", "[connectivity]\nregion=k_1:SLR0\n", "unknown option 'region'"),
        ("link", "[vivado]\nprop=run.impl_1.STEPS.X=1\n", "invalid value"),
    ],
)
def test_the_check_of_cfg_files_can_fail(kind: str, text: str, fault: str) -> None:
    with pytest.raises(Refusal, match=re.escape(fault)):
        check_cfg(kind, text, "2024.2")


@pytest.mark.parametrize(
    ("mode", "words", "version", "fault"),
    [
        ("v++ link", ["-l", "--fast", "a.xo"], "2023.2", "unrecognised option '--fast'"),
        ("v++ link", ["-l", "-t", "sw_emu", "a.xo"], "2023.2", "('sw_emu') for option '-t'"),
        ("v++ link", ["-l", "-t", "hw", "-t", "hw", "a.xo"], "2023.2", "more than once"),
        ("v++ link", ["-l", "a.cpp"], "2023.2", "'a.cpp' is no input of v++ link"),
        ("v++ hls", ["-c", "--mode", "hls"], "2022.2", "unrecognised option '-c'"),
        ("vitis-run", ["--tcl"], "2024.2", "argument ('') for option '--tcl'"),
        ("vitis_hls", ["-f", "x.tcl"], "2025.1", "unrecognised option '-f'"),
    ],
)
def test_the_check_of_command_lines_can_fail(
    mode: str, words: list[str], version: str, fault: str
) -> None:
    with pytest.raises(Refusal, match=re.escape(fault)):
        check_command(mode, words, version)


@pytest.mark.parametrize(
    ("name", "words", "version", "fault"),
    [
        ("open_component", ["c"], "2023.2", 'invalid command name "open_component"'),
        ("open_project", ["c"], "2025.1", 'invalid command name "open_project"'),
        ("create_clock", ["-perio", "5"], "2023.2", "Unknown option '-perio'"),
        ("create_clock", ["-period", "fast"], "2023.2", "Invalid value 'fast'"),
        ("set_top", [], "2023.2", "set_top takes 1 words"),
        ("set_part", ["u200"], "2023.2", "Invalid word 'u200'"),
        ("add_files", ["a.cpp", "-cflags", "-O3"], "2023.2", "Invalid value '-O3'"),
    ],
)
def test_the_check_of_tcl_calls_can_fail(
    name: str, words: list[str], version: str, fault: str
) -> None:
    with pytest.raises(Refusal, match=re.escape(fault)):
        check_call(name, words, version)

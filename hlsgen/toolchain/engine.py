# SPDX-License-Identifier: Apache-2.0
"""Run tool steps in order, each in a folder of its own, and none whose outcome is there already.

A build that stops at any point, killed or by an error, goes on from there the next time: a step is
kept when its key and the digests of its outputs hold (hlsgen.toolchain.step_state). A step counts
as done when the tool ended with status 0, wrote no line of an error and made all its outputs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sat_host.digests import file_digest

from ..disk import disk_errors, exclusive
from ..errors import InputError, WorkError
from .diagnose import Diagnosis, diagnose, has_error, known_flake, named_logs
from .failure_signs import Kind
from .process import Ended, Identity, end_orphans, run_logged
from .progress import Watcher, phase_of, printable
from .reports.collect import find_timing
from .step_state import (
    LOG,
    State,
    Trouble,
    is_done,
    missing_outputs,
    private_home,
    read_state,
    step_folder,
    step_key,
    write_state,
)
from .steps import ToolStep

Sourced = Callable[[Path | None], Mapping[str, str]]
"""The environment of a tool: this process's, with a settings script sourced when there is one."""

Outlook = Literal["done", "failed", "to run"]
"""Of a step that is only looked at. failed: in a way that is remembered and told again."""

_NEEDS_TOOL = {"tool missing", "platform missing"}
_LOG_BYTES = 64 << 20


@dataclass(frozen=True)
class Choice:
    """Which steps to run: from `first`, done or not, to `last`; all of them when `force`d."""

    first: str | None = None
    last: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Workspace:
    """Where and how steps run. folder: holds those of one target. timeout: seconds of each step.

    before: hears of each step that is about to run, and of those done before it; it may raise.
    variant: of a build that tries again with other settings: a step that these change goes into
    another folder, so that the outcome of the first try stays. remembered: kinds of failures that
    are told again from the first time, without a new run.
    """

    folder: Path
    target: str
    sourced: Sourced
    timeout: float | None = None
    watcher: Watcher = field(default_factory=Watcher)
    before: Callable[[ToolStep, Sequence[StepDone]], None] = lambda step, made: None
    variant: str = ""
    remembered: frozenset[Kind] = frozenset()


@dataclass(frozen=True)
class StepDone:
    """A step whose outcome is there. kept: it was there before; then seconds and
    peak_memory_bytes are those of the run that made it. outputs: {relative path: sha256}. trouble:
    what is to be said of it all the same."""

    step: ToolStep
    folder: Path
    kept: bool
    seconds: float
    peak_memory_bytes: int
    outputs: Mapping[str, str]
    trouble: Trouble | None = None

    @property
    def log(self) -> Path:
        """All that the tool wrote."""
        return self.folder / LOG

    @property
    def warning(self) -> str:
        """The trouble in one line, "" for none."""
        return "" if self.trouble is None else self.trouble.told(self.folder)

    def reports(self) -> list[Path]:
        """The files that the step's report patterns name, sorted, each once."""
        found = {path for pattern in self.step.reports for path in self.folder.glob(pattern)}
        return sorted(path for path in found if path.is_file())


class StepError(WorkError):
    """A tool step failed. kind: of the failure; log: what the tool wrote."""

    def __init__(self, step: str, kind: Kind, told: str, log: Path) -> None:
        self.step = step
        self.kind = kind
        self.log = log
        super().__init__(f"{step}: {told}")
        self.exit_code = 3 if kind in _NEEDS_TOOL else 1

    def details(self) -> list[dict[str, object]]:
        """The failure for programs."""
        fields = {"step": self.step, "kind": self.kind, "log": str(self.log)}
        return [{"message": str(self), **fields}]


@contextmanager
def work_folder(folder: Path) -> Iterator[None]:
    """Make the folder of one target's steps and keep other builds of it waiting meanwhile."""
    with disk_errors(folder.parent, "choose another folder with -o"):
        folder.mkdir(parents=True, exist_ok=True)
        lock_file = folder.with_name(f".{folder.name}.lock")
        with exclusive(lock_file, f"another build in {folder}"):
            yield


def check_choice(steps: Sequence[ToolStep], choice: Choice) -> None:
    """Raise InputError for a choice that names no step, or ends before it begins."""
    names = [step.name for step in steps]
    for option, name in (("--from", choice.first), ("--until", choice.last)):
        if name is not None and name not in names:
            raise InputError(f"{option}: no step is named {name}: write one of {', '.join(names)}")
    if choice.first and choice.last and names.index(choice.first) > names.index(choice.last):
        raise InputError(
            f"--from {choice.first} comes after --until {choice.last}: the order is "
            f"{', '.join(names)}"
        )


def run_steps(
    steps: Sequence[ToolStep], workspace: Workspace, choice: Choice = Choice()
) -> tuple[StepDone, ...]:
    """Run what is not there yet, to the last chosen step. Under `work_folder`.

    Raises StepError for a step that fails, InputError or WorkError for a disk that refuses,
    ToolMissingError for a tool that can't be started.
    """
    made: dict[str, StepDone] = {}
    for index, (step, forced) in enumerate(_chosen(steps, choice)):
        with disk_errors(workspace.folder):
            made[step.name] = _Run(step, index + 1, len(steps), workspace, made).done(forced)
    return tuple(made.values())


def peek_steps(
    steps: Sequence[ToolStep], workspace: Workspace, choice: Choice = Choice()
) -> list[Outlook]:
    """What `run_steps` would do about each chosen step. Writes nothing, waits for nobody."""
    made: dict[str, StepDone] = {}
    found: list[Outlook] = []
    for index, (step, forced) in enumerate(_chosen(steps, choice)):
        outlook: Outlook = "to run"
        if not forced and all(each.step in made for each in step.inputs):
            run = _Run(step, index + 1, len(steps), workspace, made)
            if (done := run.kept()) is not None:
                made[step.name], outlook = done, "done"
            elif run.remembered() is not None:
                outlook = "failed"
        found.append(outlook)
    return found


def _chosen(steps: Sequence[ToolStep], choice: Choice) -> list[tuple[ToolStep, bool]]:
    """The steps to the last chosen one, each with whether it runs again, done or not."""
    check_choice(steps, choice)
    names = [step.name for step in steps]
    last = len(names) if choice.last is None else names.index(choice.last) + 1
    first = last if choice.first is None else names.index(choice.first)
    return [(step, choice.force or index >= first) for index, step in enumerate(steps[:last])]


class _Run:
    """One step, with its place, key and state. made: the steps before it."""

    def __init__(
        self,
        step: ToolStep,
        number: int,
        count: int,
        workspace: Workspace,
        made: Mapping[str, StepDone],
    ) -> None:
        self._step, self._number, self._count, self._workspace = step, number, count, workspace
        self._made = made
        digests = {(e.step, e.output): made[e.step].outputs[e.output] for e in step.inputs}
        self._key = step_key(step, workspace.target, digests)
        self._folder = step_folder(workspace.folder, number, step.name)
        self._state = read_state(self._folder)
        if workspace.variant and (self._state is None or self._state.key != self._key):
            self._folder = step_folder(workspace.folder, number, f"{step.name}-{workspace.variant}")
            self._state = read_state(self._folder)

    def kept(self) -> StepDone | None:
        """The outcome, when it is there."""
        if self._state is None or not is_done(
            self._folder, self._state, self._key, self._step.outputs
        ):
            return None
        return self._done(self._state, kept=True)

    def done(self, forced: bool) -> StepDone:
        """The outcome, made now when it must be. Raises StepError."""
        if not forced:
            if (kept := self.kept()) is not None:
                self._workspace.watcher.ended(self._step.name, 0.0, True)
                return kept
            if (trouble := self.remembered()) is not None:
                raise self._error(trouble)
        self._workspace.before(self._step, tuple(self._made.values()))
        runs = None if self._state is None else self._state.runs
        if runs is not None and end_orphans(runs, self._folder):
            self._note("ended what a killed build had left running")
        self._workspace.watcher.started(self._step, self._number, self._count)
        state = self._attempt()
        self._workspace.watcher.ended(self._step.name, state.seconds, False)
        return self._done(state, kept=False)

    def remembered(self) -> Trouble | None:
        """What is remembered of a failure with the same key."""
        state = self._state
        if state is None or state.status != "failed" or state.key != self._key:
            return None
        again = state.trouble is not None and state.trouble.kind in self._workspace.remembered
        return state.trouble if again else None

    def _attempt(self) -> State:
        """Run the tool, a second time if it stumbled, and keep how that went."""
        again = False
        while True:
            self._prepare()
            with self._interruption_kept():
                ended = self._call()
                log = _text(self._folder / LOG)
                state = self._judge(ended, log)
                write_state(self._folder, state)
            if state.status == "done" or state.trouble is None:
                return state
            if again or ended.status is None or not known_flake(log):
                raise self._error(state.trouble)
            again = True
            self._note("the tool stumbled without an error, as it may: run again, once")

    @contextmanager
    def _interruption_kept(self) -> Iterator[None]:
        """Leave no state that says that the tool runs: a later build would look for it, and the
        system gives its number away again."""
        try:
            yield
        except BaseException:
            state = read_state(self._folder)
            if state is not None and state.status == "running":
                with suppress(OSError):
                    write_state(self._folder, State(self._key, "interrupted"))
            raise

    def _prepare(self) -> None:
        """An empty folder under the right name, with files and inputs."""
        if self._folder.exists():
            shutil.rmtree(self._folder)
        name = self._folder.name.split("-", 1)[1]
        self._folder = self._workspace.folder / f"{self._number}-{name}"
        self._folder.mkdir()
        for path, content in self._step.files.items():
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            data = content.encode() if isinstance(content, str) else content
            target.write_bytes(data)
        for each in self._step.inputs:
            target = self._folder / each.name
            target.parent.mkdir(parents=True, exist_ok=True)
            # Copied and not linked: a tool may write into what it is given.
            shutil.copyfile(self._made[each.step].folder / each.output, target)

    def _call(self) -> Ended:
        step, folder = self._step, self._folder
        home = private_home(folder / "home")
        env = {**self._workspace.sourced(step.settings), "HOME": str(home), **step.environment}
        shown = [""]

        def on_line(line: str) -> None:
            phase = phase_of(line)
            if phase is not None and phase != shown[0]:
                shown[0] = phase
                self._workspace.watcher.phase(phase)

        def on_start(identity: Identity) -> None:
            write_state(folder, State(self._key, "running", runs=identity))

        return run_logged(
            step.argv,
            cwd=folder,
            env=env,
            log=folder / LOG,
            timeout=self._workspace.timeout,
            on_line=on_line,
            on_start=on_start,
            on_wait=self._workspace.watcher.waiting,
        )

    def _judge(self, ended: Ended, log: str) -> State:
        """The state to keep."""
        step, folder = self._step, self._folder
        missing = (*missing_outputs(folder, step), *self._unsaid(log))
        seconds, peak = ended.seconds, ended.peak_memory_bytes
        if ended.status != 0 or missing or has_error(log):
            trouble = self._trouble(self._diagnose(ended, log, missing, failed=True))
            return State(self._key, "failed", seconds, peak, trouble=trouble)
        found = self._diagnose(ended, log, (), failed=False)
        outputs = {path: file_digest(folder / path) for path in step.outputs}
        if found.kind != "II missed":
            return State(self._key, "done", seconds, peak, outputs)
        warning = self._trouble(found)
        self._note(warning.told(folder))
        return State(self._key, "done", seconds, peak, outputs, warning)

    def _unsaid(self, log: str) -> tuple[str, ...]:
        """The words of success that the tool owes."""
        words = self._step.passed
        said = words in log or any(words in text for text in self._further_logs(log).values())
        return () if said else (f'the words "{words}"',)

    def _trouble(self, found: Diagnosis) -> Trouble:
        log = found.where.removeprefix(f"{self._folder}{os.sep}")
        return Trouble(found.kind, printable(found.cause), printable(found.mend), printable(log))

    def _diagnose(
        self, ended: Ended, log: str, missing: tuple[str, ...], *, failed: bool
    ) -> Diagnosis:
        folder = self._folder
        return diagnose(
            self._step.name,
            log,
            status=ended.status,
            timed_out=ended.status is None,
            missing=missing,
            log_file=str(folder / LOG),
            further=self._further_logs(log) if failed else None,
            timing=find_timing(folder) if failed else None,
        )

    def _further_logs(self, log: str) -> dict[str, str]:
        """Logs that the tools wrote on their own, those that `log` points at first."""
        named = [self._folder / name for name in named_logs(log)]
        found = [path for glob in self._step.logs for path in sorted(self._folder.glob(glob))]
        texts: dict[str, str] = {}
        for path in (*named, *found):
            if str(path) not in texts and path.name != LOG:
                with suppress(OSError):
                    texts[str(path)] = _text(path)
        return texts

    def _error(self, trouble: Trouble) -> StepError:
        told = trouble.told(self._folder)
        return StepError(self._step.name, trouble.kind, told, self._folder / LOG)

    def _note(self, text: str) -> None:
        self._workspace.watcher.note(f"{self._step.name}: {text}")

    def _done(self, state: State, *, kept: bool) -> StepDone:
        return StepDone(
            step=self._step,
            folder=self._folder,
            kept=kept,
            seconds=state.seconds,
            peak_memory_bytes=state.peak_memory_bytes,
            outputs=state.outputs,
            trouble=state.trouble,
        )


def _text(file: Path) -> str:
    """The end of a log, as much of it as is worth reading. Raises OSError."""
    with file.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _LOG_BYTES))
        return stream.read().decode("utf-8", "replace")

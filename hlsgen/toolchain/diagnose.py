# SPDX-License-Identifier: Apache-2.0
"""Why a step of the vendor's tools failed: the first true error line, and the next thing to do."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ..faults import shown
from .failure_signs import CONSEQUENCE_SIGNS, CONSEQUENCES, HINTS, MENDS, SIGNS, Kind, Sign
from .reports.loops import Pipelined, missed, read_pipelined
from .reports.timing import Timing

_STAMP = r"^\s*(?:\[\d\d:\d\d:\d\d\]\s*)?"
_ERROR = re.compile(_STAMP + r"(?:ERROR|FATAL|FATAL_ERROR)\b[:! \[]")
_COMPILER_ERROR = re.compile(r"^\S.*?: (?:fatal )?error: ")
_CRITICAL = re.compile(_STAMP + r"CRITICAL WARNING\b[: \[]")
_QUIET = re.compile(_STAMP + r"(?:INFO|WARNING|STATUS|Resolution)\b")
_TRIED = "-pragma_strict_mode"  # our scripts go on where a release refuses it
_LOG_NAMED = re.compile(r"(?<![\w.+/-])([\w.+/-]+\.log)\b")
_OVER = re.compile(
    r"(?:Resource utilization: (?P<a>.+?) over-utilized|requires more (?P<b>.+?) (?:cells )?than)"
    r".*?requires (?P<needed>\d+) of such .*?only (?P<there>\d+) compatible",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"system clock:\s*(\S+?);?\s+slack:\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE)
_SLACK = re.compile(r"(?:slack|WNS)(?: \(WNS\))?\s*[:=]?\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE)
_XPFM = re.compile(r"^\s+\S*?([^/\s]+)\.xpfm\s*$")
_DRESSING = re.compile(r"^(?:(?:ERROR|FATAL|FATAL_ERROR):\s*|//+ ?)|\s*//+$")
_CAUSE_LENGTH = 300
_FLAKE = "Pre-synthesis failed."
_LINES_BELOW = 40
_SIGNALS = {130: signal.SIGINT, 137: signal.SIGKILL, 139: signal.SIGSEGV, 143: signal.SIGTERM}
"""Exit statuses by which a shell reports that its child was ended by a signal."""


@dataclass(frozen=True)
class Diagnosis:
    """A failed step.

    kind: what sort of failure. cause: the first error line that is no mere consequence of another,
    on one line. mend: the next thing to do. where: the log, `file:line` where a line is the cause.
    wns_ns: the worst slack, for kind "timing" and "hold", where known. loops: for kind "II missed",
    those that missed it, the widest miss first.
    """

    kind: Kind
    cause: str
    mend: str
    where: str
    wns_ns: float | None = None
    loops: tuple[Pipelined, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}: {self.cause}: {self.mend} (log: {self.where})"


@dataclass(frozen=True)
class _Found:
    kind: Kind
    line: str
    number: int
    file: str
    mend: str = ""


def diagnose(
    step: str,
    log: str,
    *,
    status: int | None,
    timed_out: bool = False,
    missing: Sequence[str] = (),
    log_file: str,
    further: Mapping[str, str] | None = None,
    timing: Timing | None = None,
) -> Diagnosis:
    """Why `step` failed, from all it wrote.

    status: exit status, negative for a signal, None when unknown; timed_out: whether it was ended
    for taking too long; missing: outputs that should be there and are not; log_file: where `log`
    is kept; further: other logs (name to text, see `named_logs`), looked through after `log`;
    timing: the timing report, where the step wrote one.

    A step that ended well, has its outputs and wrote no error is diagnosed too: "II missed" when a
    loop did not reach its II (an unreached II is a warning to the tool, UG1399), else "timing" or
    "hold" when `timing` is not met, else "unknown".
    """
    if status == 0 and not (missing or timed_out or has_error(log)):
        return _quality(step, log, log_file, timing)
    logs = {log_file: log, **(further or {})}
    ended_by = _signal(status)
    found = _machine(logs, timed_out)
    if found is None and timed_out:
        cause = f"{step} was ended for taking too long" + _last_words(log)
        return Diagnosis("timeout", cause, MENDS["timeout"], log_file)
    found = found or _error(logs, step, heed_warnings=ended_by is None)
    if found is not None:
        return _told(found, logs[found.file], timing)
    if ended_by is not None:
        cause = f"{step} was ended by {ended_by}" + _last_words(log)
        return Diagnosis("killed", cause, MENDS["killed"], log_file)
    if status == 127:
        return Diagnosis(
            "tool missing", f"{step}: the tool is not there", MENDS["tool missing"], log_file
        )
    return _silent(step, log, status, missing, log_file)


def has_error(log: str) -> bool:
    """Whether a tool wrote an error line; a step is only done when it did not."""
    return any(_is_error(line) for line in log.splitlines())


def known_flake(log: str) -> bool:
    """Whether C synthesis stopped in the way that a second run is known to mend: it says
    `Pre-synthesis failed.` and no error but that, which our Tcl script repeats as one."""
    said = [_FLAKE in line for line in log.splitlines() if _FLAKE in line or _is_error(line)]
    return bool(said) and all(said)


def named_logs(log: str) -> tuple[str, ...]:
    """The logs that the error lines of `log` point at, in order, each once: the tool below often
    wrote the true error only there."""
    lines = (line for line in log.splitlines() if _is_error(line))
    return tuple(dict.fromkeys(name for line in lines for name in _LOG_NAMED.findall(line)))


def _is_error(line: str) -> bool:
    """A tool's error line, or a C++ compiler's."""
    if _ERROR.match(line):
        return _TRIED not in line
    return (
        "error: " in line and _COMPILER_ERROR.match(line) is not None and _QUIET.match(line) is None
    )


def _may_show(line: str) -> bool:
    """Whether a line that is no error is worth a look."""
    lowered = line.lower()
    return any(hint in lowered for hint in HINTS) and _QUIET.match(line) is None


def _machine(logs: Mapping[str, str], timed_out: bool) -> _Found | None:
    """The first line that shows a fault of the machine."""
    signs = [
        sign for sign in SIGNS if sign.of_machine and not (timed_out and sign.kind == "killed")
    ]
    for file, number, line in _lines(logs):
        is_error = _is_error(line)
        if not is_error and not _may_show(line):
            continue
        for sign in signs:
            if (is_error or sign.in_any_line) and sign.shows_in(line):
                return _Found(sign.kind, line, number, file, sign.mend)
    return None


def _error(logs: Mapping[str, str], step: str, *, heed_warnings: bool) -> _Found | None:
    """The first true error: one that a sign knows, else any that is no consequence, else a
    critical warning that a sign knows, if such are heeded, else the first consequence."""
    known, errors, critical, consequences = (list[_Found]() for _ in range(4))
    for file, number, line in _lines(logs):
        is_error = _is_error(line)
        is_critical = heed_warnings and _CRITICAL.match(line) is not None
        if not (is_error or is_critical or _may_show(line)):
            continue
        sign = _sign(line, SIGNS, is_error or is_critical)
        own = sign is not None and sign.kind not in ("HLS error", "simulation failed")
        if is_error and not own and CONSEQUENCES.search(line):
            consequences.append(_found(_sign(line, CONSEQUENCE_SIGNS, True), line, number, file))
        elif sign is not None:
            (critical if is_critical else known).append(_found(sign, line, number, file))
        elif is_error:
            errors.append(_found(None, line, number, file))
    first = next((group[0] for group in (known, errors, critical, consequences) if group), None)
    return None if first is None else _by_step(first, step)


def _sign(line: str, signs: Iterable[Sign], heeded: bool) -> Sign | None:
    shown = (sign for sign in signs if (heeded or sign.in_any_line) and sign.shows_in(line))
    return next(shown, None)


def _found(sign: Sign | None, line: str, number: int, file: str) -> _Found:
    kind: Kind = "unknown" if sign is None else sign.kind
    return _Found(kind, line, number, file, "" if sign is None else sign.mend)


def _by_step(found: _Found, step: str) -> _Found:
    """An error that no sign knows is of the sort that its step does."""
    kinds: dict[str, Kind] = {"csynth": "HLS error", "cosim": "simulation failed"}
    kind = kinds.get(step.partition("_")[0]) if found.kind == "unknown" else None
    return found if kind is None else replace(found, kind=kind)


def _told(found: _Found, log: str, timing: Timing | None) -> Diagnosis:
    cause, mend = _one_line(found.line), found.mend or MENDS[found.kind]
    wns = None
    if found.kind == "resources over" and (over := _OVER.search(found.line)) is not None:
        cause = (
            f"{over['a'] or over['b']}: {int(over['needed']):,} needed, "
            f"{int(over['there']):,} available"
        )
    elif found.kind in ("timing", "hold"):
        below = log.splitlines()[found.number - 1 : found.number - 1 + _LINES_BELOW]
        wns = _worst_slack(below, found.kind, timing)
        clocks = [clock for line in below for clock in _CLOCK.findall(line)]
        if clocks:
            cause = f"clock {min(clocks, key=lambda clock: float(clock[1]))[0]} was missed"
        cause += _slack_text(None if wns is not None and f"{wns:g}" in cause else wns, timing)
    elif found.kind == "platform missing":
        below = log.splitlines()[found.number : found.number + _LINES_BELOW]
        installed = [name[1] for line in below if (name := _XPFM.match(line)) is not None]
        cause += f"; there are {', '.join(installed)}" if installed else ""
    elif found.kind == "unknown" and (logs := named_logs(found.line)):
        mend = f"read {logs[-1]}"
    return Diagnosis(found.kind, cause, mend, f"{found.file}:{found.number}", wns)


def _worst_slack(below: Sequence[str], kind: Kind, timing: Timing | None) -> float | None:
    """What the timing report says, else the least of the slacks told from the error on."""
    if timing is not None:
        return timing.wns_ns if kind == "timing" else timing.whs_ns
    return min((float(slack) for line in below for slack in _SLACK.findall(line)), default=None)


def _slack_text(slack: float | None, timing: Timing | None) -> str:
    text = "" if slack is None else f", worst slack {slack:g} ns"
    if timing is None:
        return text
    if timing.module:
        one = timing.start in ("", timing.module)
        text += f" in {timing.module}" if one else f" from {timing.start} to {timing.module}"
    mhz = timing.reached_mhz
    return text if mhz is None else f"{text}; about {mhz:.0f} MHz would be met"


def _quality(step: str, log: str, log_file: str, timing: Timing | None) -> Diagnosis:
    """A step that ended well: what it did not reach."""
    late = missed(read_pipelined(log))
    if late:
        first = late[0]
        cause = f"loop {first.name or '(unnamed)'} has II {first.ii}, wanted {first.wanted_ii}"
        cause += f" ({_one_line(first.reason)})" if first.reason else ""
        cause += f"; and {len(late) - 1} more" if len(late) > 1 else ""
        where = f"{log_file}:{first.line}"
        return Diagnosis("II missed", cause, MENDS["II missed"], where, loops=late)
    if timing is not None and not timing.met:
        kind: Kind = "timing" if timing.wns_ns < 0 else "hold"
        wns = timing.wns_ns if kind == "timing" else timing.whs_ns
        cause = f"{step} missed its clock" + _slack_text(wns, timing)
        return Diagnosis(kind, cause, MENDS[kind], log_file, wns)
    return Diagnosis("unknown", f"{step} wrote no error", MENDS["unknown"], log_file)


def _silent(
    step: str, log: str, status: int | None, missing: Sequence[str], log_file: str
) -> Diagnosis:
    """No error line at all."""
    ended = {0: "ended well", None: "ended"}.get(status, f"exited with status {status}")
    lacking = f" without {', '.join(missing)}" if missing else ""
    cause = f"{step} {ended}{lacking} and wrote no error" + _last_words(log)
    return Diagnosis("unknown", cause, MENDS["unknown"], log_file)


def _signal(status: int | None) -> str | None:
    """The name of the signal that ended it, as the system or a shell reports it."""
    if status is None or (status >= 0 and status not in _SIGNALS):
        return None
    with suppress(ValueError):
        return signal.Signals(-status).name if status < 0 else _SIGNALS[status].name
    return f"signal {-status}"


def _last_words(log: str) -> str:
    words = next((line for line in reversed(log.splitlines()) if line.strip()), "")
    return f"; its last line: {_one_line(words)}" if words else ""


def _one_line(text: str) -> str:
    """Without the word ERROR, a banner's slashes, and what would clash with the colon behind."""
    line = _DRESSING.sub("", " ".join(text.split()))
    return shown(line.rstrip(".: "), _CAUSE_LENGTH)


def _lines(logs: Mapping[str, str]) -> Iterable[tuple[str, int, str]]:
    for file, text in logs.items():
        for number, line in enumerate(text.splitlines(), 1):
            yield file, number, line.rstrip()

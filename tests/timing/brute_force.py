# SPDX-License-Identifier: Apache-2.0
"""The contract of hlsgen.timing.resolve once more, cycle by cycle, with lists and without thought
for speed: what the resolver is compared with. It shares nothing with it but the trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from hlsgen.timing.resolve import BankTiming
from hlsgen.timing.trace import Trace

CAUSES = ("read", "write", "memory")

Operation = tuple[str, int, int]  # read, write, request or answer; of which object; an address


@dataclass
class Simulated:
    """Of each process: its end or stop, and its cycles by what it did. Of each stream: the tokens
    in it in every cycle. stalls: as the resolver's. waiting: process, stream, whether it reads,
    tokens in the stream."""

    cycles: int
    ends: list[int]
    did: list[dict[str, int]]
    levels: list[list[int]]
    stalls: list[list[int]]
    waiting: list[list[int]]


@dataclass
class Process:
    """todo: the operations of each tick. since: when the present stall began."""

    todo: dict[int, list[Operation]] = field(default_factory=dict)
    tick: int = 0
    end: int | None = None
    since: int | None = None
    late: list[tuple[int, int]] = field(default_factory=list)  # (cause, object), of the last cycle
    did: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("busy", *CAUSES), 0))


@dataclass
class Word:
    address: int
    transaction: int
    done: int


@dataclass
class Port:
    """words: all that were requested so far. answered: how many of them the process has taken. run:
    words that have followed each other at the bank."""

    words: list[Word] = field(default_factory=list)
    answered: int = 0
    run: int = 0


class Simulation:
    def __init__(
        self,
        trace: Trace,
        memory: BankTiming,
        places: Sequence[int],
        depths: Sequence[int | None],
    ) -> None:
        self.trace, self.memory, self.places, self.depths = trace, memory, places, depths
        self.now = 0
        self.processes = [Process() for _ in trace.processes]
        self.ports = [Port() for _ in trace.ports]
        self.free = [Fraction(0)] * (1 + max(places, default=0))  # when each bank is
        self.written, self.read = [0] * len(trace.streams), [0] * len(trace.streams)
        self.written_before, self.read_before = list(self.written), list(self.read)
        self.stalls: list[list[int]] = []
        for end, first, stride, count, address, step in trace.runs.tolist():
            for n in range(count):
                self.plan(end, first + n * stride, address + n * step)

    def plan(self, end: int, tick: int, address: int) -> None:
        number = end - 2 * len(self.trace.streams)
        if number < 0:
            stream = self.trace.streams[end // 2]
            process, kind = (stream.reader, "read") if end % 2 else (stream.writer, "write")
            self.processes[process].todo.setdefault(tick, []).append((kind, end // 2, 0))
            return
        port = self.trace.ports[number]
        todo = self.processes[port.process].todo
        todo.setdefault(tick, []).append(("request", number, address))
        answer = min(tick + port.latency, self.trace.ticks[port.process])
        todo.setdefault(answer, []).append(("answer", number, address))

    def late(self, operations: list[Operation]) -> list[tuple[int, int]]:
        """What can't happen now, as (cause, object)."""
        found = []
        for kind, number, _ in operations:
            if kind == "read" and self.written_before[number] <= self.read[number]:
                found.append((0, number))
            if kind == "write" and self.full(number):
                found.append((1, number))
        for number, port in enumerate(self.ports):
            asked = [address for kind, n, address in operations if (kind, n) == ("request", number)]
            answers = sum((kind, n) == ("answer", number) for kind, n, _ in operations)
            words = port.words[port.answered : port.answered + answers]
            if any(word.done > self.now for word in words) or not self.accepts(number, asked):
                found.append((2, number))
        return found

    def full(self, stream: int) -> bool:
        depth = self.depths[stream]
        return depth is not None and self.written[stream] - self.read_before[stream] >= depth

    def transaction(self, number: int, words: list[Word], address: int) -> int:
        """Of the port's next word, behind `words`."""
        if not words:
            return 0
        last = words[-1]
        length = sum(word.transaction == last.transaction for word in words)
        joins = address == last.address + 1 and length < self.trace.ports[number].burst
        return last.transaction if joins else last.transaction + 1

    def accepts(self, number: int, asked: list[int]) -> bool:
        """Whether the port takes all these requests now. Those of this tick have no `done` yet."""
        words = list(self.ports[number].words)
        for address in asked:
            transaction = self.transaction(number, words, address)
            if words and transaction != words[-1].transaction:
                oldest = transaction - self.trace.ports[number].outstanding
                if any(w.transaction <= oldest and w.done > self.now for w in words):
                    return False
            words.append(Word(address, transaction, 0))
        return True

    def serve(self, number: int, address: int) -> None:
        port, bank = self.ports[number], self.places[number]
        follows = bool(port.words) and address == port.words[-1].address + 1
        size = self.trace.word_bytes
        if not follows or port.run == self.memory.run_words:
            size += self.memory.overhead_bytes
            port.run = 0
        port.run += 1
        start = max(Fraction(self.now), self.free[bank])
        self.free[bank] = start + Fraction(size) / self.memory.bytes_per_cycle
        done = ceil(self.free[bank]) + self.memory.latency
        port.words.append(Word(address, self.transaction(number, port.words, address), done))

    def end_stall(self, number: int, until: int) -> None:
        process = self.processes[number]
        if process.since is None:
            return
        cause, what = min(process.late)
        process.did[CAUSES[cause]] += until - process.since
        if until > process.since:
            self.stalls.append([number, process.since, until - process.since, cause, what])
        process.since = None

    def cycle(self) -> bool:
        """One cycle of all processes; whether any did something."""
        self.written_before, self.read_before = list(self.written), list(self.read)
        requests: list[tuple[int, int]] = []
        acted = False
        for number, process in enumerate(self.processes):
            if process.end is not None:
                continue
            operations = process.todo.get(process.tick, [])
            if late := self.late(operations):
                process.late = late
                process.since = self.now if process.since is None else process.since
                continue
            acted = True
            self.end_stall(number, self.now)
            for kind, what, address in operations:
                if kind == "read":
                    self.read[what] += 1
                elif kind == "write":
                    self.written[what] += 1
                elif kind == "request":
                    requests.append((what, address))
                else:
                    self.ports[what].answered += 1
            if process.tick == self.trace.ticks[number]:
                process.end = self.now
            else:
                process.tick += 1
                process.did["busy"] += 1
        for what, address in sorted(requests, key=lambda request: request[0]):
            self.serve(what, address)
        return acted

    def run(self) -> Simulated:
        levels: list[list[int]] = [[] for _ in self.trace.streams]
        hope = 0  # something may be ready until then
        while self.now <= hope and any(process.end is None for process in self.processes):
            if self.cycle():
                hope = max(hope, self.now + 1)
            hope = max([hope, *(word.done for port in self.ports for word in port.words)])
            for number, level in enumerate(levels):
                level.append(self.written[number] - self.read_before[number])
            self.now += 1
        waiting = []
        ends = []
        for number, process in enumerate(self.processes):
            ends.append(process.end if process.end is not None else process.since)
            if process.end is None:
                for cause, what in self.late(process.todo[process.tick]):
                    inside = self.written[what] - self.read[what]
                    waiting.append([number, what, int(cause == 0), inside])
        assert None not in ends
        known = [end for end in ends if end is not None]
        cycles = max(known, default=0)
        for number in range(len(self.processes)):
            self.end_stall(number, cycles)
        did = [process.did for process in self.processes]
        levels = [level[: cycles + 1] for level in levels]
        return Simulated(cycles, known, did, levels, sorted(self.stalls), sorted(waiting))


def simulate(
    trace: Trace, memory: BankTiming, places: Sequence[int], depths: Sequence[int | None]
) -> Simulated:
    """Replay `trace`; `places` and `depths` as of hlsgen.timing.resolve.resolve."""
    return Simulation(trace, memory, places, depths).run()

# SPDX-License-Identifier: Apache-2.0
"""What the checker reports: one finding a line, and the rules by their ids."""

from __future__ import annotations

from dataclasses import dataclass

RULES = {
    "unparsed": "a place that the parser can't read, so that nothing there was checked",
    "pragma-unknown": "a pragma that Vitis HLS does not know, and would ignore",
    "pragma-option": "an option that the pragma does not have",
    "pragma-value": "a value that the option does not take",
    "pragma-missing": "an option that the pragma can't do without",
    "pragma-conflict": "options, or pragmas, that exclude each other",
    "pragma-deprecated": "a pragma or an option that newer releases only warn about",
    "pragma-operator": "an operator bound to a variable that receives no such operation",
    "pragma-place": "a pragma where it has no effect or another one",
    "pragma-variable": "a variable or port that is not in scope before the pragma",
    "pragma-macro": "a macro's name that _Pragma keeps as it is, for want of a second level",
    "interface-port": "a port of a kernel whose interface is missing or is of the wrong kind",
    "interface-depth": "a memory port without a depth, which C/RTL co-simulation needs",
    "interface-bundle": "a bundle with a bad name, or shared where it may not be",
    "stream-producers": "a stream that is written by no process, or by several",
    "stream-consumers": "a stream that is read by no process, or by several",
    "stream-unused": "a stream that is declared and never used",
    "stream-depth": "a stream without a depth of its own",
    "stream-copied": "a stream that is copied: passed or returned by value, or made of another",
    "stream-twice": "a stream that is used twice in one turn of a loop at II=1",
    "dataflow-missing": "a kernel of streams or processes, or a stream, without dataflow",
    "dataflow-static": "a static variable in a dataflow region",
    "dataflow-feedback": "data that flow back to an earlier process",
    "dataflow-bypass": "a value, not a stream, that skips a stage",
    "dataflow-shared": "a value or a port with several writers, or readers, in one region",
    "dataflow-condition": "a process that is called on a condition, or in a loop of the region",
    "dataflow-returns": "a process, or a region, that returns a value",
    "dataflow-statement": "a statement of a region that is no declaration and no process",
    "dataflow-loop": "a loop of dataflow that is not in the canonical form",
    "loop-label": "a loop without a label",
    "loop-name": "a label that two loops of a function share",
    "loop-ii": "a loop without an initiation interval",
    "loop-bound": "a loop that must be unrolled but has a bound that is no constant",
    "loop-tripcount": "a loop of variable length without a trip count",
    "aggregate-nested": "a struct with structs in it that is to be packed",
    "dependence-reason": "a dependence that is denied without a word on why",
    "memory-dynamic": "memory from a heap",
    "recursion": "a function that calls itself at run time",
    "virtual": "a virtual function, or a type that is asked for at run time",
    "std-container": "a container of the standard library",
    "function-pointer": "a pointer to a function",
    "exception": "an exception",
    "goto": "a goto",
    "system-call": "a call of the operating system or of a library that talks to it",
    "array-size": "an array whose size is no constant",
}
"""The rules: id, and what each one finds."""


@dataclass(frozen=True, order=True)
class Finding:
    """One fault. file: relative to the project; line: from 1; rule: one of RULES."""

    file: str
    line: int
    rule: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}: {self.mend}"

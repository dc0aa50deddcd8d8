# SPDX-License-Identifier: Apache-2.0
"""`python -m sat_host deploy`: is the machine ready, is the device right, and how fast is it?

Three parts, each only after the one before: the points of `machine`, the self-test bit for bit, and
what the device does in a second beside what the program models. Figures of a card are called
measured, and on which card; csim's are the host's time and no measurement of a card; the emulator
is not measured at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..bundle import Bundle, check_file, load_bundle, load_stored_program, open_device
from ..check_device import check_device
from ..engine import EngineDevice
from ..errors import BundleError, HostError, SettingsError
from ..manifest import program_of
from ..selftest import Check, run_selftest
from .calls import Call, largest, program_calls
from .machine import Point, examine
from .measure import PCIE_PEAK, Copied, Timed, measure_call, measure_copies

PROVED_MACS = 1 << 25
"""Of the program's own products that are proved, the golden model takes about a second each."""
TIMED_MACS = {"csim": 1 << 31, "hw": 1 << 36}
"""Of those that are timed: about a second of work for csim; for a card, what the host can hold."""

Tell = Callable[[str], None]


@dataclass
class Report:
    """What was found so far. device: csim or xrt:N; target: csim, hw or hw_emu; figures: what the
    measured ones are of."""

    bundle: Path
    device: str
    target: str
    figures: str = ""
    points: list[Point] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    copies: list[Copied] = field(default_factory=list)
    calls: list[Timed] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Exit status: that of the first point that is not well, else 1 after a failed check."""
        wrong = [point.status for point in self.points if point.status]
        return wrong[0] if wrong else int(any(not check.passed for check in self.checks))


def device_name(given: str) -> str:
    """A device as an option names it, csim or xrt:N; N alone is xrt:N. Raises SettingsError."""
    name = given if given == "csim" or given.startswith("xrt:") else f"xrt:{given}"
    try:
        return check_device(name)
    except SettingsError:
        raise SettingsError(
            f"--device: expected csim, or number or whole PCI address of a card, got {given!r}"
        ) from None


def deploy(
    folder: Path, device: str | None = None, *, measure: bool = True, tell: Tell = lambda line: None
) -> Report:
    """Check, prove and measure a bundle on a device.

    device: csim or xrt:N; None for xrt:0 where the bundle has an xclbin, else csim. tell: hears
    each line for people as it is known. Raises HostError for what is no bundle or no device's name;
    all that is wrong later is in the report.
    """
    bundle = load_bundle(folder)
    image = bundle.xclbin
    name = device_name(device or ("csim" if image is None else "xrt:0"))
    target = "csim" if name == "csim" or image is None else image.target
    report = Report(bundle.path, name, target)
    tell(f"{bundle.settings['name']} at {bundle.path}, on {name}")
    for point in examine(bundle, name, os.environ):
        _add(report, point, tell)
    if not report.status:
        opened = _open(bundle, report, tell)
        if opened is not None:
            _prove(bundle, opened, report, tell)
            if measure and not report.status:
                _measure(bundle, opened, report, tell)
    return report


def report_json(report: Report) -> dict[str, Any]:
    """The answer of `deploy --json`; times in seconds, rates in bytes or operations a second."""
    return {
        "ok": report.status == 0,
        "bundle": str(report.bundle),
        "device": report.device,
        "target": report.target,
        "figures": report.figures,
        "points": [asdict(point) for point in report.points],
        "checks": [asdict(check) for check in report.checks],
        "copies": [
            {**asdict(copied), "bytes_per_second": copied.rate(copied.seconds)}
            for copied in report.copies
        ],
        "products": [
            {
                **asdict(timed),
                "operations_per_second": 2 * timed.macs / timed.seconds,
            }
            for timed in report.calls
        ],
    }


def _add(report: Report, point: Point, tell: Tell) -> None:
    report.points.append(point)
    tell(f"{point.mark}  {point.name:<9}  {point.detail}")


def _open(bundle: Bundle, report: Report, tell: Tell) -> EngineDevice | None:
    """The device, with the xclbin loaded."""
    try:
        opened = open_device(bundle, report.device)
    except HostError as error:
        _add(report, Point("load", str(error), error.exit_code), tell)
        return None
    assert isinstance(opened, EngineDevice)  # csim and cards are
    report.figures = _figures(bundle, report)
    _add(report, Point("load", report.figures.partition(":")[0]), tell)
    return opened


def _prove(bundle: Bundle, device: EngineDevice, report: Report, tell: Tell) -> None:
    """The self-test, with some of the program's own products, which have its tilings."""
    try:
        own = [] if report.target == "hw_emu" else largest(_calls(bundle), PROVED_MACS, 1)
        report.checks = run_selftest(device, [call.case() for call in own])
    except HostError as error:
        _add(report, Point("self-test", str(error), error.exit_code), tell)
        return
    failed = [check for check in report.checks if not check.passed]
    count = len(report.checks)
    if not failed:
        detail = f"{count} of {count} cases equal the golden model, bit for bit"
        _add(report, Point("self-test", detail), tell)
        return
    first = f"first {failed[0].name}: {failed[0].detail}"
    detail = f"{len(failed)} of {count} cases failed, {first}"
    _add(report, Point("self-test", detail, 1), tell)


def _measure(bundle: Bundle, device: EngineDevice, report: Report, tell: Tell) -> None:
    tell(report.figures)
    if report.target == "hw_emu":
        return
    clock = bundle.xclbin.clock_mhz if bundle.xclbin else float(bundle.settings["clock_mhz"])
    try:
        program = load_stored_program(bundle)
        report.copies = list(measure_copies(device))
        for copied in report.copies:
            tell(_copied_line(copied, report.target))
        for call in largest(_calls(bundle), TIMED_MACS[report.target], 2):
            report.calls.append(measure_call(call, device, program, clock))
            tell(_timed_line(report.calls[-1], report.target))
    except HostError as error:
        _add(report, Point("measure", str(error), error.exit_code), tell)


def _calls(bundle: Bundle) -> list[Call]:
    """Those of the bundle's program; none without one. Raises BundleError."""
    file = program_of(bundle.settings, bundle.path)
    if file is None:
        return []
    try:
        return program_calls(check_file(file).decode("utf-8"))
    except ValueError as error:
        raise BundleError(f"{file.path}: {error}: build the bundle again") from None


def _figures(bundle: Bundle, report: Report) -> str:
    """What the figures that follow are of."""
    image = bundle.xclbin
    if report.target == "csim" or image is None:
        return "csim, the simulator: the host's time, no measurement of a card"
    if report.target == "hw_emu":
        return f"{image.platform} in XRT's emulator: nothing is measured, its time says nothing"
    card = next(point.detail for point in report.points if point.name == "card")
    return f"{card}: measured now, {image.clock_mhz:g} MHz in force"


def _copied_line(copied: Copied, target: str) -> str:
    way = "to the device" if copied.direction == "to_device" else "from the device"
    rate = f"{copied.rate(copied.seconds) / 1e9:.2f} GB/s"
    if target == "csim":
        return f"    copy {way:<15}  host time {rate}"
    alone = ""
    if copied.sync_seconds:
        alone = f", over PCIe alone {copied.rate(copied.sync_seconds) / 1e9:.2f}"
    peak = f"documented peak of PCIe {PCIE_PEAK / 1e9:g}"
    return f"    copy {way:<15}  measured {rate}{alone}, {peak}"


def _timed_line(timed: Timed, target: str) -> str:
    word = "host time" if target == "csim" else "measured"
    line = f"    {timed.name:<20}  {word} {timed.gops(timed.seconds):.2f} GOPS"
    if timed.kernel_seconds:
        line += f", the kernel alone {timed.gops(timed.kernel_seconds):.2f}"
    if timed.modelled_seconds is None:
        return f"{line}, not modelled"
    return f"{line}, modelled on the card {timed.gops(timed.modelled_seconds):.2f}"

# SPDX-License-Identifier: Apache-2.0
"""hardware.json of a bundle with an xclbin: what the vendor's tools reported, beside the estimate.

Nothing in it was measured on a card.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sat_host.bundle import Bundle, check_file

from ..bundle import HARDWARE
from ..errors import InputError
from ..hardware.results import FORMAT
from ..hosterrors import host_errors
from ..resources import RESOURCES
from .reading import FAULTS, parsed_json, reason_of

Json = dict[str, Any]

NO_TOOLS = "nothing was synthesised: `hlsgen build SPEC --target hw` does it"
AGAIN = "build the bundle again with `hlsgen build`"


def read_hardware(bundle: Bundle, remarks: list[str]) -> Json | None:
    """The content of the bundle's hardware.json, None without one; one that is not the bundle's own
    goes to remarks. Raises HlsgenError, one line, for one that was damaged."""
    report = None if bundle.xclbin is None else bundle.xclbin.report
    if report is None:
        if (bundle.path / HARDWARE).is_file():
            remarks.append(f"{HARDWARE}: not of this bundle, which has no xclbin: left out")
        return None
    with host_errors():
        content = check_file(report)
    return parsed(content, report.path)


def parsed(content: bytes, file: Path) -> Json:
    """The object with the keys that a report shows. Raises InputError."""
    try:
        told: Json = parsed_json(content)
        if told["format"] != FORMAT:
            raise InputError(f"{file}: not of format {FORMAT}: {AGAIN}")
        vendor_document(told)
    except FAULTS as error:
        reason = reason_of(error)
        raise InputError(f"{file}: no whole hardware.json ({reason}): {AGAIN}") from None
    return told


def vendor_document(told: Mapping[str, Any]) -> Json:
    """What a report shows of it. Raises KeyError or TypeError for another object."""
    differences = told["differences"]
    loops = differences["ii"]
    clock = told["clock"]
    return {
        "kind": "reported",
        "target": str(told["target"]),
        "platform": str(told["platform"]),
        "vitis": str(told["vitis"]),
        "clock": None if clock is None else str(clock["told"]),
        "worst_slack_ns": differences["clock"]["wns_ns"],
        "csynth_mhz": dict(differences["clock"]["csynth_mhz"]),
        "modelled_ms": dict(differences["modelled_ms"]),
        "pipelined": int(loops["pipelined"]),
        "missed": [
            {key: loop[key] for key in ("kernel", "module", "loop", "wanted_ii", "ii", "reason")}
            for loop in loops["missed"]
        ],
        "resources": [
            {
                "name": str(each["name"]),
                "resource": name,
                **{key: _amount(each[key], name) for key in ("estimated", "csynth", "linked")},
                "change": each["change"][name],
            }
            for each in differences["resources"]
            for name in RESOURCES
        ],
    }


def _amount(amounts: Mapping[str, float] | None, name: str) -> float | None:
    return None if amounts is None else float(amounts[name])

# SPDX-License-Identifier: Apache-2.0
"""What `hlsgen deploy --json` told of a device: products and copies timed, beside what is modelled.

Only a card's figures are measurements; csim's are the time of the host that simulates, and the
emulated card is not timed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .reading import FAULTS, checked, parsed_json, reason_of

Json = dict[str, Any]

PATTERN = "deploy*.json"
NO_MEASUREMENT = (
    "no measurement: run `mkdir -p BUNDLE.runs` and `hlsgen deploy BUNDLE --json > "
    "BUNDLE.runs/deploy.json` where the card is"
)
KINDS = {"hw": "measured", "csim": "host time", "hw_emu": "simulated"}


def read_deployed(
    places: tuple[Path, ...], products: frozenset[str], remarks: list[str]
) -> Json | None:
    """Of the newest whole file that is of this network, as a report shows it; why others are passed
    over goes to remarks. products: `layer stage` of those of the bundle's program."""
    for path in _newest_first(places):
        try:
            told = parsed_json(path.read_text(encoding="utf-8"))
            found = checked(deployed_document(path.name, told))
        except OSError as error:
            remarks.append(f"{path.name}: {error.strerror}: left out")
        except FAULTS as error:
            reason = reason_of(error)
            remarks.append(f"{path.name}: no whole answer of hlsgen deploy ({reason}): left out")
        else:
            strange = {each["name"] for each in found["products"]} - products
            if not strange:
                return found
            remarks.append(f"{path.name}: of another network, with {min(strange)}: left out")
    return None


def deployed_document(name: str, told: Mapping[str, Any]) -> Json:
    """What a report shows of the answer. Raises KeyError, TypeError or ValueError for another
    object. name: of the file."""
    kind = KINDS[told["target"]]
    checks = [bool(check["passed"]) for check in told["checks"]]
    return {
        "kind": kind,
        "file": name,
        "device": str(told["device"]),
        "figures": str(told["figures"]),
        "checks": len(checks),
        "passed": sum(checks),
        "products": [_product(each, kind) for each in told["products"]],
        "copies": [
            {
                "direction": str(each["direction"]),
                "bytes": int(each["bytes"]),
                "seconds": _seconds(each["seconds"]),
                "gb_per_s": float(each["bytes_per_second"]) / 1e9,
            }
            for each in told["copies"]
        ],
    }


def _product(told: Mapping[str, Any], kind: str) -> Json:
    """With its rates; modelled_part: of the modelled rate, that which a card reached."""
    seconds, rate = _seconds(told["seconds"]), float(told["operations_per_second"])
    modelled, kernel = told["modelled_seconds"], told["kernel_seconds"]
    own = seconds if kernel is None else _seconds(kernel)
    return {
        "name": str(told["name"]),
        "macs": int(told["macs"]),
        "seconds": seconds,
        "kernel_seconds": None if kernel is None else own,
        "modelled_seconds": None if modelled is None else _seconds(modelled),
        "gops": rate / 1e9,
        "kernel_gops": None if kernel is None else rate * seconds / own / 1e9,
        "modelled_gops": None if modelled is None else rate * seconds / modelled / 1e9,
        "modelled_part": modelled / own if modelled and kind == "measured" else None,
    }


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{value} seconds")
    return seconds


def _newest_first(places: tuple[Path, ...]) -> Iterator[Path]:
    found = []
    for place in places:
        for path in place.glob(PATTERN):
            try:
                found.append((path.stat().st_mtime, path))
            except OSError:
                continue
    return (path for _, path in sorted(found, reverse=True))

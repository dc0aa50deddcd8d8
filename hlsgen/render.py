# SPDX-License-Identifier: Apache-2.0
"""Spec -> project: the kernel library, and the few files that C++ can't write for itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import jinja2
from sat_host.config import BATCH_TOKENS
from sat_host.descriptor import BEAT_BYTES, DESCRIPTORS, Place

from . import __version__, paths
from .errors import WorkError
from .fifos import changed_depths, family_of, fifo_resource
from .pipeline import PIPELINE
from .project import BANNER, Project
from .spec import Spec
from .templates import template_environment
from .toolchain.gxx import Unit

INCLUDE_DIRS = (".", "kernels", "kernels/csim")

# A product of binary16 is exact in binary32, so fusing it with the addition changes no bit of the
# array's sums; WUVE's operations round one by one (docs/architecture.md, Numerics).
CSIM_UNITS = (
    Unit("sat_stce.cpp", ("-ffp-contract=fast",)),
    Unit("sat_wuve.cpp", ("-ffp-contract=off",)),
    Unit("kernels/csim/bridge.cpp"),
)

_SUFFIX = ".j2"
_TOOL_SCRIPTS = "vitis/"  # templates of what the vendor's tools are given, not of sources


def render(spec: Spec) -> Project:
    """All sources of an accelerator, as {path: text}. Deterministic; touches no file but reads.

    Raises WorkError that names template and line when a template uses a name it is not given.
    """
    environment, context = _environment(paths.templates_dir()), _context(spec)
    files = dict(_library(paths.kernels_dir()))
    for name in sorted(environment.list_templates(filter_func=_is_source)):
        files[name.removesuffix(_SUFFIX)] = _render_one(environment, name, context)
    return Project(files)


@dataclass(frozen=True)
class Chain:
    """All that the kernels' own templates may know of the array, beside the depths of its streams:
    row units, and lanes of each."""

    rows: int
    lanes: int


def render_kernel(name: str, chain: Chain, depths: Mapping[str, int]) -> str:
    """The source of a kernel without its banner. depths: by family (hlsgen.fifos), those of its
    streams. Raises as `render`, also where the template depends on more."""
    context = {"banner": "", "array": chain, "fifo": _fifos(depths)}
    return _render_one(_environment(paths.templates_dir()), f"{name}.cpp{_SUFFIX}", context)


def _context(spec: Spec) -> dict[str, object]:
    """What templates are given."""
    array = spec.array_config()
    return {
        "banner": f"{BANNER} {__version__} from {spec.name}, "
        f"digest {hardware_digest(spec)[:16]}; do not edit",
        "array": array,
        "pipeline": PIPELINE,
        "batch_tokens": BATCH_TOKENS,
        "weight_stationary": "ws" in spec.dataflows,
        "beat_words": BEAT_BYTES // 4,
        "descriptors": DESCRIPTORS,
        "fifo": _fifos(spec.fifo_depths()),
    }


def _fifos(depths: Mapping[str, int]) -> Callable[..., str]:
    """What templates call for the line of a stream, `{{ fifo("tiles") }}`, or of the one of a row
    unit, `{{ fifo("sums", row) }}`."""

    def line(name: str, row: int | None = None) -> str:
        stream = name if row is None else f"{name}_{row}"
        try:
            family = family_of(stream)
        except KeyError:
            raise jinja2.UndefinedError(f"hlsgen/fifos.py has no stream {stream}") from None
        depth = depths[family.name]
        return f"SAT_FIFO({family.token}, {stream}, {depth}, {fifo_resource(depth)})"

    return line


def hardware_digest(spec: Spec) -> str:
    """sha256 of what the hardware depends on: training settings change no rendered byte."""
    settings: dict[str, object] = {
        "name": spec.name,
        "card": spec.card,
        "clock_mhz": spec.clock_mhz,
        "array": asdict(spec.array_config()),
        "dataflows": sorted(spec.dataflows),
    }
    changed = changed_depths(spec.array_config(), "ws" in spec.dataflows, spec.fifos.given())
    if changed:  # so that a spec which states the default depths is that of the same hardware
        settings["fifos"] = changed
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=4)
def _environment(folder: Path) -> jinja2.Environment:
    """Which reads a template anew when its file has changed."""
    environment = template_environment(folder)
    environment.filters["camel"] = _camel
    environment.filters["taken"] = _taken
    return environment


def _is_source(template: str) -> bool:
    return not template.startswith(_TOOL_SCRIPTS)


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _taken(place: Place) -> str:
    """C++ that takes a field out of the beats of its command."""
    word = f"beats[{place.beat}][{place.word}]"
    if place.field.cpp_type == "float":
        return f"as_float({word})"
    if place.field.bytes == 4:
        return word
    shifted = f"{word} >> {place.shift}" if place.shift else word
    return f"static_cast<{place.field.cpp_type}>({shifted})"


def _library(folder: Path) -> list[tuple[str, str]]:
    found = [path for path in folder.rglob("*") if path.suffix in {".h", ".cpp"}]
    return [
        (f"kernels/{path.relative_to(folder).as_posix()}", path.read_text(encoding="utf-8"))
        for path in sorted(found)
    ]


def _render_one(environment: jinja2.Environment, name: str, context: dict[str, object]) -> str:
    try:
        return environment.get_template(name).render(context)
    except jinja2.TemplateSyntaxError as error:
        raise WorkError(f"templates/{error.name}:{error.lineno}: {error.message}") from error
    except jinja2.UndefinedError as error:
        line = _template_line(error, name)
        raise WorkError(f"templates/{name}:{line}: {error.message}") from error


def _template_line(error: BaseException, name: str) -> int:
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(name):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line

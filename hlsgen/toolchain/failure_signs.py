# SPDX-License-Identifier: Apache-2.0
"""What the vendor's tools write when they fail, and what mends it.

Message ids are the tools' own, `LEVEL: [TOOL nnn-mmm] text`. v++ repeats the messages of the tools
below it under its own name (`[DRC UTLZ-1]` as `[VPL UTLZ-1]`), and numbers moved between versions,
so a sign looks at the number behind any name, or at the words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "tool missing",
    "version",
    "licence",
    "platform missing",
    "part missing",
    "path refused",
    "connectivity",
    "HLS error",
    "II missed",
    "simulation failed",
    "resources over",
    "placement",
    "routing",
    "timing",
    "hold",
    "out of memory",
    "disk full",
    "timeout",
    "killed",
    "unknown",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Every kind of failure, each told apart because what mends it differs."""

_AGAIN = "then run the same command again, which goes on from this step"
_SMALLER = "`hlsgen estimate` shows what fits: lower array.rows or array.lanes"

MENDS: dict[Kind, str] = {
    "tool missing": "install what is named, or name the right folder with --vitis or in "
    "hardware.vitis; `hlsgen doctor` shows what was found",
    "version": "use a Vitis that the platform is made for (`hlsgen cards` has them), or name "
    "another platform in hardware.platform",
    "licence": "point XILINXD_LICENSE_FILE at a licence that covers the part, e.g. 2100@server; "
    "`hlsgen doctor` shows what is set",
    "platform missing": "install the card's platform, or add its folder to PLATFORM_REPO_PATHS; "
    "`hlsgen cards` has its name",
    "part missing": "add the card's device family to the Vitis installation, with the installer",
    "path refused": "the tools take no path with a space in it: build into another folder with -o, "
    "with Vitis and platform at paths without one too",
    "connectivity": "the platform named in hardware.platform has other memories than the card: "
    "`platforminfo` lists them",
    "HLS error": "the kernels are generated: run `hlsgen lint` on the build, and report it with "
    "this log when that finds nothing",
    "II missed": "lower clock_mhz, with which operators take fewer stages; the modelled cycles "
    "hold for the II wanted alone",
    "simulation failed": "the RTL and the C++ differ or wait for ever: report it with this log; "
    "the build itself runs without --cosim",
    "resources over": _SMALLER,
    "placement": f"{_SMALLER}, or lower clock_mhz",
    "routing": f"{_SMALLER} with room to spare, or lower clock_mhz",
    "timing": "lower clock_mhz, or name lower clocks in hardware.clock_ladder to have them tried",
    "hold": "build again with another clock_mhz: a lower clock alone does not mend hold, another "
    "placement may",
    "out of memory": f"give the machine more memory, or lower hardware.jobs, {_AGAIN}",
    "disk full": f"free space where the build lies and in /tmp, {_AGAIN}",
    "timeout": f"raise --timeout, {_AGAIN}",
    "killed": "if nobody ended it, the machine ran out of memory (`dmesg` tells): lower "
    f"hardware.jobs or give it more, {_AGAIN}",
    "unknown": "read the log",
}
"""The next thing to do about each kind."""


@dataclass(frozen=True)
class Sign:
    """How a failure shows.

    pattern: searched in a line, whatever its case. mend: where MENDS has not the right one.
    of_machine: a fault of the machine, which
    causes others, so it is told first even where a tool complained of something else before.
    in_any_line: also looked for in lines that are no errors of a tool, such as the shell's.
    """

    kind: Kind
    pattern: str
    of_machine: bool = False
    in_any_line: bool = False
    mend: str = ""

    def shows_in(self, line: str) -> bool:
        """Whether `line` shows it."""
        return re.search(self.pattern, line, re.IGNORECASE) is not None


# Quoted, behind the word that refuses it.
_PATH_WITH_A_SPACE = (
    r"\b(invalid|illegal|bad|unsupported|white ?spaces?|spaces?|(can|could) ?not)\b[^'\"]*"
    r"(?P<quote>['\"])/[^'\"]* [^'\"]*(?P=quote)"
)

# The first sign that shows in a line names its kind, so the special stand before the general.
SIGNS: tuple[Sign, ...] = (
    Sign(
        "disk full",
        r"no space left on device|disk quota exceeded|\bENOSPC\b|disk is full|"
        r"(not enough|insufficient) (free )?disk space|HDDMProto::writeMessage failed",
        of_machine=True,
        in_any_line=True,
    ),
    Sign(
        "out of memory",
        r"std::bad_alloc|cannot allocate memory|\bout of (virtual )?memory\b|"
        r"(not enough|insufficient) memory|memory allocation (failed|failure)|"
        r"unable to allocate memory",
        of_machine=True,
        in_any_line=True,
    ),
    # The shell's report of a process that the kernel ended, e.g. around the tools' own launcher.
    Sign(
        "tool missing",
        r"locale::facet::_S_create_c_locale name not valid",
        of_machine=True,
        in_any_line=True,
        mend="the tools need a locale that this machine lacks: install it (Debian: `locales`, "
        "en_US.UTF-8), or set LC_ALL=C",
    ),
    Sign("killed", r": line \d+: +\d+ (Killed|Aborted)\b|^Killed$|child killed", True, True),
    Sign(
        "licence",
        r"\[\S+ 17-34[56]\]|\[LICENSE |valid licen[sc]e (was )?not found|"
        r"licen[sc]e check-?out failed|"
        r"could not (get|obtain|find) (a|the)?( necessary| valid)? ?licen[sc]e|"
        r"failed to (get|check ?out|obtain) (a )?licen[sc]e|licen[sc]e (has |is )?expired|"
        r"cannot connect to licen[sc]e server|no such feature exists|"
        r"bitstream generation is not permitted|require licen[sc]es greater than",
        of_machine=True,
    ),
    Sign(
        "tool missing",
        r"^(/\S*/)?(env|bash|dash|sh): (?!.*warning:).*(not found|No such file or directory)$|"
        r"error while loading shared libraries",
        in_any_line=True,
    ),
    Sign(
        "platform missing",
        r"\[\S+ 60-(1258|587|705)\]|no (valid )?platform was found|specified platform .* not found|"
        r"failed to open platform|non-accelerated platform|"
        r"\bplatform\b[^.]*\b(does not exist|(can|could) ?not be found|is not found)",
    ),
    Sign(
        "part missing", r"\[\S+ 200-1023\]|part '\S+' is not installed|invalid part|part not found"
    ),
    Sign("path refused", _PATH_WITH_A_SPACE),
    Sign(
        "version",
        r"\[\S+ 60-1299\]|not supported by the current tool version|"
        r"(platform|XSA|DSA)\b.*\b(newer|later) (version|release)",
    ),
    Sign(
        "version",
        r"(unknown|unrecogni[sz]ed|invalid|unsupported) (option|argument|switch|command)|"
        r"invalid command name|'\S+' is not a (valid|recogni[sz]ed) (option|command)",
        mend="this Vitis does not know what it was asked for: name another version with --vitis, "
        "and report it with this log",
    ),
    Sign(
        "connectivity",
        r"\[CFGEN 83-(?!2298)|\[\S+ 60-895\]|--(connectivity\.)?(sp|slr|nk|sc) (tag|directive)",
    ),
    Sign(
        "simulation failed",
        r"\[(COSIM|SIM) |DEADLOCK DETECTED|received a signal named|simulation finished: FAIL",
    ),
    Sign(
        "simulation failed",
        r"ERROR!!! DEADLOCK DETECTED|request address .* exceed AXI master",
        in_any_line=True,
    ),
    Sign("killed", r"abnormal program termination|segmentation fault", in_any_line=True),
    Sign(
        "resources over",
        r"\[\S+ UTLZ-\d+\]|over-utilized|requires more .* (cells )?than are available|"
        r"\[\S+ 30-(640|380)\]",
    ),
    Sign("hold", r"\bhold\b.*(violat|slack|not met|failed)|(violat|timing|slack).*\bhold\b"),
    Sign(
        "timing",
        r"did not meet timing|failed to meet (the )?timing|timing constraints (are|were) not met|"
        r"\[Timing 38-282\]|frequency scaling failed|(below|less than) (the )?minimum .*frequency|"
        r"frequency (is |was )?(below|less than) (the )?minimum",
    ),
    Sign(
        "routing",
        r"\[(Route|VPL) 35-|not (legally )?rout(able|ed)\b|failed to route|routing congestion|"
        r"unroutable|\[\S+ RTSTAT-\d+\]|\[\S+ 18-1000\]|partially-conflicted nets|"
        r"routing results verification failed",
    ),
    Sign("placement", r"\[(Place|VPL) 30-|\[(Place|VPL) 46-|could not place|failed to place"),
    Sign(
        "HLS error", r"\[(HLS|XFORM|SYNCHK|SCHED|BIND|RTGEN|SYN|CLANG|v\+\+) 2\d\d-|HLS Tcl script"
    ),
)

# A line that is no tool's error shows a sign only if it has one of these, whatever their case: logs
# are of tens of megabytes, and to search each line for each sign would take a minute.
HINTS = (
    "no space left",
    "quota exceeded",
    "enospc",
    "disk is full",
    "disk space",
    "writemessage",
    "bad_alloc",
    "of memory",
    "of virtual memory",
    "allocate memory",
    "enough memory",
    "insufficient memory",
    "memory allocation",
    "locale::facet",
    "killed",
    "aborted",
    "not found",
    "no such file",
    "shared libraries",
    "deadlock",
    "exceed axi master",
    "abnormal program",
    "segmentation fault",
)

# What follows from an error that was told before: never the cause where another error is there.
CONSEQUENCES = re.compile(
    r"\[\S+ 60-(300|592|593|599|626|661|702|703|704|773|399|732|806|1328|1442)\]|"
    r"\[\S+ 200-(70|1715)\]|\[\S+ 17-(39|69)\]|\[\S+ 12-(13638|398)\]|\[\S+ 101-3\]|"
    r"\[\S+ 4-23\]|\[SYSTEM_LINK 82-36\]|\[CFGEN 83-2298\]|"
    r"\[COSIM 212-(4|5|362|331|359)\]|\[SIM 211-100\]|"
    r"pre-synthesis failed|^make.*\*\*\*|failed due to earlier errors",
    re.IGNORECASE,
)

# What a consequence alone still says, when nothing better was written.
CONSEQUENCE_SIGNS: tuple[Sign, ...] = (
    Sign("placement", r"place_design (ERROR|failed)|'place_design' failed|placer not run"),
    Sign("routing", r"route_design (ERROR|failed)|'route_design' failed"),
    Sign("version", r"failed to update block diagram"),
    Sign("connectivity", r"\[CFGEN 83-2298\]|\[SYSTEM_LINK 82-36\]"),
    Sign("simulation failed", r"\[(COSIM|SIM) "),
    Sign("HLS error", r"\[\S+ 60-(300|592|599)\]|\[\S+ 200-(70|1715)\]|pre-synthesis failed"),
)

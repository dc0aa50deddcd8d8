# SPDX-License-Identifier: Apache-2.0
"""What the vendor's tools made, put into the bundle."""

from __future__ import annotations

from pathlib import Path

from ..bundle import SPEC, CardFiles, Parts, accelerator_of, add_card_files, write_bundle
from ..disk import disk_errors
from ..errors import WorkError
from ..staging import staged


def publish(target: Path, parts: Parts, card_files: CardFiles, work: Path) -> str:
    """Publish what the vendor's tools made, in the bundle that is at the target by now: another
    build may have put its own there while they ran. work: the folder of their steps.

    Returns in words where it is, and whether the spec is another's by now. Raises WorkError when
    the bundle is another accelerator's.
    """
    with staged(target) as folder, disk_errors(target.parent, "choose another folder with -o"):
        there = accelerator_of(target)
        if there is None:
            write_bundle(folder, parts)
            return str(target)
        if there != (parts.project.digest, parts.spec.card):
            raise WorkError(
                f"{target}: another build put another accelerator there while the tools ran: to "
                f"replace it run this build again, which finds what they made in {work}"
            )
        add_card_files(folder, target, card_files)
        if (folder / SPEC).read_bytes() == parts.spec_text:
            return str(target)
        return f"{target}, with the spec that another build put there meanwhile"

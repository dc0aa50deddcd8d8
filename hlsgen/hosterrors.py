# SPDX-License-Identifier: Apache-2.0
"""The host package's errors as hlsgen's. Apart from `errors`, which needs no host package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sat_host.errors import HostError

from .errors import HlsgenError


@contextmanager
def host_errors(source: str | None = None) -> Iterator[None]:
    """The host package's one-line errors as hlsgen's, with their exit status.

    source: the file that is at fault, if it is to be named.
    """
    try:
        yield
    except HostError as error:
        failure = HlsgenError(str(error) if source is None else f"{source}: {error}")
        failure.exit_code = error.exit_code
        raise failure from error

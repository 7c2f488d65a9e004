"""The trust root that somebody pins: written as ``sha256:`` and its digest, or as the file of one.

What begins with ``sha256:`` is a pin or an error, never the name of a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from poisonguard.attest.trust import MAX_ROOT_BYTES, pin_of
from poisonguard.errors import UsageError
from poisonguard.workflow.folder import read_small

_PREFIX = "sha256:"
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """The trust root that is pinned: its digest, and its bytes when they are at hand."""

    digest: str
    data: tuple[bytes, ...] = ()


def read_pin(trust: str | Path) -> Pin:
    """The pin that ``trust`` says, or of the trust root in that file.

    Raises:
        UsageError: It is no pin, or the file cannot be read.
    """
    text = str(trust)
    if not text.startswith(_PREFIX):
        data = read_small(Path(trust), MAX_ROOT_BYTES, what="the file of a trust root, or sha256: and its digest")
        return Pin(pin_of(data), (data,))
    digest = text.removeprefix(_PREFIX)
    if not _DIGEST.fullmatch(digest):
        raise UsageError(f"--trust {text}: not a pin", hint="A pin is sha256: and 64 hexadecimal digits.")
    return Pin(digest.lower())

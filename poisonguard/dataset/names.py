"""Path hygiene: which names a dataset may hold (EVIDENCE.md, "Path hygiene").

Rules, each one refusal:

1. A name is valid UTF-8.
2. A path is relative, with ``/`` between its parts and without empty, ``.`` or ``..`` parts.
3. A name holds no control character and no line break.
4. No two paths are the same after Unicode NFC, or differ only in case: on some machines they are one file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from poisonguard.errors import UnreadableData

FORBIDDEN_CATEGORIES = frozenset({"Cc", "Zl", "Zp"})
LONGEST_SHOWN = 200


def shown(text: str) -> str:
    """``text`` as it may stand in a message: printable, bounded, on one line."""
    printable = text if text.isprintable() else ascii(text)[1:-1]
    return printable if len(printable) <= LONGEST_SHOWN else printable[: LONGEST_SHOWN - 1] + "…"


def check_paths(paths: Iterable[str]) -> None:
    """Refuse paths that break a rule above.

    Raises:
        UnreadableData: A path breaks a rule; it is named.
    """
    known: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        for depth, part in enumerate(parts, start=1):
            _check_part(part, path)
            prefix = "/".join(parts[:depth])
            _check_collision(known, prefix)


def _check_part(part: str, path: str) -> None:
    if part in {"", ".", ".."}:
        raise UnreadableData(f"{shown(path)}: not a plain relative path", hint="Rename the file or object.")
    if part.isascii() and part.isprintable():
        return
    try:
        part.encode("utf-8")
    except UnicodeEncodeError:
        raise UnreadableData(f"{shown(path)}: the name is not UTF-8", hint="Rename the file.") from None
    if any(unicodedata.category(character) in FORBIDDEN_CATEGORIES for character in part):
        raise UnreadableData(f"{shown(path)}: the name holds a control character", hint="Rename the file.")


def _check_collision(known: dict[str, str], prefix: str) -> None:
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", prefix).casefold())
    other = known.setdefault(folded, prefix)
    if other != prefix:
        raise UnreadableData(
            f"{shown(other)} and {ascii(prefix)[1:-1]} differ only in case or Unicode form",
            hint="Some machines take them for one file: rename one.",
        )

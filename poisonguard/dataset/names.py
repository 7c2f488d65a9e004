"""Path hygiene: which names a dataset may hold.

Rules, each one refusal:

1. A name is valid UTF-8.
2. A path is relative, with ``/`` between its parts and without empty, ``.`` or ``..`` parts.
3. A name holds no control character and no line break.
4. No two paths are the same after Unicode NFC, or differ only in case: on some machines they are one file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from poisonguard.errors import UnreadableData

FORBIDDEN_CATEGORIES = frozenset({"Cc", "Zl", "Zp"})
LONGEST_SHOWN = 200


def shown(text: str) -> str:
    """``text`` as it may stand in a message: printable, bounded, on one line."""
    printable = text if text.isprintable() else ascii(text)[1:-1]
    return printable if len(printable) <= LONGEST_SHOWN else printable[: LONGEST_SHOWN - 1] + "…"


def check_paths(paths: Iterable[str]) -> None:
    """Refuse paths that break a rule above; they come folder by folder, as they do when they are sorted.

    Raises:
        UnreadableData: A path breaks a rule; it is named.
    """
    check = PathCheck()
    for path in paths:
        check.see(path)


class PathCheck:
    """Looks at sorted paths one after the other; holds the names of the folders that lead to the last one."""

    def __init__(self) -> None:
        self._folder = ""
        self._parts: list[str] = []
        self._known: list[dict[str, str]] = [{}]

    def see(self, path: str) -> None:
        """Look at the next path.

        Raises:
            UnreadableData: It breaks a rule.
        """
        name = path[path.rfind("/") + 1 :]
        folder = path[: len(path) - len(name)]
        if folder != self._folder:
            self._enter(folder, path)
        self._check(name, path)

    def _enter(self, folder: str, path: str) -> None:
        parts = folder.split("/")[:-1]
        depth = _common(self._parts, parts)
        del self._known[depth + 1 :]
        del self._parts[depth:]
        for part in parts[depth:]:
            self._check(part, path)
            self._parts.append(part)
            self._known.append({})
        self._folder = folder

    def _check(self, part: str, path: str) -> None:
        _check_part(part, path)
        folded = _folded(part)
        other = self._known[-1].setdefault(part if folded == part else folded, part)
        if other != part:
            raise self._collision(other, part)

    def _collision(self, other: str, part: str) -> UnreadableData:
        above = "/".join([*self._parts, ""])
        return UnreadableData(
            f"{shown(above + other)} and {ascii(above + part)[1:-1]} differ only in case or Unicode form",
            hint="Some machines take them for one file: rename one.",
        )


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many parts two paths begin with in common."""
    return next(
        (depth for depth, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _folded(part: str) -> str:
    if part.isascii():
        return part.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold())


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

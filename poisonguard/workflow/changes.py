"""Which files differ between two listings, in one pass over both; what is equal costs no memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from poisonguard.dataset.pairing import pairs
from poisonguard.domain.dataset import FileEntry


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that is new, gone or other than before; ``before`` or ``after`` is missing accordingly."""

    before: FileEntry | None
    after: FileEntry | None

    @property
    def path(self) -> str:
        """The file's path."""
        entry = self.after or self.before
        return "" if entry is None else entry.path


def file_changes(before: Iterable[FileEntry], after: Iterable[FileEntry]) -> Iterator[FileChange]:
    """Files that differ, in order of their paths; both listings are in that order."""
    for _, old, new in pairs(before, after):
        if old is None or new is None or (old.size, old.sha256) != (new.size, new.sha256):
            yield FileChange(old, new)

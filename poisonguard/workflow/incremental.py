"""Take over from the last trusted version what the chunk trees prove to be the same: re-read only what changed.

The chunk tree of every file is hashed, always. Rules for a file whose size and tree root are those of an entry of the
version, at whatever path:

1. Its SHA-256 is the entry's: the same tree binds the same bytes. Only large files profit; small ones are hashed.
2. Its rows are those of the cache of row digests, if they hash to the entry's units, if its format is the entry's,
   and if the dataset's columns are the version's: with other columns, the same bytes may give other rows.
3. The version was published by somebody who may, and was neither rejected nor revoked.

So the manifest is the same, byte for byte, as if everything had been read: a table's columns are read from the file
itself, never taken over. What is not proven is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from poisonguard.dataset.opening import Dataset
from poisonguard.domain.dataset import Column, FileEntry
from poisonguard.workflow.context import rules_in_force, standings
from poisonguard.workflow.row_cache import CachedRows, RowCache
from poisonguard.workflow.standing import State
from poisonguard.workflow.workspace import Workspace

LARGE = 1 << 20
"""Bytes from which on taking over a SHA-256 saves time."""


class KnownVersion:
    """A trusted version's large files and tables, by their bytes; the first of equal ones.

    Attributes:
        columns: The version's columns, in the order of their names.
    """

    def __init__(self, columns: Iterable[Column], files: Iterable[FileEntry]) -> None:
        self.columns = _ordered(columns)
        self._entries: dict[tuple[int, str], FileEntry] = {}
        for entry in files:
            if entry.units or entry.size >= LARGE:
                self._entries.setdefault((entry.size, entry.tree_root), entry)
        self._sizes = {size for size, _ in self._entries}

    def has_size(self, size: int) -> bool:
        """Whether one of its files has that many bytes."""
        return size in self._sizes

    def sha256_of(self, size: int, tree_root: str) -> str | None:
        """Hex SHA-256 of the file with that size and tree root; nothing when it is none of them."""
        entry = self._entries.get((size, tree_root))
        return None if entry is None else entry.sha256

    def entry_of(self, size: int, tree_root: str, content: str) -> FileEntry | None:
        """The entry with these bytes and that format."""
        entry = self._entries.get((size, tree_root))
        return entry if entry is not None and entry.format == content else None


@dataclass(frozen=True, slots=True)
class Reuse:
    """Where unchanged files are recognised, and their rows are found and kept."""

    known: KnownVersion | None
    cache: RowCache

    def recognised(self, dataset: Dataset) -> dict[int, CachedRows]:
        """Rows of the files of an open dataset that need not be read, by the file's number."""
        if self.known is None or self.known.columns != _ordered(dataset.columns):
            return {}
        return dict(self._found(self.known, dataset))

    def _found(self, known: KnownVersion, dataset: Dataset) -> Iterator[tuple[int, CachedRows]]:
        for file in dataset.files.tables:
            item = dataset.files[file]
            entry = known.entry_of(item.size, item.tree_root, item.format)
            rows = self.cache.find(item.tree_root, entry.units) if entry is not None else None
            if rows is not None:
                yield file, rows


def reuse_of(workspace: Workspace, dataset: str, now: datetime, *, hash_profile: str, full: bool = False) -> Reuse:
    """What may be taken over for a new version of ``dataset``: nothing when ``full``, or when none is trusted.

    Raises:
        IntegrityError: The registry was altered.
        GateFailed: The trust root has expired.
    """
    cache = RowCache(workspace.folder, dataset)
    if full:
        return Reuse(None, cache)
    with workspace.registry.read() as reader:
        for _, found in standings(reader, dataset, rules_in_force(workspace, reader, None, now)):
            if found is None or found.state in {State.REJECTED, State.REVOKED}:
                continue
            manifest, version = found.manifest.document.manifest, found.manifest.document.version
            if manifest.hash_profile == hash_profile:
                return Reuse(KnownVersion(manifest.columns, reader.listing(version, manifest)), cache)
    return Reuse(None, cache)


def _ordered(columns: Iterable[Column]) -> tuple[Column, ...]:
    return tuple(sorted(columns, key=lambda column: column.name))

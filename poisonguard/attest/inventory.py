"""Take the inventory of a dataset: its manifest, and the listing of files that it binds, in one pass over the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from poisonguard.attest.listing import Listing, list_files
from poisonguard.attest.manifest_v1 import version_name
from poisonguard.attest.shardfile import spool
from poisonguard.domain import merkle
from poisonguard.domain.dataset import Column, FileEntry, Manifest

Files = Iterable[tuple[FileEntry, bytes]]
"""Files in order of their paths, each with its chunk leaves, which may be left out when it has at most one chunk."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """A manifest and the files that it binds."""

    manifest: Manifest
    files: Listing

    @property
    def version(self) -> str:
        """Name of the version, ``pg1:...``."""
        return version_name(self.manifest)


def take_inventory(
    files: Files, *, hash_profile: str, columns: Sequence[Column], rows_digest: Callable[[], str]
) -> Inventory:
    """Manifest and listing of ``files``; in memory stays one shard.

    Args:
        files: The files.
        hash_profile: How they were hashed.
        columns: The table's columns.
        rows_digest: Digest of the multiset of rows; asked for after the last file.
    """
    totals = _Totals()
    shards = spool(list_files(totals.counted(files)))
    manifest = Manifest(
        hash_profile=hash_profile,
        columns=tuple(columns),
        rows=totals.rows,
        rows_digest=rows_digest(),
        file_count=totals.files,
        size=totals.size,
        files_root=merkle.root(shards.roots).hex(),
    )
    return Inventory(manifest, Listing(manifest, shards))


@dataclass(slots=True)
class _Totals:
    files: int = 0
    rows: int = 0
    size: int = 0

    def counted(self, files: Files) -> Iterator[tuple[FileEntry, bytes]]:
        for entry, leaves in files:
            self.files, self.rows, self.size = self.files + 1, self.rows + entry.rows, self.size + entry.size
            yield entry, leaves

"""One exact state of a dataset: files, columns, units of rows, manifest."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CHUNK = 4 << 20
"""Bytes that one leaf of a file's chunk tree covers, in every hash profile."""
LEAF = 32
"""Bytes of one leaf of a chunk tree."""


def chunk_count(size: int) -> int:
    """Chunks of a file of ``size`` bytes; an empty file has none."""
    return -(-size // CHUNK)


class Kind(StrEnum):
    """What a column holds, independent of the file format it came from."""

    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    STRING = "string"
    BINARY = "binary"
    TIMESTAMP = "timestamp"
    NESTED = "nested"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, what it holds, and its exact Arrow type as text."""

    name: str
    kind: Kind
    type: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A run of consecutive rows of one file: a Parquet row group or a fixed block.

    ``digest`` is the hex SHA-256 over the 32-byte row digests in order.
    """

    first_row: int
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a version: its bytes, and its rows when it holds any.

    Attributes:
        path: POSIX path relative to the dataset root.
        size: Bytes.
        sha256: Hex SHA-256 of the whole file.
        tree_root: Hex root of the BLAKE3 chunk tree.
        format: What the content is (``parquet``, ``csv``, ``image/png`` ...), sniffed, not believed.
        rows: Rows in the file; 0 for a file that holds no table.
        units: Facts about each run of rows, in order.
    """

    path: str
    size: int
    sha256: str
    tree_root: str
    format: str
    rows: int
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of one exact state of a dataset, in a few lines; its files are listed beside it.

    Nothing here depends on when, where or by whom it was made: the same bytes give the same manifest, and
    the SHA-256 of its canonical JSON is the version's name, ``pg1:<sha256>``.

    Attributes:
        hash_profile: How the digests were made; names every parameter.
        columns: The table's columns in order; empty when no file holds a table.
        rows: Rows in all files.
        rows_digest: Order-independent hex digest of the multiset of rows.
        file_count: How many files there are.
        size: Bytes in all files.
        files_root: Hex RFC 6962 Merkle root over the file entries in order of their paths; every fact of an entry
            is bound (``poisonguard.attest.listing``).
    """

    hash_profile: str
    columns: tuple[Column, ...]
    rows: int
    rows_digest: str
    file_count: int
    size: int
    files_root: str


@dataclass(frozen=True, slots=True)
class Release:
    """A manifest published under a dataset's name.

    Attributes:
        dataset: Name of the dataset.
        number: Monotone version number, from 1.
        version: Name of the manifest, ``pg1:<sha256>``.
        parents: Names of the versions this one was made from.
        created: RFC 3339 UTC time, to the second.
    """

    dataset: str
    number: int
    version: str
    parents: tuple[str, ...]
    created: str

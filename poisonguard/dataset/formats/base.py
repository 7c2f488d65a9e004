"""What every table format offers, and how its reader's complaints become ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from poisonguard.dataset.chunktree import BLAKE3_TREE, ChunkTree
from poisonguard.dataset.names import shown
from poisonguard.dataset.storage import Storage
from poisonguard.dataset.streams import Stream
from poisonguard.dataset.verified import VerifiedFile
from poisonguard.errors import PoisonguardError, UnreadableData

MOST_COLUMNS = 32_768
"""Columns of a dataset, each field of a struct counted: a scan keeps about 20 KiB for each."""


@dataclass(frozen=True, slots=True)
class Source:
    """One hashed file, to be opened as often as needed; every reading checks the bytes."""

    storage: Storage
    path: str
    size: int
    leaves: bytes
    compression: str | None = None
    tree: ChunkTree = BLAKE3_TREE

    @property
    def shown(self) -> str:
        """The path as it may stand in a message."""
        return shown(self.path)

    def open(self) -> VerifiedFile:
        """The file's own bytes, at any place."""
        return VerifiedFile(self.storage, self.path, self.size, self.leaves, self.tree)

    def stream(self) -> Stream:
        """The content in order, decompressed."""
        return Stream(self.path, self.open(), self.compression)


@dataclass(frozen=True, slots=True)
class Part:
    """A run of rows that can be read on its own; ``rows`` is nothing where only reading tells.

    ``index`` and ``stop`` say which pieces of the file they are, where it has pieces.
    """

    first_row: int
    rows: int | None
    index: int = 0
    stop: int = 1


class Table(Protocol):
    """One file as a table."""

    @property
    def schema(self) -> pa.Schema:
        """Its columns in canonical types."""

    @property
    def loose(self) -> frozenset[str]:
        """Columns whose type was read from text and may fall back to string."""

    @property
    def mixed(self) -> frozenset[str]:
        """Places where values of several kinds were turned into text."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its runs of rows, in order."""

    def read(self, part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of one part, the columns of ``schema`` that it has, in types that cast to it."""


@contextmanager
def readable_as(path: str, kind: str, hint: str = "The file is damaged: fetch it again.") -> Iterator[None]:
    """Turn whatever a reader raises into one line that names the file."""
    try:
        yield
    except PoisonguardError:
        raise
    except (pa.ArrowException, OSError, EOFError, ValueError, KeyError, OverflowError, RecursionError) as error:
        raise UnreadableData(f"{shown(path)}: not readable as {kind}: {first_line(error)}", hint=hint) from error
    except MemoryError as error:
        raise UnreadableData(f"{shown(path)}: needs more memory than there is", hint="Split the file.") from error


def first_line(error: BaseException) -> str:
    """The gist of a reader's message, fit for one line."""
    text = str(error).strip().split("\n")[0] or type(error).__name__
    return shown(re.sub(r"^(Invalid|IOError): ", "", text)).rstrip(".")


def subset(schema: pa.Schema, names: frozenset[str]) -> list[str]:
    """Names of the schema's columns that are among ``names``, in the schema's order."""
    return [name for name in schema.names if name in names]

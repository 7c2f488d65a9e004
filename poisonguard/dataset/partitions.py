"""Runs of rows: what is read on its own, and what reading gives."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from poisonguard.dataset.formats.base import Part


@dataclass(frozen=True, slots=True)
class Partition:
    """A run of rows that is read on its own: a row group, a whole file, or a run of pictures or other small files.

    ``rows`` is nothing where only reading tells. ``files`` is how many files it takes: small ones are read together.
    """

    file: int
    first_row: int
    rows: int | None
    part: Part
    files: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A block of consecutive rows of one file, or of files that follow each other.

    ``counts`` is nothing, or how many rows each of the files from ``file`` on has; they are there whole.
    """

    file: int
    first_row: int
    table: pa.RecordBatch
    counts: tuple[int, ...] = ()


def of_pictures(first: int, files: int) -> Partition:
    """A run of ``files`` pictures from file number ``first``."""
    return Partition(first, 0, files, Part(0, files), files)

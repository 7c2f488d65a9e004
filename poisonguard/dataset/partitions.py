"""Runs of rows: what is read on its own, and what reading gives."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from poisonguard.dataset.formats.base import Part


@dataclass(frozen=True, slots=True)
class Partition:
    """A run of rows that is read on its own: a Parquet row group, a whole file of another format, a run of pictures.

    ``rows`` is nothing where only reading tells. ``files`` is how many files it takes; where the rows are
    ``scattered``, row k is the only one of file ``file + k``.
    """

    file: int
    first_row: int
    rows: int | None
    part: Part
    files: int = 1
    scattered: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A block of consecutive rows of one file, or, where they are ``scattered``, of files of one row each."""

    file: int
    first_row: int
    table: pa.RecordBatch
    scattered: bool = False


def of_pictures(first: int, files: int) -> Partition:
    """A run of ``files`` pictures from file number ``first``."""
    return Partition(first, 0, files, Part(0, files), files, scattered=True)

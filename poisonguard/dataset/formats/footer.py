"""A Parquet footer's own words on its columns and where their pages are, read without Arrow.

Arrow's view of a damaged footer ends the process, it shows no page before it has unfolded it, and a footer itself
takes two hundred times its size in Arrow's memory. So this is read first. Rules:

1. Each row group has each column of the schema, in this file and not encrypted.
2. A column that does not repeat has as many values as its row group has rows.
3. No count, size or place is negative.
4. It has at most ``LARGEST_FOOTER`` bytes, and lists at most ``MOST_CHUNKS`` column chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.formats.thrift import BINARY, INTEGER, LIST, LONG, STRUCT, Reader, Struct
from poisonguard.dataset.verified import VerifiedFile
from poisonguard.errors import UnreadableData

TAIL = 8
"""The footer's length in 4 bytes, and ``PAR1``."""
MAGIC = b"PAR1"
LARGEST_FOOTER = 32 << 20
MOST_CHUNKS = 500_000
"""Columns of all row groups together: Arrow keeps about 700 bytes of each."""
DAMAGED = "The file was forged or damaged: fetch it again."
REPEATED = 2
METADATA, ENCRYPTED = 3, 8
"""Fields of a column chunk."""
ELEMENT = {1: INTEGER, 2: INTEGER, 3: INTEGER, 5: INTEGER}
"""Of a schema's element: physical type, its length, repetition, children."""
CHUNK = {1: BINARY, METADATA: {4: INTEGER, 5: LONG, 7: LONG, 9: LONG, 11: LONG}, ENCRYPTED: {}}
"""Of a column chunk: its file; codec, values, compressed bytes, first page, dictionary; whether it is encrypted."""
GROUP = {1: [CHUNK], 3: LONG}
FIXED_BYTES = 7
WIDTHS = {0: 1, 1: 4, 2: 8, 3: 12, 4: 4, 5: 8}
"""Bytes of a value in memory, by physical type."""

VALUES, COMPRESSED, START, CODEC = range(4)
Facts = npt.NDArray[np.int64]
"""Shape (columns, 4): values, compressed bytes, first page, codec."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column of primitive values.

    Attributes:
        width: Bytes of a value; 0 where each has its own length.
        repeats: Whether a row may hold many values.
    """

    width: int
    repeats: bool


@dataclass(frozen=True, slots=True)
class Group:
    """One row group: its rows and the facts of each leaf."""

    rows: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class Footer:
    """What a footer says: its leaves, and its row groups in order."""

    leaves: tuple[Leaf, ...]
    groups: tuple[Group, ...]


def read_footer(source: Source, file: VerifiedFile) -> Footer:
    """The footer of a Parquet file.

    Raises:
        UnreadableData: It is damaged, contradicts itself, or is too large.
        ValueError: It is not a footer.
    """
    reader = Reader(_content(source, file))
    leaves: tuple[Leaf, ...] = ()
    groups: tuple[Group, ...] = ()
    try:
        for number, kind in reader.fields():
            if number == 2 and kind == LIST:  # noqa: PLR2004 - FileMetaData.schema
                leaves = _leaves(reader.value(kind, [ELEMENT]))
            elif number == 4 and kind == LIST:  # noqa: PLR2004 - FileMetaData.row_groups
                groups = tuple(_groups(source, reader, leaves))
            else:
                reader.skip(kind)
    except (IndexError, TypeError, AttributeError) as error:
        raise UnreadableData(f"{source.shown}: its footer is damaged", hint=DAMAGED) from error
    return Footer(leaves, groups)


def _content(source: Source, file: VerifiedFile) -> bytes:
    tail = file.read_range(max(0, source.size - TAIL), source.size).to_pybytes()
    size, end = int.from_bytes(tail[:4], "little"), source.size - TAIL
    if tail[4:] != MAGIC or size > end - len(MAGIC):
        raise ValueError("its end is not that of a Parquet file")
    if size > LARGEST_FOOTER:
        raise _too_large(source, f"a footer of {size >> 20} MiB", f"{LARGEST_FOOTER >> 20} MiB")
    data: bytes = file.read_range(end - size, end).to_pybytes()
    return data


def _too_large(source: Source, what: str, most: str) -> UnreadableData:
    return UnreadableData(f"{source.shown}: {what}", hint=f"At most {most} can be read: write larger row groups.")


def _leaves(elements: list[Struct]) -> tuple[Leaf, ...]:
    """The leaves of a schema, which is a tree written depth first."""
    found: list[Leaf] = []
    open_nodes: list[list[Any]] = []  # children to come, and whether something above them repeats
    for element in elements:
        repeats = element.get(3) == REPEATED or bool(open_nodes and open_nodes[-1][1])
        if open_nodes:
            open_nodes[-1][0] -= 1
        if element.get(5):
            open_nodes.append([element[5], repeats])
        elif 1 in element:
            width = element.get(2, 0) if element[1] == FIXED_BYTES else WIDTHS.get(element[1], 0)
            found.append(Leaf(max(0, width), repeats))
        while open_nodes and open_nodes[-1][0] <= 0:
            open_nodes.pop()
    return tuple(found)


def _groups(source: Source, reader: Reader, leaves: tuple[Leaf, ...]) -> Iterator[Group]:
    count, kind = reader.items()
    if kind != STRUCT:
        raise TypeError(kind)
    if count * len(leaves) > MOST_CHUNKS:
        raise _too_large(
            source, f"{count} row groups of {len(leaves)} columns", f"{MOST_CHUNKS} columns of all of them"
        )
    for number in range(count):
        group = reader.struct(GROUP)
        chunks = group.get(1, [])
        if len(chunks) != len(leaves):
            raise UnreadableData(
                f"{source.shown}: row group {number} has {len(chunks)} columns of {len(leaves)}", hint=DAMAGED
            )
        facts = np.array([_facts(source, chunk) for chunk in chunks], dtype=np.int64).reshape(len(leaves), 4)
        yield _checked(source, number, Group(group.get(3, 0), facts), leaves)


def _facts(source: Source, chunk: Struct) -> tuple[int, int, int, int]:
    if chunk.get(1):
        raise UnreadableData(
            f"{source.shown}: keeps column data in another file", hint="Write it as one self-contained file."
        )
    if ENCRYPTED in chunk or METADATA not in chunk:
        raise UnreadableData(f"{source.shown}: holds encrypted columns", hint="Decrypt it before it is scanned.")
    said = chunk[METADATA]
    start, dictionary = said.get(9, -1), said.get(11, 0)
    return said.get(5, -1), said.get(7, -1), dictionary if 0 < dictionary < start else start, said.get(4, -1)


def _checked(source: Source, number: int, group: Group, leaves: tuple[Leaf, ...]) -> Group:
    if group.rows < 0 or (len(leaves) and group.facts.min() < 0):
        raise UnreadableData(f"{source.shown}: row group {number} holds a negative number", hint=DAMAGED)
    flat = np.array([not leaf.repeats for leaf in leaves], dtype=bool)
    values = group.facts[flat, VALUES]
    differs = np.flatnonzero(values != group.rows)
    if len(differs):
        raise UnreadableData(
            f"{source.shown}: row group {number} claims {group.rows} rows but a column of {values[differs[0]]} values",
            hint=DAMAGED,
        )
    return group

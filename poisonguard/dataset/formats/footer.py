"""A Parquet footer's own words on its columns and where their pages are, read without Arrow.

Arrow's view of a damaged footer ends the process, and it shows no page before it has unfolded it. Rules:

1. Each row group has each column of the schema, in this file and not encrypted.
2. A column that does not repeat has as many values as its row group has rows.
3. No count, size or place is negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.formats.thrift import LIST, STRUCT, TRUE, Reader, Struct
from poisonguard.dataset.verified import VerifiedFile
from poisonguard.errors import UnreadableData

TAIL = 8
"""The footer's length in 4 bytes, and ``PAR1``."""
DAMAGED = "The file was forged or damaged: fetch it again."
REPEATED = 2
METADATA, ENCRYPTED = 3, 8
"""Fields of a column chunk."""
BYTE_ARRAY, FIXED_BYTES = 6, 7
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
    """The footer of a file that Arrow could open.

    Raises:
        UnreadableData: It is damaged, or contradicts itself.
        ValueError: It is not a footer.
    """
    tail = file.read_range(source.size - TAIL, source.size).to_pybytes()
    size = int.from_bytes(tail[:4], "little")
    reader = Reader(file.read_range(source.size - TAIL - size, source.size - TAIL).to_pybytes())
    leaves: tuple[Leaf, ...] = ()
    groups: tuple[Group, ...] = ()
    try:
        for number, kind in reader.fields():
            if number == 2 and kind == LIST:  # noqa: PLR2004 - FileMetaData.schema
                leaves = _leaves(reader.value(kind))
            elif number == 4 and kind == LIST:  # noqa: PLR2004 - FileMetaData.row_groups
                groups = tuple(_groups(source, reader, leaves))
            elif kind > TRUE + 1:
                reader.value(kind)
    except (IndexError, TypeError, AttributeError) as error:
        raise UnreadableData(f"{source.shown}: its footer is damaged", hint=DAMAGED) from error
    return Footer(leaves, groups)


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
    for number in range(count):
        group = reader.struct()
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

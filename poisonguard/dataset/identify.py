"""Say what a hashed file is, and open it as a table when it holds one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from poisonguard.dataset.formats.arrowipc import ArrowTable
from poisonguard.dataset.formats.base import Source, Table
from poisonguard.dataset.formats.delimited import DelimitedTable, looks_delimited
from poisonguard.dataset.formats.jsonlines import JsonTable
from poisonguard.dataset.formats.parquet import ParquetTable
from poisonguard.dataset.sniff import (
    ARROW,
    ARROW_STREAM,
    COMPRESSION_OF,
    CSV,
    EMPTY,
    HEAD_BYTES,
    JSON,
    JSONL,
    PARQUET,
    TABLES,
    TEXT,
    declared,
    sniff,
    table_format,
    wrong_extension,
)
from poisonguard.dataset.unpack import Scratch, unpacked


@dataclass(frozen=True, slots=True)
class Identity:
    """A file's format as it is listed, its table, and what a reader should know of it."""

    format: str
    table: Table | None
    notes: tuple[str, ...] = ()


def identify(source: Source, scratch: Scratch, *, single: bool = False, head: bytes | None = None) -> Identity:
    """What the file is.

    Args:
        source: The file.
        scratch: Where it may be unpacked.
        single: Whether the user named this very file: text without a telling name may then be CSV.
        head: The file's first ``HEAD_BYTES``, when they are at hand.

    Raises:
        UnreadableData: Its name declares a table that its content is not, or the table cannot be read.
    """
    content = _content(source) if head is None else sniff(head)
    compression = COMPRESSION_OF.get(content)
    said = declared(source.path)
    if compression is None:
        if said.compression is not None and content != EMPTY:
            raise wrong_extension(source.path, content)
        return _as_table(source, content, scratch, single=single)
    if said.compression != compression:
        if said.table is not None or said.compression is not None:
            raise wrong_extension(source.path, content)
        return Identity(content, None)
    if said.table is None and not single:
        return Identity(content, None)
    inside = replace(source, compression=compression)
    found = _as_table(inside, _content(inside), scratch, single=single)
    if found.table is None and said.table is None:
        return Identity(content, None)
    return replace(found, format=f"{found.format}+{compression}")


def _content(source: Source) -> str:
    head = b""
    with source.stream() as stream:
        while len(head) < HEAD_BYTES and (more := stream.read(HEAD_BYTES - len(head))):
            head += more
    return sniff(head)


def _as_table(source: Source, content: str, scratch: Scratch, *, single: bool) -> Identity:
    kind = table_format(source.path, content)
    if kind == TEXT and single and looks_delimited(source):
        note = f"{source.shown}: read as CSV, for it looks like it; name it .csv to have it read so in a folder"
        return Identity(CSV, DelimitedTable(source), (note,))
    if kind not in TABLES:
        return Identity(kind, None)
    if source.compression is not None and kind in {PARQUET, ARROW}:
        source = unpacked(source, scratch)
    return Identity(kind, _table(source, kind))


def _table(source: Source, kind: str) -> Table:
    if kind == PARQUET:
        return ParquetTable(source)
    if kind in {ARROW, ARROW_STREAM}:
        return ArrowTable(source, stream=kind == ARROW_STREAM)
    if kind in {JSON, JSONL}:
        return JsonTable(source, array=kind == JSON)
    if kind == CSV:
        return DelimitedTable(source)
    raise AssertionError(kind)

"""Say what a hashed file is, and open it as a table when it holds one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from poisonguard.dataset.formats.arrowipc import ArrowTable
from poisonguard.dataset.formats.base import Source, Table
from poisonguard.dataset.formats.delimited import DelimitedTable
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
    declared,
    sniff,
    table_format,
    wrong_extension,
)
from poisonguard.errors import UnreadableData


@dataclass(frozen=True, slots=True)
class Identity:
    """A file's format as it is listed, and its table."""

    format: str
    table: Table | None


def identify(source: Source) -> Identity:
    """What the file is.

    Raises:
        UnreadableData: Its name declares a table that its content is not, or the table cannot be read.
    """
    content = _content(source)
    compression = COMPRESSION_OF.get(content)
    said = declared(source.path)
    if compression is None:
        if said.compression is not None and content != EMPTY:
            raise wrong_extension(source.path, content)
        return _as_table(source, table_format(source.path, content), suffix="")
    if said.compression != compression:
        if said.table is not None or said.compression is not None:
            raise wrong_extension(source.path, content)
        return Identity(content, None)
    if said.table is None:
        return Identity(content, None)
    inside = replace(source, compression=compression)
    return _as_table(inside, table_format(source.path, _content(inside)), suffix=f"+{compression}")


def _content(source: Source) -> str:
    head = b""
    with source.stream() as stream:
        while len(head) < HEAD_BYTES and (more := stream.read(HEAD_BYTES - len(head))):
            head += more
    return sniff(head)


def _as_table(source: Source, kind: str, suffix: str) -> Identity:
    if kind not in TABLES:
        return Identity(kind + suffix, None)
    if source.compression is not None and kind in {PARQUET, ARROW}:
        raise UnreadableData(
            f"{source.shown}: {kind} files cannot be read compressed as a whole",
            hint=f"Decompress it: {kind} compresses its own pages.",
        )
    return Identity(kind + suffix, _table(source, kind))


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

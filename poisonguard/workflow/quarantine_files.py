"""One file cut in two and joined again; what was cut is joined once at once, and must be what it was.

Everything is read through checked chunks; new files are hashed before they are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.dataset.chunktree import BLAKE3_TREE
from poisonguard.dataset.discover import discover
from poisonguard.dataset.formats.base import Source, readable_as
from poisonguard.dataset.formats.delimited import DelimitedTable
from poisonguard.dataset.groupcut import Groups, cut_groups, digest_of_rows, joined_groups
from poisonguard.dataset.hashing import FileDigests, Hashing, hash_files
from poisonguard.dataset.packing import packed
from poisonguard.dataset.rowcut import Shape, cut, join
from poisonguard.dataset.sniff import ARROW, CSV, JSON, JSONL, PARQUET
from poisonguard.dataset.unpack import Scratch, unpacked
from poisonguard.domain.dataset import CHUNK
from poisonguard.errors import IntegrityError, UnreadableData
from poisonguard.workflow.quarantine_record import CutFile

Rows = npt.NDArray[np.int64]
REWRITE = "Rewrite the file in one piece, with line ends of one kind, and scan again."
SHAPES = {CSV: "csv", JSONL: "lines", JSON: "array"}


@dataclass(frozen=True, slots=True)
class Halves:
    """Where the two parts of a file lie."""

    clean: Path
    quarantined: Path


def copy_file(source: Source, target: Path) -> None:
    """The file's bytes as they are."""
    with packed(target, None) as sink, source.open() as file:
        while data := file.read(CHUNK):
            sink.write(data)


def move_file(source: Source, form: str, halves: Halves) -> CutFile:
    """Write a file that is one row to the half that goes."""
    copy_file(source, halves.quarantined)
    return CutFile(path=source.path, format=form, rows=1, removed=(0,), digest=_sha256(source))


def put_back(entry: CutFile, quarantined: Source, target: Path) -> None:
    """Write a file that was moved to where it was.

    Raises:
        IntegrityError: It is not what it was.
    """
    copy_file(quarantined, target)
    if _sha256(quarantined) != entry.digest:
        raise IntegrityError(f"{quarantined.shown}: not the picture that was taken out", hint="It was altered.")


def cut_file(source: Source, table: object, form: str, rows: int, going: Rows, halves: Halves) -> CutFile:  # noqa: PLR0913, PLR0917 - one file, and what of it goes where
    """Write the rows ``going`` of a file with ``rows`` rows to one half, the others to the other.

    Raises:
        UnreadableData: It cannot be cut so that joining gives back what it was.
    """
    source, kind = replace(source, compression=_codec(form)), _kind(form)
    delimiter = table.delimiter if isinstance(table, DelimitedTable) else ","
    entry = CutFile(
        path=source.path, format=form, rows=rows, removed=tuple(going.tolist()), digest="", delimiter=delimiter
    )
    with closing(Scratch()) as scratch, readable_as(source.path, kind, hint=REWRITE):
        entry = (_cut_text if kind in SHAPES else _cut_columns)(source, entry, halves, scratch)
        clean, quarantined = _source_of(halves.clean), _source_of(halves.quarantined)
        if kind in SHAPES:
            found = _joined_text(entry, clean, quarantined, _Digest()).hexdigest()
        else:
            schema, groups = _joined_columns(entry, clean, quarantined, scratch)
            found = digest_of_rows(groups, schema.schema, source.shown)
    if found != entry.digest:
        raise UnreadableData(f"{source.shown}: cannot be cut at its rows and put together again", hint=REWRITE)
    return entry


def join_file(entry: CutFile, clean: Source, quarantined: Source, target: Path) -> None:
    """Put a file together again.

    Raises:
        IntegrityError: It is not what it was.
    """
    with (
        closing(Scratch()) as scratch,
        readable_as(entry.path, "what the quarantine wrote", hint="Was it edited?"),
    ):
        with packed(target, _codec(entry.format)) as file:
            if _kind(entry.format) in SHAPES:
                digest = _joined_text(entry, clean, quarantined, _Digest(file)).hexdigest()
            else:
                stays, groups = _joined_columns(entry, clean, quarantined, scratch)
                with stays.writer(file) as write:
                    for table in groups:
                        write(table)
        if _kind(entry.format) not in SHAPES:
            whole = _groups(_source_of(target), entry, scratch)
            digest = digest_of_rows(whole, whole.schema, entry.path)
    if digest != entry.digest:
        raise IntegrityError(
            f"{clean.shown}: what is put together is not what was taken apart", hint="A part of it was altered."
        )


class _Digest:
    """Hashes what passes on to another sink, if there is one."""

    def __init__(self, sink: Any = None) -> None:
        self._sink = sink
        self._total = hashlib.sha256()

    def write(self, data: bytes, /) -> None:
        """Take some more."""
        self._total.update(data)
        if self._sink is not None:
            self._sink.write(data)

    def hexdigest(self) -> str:
        """Hex SHA-256 of everything."""
        return self._total.hexdigest()


def _sha256(source: Source) -> str:
    total = hashlib.sha256()
    with source.open() as file:
        while data := file.read(CHUNK):
            total.update(data)
    return total.hexdigest()


def _cut_text(source: Source, entry: CutFile, halves: Halves, scratch: Scratch) -> CutFile:
    del scratch
    total, codec = hashlib.sha256(), source.compression
    with source.stream() as stream, packed(halves.clean, codec) as stays, packed(halves.quarantined, codec) as goes:

        def read(size: int) -> bytes:
            data = stream.read(size)
            total.update(data)
            return data

        rows = cut(read, _shape(entry), np.array(entry.removed, np.int64), stays, goes)
    if rows != entry.rows:
        raise UnreadableData(f"{source.shown}: {entry.rows} rows are read, and {rows} stand in the text", hint=REWRITE)
    return entry.model_copy(update={"digest": total.hexdigest()})


def _cut_columns(source: Source, entry: CutFile, halves: Halves, scratch: Scratch) -> CutFile:
    codec, groups = source.compression, _groups(source, entry, scratch)
    with (
        packed(halves.clean, codec) as kept,
        packed(halves.quarantined, codec) as away,
        groups.writer(kept) as stays,
        groups.writer(away) as goes,
    ):
        sizes = cut_groups(groups, np.array(entry.removed, np.int64), stays, goes)
    return entry.model_copy(update={"groups": sizes, "digest": digest_of_rows(groups, groups.schema, source.shown)})


def _joined_text(entry: CutFile, clean: Source, quarantined: Source, sink: _Digest) -> _Digest:
    codec = _codec(entry.format)
    with (
        replace(clean, compression=codec).stream() as kept,
        replace(quarantined, compression=codec).stream() as away,
    ):
        join(kept.read, away.read, _shape(entry), np.array(entry.removed, np.int64), sink)
    return sink


def _joined_columns(
    entry: CutFile, clean: Source, quarantined: Source, scratch: Scratch
) -> tuple[Groups, Iterator[pa.Table]]:
    """The half that stayed, as a pattern for the file to be written, and the groups of both."""
    stays, goes = (_groups(item, entry, scratch) for item in (clean, quarantined))
    return stays, joined_groups(stays, goes, np.array(entry.removed, np.int64), entry.groups)


def _groups(source: Source, entry: CutFile, scratch: Scratch) -> Groups:
    kind, source = _kind(entry.format), replace(source, compression=_codec(entry.format))
    # What is read from its end is unpacked first.
    return Groups(unpacked(source, scratch) if source.compression and kind in {PARQUET, ARROW} else source, kind)


def _kind(form: str) -> str:
    return form.partition("+")[0]


def _codec(form: str) -> str | None:
    return form.partition("+")[2] or None


def _shape(entry: CutFile) -> Shape:
    return Shape(SHAPES[_kind(entry.format)], entry.delimiter)


def _source_of(path: Path) -> Source:
    """A new file of ours, hashed."""
    return sources_of(path)[path.name]


def sources_of(location: Path) -> dict[str, Source]:
    """Every file at ``location`` by its path, hashed."""
    tree = discover(str(location))
    listed = ((item.path, item.size) for item in tree.files)
    found = dict[str, Source]()
    hashed = hash_files(tree.storage, listed, Hashing(sha256=False), workers=1)
    for item, digests in zip(tree.files, hashed, strict=True):
        if not isinstance(digests, FileDigests):
            raise digests
        found[item.path] = Source(tree.storage, item.path, digests.size, digests.leaves, tree=BLAKE3_TREE)
    return found

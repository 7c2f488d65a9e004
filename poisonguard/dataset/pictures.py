"""Folders of picture files read as one table, a row for each picture, in the order of the paths.

Rules:

1. A picture is a file whose content is one and whose name says so; larger ones than ``LARGEST`` are hashed, not read.
2. Pictures are rows where the dataset holds no table, or only tables that describe its pictures (``picture_facts``).
   Everywhere else the tables are the rows, and pictures lie beside them.
3. A row has the picture's path, its bytes, and what is said of it. The folder that it lies in is its class, when there
   are several; folders that are all named like splits (train, test ...) are its split.
4. Bytes are read through verified chunks, and not at all where nobody asks for them. Nothing is decoded here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePosixPath

import pyarrow as pa

from poisonguard.dataset.datafiles import DataFile, DataFiles
from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.picture_facts import PictureFacts
from poisonguard.dataset.role_names import SPLIT_VALUES
from poisonguard.domain.wording import count

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"})
FORMATS = frozenset({"image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp", "image/tiff"})
LARGEST = 256 << 20
"""Bytes of a picture that is read into memory."""
RUN_FILES, RUN_BYTES = 4096, 64 << 20
"""Pictures that are read on their own, as one partition."""
BATCH_FILES, BATCH_BYTES = 1024, 8 << 20
"""Pictures that are handed on at a time."""

SourceOf = Callable[[DataFile], Source]


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive files that are all pictures."""

    first: int
    files: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What the folders say of the pictures in them.

    Attributes:
        depth: How many folders all paths begin with in common.
        split: Whether the next folder is a split.
        classes: Whether the last folder is a class.
    """

    depth: int = 0
    split: bool = False
    classes: bool = False

    @classmethod
    def of(cls, folders: set[str]) -> Layout:
        """The layout of pictures that lie in ``folders`` (empty for the root)."""
        parts = [folder.split("/") if folder else [] for folder in folders]
        depth = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(min(parts), max(parts), strict=False)))
        below = [folder[depth:] for folder in parts]
        split = len(below) > 1 and all(folder and folder[0].lower() in SPLIT_VALUES for folder in below)
        plain = cls(depth, split, classes=True)
        return cls(depth, split, classes=len({plain.label(folder) for folder in folders} - {None}) > 1)

    def label(self, folder: str) -> str | None:
        """The class of pictures in ``folder``."""
        rest = self._below(folder)[self.split :]
        return rest[-1] if self.classes and rest else None

    def split_of(self, folder: str) -> str | None:
        """The split of pictures in ``folder``."""
        return self._below(folder)[0] if self.split else None

    def _below(self, folder: str) -> list[str]:
        return folder.split("/")[self.depth :] if folder else []


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of a dataset as rows.

    Attributes:
        schema: Their columns.
        runs: Where they are among the files.
        formats: How many there are of each format.
        notes: What a reader of the report should know.
    """

    schema: pa.Schema
    runs: tuple[Run, ...]
    formats: dict[str, int]
    notes: tuple[str, ...]
    _files: DataFiles = field(repr=False)
    _source_of: SourceOf = field(repr=False)
    _layout: Layout
    _facts: PictureFacts = field(repr=False)
    _made: dict[str, str]

    def run(self, first: int, files: int) -> PictureRun:
        """The rows of ``files`` files from number ``first``, ready to be read anywhere."""
        items = tuple(self._files.between(first, first + files))
        made = {name: self._column(name, items) for kind, name in self._made.items() if kind != "image"}
        described = self._facts.values([item.path for item in items], self._facts.schema.names) | made
        columns = [name for name in self.schema.names if name in described]
        fields = pa.schema([self.schema.field(name) for name in columns])
        batch = pa.RecordBatch.from_arrays([described[name] for name in columns], schema=fields)
        return PictureRun(items, self._made["image"], batch, self._source_of)

    def _column(self, name: str, items: Sequence[DataFile]) -> pa.Array:
        folders = [item.path.rpartition("/")[0] for item in items]
        if name == self._made["path"]:
            return pa.array([item.path for item in items], pa.string())
        if name == self._made.get("split"):
            return pa.array([self._layout.split_of(folder) for folder in folders], pa.string())
        return pa.array([self._layout.label(folder) for folder in folders], pa.string())


@dataclass(frozen=True, slots=True)
class PictureRun:
    """Consecutive pictures with what is said of them: a plain value, which holds no open file.

    Attributes:
        items: The files.
        image: The column of their bytes.
        said: Every other column, a row for each file.
    """

    items: tuple[DataFile, ...]
    image: str
    said: pa.RecordBatch
    _source_of: SourceOf = field(repr=False)

    def read(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows, with the columns of ``schema``.

        Raises:
            DataChanged: The bytes are no longer those that were hashed.
        """
        with_bytes = self.image in schema.names
        start = size = 0
        for number, item in enumerate(self.items, start=1):
            size += item.size if with_bytes else 0
            if number - start == BATCH_FILES or size >= BATCH_BYTES or number == len(self.items):
                yield self._batch(start, number, schema)
                start, size = number, 0

    def _batch(self, start: int, stop: int, schema: pa.Schema) -> pa.RecordBatch:
        said = self.said.slice(start, stop - start)
        arrays = [
            pa.array([self._bytes(item) for item in self.items[start:stop]], pa.binary())
            if name == self.image
            else said.column(name)
            for name in schema.names
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _bytes(self, item: DataFile) -> bytes:
        with self._source_of(item).open() as file:
            return file.read()


def pictures_of(files: DataFiles, source_of: SourceOf) -> Pictures | None:
    """The pictures of a dataset, when they are its rows (rules 1 and 2).

    Args:
        files: Every file.
        source_of: Opens one of them.

    Raises:
        UnreadableData: What describes the pictures contradicts itself.
    """
    if not FORMATS & files.others.keys():
        return None
    facts = PictureFacts.of(files.tables)
    if facts is None:
        return None
    survey = _Survey()
    for number, item in enumerate(files):
        if survey.sees(number, item):
            facts.see(item.path)
    if not survey.runs or not facts.describes:
        return None
    layout = Layout.of(survey.folders)
    made = _names(layout, frozenset(facts.schema.names))
    fields = [pa.field(name, pa.binary() if kind == "image" else pa.string()) for kind, name in made.items()]
    schema = pa.schema([*fields, *facts.schema])
    notes = (*survey.notes(), *facts.notes())
    return Pictures(schema, tuple(survey.runs), survey.formats, notes, files, source_of, layout, facts, made)


def _names(layout: Layout, taken: frozenset[str]) -> dict[str, str]:
    """Names of the made columns; none takes the name of one that describes the pictures."""
    kinds = ["path", *(["split"] if layout.split else []), *(["label"] if layout.classes else []), "image"]
    names: dict[str, str] = {}
    for kind in kinds:
        name = "folder" if kind == "label" and kind in taken else kind
        while name in taken:
            name += "_"
        names[kind] = name
    return names


class _Survey:
    """What pictures there are, from one look at all files."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.folders: set[str] = set()
        self.formats: dict[str, int] = {}
        self._bytes = 0
        self._large = 0

    def sees(self, number: int, item: DataFile) -> bool:
        """Look at the next file: whether it is a picture that is read."""
        if item.format not in FORMATS or PurePosixPath(item.path).suffix.lower() not in SUFFIXES:
            return False
        if item.size > LARGEST:
            self._large += 1
            return False
        self.folders.add(item.path.rpartition("/")[0])
        self.formats[item.format] = self.formats.get(item.format, 0) + 1
        self._extend(number, item.size)
        return True

    def notes(self) -> Iterator[str]:
        """What a reader should know."""
        total = sum(self.formats.values())
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(self.formats.items()))
        yield f"{count(total, 'picture')} read as a table, a row for each ({kinds})"
        if self._large:
            yield f"{count(self._large, 'picture')} of more than {LARGEST >> 20} MiB: hashed, not scanned"

    def _extend(self, number: int, size: int) -> None:
        last = self.runs[-1] if self.runs else None
        if (
            last is None
            or last.first + last.files != number
            or last.files == RUN_FILES
            or self._bytes + size > RUN_BYTES
        ):
            self.runs.append(Run(number, 1))
            self._bytes = size
        else:
            self.runs[-1] = Run(last.first, last.files + 1)
            self._bytes += size

"""What stands out about a file of a dataset, whatever tables there are: found by its content, never by running it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

KEPT = 200
"""Facts of each kind that are kept; the others are counted."""


class FileKind(StrEnum):
    """What may stand out, gravest first."""

    CODE_PICKLE = "pickles that import more than data need"
    EXECUTABLE = "programs"
    LOADER = "dataset loading scripts"
    ESCAPE = "archives that write outside their folder"
    BOMB = "archives that expand beyond reason"
    POLYGLOT = "files that are two things at once"
    UNSEEN = "files that cannot be looked through"
    UNFINISHED = "files that are too large to be looked through to their end"
    DATA_PICKLE = "pickles of data"
    SCRIPT = "scripts"
    NOTEBOOK = "notebooks"
    MACRO = "office files with macros"
    ACTIVE_IMAGE = "pictures that run scripts"
    ENCRYPTED = "archives with encrypted members"
    ACTIVE_PAGE = "web pages with scripts"
    TRAILING = "pictures with something behind their end"


@dataclass(frozen=True, slots=True)
class FileFact:
    """One thing about one file.

    Attributes:
        path: The file, below the dataset's root; raw text.
        kind: What it is.
        detail: In what it shows, raw text: the imports of a pickle, the member of an archive.
    """

    path: str
    kind: FileKind
    detail: str


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The facts of a dataset.

    Attributes:
        files: Files that were looked at.
        kept: The first facts of each kind, in order of the paths.
        counts: How many there are of each kind.
    """

    files: int = 0
    kept: tuple[FileFact, ...] = ()
    counts: Mapping[FileKind, int] = field(default_factory=dict)


class FactBook:
    """Collects facts in order of the paths; by one thread."""

    def __init__(self) -> None:
        self._kept: list[FileFact] = []
        self._counts: Counter[FileKind] = Counter()
        self._files = 0

    def add(self, facts: Iterable[FileFact]) -> None:
        """What was found of the next file."""
        self._files += 1
        for fact in facts:
            self._counts[fact.kind] += 1
            if self._counts[fact.kind] <= KEPT:
                self._kept.append(fact)

    def facts(self) -> FileFacts:
        """All so far."""
        return FileFacts(self._files, tuple(self._kept), dict(self._counts))

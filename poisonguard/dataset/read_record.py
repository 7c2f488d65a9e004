"""Remember which bytes of which files were handed out.

Rules:

1. Every range that is handed out is in the record before the reader has it.
2. After :meth:`ReadRecord.end`, and in any other process than that which began it, nothing is handed out any more: it
   would not be recorded.
3. What was refused is remembered too.
4. Chunks are exact always; bytes are, unless a file is read in more than ``MOST_RANGES`` places: then never too few.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from poisonguard.dataset.names import shown
from poisonguard.domain.dataset import CHUNK, FileEntry
from poisonguard.errors import UsageError

Range = tuple[int, int]
MOST_RANGES = 65_536
"""Ranges of one file that are kept as they are (8 MB)."""
FIRST_PAGE = 4096


class _Ranges:
    """A set of byte ranges; exact, until they are very many: then they are widened to pages that divide a chunk."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._page = 1
        self._loose: list[Range] = []
        self._next = MOST_RANGES

    def __iter__(self) -> Iterator[Range]:
        return merged(self._loose)

    def add(self, start: int, stop: int) -> None:
        start, stop = self._widened(start, stop)
        if self._loose and self._loose[-1][0] <= start <= self._loose[-1][1]:
            first, last = self._loose[-1]
            self._loose[-1] = first, max(last, stop)
            return
        self._loose.append((start, stop))
        if len(self._loose) > self._next:
            self._compact()

    def _compact(self) -> None:
        self._loose = list(self)
        while len(self._loose) > MOST_RANGES // 2 and self._page < CHUNK:
            self._page = FIRST_PAGE if self._page == 1 else 2 * self._page
            self._loose = list(merged(self._widened(*item) for item in self._loose))
        # Merging is paid by as many additions again, however little it brought.
        self._next = max(MOST_RANGES, 2 * len(self._loose))

    def _widened(self, start: int, stop: int) -> Range:
        return start // self._page * self._page, min(self._size, -(-stop // self._page) * self._page)


class ReadRecord:
    """What was read of a version, by path."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._read: dict[str, tuple[FileEntry, _Ranges]] = {}
        self._refused: set[str] = set()
        self._ended = False

    @property
    def refused(self) -> tuple[str, ...]:
        """Files of which something was refused, sorted."""
        return tuple(sorted(self._refused))

    def of(self, entry: FileEntry) -> FileRecord:
        """The observer of one file."""
        return FileRecord(self, entry)

    def end(self) -> Iterator[tuple[FileEntry, tuple[Range, ...]]]:
        """Hand out nothing any more; what was, by path: the file and its byte ranges, merged, in order."""
        with self._lock:
            self._ended = True
        for _, (entry, ranges) in sorted(self._read.items()):
            yield entry, tuple(ranges)

    def add(self, entry: FileEntry, start: int, stop: int) -> None:
        """Note that bytes are handed out.

        Raises:
            UsageError: They could not be recorded (rule 2).
        """
        if os.getpid() != self._process:
            raise UsageError(
                f"{shown(entry.path)}: a training run is read in the process that began it",
                hint="Reads in another process would not be in the receipt: begin a run there, or read with threads.",
            )
        with self._lock:
            if self._ended:
                raise UsageError(f"{shown(entry.path)}: the training run has ended", hint="Read inside the block.")
            self._read.setdefault(entry.path, (entry, _Ranges(entry.size)))[1].add(start, stop)

    def refuse(self, entry: FileEntry) -> None:
        """Note that something of a file was refused."""
        self._refused.add(entry.path)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Observes one file for a record."""

    record: ReadRecord
    entry: FileEntry

    def handed_out(self, start: int, stop: int) -> None:
        """Bytes are about to be handed out."""
        self.record.add(self.entry, start, stop)

    def refused(self) -> None:
        """Bytes were not the recorded ones."""
        self.record.refuse(self.entry)


def merged(ranges: Iterable[Range]) -> Iterator[Range]:
    """Ranges in order, those that touch made one."""
    held: Range | None = None
    for start, stop in sorted(ranges):
        if held is not None and start <= held[1]:
            held = held[0], max(held[1], stop)
            continue
        if held is not None:
            yield held
        held = start, stop
    if held is not None:
        yield held


def chunks_of(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The chunks in which byte ranges lie."""
    return tuple(merged((start // CHUNK, -(-stop // CHUNK)) for start, stop in ranges))


def bytes_in(ranges: Iterable[Range]) -> int:
    """Bytes in ranges that do not overlap."""
    return sum(stop - start for start, stop in ranges)


def overlapped(spans: Iterable[Iterable[Range]], ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Places of those spans, each made of byte ranges, of which something lies in ``ranges``, as ranges of places."""
    handed = list(ranges)
    touched = (
        (place, place + 1)
        for place, parts in enumerate(spans)
        if any(start < last and first < stop for first, last in parts for start, stop in handed)
    )
    return tuple(merged(touched))
